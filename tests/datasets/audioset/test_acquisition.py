import csv
import sqlite3

import numpy as np
import pytest
from faulty_media_server import CLICK, FaultyServer, file_options, tone_of

from earmark import media
from earmark.datasets import tables
from earmark.datasets.audioset import videos
from earmark.datasets.audioset.acquisition import LOCK, acquire
from earmark.datasets.audioset.candidates import Settings
from earmark.datasets.audioset.ledger import Outcome, RefusedError
from earmark.datasets.audioset.tables import Segment, split_of
from earmark.errors import DatasetError, EarmarkError
from earmark.util.locks import lock_of

RATE = 16_000


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    """No proxy stands between the test and its server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(videos, "_options", file_options)


def settings(server, **changed):
    patience = {"pause": 0.001, "backoff": 0.01, "timeout": 10.0, "jobs": 1}
    return Settings(rate=RATE, url=server.url, **{**patience, **changed})


def segments(count, first=0):
    return [Segment(f"-video{number:05d}"[:11], 1.0, 2.0) for number in range(first, first + count)]


def peak_frequency(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * RATE / len(samples)


def test_each_clip_holds_its_own_span_of_its_own_video(tmp_path):
    wanted = [Segment("alpha__0001", 1.0, 2.0), Segment("-bravo_0099", 0.75, 2.25)]
    with FaultyServer() as server:
        acquire({"guitar": wanted}, 2, tmp_path, settings(server))
    for segment in wanted:
        samples = media.read(tmp_path / "guitar" / f"{segment.name}.flac", RATE)
        assert len(samples) == round((segment.end - segment.start) * RATE)
        clickless = samples[round((CLICK - segment.start + 0.05) * RATE) :]
        assert peak_frequency(clickless) == pytest.approx(tone_of(segment.video), abs=3)
        onset = np.argmax(np.abs(samples)) / RATE  # the click lasts half a millisecond
        assert onset == pytest.approx(CLICK - segment.start, abs=0.001)


def test_others_take_the_place_of_what_is_gone(tmp_path):
    asked = segments(8)
    faults = {asked[0].video: "404", asked[2].video: "410"}
    with FaultyServer(faults) as server:
        report = acquire({"guitar": asked}, 3, tmp_path, settings(server))
    assert sorted(path.stem for path in tmp_path.glob("guitar/*")) == [asked[n].name for n in (1, 3, 4)]
    assert report.outcomes == {"guitar": {Outcome.DONE: 3, Outcome.GONE: 2}}
    assert report.messages == {Outcome.GONE: {"HTTP 404 Not Found": 1, "HTTP 410 Gone": 1}}
    assert not report.lacking
    assert server.requests.keys() == {segment.video for segment in asked[:5]}


def test_a_second_run_asks_for_nothing_and_a_larger_quota_for_what_it_lacks(tmp_path):
    asked = segments(4)
    with FaultyServer({asked[0].video: "404"}) as server:
        acquire({"guitar": asked}, 2, tmp_path, settings(server))
        before = dict(server.requests)
        again = acquire({"guitar": asked}, 2, tmp_path, settings(server))
        assert (again.fetched, again.attempts, dict(server.requests)) == (0, 0, before)
        more = acquire({"guitar": asked}, 3, tmp_path, settings(server))
    assert (more.fetched, more.in_place) == (1, {"guitar": 3})
    assert server.requests[asked[0].video] == 1


def test_what_was_refused_is_tried_again_by_the_next_run(tmp_path):
    (clip,) = segments(1)
    with FaultyServer({clip.video: "500*4"}) as server:
        first = acquire({"guitar": [clip]}, 1, tmp_path, settings(server))
        assert first.outcomes == {"guitar": {Outcome.REFUSED: 1}}
        assert first.lacking == {"guitar": 1}
        second = acquire({"guitar": [clip]}, 1, tmp_path, settings(server))
    assert second.outcomes == {"guitar": {Outcome.DONE: 1}}


def test_a_file_without_a_row_is_recognised_and_half_of_one_is_not(tmp_path):
    asked = segments(2)
    with FaultyServer() as server:
        acquire({"guitar": asked}, 2, tmp_path, settings(server))
        with sqlite3.connect(tmp_path / "ledger.sqlite") as database:
            database.execute("DELETE FROM clips")
        half = tmp_path / "guitar" / f"{asked[1].name}.flac"
        half.write_bytes(half.read_bytes()[:5000])
        (tmp_path / ".parts").mkdir()
        (tmp_path / ".parts" / "x.flac.part").write_bytes(b"half")
        report = acquire({"guitar": asked}, 2, tmp_path, settings(server))
    assert (report.recognised, report.fetched) == (1, 1)
    assert server.requests == {asked[0].video: 2, asked[1].video: 4}
    assert len(media.read(half, RATE)) == RATE
    assert not (tmp_path / ".parts").exists()


def test_a_removed_file_is_fetched_again(tmp_path):
    asked = segments(2)
    with FaultyServer() as server:
        acquire({"guitar": asked}, 2, tmp_path, settings(server))
        (tmp_path / "guitar" / f"{asked[0].name}.flac").unlink()
        report = acquire({"guitar": asked}, 2, tmp_path, settings(server))
    assert (report.fetched, report.in_place) == (1, {"guitar": 2})


def test_a_clip_of_two_classes_is_fetched_once_and_has_both_labels(tmp_path):
    (both, *rest) = segments(3)
    with FaultyServer() as server:
        report = acquire({"guitar": [both, rest[0]], "piano": [both, rest[1]]}, 1, tmp_path, settings(server))
    assert report.in_place == {"guitar": 1, "piano": 1}
    (clip,) = tables.read_clips(tmp_path / "clips.csv").clips
    assert (clip.labels, clip.source, clip.split) == (("guitar", "piano"), both.video, split_of(both.video))
    assert server.requests == {both.video: 2}


def test_a_server_that_keeps_turning_us_away_ends_the_run(tmp_path):
    asked = segments(40)
    faults = {segment.video: "429" for segment in asked[5:]}
    with FaultyServer(faults) as server, pytest.raises(RefusedError, match=r"429.*cookies") as stop:
        acquire({"guitar": asked}, 40, tmp_path, settings(server, refusals=4, jobs=2))
    assert stop.value.report.in_place == {"guitar": 5}
    assert sum(server.requests[segment.video] for segment in asked[5:]) <= 2 * (4 + 2)  # both jobs'
    with (tmp_path / "clips.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 5


def test_a_server_that_wants_a_long_wait_ends_the_run_at_once(tmp_path):
    asked = segments(9)
    with (
        FaultyServer({segment.video: "429@86400" for segment in asked}) as server,
        pytest.raises(RefusedError, match="wait 86400 s"),
    ):
        acquire({"guitar": asked}, 9, tmp_path, settings(server))
    assert server.requests.total() <= 2


def test_a_server_out_of_reach_ends_the_run(tmp_path):
    with FaultyServer() as server:
        pass
    with pytest.raises(RefusedError, match="connection failed") as stop:
        acquire({"guitar": segments(50)}, 50, tmp_path, settings(server, refusals=3, attempts=2, jobs=2))
    assert stop.value.report.attempts <= 2 * (3 + 2)


def test_cookies_are_sent_and_open_what_is_closed_to_the_young(tmp_path):
    (clip,) = segments(1)
    cookies = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tsession\tsecret\n"
    cookies.write_text(text)
    out = tmp_path / "out"
    with FaultyServer() as server:
        acquire({"guitar": [clip]}, 1, out, settings(server))
        (out / "guitar" / f"{clip.name}.flac").unlink()
        with sqlite3.connect(out / "ledger.sqlite") as database:
            database.execute("UPDATE clips SET outcome = 'age'")
        assert acquire({"guitar": [clip]}, 1, out, settings(server)).attempts == 0
        assert acquire({"guitar": [clip]}, 1, out, settings(server, cookies=cookies)).fetched == 1
    assert server.cookies == {"", "session=secret"}
    assert cookies.read_text() == text


def test_a_server_without_ranges_is_read_whole(tmp_path):
    (clip,) = segments(1)
    with FaultyServer(ranges=False) as server:
        report = acquire({"guitar": [clip]}, 1, tmp_path, settings(server))
    assert report.in_place == {"guitar": 1}


def test_progress_counts_clips_in_place(tmp_path):
    seen = []
    with FaultyServer() as server:
        acquire({"guitar": segments(2)}, 2, tmp_path, settings(server), lambda *counts: seen.append(counts))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_only_one_run_fills_a_folder(tmp_path):
    with FaultyServer() as server, lock_of(tmp_path / LOCK):
        with pytest.raises(DatasetError, match="another acquisition is at work"):
            acquire({"guitar": segments(1)}, 1, tmp_path, settings(server))
        assert not server.requests


def test_another_rate_in_the_same_folder_is_refused(tmp_path):
    with FaultyServer() as server:
        acquire({"guitar": segments(1)}, 1, tmp_path, settings(server))
        with pytest.raises(DatasetError, match="rate 16000, not 22050"):
            acquire({"guitar": segments(1)}, 1, tmp_path, Settings(rate=22050, url=server.url))


@pytest.mark.parametrize("label", ["", " guitar", "a/b", "a;b", "..", ".parts"])
def test_labels_that_are_no_folders_are_refused(tmp_path, label):
    with pytest.raises(DatasetError, match="name of a class"):
        acquire({label: segments(1)}, 1, tmp_path, Settings())


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="cannot be filled"):
        acquire({"guitar": segments(1)}, 1, tmp_path / "file" / "out", Settings())


def test_cookies_that_are_none_are_refused(tmp_path):
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("{}")
    with FaultyServer() as server, pytest.raises(EarmarkError, match="no cookies that can be read"):
        acquire({"guitar": segments(1)}, 1, tmp_path / "out", settings(server, cookies=cookies))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "https://example.org/"}, "has no place for a video"),
        ({"jobs": 0}, "at least 1"),
        ({"pause": -1.0}, "not be negative"),
        ({"timeout": 0.0}, "must be positive"),
        ({"shortest": 0.0}, "at most 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, message):
    with pytest.raises(EarmarkError, match=message):
        Settings(**values)


def test_the_split_is_by_video_and_of_the_promised_shares():
    sides = [split_of(f"video{number}", 3) for number in range(20_000)]
    shares = [sides.count(side) / len(sides) for side in ("train", "validation", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert sides != [split_of(f"video{number}", 4) for number in range(20_000)]
