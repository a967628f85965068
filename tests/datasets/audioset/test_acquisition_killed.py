"""The acquisition's promise, kept: killed twice amid every fault, it loses nothing and asks for nothing twice."""

import sqlite3
from collections import Counter

import acquisition_scenario as scenario
import pytest

from earmark import media
from earmark.datasets import tables

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("acquired")


@pytest.fixture(scope="module")
def story(out):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        return scenario.play(out)


def _expected():
    faults = scenario.faults()
    videos = [scenario.video(number) for number in range(2 * scenario.CLIPS)]
    return {video: scenario.LASTING.get(faults.get(video, ""), "done") for video in videos}


def test_it_was_killed_twice_on_the_way(story):
    fetchable = list(_expected().values()).count("done")
    first, second = story.in_place_at_kills
    assert scenario.KILLS_AT[0] <= first < second < fetchable


def test_every_fetchable_clip_is_in_place_and_every_other_explained(story, out):
    with sqlite3.connect(out / "ledger.sqlite") as database:
        rows = database.execute("SELECT video, outcome, message, path, attempts FROM clips").fetchall()
    database.close()
    assert {video: outcome for video, outcome, *_ in rows} == _expected()
    for _, outcome, message, path, attempts in rows:
        assert (out / path).is_file() == (outcome == "done")
        assert outcome == "done" or (message and attempts)


def test_nothing_is_fetched_twice(story):
    assert story.asked_again == Counter()
    # One request looks the video up, one fetches the bytes; only what was under way at a kill is asked for anew.
    clean = [v for v, outcome in _expected().items() if outcome == "done" and v not in scenario.faults()]
    anew = [video for video in clean if story.requests[video] != 2]
    assert len(anew) <= scenario.JOBS * len(scenario.KILLS_AT)


def test_what_failed_for_good_was_asked_for_by_one_run_only(story):
    final = [video for video, fault in scenario.faults().items() if fault in scenario.FINAL]
    assert sum(story.requests[video] > 1 for video in final) <= scenario.JOBS * len(scenario.KILLS_AT)


def test_no_leftovers(story, out):
    assert sorted(path.name for path in out.iterdir()) == [
        "clips.csv", "guitar", "ledger.lock", "ledger.sqlite", "piano",
    ]  # fmt: skip
    assert {path.suffix for path in out.glob("*/*")} == {".flac"}


def test_the_table_and_the_report_hold_what_is_in_place(story, out):
    done = {video for video, outcome in _expected().items() if outcome == "done"}
    listed = tables.read_clips(out / "clips.csv").clips
    assert {clip.source for clip in listed} == done
    assert len(listed) == len(done) == sum(story.report.in_place.values())
    for clip in listed:
        with media.open_recording(clip.path) as recording:
            assert recording.track.rate == scenario.RATE
            assert sum(map(len, recording.blocks(scenario.RATE))) == scenario.RATE
