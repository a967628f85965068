import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from dataset_making import noise, write_csv, write_sound

from earmark.datasets import check, load
from earmark.datasets.check import check_dataset
from earmark.datasets.check_report import advice, as_json, text
from earmark.datasets.measurements import clipped_share, correlation, measure

RATE = 22050


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Twelve sounds of 1.5 s."""
    folder = tmp_path_factory.mktemp("sounds")
    for number in range(12):
        write_sound(folder / f"{number}.wav", noise(number))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _measured_once():
    """However many datasets hold a sound, it is measured once."""
    known = {}

    def once(clip):
        content = clip.path.read_bytes(), clip.start, clip.end
        if content not in known:
            known[content] = measure(clip)
        return replace(known[content], clip=clip)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "measure", once)
        yield


@pytest.fixture
def clips(sounds, tmp_path):
    """Twelve sound clips of two classes, in two folds."""
    folder = shutil.copytree(sounds, tmp_path / "clips")
    return folder, [
        [f"{number}.wav", "dog" if number % 2 else "cat", number % 4 // 2, f"source{number}"] for number in range(12)
    ]


def report_on(clips, **options):
    folder, rows = clips
    table = write_csv(folder / "clips.csv", ("path", "labels", "fold", "source"), *rows)
    return check_dataset(load("table", table, **options))


def names(found):
    return sorted(one.clip.path.name for one in found)


def test_all_is_well(clips):
    report = report_on(clips)
    assert not report.serious
    assert not any((report.silent, report.clipped, report.short, report.copies))
    assert report.counts == {"cat": 6, "dog": 6}
    assert report.median == pytest.approx(1.5, abs=0.01)
    assert "balance: 6 clips of each of the 2 labels" in text(report)


def test_bad_clips(clips):
    folder, _ = clips
    (folder / "0.wav").write_bytes(b"no sound")
    write_sound(folder / "1.wav", np.zeros(RATE, np.float32))
    write_sound(folder / "2.wav", noise(2) * 0.0005)
    write_sound(folder / "3.wav", np.clip(noise(3) * 20, -1, 1))
    write_sound(folder / "4.wav", noise(4)[: RATE // 10])
    report = report_on(clips)
    assert names(report.unreadable) == ["0.wav"]
    assert names(report.silent) == ["1.wav", "2.wav"]
    assert names(report.clipped) == ["3.wav"]
    assert names(report.short) == ["4.wav"]
    assert report.serious
    assert len(advice(report)) >= 5


@pytest.mark.parametrize(
    ("change", "exact"),
    [
        (lambda samples: samples, True),
        (lambda samples: samples * 0.2, False),
        (lambda samples: np.pad(samples, (3000, 1234)), False),
        (lambda samples: samples[5000:-4000], False),
        (lambda samples: np.concatenate([noise(99, 1.3), samples * -0.5]), False),
    ],
    ids=["same", "quieter", "padded", "cut", "within another, inverted"],
)
def test_copies_across_folds_leak(clips, change, exact):
    folder, _ = clips
    write_sound(folder / "7.wav", change(noise(0)))
    report = report_on(clips)
    assert [sorted(clip.path.name for clip in group.clips) for group in report.leaks] == [["0.wav", "7.wav"]]
    assert report.leaks[0].exact == exact
    assert report.leaks[0].contradict
    assert report.serious
    assert "leak" in text(report)


def test_copies_in_another_format_are_found(clips):
    folder, rows = clips
    write_sound(folder / "copy.ogg", np.pad(noise(0), (777, 0)))
    rows.append(["copy.ogg", "cat", 1, "elsewhere"])
    assert len(report_on(clips).leaks) == 1


def test_copies_in_one_fold_are_no_leak(clips):
    folder, _ = clips
    write_sound(folder / "4.wav", noise(0))
    report = report_on(clips)
    assert len(report.copies) == 1
    assert not report.serious


def test_copies_of_one_source_are_no_leak_without_folds(clips):
    folder, rows = clips
    write_sound(folder / "4.wav", noise(0))
    for row in rows:
        row[2] = ""
    assert report_on(clips).serious
    rows[4][3] = "source0"
    assert not report_on(clips).serious


def test_three_copies_are_one_group(clips):
    folder, _ = clips
    write_sound(folder / "4.wav", noise(0))
    write_sound(folder / "7.wav", noise(0) * 0.5)
    (group,) = report_on(clips).copies
    assert sorted(clip.path.name for clip in group.clips) == ["0.wav", "4.wav", "7.wav"]


def test_silence_is_no_copy(clips):
    folder, _ = clips
    for number in (0, 3):
        write_sound(folder / f"{number}.wav", np.zeros(RATE, np.float32))
    assert not report_on(clips).copies


def test_sources_in_several_folds(clips):
    _, rows = clips
    rows[2][3] = rows[0][3]
    report = report_on(clips)
    assert report.split_sources == {"source0": [0, 1]}
    assert report.serious


@pytest.mark.filterwarnings("ignore::earmark.errors.EarmarkWarning")
def test_missing_rows(clips):
    folder, _ = clips
    (folder / "5.wav").unlink()
    report = report_on(clips, missing="skip")
    assert any("1 row of the table lacks its file (folds 0)" in line for line in advice(report))


def test_uneven_classes(clips):
    _, rows = clips
    for row in rows[:-1]:
        row[1] = "cat"
    report = report_on(clips)
    assert any("cat has 11 times as many clips as dog" in line for line in advice(report))
    assert any("Fewer than 10 clips of dog" in line for line in advice(report))
    assert "█" in text(report)


def test_clips_within_one_recording(tmp_path):
    write_sound(tmp_path / "long.wav", np.concatenate([noise(1, 2.0), np.zeros(RATE), noise(2, 2.0)]))
    header = ("path", "start", "end", "labels")
    rows = (("long.wav", 0, 2, "dog"), ("long.wav", 2.1, 2.9, "cat"), ("long.wav", 3, "", "dog"))
    report = check_dataset(load("table", write_csv(tmp_path / "clips.csv", header, *rows)))
    assert [one.seconds for one in report.measured] == pytest.approx([2, 0.8, 2], abs=0.01)
    assert [one.clip.start for one in report.silent] == [2.1]
    assert "at 2.1 s" in text(report)


def test_json_lists_everything(clips):
    folder, _ = clips
    write_sound(folder / "7.wav", noise(0))
    content = json.loads(json.dumps(as_json(report_on(clips))))
    assert content["clips"] == 12
    assert content["copies"][0]["leak"]
    assert content["serious"]


def test_progress(clips):
    seen = []
    folder, rows = clips
    table = write_csv(folder / "clips.csv", ("path", "labels"), *(row[:2] for row in rows))
    check_dataset(load("table", table), lambda done, total: seen.append((done, total)))
    assert seen == [(number, 12) for number in range(1, 13)]


def test_a_peak_is_not_clipping():
    samples = np.zeros(1000, np.float32)
    samples[100:102] = 1
    assert clipped_share(samples) == 0
    samples[200:203] = -1
    samples[997:] = 1
    assert clipped_share(samples) == pytest.approx(6 / 1000)


def test_correlation_of_different_sounds_is_low():
    one, two = noise(1, rate=11025), noise(2, rate=11025)
    assert correlation(one, two, 0) < 0.1
    assert correlation(one, np.pad(one, (300, 0)), 256) > 0.99
    assert correlation(one[:100], one[:100], 0) == 0, "too little to judge by"


def test_events_beside_the_table(clips, command):
    folder, rows = clips
    write_csv(folder / "clips.csv", ("path", "labels", "fold", "source"), *rows)
    head, good = ("path", "onset", "offset", "label"), [("0.wav", 0, 0.5, "cat"), ("0.wav", 0.5, 1.25, "cat")]
    table = write_csv(folder / "events.csv", head, *good, ("1.wav", 0, 1.5, "dog"))
    report = check_dataset(load(None, folder), events=table)
    assert not report.serious
    assert (report.events.counts, report.events.seconds) == ({"cat": 2, "dog": 1}, {"cat": 1.25, "dog": 1.5})
    assert "cat       2 events         1.2 s" in text(report)
    write_csv(table, head, *good, ("none.wav", 0, 1, "cat"), ("./1.wav", 0.5, 2, "dog"))
    for place in (folder, folder / "clips.csv"):
        done = command("data", "check", place)
        assert done.returncode == 1
        assert re.search(r"events of no clip +1  none.wav", done.stdout)
        assert re.search(r"events past the end +1  ./1.wav \(2 s\)", done.stdout)


def test_events_of_recordings_that_clips_are_cut_from(tmp_path):
    write_sound(tmp_path / "long.wav", np.concatenate([noise(1, 2.0), noise(2, 2.0)]))
    rows = ("long.wav", 0, 2, "dog"), ("long.wav", 2, "", "cat")
    write_csv(tmp_path / "clips.csv", ("path", "start", "end", "labels"), *rows)
    table = write_csv(tmp_path / "events.csv", ("path", "onset", "offset", "label"), ("long.wav", 2.5, 4, "cat"))
    assert not check_dataset(load(None, tmp_path), events=table).events.serious
    write_csv(table, ("path", "onset", "offset", "label"), ("long.wav", 2.5, 4.5, "cat"))
    assert check_dataset(load(None, tmp_path), events=table).events.outside == (("long.wav", 4.5),)


@pytest.mark.shared
def test_real_instruments_are_well(shared):
    dataset = load("folder", shared / "instruments")
    report = check_dataset(replace(dataset, clips=dataset.clips[::10]))
    assert not report.serious
    assert len(report.readable) == 20
