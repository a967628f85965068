import csv
import json
import pickle
import warnings

import numpy as np
import pytest
from killed_runs import files, kill_and_take_up
from phrases_making import SOUNDFONT, make_phrases, needs_fluidsynth

from earmark.datasets import load
from earmark.datasets.tables import read_events
from earmark.media import open_recording, read
from earmark.synthesis import batches
from earmark.synthesis.music import midi
from earmark.synthesis.music.instruments import DEFAULT_LABELS, LABELS
from earmark.util import workspace

COUNT = 30
USUAL = ("--soundfont", SOUNDFONT, "--seconds", "1.5", "--rate", "16000", "--seed", "5")


def rows(folder):
    with (folder / "clips.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Thirty clips, made in one go, all batches from what other processes would get."""
    if needs_fluidsynth.args[0]:
        pytest.skip(needs_fluidsynth.kwargs["reason"])
    out = tmp_path_factory.mktemp("made") / "phrases"

    def sent(work, todo, jobs):
        assert (len(todo), jobs) == (2, 2)
        yield from workspace.run_all(*pickle.loads(pickle.dumps((work, todo[::-1]))), 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "run_all", sent)
        make_phrases(*USUAL, "--count", COUNT, "--jobs", 2, "--out", out)
    return out


def test_clips_are_as_their_table_says(made):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = load("table", made / "clips.csv")
    events = read_events(made / "events.csv")
    assert len(dataset.clips) == COUNT
    assert set(dataset.labels) <= set(DEFAULT_LABELS)
    assert {clip.fold for clip in dataset.clips} == {1}
    for clip in dataset.clips:
        samples = read(clip.path, 16000)
        assert len(samples) == 24000
        assert 10 ** (-31 / 20) < np.abs(samples).max() <= 1
        listed = events.get(f"audio/{clip.path.name}", ())
        assert {event.label for event in listed} == set(clip.labels)
        assert all(0 <= event.onset < event.offset <= 1.5 for event in listed)
        assert clip.source.startswith("TimGM6mb/")


def test_there_are_clips_of_each_kind(made):
    counts = [len(row["labels"].split(";")) if row["labels"] else 0 for row in rows(made)]
    assert {0, 1, 2} <= set(counts)
    assert {label for row in rows(made) for label in row["labels"].split(";") if label} == set(DEFAULT_LABELS)


@pytest.mark.kill
def test_a_run_that_was_killed_goes_on(command, made, tmp_path):
    kill_and_take_up(command, ["data", "phrases", *USUAL, "--count", COUNT], tmp_path / "phrases", made)


@needs_fluidsynth
def test_a_folder_of_other_clips_is_left_alone(command, made):
    before = files(made)
    failed = command("data", "phrases", *USUAL[:-1], "6", "--count", COUNT, "--out", made)
    assert failed.returncode == 1
    assert "holds phrases made with other options; choose another --out" in failed.stderr
    failed = command("data", "phrases", *USUAL, "--count", "5", "--out", made)
    assert failed.returncode == 1
    assert f"holds {COUNT} clips already" in failed.stderr
    assert files(made) == before


@needs_fluidsynth
def test_excerpts_of_given_midi(command, tmp_path):
    from phrases_making import part

    tune = part("violin", *((0.5 * n, 0.5 * n + 0.45, 60 + n % 12) for n in range(40)))
    midi.write_midi([tune], 0.0, 20.0, tmp_path / "tune.mid")
    out = tmp_path / "phrases"
    words = ["--midi", tmp_path / "tune.mid", "--count", "6", "--nothing", "0", "--dry", "--out", out]
    assert command("data", "phrases", *USUAL, *words).returncode == 0
    assert [row["labels"] for row in rows(out)] == ["violin"] * 6
    assert {row["source"] for row in rows(out)} == {"TimGM6mb/40"}


@needs_fluidsynth
def test_companions_are_in_no_table(command, tmp_path):
    out = tmp_path / "phrases"
    words = ["--labels", "guitar", "--together", "0", "--nothing", "0", "--accompany", "guitar=drum_kit:1"]
    assert command("data", "phrases", *USUAL, *words, "--count", "4", "--out", out).returncode == 0
    assert {row["labels"] for row in rows(out)} == {"guitar"}
    assert all("drums" in row["source"] for row in rows(out))
    assert {event.label for listed in read_events(out / "events.csv").values() for event in listed} == {"guitar"}


@needs_fluidsynth
def test_the_wider_list_at_32_kilohertz(command, tmp_path):
    out = tmp_path / "phrases"
    words = ["--soundfont", SOUNDFONT, "--labels", "all", "--seconds", "1.5", "--rate", "32000", "--dry", "--seed", "6"]
    assert command("data", "phrases", *words, "--nothing", "0", "--count", 20, "--out", out).returncode == 0
    dataset = load("table", out / "clips.csv")
    assert len(set(dataset.labels) - set(DEFAULT_LABELS)) > 6
    events = read_events(out / "events.csv")
    highest = 0.0
    for clip in dataset.clips:
        assert {event.label for event in events.get(f"audio/{clip.path.name}", ())} == set(clip.labels)
        assert "brass" in clip.labels or not {"trumpet", "trombone"} & set(clip.labels)
        with open_recording(clip.path) as recording:
            assert recording.track.rate == 32000
        samples = read(clip.path, 32000)
        assert len(samples) == 48000
        power = np.abs(np.fft.rfft(samples)) ** 2
        highest = max(highest, power[round(len(power) * 11.5 / 16) :].sum() / power.sum())
    assert highest > 1e-3, "cymbals above 11.5 kHz, where 22,050 a second have nothing"


@needs_fluidsynth
def test_a_part_with_a_parent_gives_both_the_same_times(command, tmp_path):
    out = tmp_path / "phrases"
    words = ["--labels", "brass,trumpet", "--together", "0", "--nothing", "0", "--accompaniment", "0"]
    assert command("data", "phrases", *USUAL, *words, "--count", "12", "--out", out).returncode == 0
    assert {row["labels"] for row in rows(out)} == {"brass", "brass;trumpet"}
    for row in rows(out):
        listed = read_events(out / "events.csv")[row["path"]]
        times = {name: [(e.onset, e.offset) for e in listed if e.label == name] for name in row["labels"].split(";")}
        assert times["brass"] == times.get("trumpet", times["brass"])
        assert ("trumpet" in times) == (row["source"] in ("TimGM6mb/56", "TimGM6mb/59"))


def test_the_list(command):
    listed = command("data", "phrases", "--list")
    assert listed.returncode == 0
    groups = [line for line in listed.stdout.splitlines() if not line.startswith(" ")]
    assert groups[:5] == list(DEFAULT_LABELS)
    assert set(groups[:-1]) == set(LABELS)
    assert listed.stdout.count("  program  56  trumpet") == 2, "brass and trumpet"
    assert "  program  40  violin" in listed.stdout
    assert {"name": "violin", "label": "violin"}.items() <= next(
        one for one in json.loads(command("data", "phrases", "--list", "--json").stdout) if one["program"] == 40
    ).items()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs --out"),
        (["--out", "x"], "needs --soundfont"),
        (["--out", "x", "--soundfont", "none.sf2"], "none.sf2: is not there; apt-get install fluid-soundfont-gm"),
        (["--out", "x", "--soundfont", __file__], "is no SoundFont"),
        (["--out", "x", "--soundfont", "no/a.sf2"], "no/a.sf2: is not there, nor is the folder no; correct the path"),
        (["--out", "x", "--soundfont", "."], ".: is a folder; name a file in it"),
        (["--out", "x", "--soundfont", "a.sf2", "b.mid"], "b.mid: is not expected"),
        (["--out", "x", "--soundfont", "a.sf2", "--together", "0.9", "--nothing", "0.2"], "are more than all clips"),
    ],
)
def test_mistakes(command, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    failed = command("data", "phrases", *words)
    assert failed.returncode == 1
    assert failed.stderr.startswith("earmark: ")
    assert said in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


@needs_fluidsynth
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", ","], "--labels: names none"),
        (["--labels", "kazoo"], "kazoo: is no label of phrases"),
        (["--labels", "'kazoo',\"violin\""], "earmark: kazoo: is no label of phrases"),
        (["--accompany", "guitar"], "write it as guitar=drum_kit:0.8"),
        (["--accompany", "guitar=drum_kit:2"], "write it as guitar=drum_kit:0.8"),
        (["--accompany", "guitar=kazoo:1"], "kazoo: is no label of phrases"),
        (["--midi", __file__], "is damaged or no MIDI file"),
    ],
)
def test_more_mistakes(command, tmp_path, words, said):
    failed = command("data", "phrases", *USUAL, "--out", tmp_path / "x", *words)
    assert failed.returncode == 1
    assert said in failed.stderr
    assert not (tmp_path / "x").exists()


