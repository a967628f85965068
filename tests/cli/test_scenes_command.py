import csv
import io
import json
import multiprocessing
import sys
import warnings

import numpy as np
import pytest
from killed_runs import files, kill_and_take_up
from scenes_making import TONES, backgrounds, speech, table, tones

from earmark.datasets import load
from earmark.datasets.tables import read_events
from earmark.formats import read as read_timeline
from earmark.media import read
from earmark.synthesis.soundscapes import dataset
from earmark.util import processes

COUNT = 22
USUAL = ("--seconds", "4", "--rate", "16000", "--folds", "2", "--per-minute", "40", "--seed", "5")


def rows(folder, name="clips.csv"):
    with (folder / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


SMALL_BATCHES = "from earmark.synthesis.soundscapes import dataset; dataset.BATCH = 8\n"


@pytest.fixture(autouse=True, scope="module")
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "BATCH", 8)
        yield


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The command with its datasets, but for --count and --out."""
    data = tmp_path_factory.mktemp("data")
    events, background, spoken = tones(data), backgrounds(data), speech(data)
    return ["data", "scenes", "--events", events, "--background", background, "--speech", spoken, *USUAL]


@pytest.fixture(scope="module")
def made(words, early_command, tmp_path_factory):
    """Scenes made in one go."""
    out = tmp_path_factory.mktemp("made") / "scenes"
    run = early_command(*words, "--count", COUNT, "--out", out)
    assert (run.returncode, run.stdout, run.stderr) == (0, f"{out}\n", "")
    return out


def test_scenes_are_as_their_tables_say(made):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load("table", made / "clips.csv")
    events = read_events(made / "events.csv")
    assert len(found.clips) == COUNT
    assert set(found.labels) == {*TONES, "rain", "speech"}
    for number, clip in enumerate(found.clips):
        assert (clip.fold, clip.source, clip.split) == (number % 2 + 1, f"scenes/fold-{number % 2 + 1}", None)
        samples = read(clip.path, 16000)
        assert len(samples) == 64_000
        assert 10 ** (-51 / 20) < np.abs(samples).max() < 1
        listed = events.get(f"audio/{clip.path.name}", ())
        assert {event.label for event in listed} == set(clip.labels)
        assert all(0 <= event.onset < event.offset <= 4 for event in listed)


def test_the_clips_that_scenes_are_made_of(made):
    folds = {}
    for clip in load("table", made / "parts.csv").clips:
        assert clip.path.is_file()
        assert clip.labels
        assert folds.setdefault(clip.source, clip.fold) == clip.fold
    assert len(folds) == 12 + 4 + 4


@pytest.mark.kill
def test_a_run_that_was_killed_goes_on(command, words, made, tmp_path):
    kill_and_take_up(command, [*words, "--count", COUNT], tmp_path / "scenes", made, SMALL_BATCHES)


def test_more_scenes_are_added_and_none_is_changed(command, words, made, tmp_path, monkeypatch):
    if sys.platform == "linux":  # a fork has imported already what a process that is begun afresh imports for seconds
        monkeypatch.setattr(processes, "get_context", lambda _: multiprocessing.get_context("fork"))
    out = tmp_path / "scenes"
    assert command(*words, "--count", "11", "--out", out).returncode == 0
    assert rows(out) == rows(made)[:11]
    assert command(*words, "--count", COUNT, "--out", out, "--jobs", "2").returncode == 0
    assert rows(out) == rows(made)
    assert rows(out, "events.csv") == rows(made, "events.csv")
    audio = {name: content for name, content in files(made).items() if name.startswith("audio")}
    assert {name: content for name, content in files(out).items() if name.startswith("audio")} == audio


def test_a_folder_of_other_scenes_is_left_alone(command, words, made):
    before = files(made)
    for others in (("--seed", "6"), ("--softest", "0"), ("--event-labels", "low")):
        failed = command(*words, *others, "--count", COUNT, "--out", made)
        assert failed.returncode == 1
        assert "holds scenes made with other options; choose another --out" in failed.stderr
    failed = command(*words, "--count", "5", "--out", made)
    assert failed.returncode == 1
    assert f"holds {COUNT} scenes already" in failed.stderr
    assert files(made) == before


@pytest.mark.usefixtures("rough_pictures")
def test_annotations_beside_the_audio_and_a_picture(command, words, tmp_path):
    out, picture = tmp_path / "scenes", tmp_path / "first.png"
    assert command(*words, "--count", "4", "--out", out).returncode == 0
    told = command(*words, "--count", "4", "--out", out, "--jams", "--textgrid", "--plot", picture)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"{out}\n", f"{picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")
    events = read_events(out / "events.csv")
    for number in range(4):
        name = f"audio/{number:06}.flac"
        truth = {(event.label, event.onset, event.offset) for event in events.get(name, ())}
        grid = read_timeline((out / name).with_suffix(".TextGrid"))
        assert {(event.label, event.onset, event.offset) for event in grid.events} == truth
        jams = json.loads((out / name).with_suffix(".jams").read_text(encoding="utf-8"))
        found = {(one["value"], one["time"], one["time"] + one["duration"]) for one in jams["annotations"][0]["data"]}
        assert {(label, onset, round(offset, 6)) for label, onset, offset in found} == truth
        assert jams["file_metadata"]["duration"] == 4


def test_only_counting(command, words, tmp_path):
    told = command(*words, "--count", "900", "--dry-run", "--out", tmp_path / "none")
    assert told.returncode == 0
    assert not (tmp_path / "none").exists()
    lines = told.stdout.splitlines()
    assert lines[0].startswith("900 scenes of 4 s at 16,000 Hz: 1.0 h, about ")
    assert lines[4].split() == ["1", "450", "6", "2", "2", "0"]
    told_labels = [line.split() for line in lines[lines.index("") + 5 :] if line]
    counts = {label: int(events.replace(",", "")) for label, events, _ in told_labels[1:]}
    total = sum(counts[label] for label in TONES)
    assert total == pytest.approx(900 * 0.9 * 40 * 4 / 60, rel=0.1)
    assert max(counts[label] for label in TONES) < 1.2 * min(counts[label] for label in TONES)


def test_splits_of_folds(command, words, tmp_path):
    out = tmp_path / "scenes"
    told = command(*words, "--folds", "4", "--count", "5", "--seconds", "2", "--out", out)
    assert told.returncode == 0
    assert [row["split"] for row in rows(out)] == ["train", "train", "validation", "test", "train"]


def test_a_folder_of_recordings_serves_as_background(command, words, tmp_path):
    backgrounds(tmp_path / "street", "")
    (tmp_path / "street" / "backgrounds_none.csv").unlink()
    out = tmp_path / "scenes"
    words = ["data", "scenes", "--events", words[3], "--background", tmp_path / "street", *USUAL]
    assert command(*words, "--count", "4", "--noise", "0", "--out", out).returncode == 0
    assert {label for row in rows(out) for label in row["labels"].split(";") if label} <= set(TONES)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--dry-run",), "earmark data scenes: needs --events"),
        (("--events", "{tones}"), "earmark data scenes: needs --out, or --dry-run"),
        (("--events", "nowhere", "--dry-run"), "nowhere: there is no such dataset"),
        (("--events", "{bare}", "--folds", "1", "--dry-run"), "--events: has clips without labels only; give a folder"),
        (("--events", "{tones}", "--plot", "first.jpg", "--dry-run"), "first.jpg: is no name for a .png file"),
        (("--events", "{tones}", "--folds", "20", "--dry-run"), "--events: has only 12 sources, so that fold"),
        (("--events", "{tones}", "--event-labels", "cat", "--dry-run"), "--event-labels cat: is no label"),
        (("--events", "{tones}", "--relabel", "low", "--dry-run"), "--relabel low: is no pair of labels"),
        (
            ("--events", "{tones}", "--folds", "1", "--softest", "9", "--loudest", "0", "--dry-run"),
            "levels from 9 to 0",
        ),
        (("--events", "{tones}", "--speech", "{words}", "--folds", "5", "--dry-run"), "--speech: has only 4 sources"),
    ],
)
def test_mistakes_are_told(command, words, more, message):
    names = {"tones": words[3], "bare": words[3].parent, "words": words[7]}
    failed = command("data", "scenes", *(word.format(**names) for word in more))
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"earmark: {message}")
    assert len(failed.stderr.splitlines()) == 1


def test_a_broken_clip_is_named(command, words, tmp_path):
    listed = table(tmp_path, "broken", [("good.wav", np.zeros(100, np.float32), "a", "1")])
    (tmp_path / "good.wav").write_bytes(b"no sound")
    failed = command("data", "scenes", "--events", listed, "--folds", "1", "--count", "3", "--out", tmp_path / "scenes")
    assert failed.returncode == 1
    assert "good.wav" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_clips_of_silence_make_no_events(command, tmp_path):
    listed = table(tmp_path, "silent", [("silent.wav", np.zeros(16_000, np.float32), "a", "1")])
    words = ["--background", listed, "--folds", "1", "--count", "3", "--seconds", "3", "--out", tmp_path / "scenes"]
    assert command("data", "scenes", "--events", listed, *words).returncode == 0
    assert rows(tmp_path / "scenes", "events.csv") == []


@pytest.mark.shared
def test_real_clips(command, shared, tmp_path):
    """ESC-50's clips, which are padded with silence: an event is no longer than its clip, and loud where it is told."""
    out = tmp_path / "scenes"
    words = ["--background", shared / "esc50", "--background-labels", "rain,wind", "--with-speech", "0", "--quiet", "0"]
    words += ["--count", "2", "--folds", "2", "--seconds", "30", "--per-minute", "24", "--rate", "16000", "--out", out]
    made = command("data", "scenes", "--events", shared / "esc50", *words)
    assert made.returncode == 0
    events = read_events(out / "events.csv")
    for listed in events.values():
        others = [event for event in listed if event.label not in ("rain", "wind")]
        assert len(others) >= 5
        assert max(event.duration for event in others) < 10
    assert io.StringIO(made.stdout).read() == f"{out}\n"