@needs_fluidsynth
def test_without_the_program(command, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    failed = command("data", "phrases", *USUAL, "--out", tmp_path / "x")
    assert failed.returncode == 1
    assert "fluidsynth: is not installed here; apt-get install fluidsynth" in failed.stderr


@needs_fluidsynth
def test_more_clips_are_added_and_none_is_changed(command, made, tmp_path):
    """By one process, a batch that grows among them."""
    out = tmp_path / "phrases"
    done = command("data", "phrases", *USUAL, "--count", 4, "--out", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{out}\n", "")
    assert rows(out) == rows(made)[:4]
    before = {path: path.stat().st_mtime_ns for path in (out / "audio").iterdir()}
    assert command("data", "phrases", *USUAL, "--count", COUNT, "--out", out).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert files(out) == files(made)
    assert sorted(path.name for path in (out / "batches").iterdir()) == ["000000.json", "000024.json"]


@needs_fluidsynth
def test_another_soundfont_of_the_same_name_is_refused(command, tmp_path):
    one, other = tmp_path / "one" / "font.sf2", tmp_path / "other" / "font.sf2"
    for path in (one, other):
        path.parent.mkdir()
        path.write_bytes(SOUNDFONT.read_bytes())
    words = ["data", "phrases", *USUAL[2:], "--count", "2", "--out", tmp_path / "x"]
    assert command(*words, "--soundfont", one).returncode == 0
    before = files(tmp_path / "x")
    assert command(*words, "--soundfont", other).returncode == 0, "the same file elsewhere"
    content = bytearray(other.read_bytes())
    content[len(content) // 2] ^= 1
    other.write_bytes(content)
    failed = command(*words, "--soundfont", other)
    assert failed.returncode == 1
    assert "holds phrases of another SoundFont that is called font too; choose another --out" in failed.stderr
    assert files(tmp_path / "x") == before


@needs_fluidsynth
def test_a_folder_of_an_earlier_earmark_is_refused(command, tmp_path):
    words = ["data", "phrases", *USUAL, "--count", "2", "--out", tmp_path / "x"]
    assert command(*words).returncode == 0
    noted = tmp_path / "x" / "earmark-phrases.json"
    noted.write_text(json.dumps(json.loads(noted.read_text()) | {"soundfonts": ["TimGM6mb"]}))
    failed = command(*words)
    assert failed.returncode == 1
    assert "holds phrases of an earlier Earmark, which knew SoundFonts by name alone" in failed.stderr


@needs_fluidsynth
def test_other_midi_of_the_same_name_is_refused(command, tmp_path):
    from phrases_making import part

    words = ["data", "phrases", *USUAL, "--midi", tmp_path / "tune.mid", "--count", "2", "--out", tmp_path / "x"]
    for pitch, code in ((60, 0), (62, 1)):
        midi.write_midi([part("violin", *((n, n + 0.9, pitch) for n in range(9)))], 0.0, 9.0, tmp_path / "tune.mid")
        assert command(*words).returncode == code


@needs_fluidsynth
def test_a_folder_is_checked_with_its_events(command, made):
    done = command("data", "check", made, "--to", "json")
    report = json.loads(done.stdout)
    assert report["clips"] == COUNT
    assert report["events"]["outside"] == report["events"]["not_in_the_table"] == []
    events = [event for listed in read_events(made / "events.csv").values() for event in listed]
    piano = [event.offset - event.onset for event in events if event.label == "piano"]
    assert report["events"]["labels"]["piano"] == {"events": len(piano), "seconds": pytest.approx(sum(piano), abs=1e-3)}
