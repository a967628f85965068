"""The command line: what a user and a shell see."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import media_files
import pytest
from media_files import Track
from model_making import LOW_HIGH, RATE, low_high_model, tones, write_wav

from earmark.models import model
from earmark.models.model import bundled_models

EARMARK = Path(sys.executable).with_name("earmark")


@pytest.fixture(scope="module")
def place(tmp_path_factory, low_high_file):
    """A folder with recordings and a model."""
    root = tmp_path_factory.mktemp("place")
    write_wav(root / "low.wav", tones(3.0, (1.0, 2.0, 400.0)))
    write_wav(root / "both, really.wav", tones(4.0, (0.5, 1.5, 400.0), (2.0, 3.5, 4000.0)))
    (root / "bad.wav").write_text("no sound")
    whole = (root / "low.wav").read_bytes()
    (root / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (root / "m.onnx").write_bytes(low_high_file.read_bytes())
    return root


@pytest.fixture
def earmark(place, command, monkeypatch):
    """With these bytes on standard input."""

    def run(*words, typed=b""):
        monkeypatch.chdir(place)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
        return command(*words)

    return run


def assert_one_line(done, *says):
    """A mistake, told in one line on standard error."""
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("earmark: ")
    for text in says:
        assert text in line


@pytest.mark.parametrize("name", ["label", "classify", "caption", "train", "models"])
def test_help_has_examples(earmark, name):
    done = earmark(name, "--help")
    assert done.returncode == 0
    assert f"earmark {name} " in done.stdout.partition("Examples:")[2]
    assert done.stderr == ""


def test_help_and_version(earmark):
    done = earmark("--help")
    for command in ("label", "classify", "caption", "train", "models", "data"):
        assert command in done.stdout
    version = earmark("--version").stdout
    assert version.strip().count(".") >= 1
    as_module = subprocess.run([sys.executable, "-m", "earmark", "--version"], capture_output=True, text=True)
    assert (as_module.returncode, as_module.stdout, as_module.stderr) == (0, version, "")


def test_label_prints_a_table(earmark):
    done = earmark("label", "low.wav", "--model", "m.onnx")
    assert done.returncode == 0
    assert done.stderr == ""
    head, row = done.stdout.splitlines()
    assert head.split() == ["onset", "offset", "sound", "score"]
    onset, offset, label, score = row.split()
    assert (onset[:3], offset[:3], label) in {("0:0", "0:0", "low"), ("0:0", "0:01", "low"), ("0:0", "0:02", "low")}
    assert float(score) > 0.9


def test_what_goes_wrong_with_one_file_spares_the_others(earmark):
    done = earmark("label", "gone.wav", "low.wav", "bad.wav", "both, really.wav", "--model", "m.onnx", "--to", "json")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("earmark: gone.wav: ")
    assert second.startswith("earmark: bad.wav: ")
    recordings = [timeline["recording"] for timeline in json.loads(done.stdout)]
    assert recordings == ["low.wav", "both, really.wav"]


def test_several_recordings_share_one_head_of_csv(earmark):
    done = earmark("label", "low.wav", "gone.wav", "both, really.wav", "--model", "m.onnx", "--to", "csv")
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["label"] for row in rows] == ["low", "low", "high"]
    assert {value for row in rows for value in row.values()} >= {"low.wav", "both, really.wav"}


SIGNS = {
    "json": '"events"',
    "csv": "onset",
    "vtt": "WEBVTT",
    "srt": " --> ",
    "textgrid": "ooTextFile",
    "audacity": "\tlow",
    "rttm": "low",
}


def test_every_format(earmark, tmp_path):
    for form, sign in SIGNS.items():
        done = earmark("label", "low.wav", "--model", "m.onnx", "--to", form)
        assert done.returncode == 0, done.stderr
        assert sign in done.stdout
    done = earmark(
        "label", "low.wav", "both, really.wav", "--model", "m.onnx", "--to", "vtt", "--out", tmp_path / "a/b"
    )
    assert done.returncode == 0
    assert {path.name for path in (tmp_path / "a/b").iterdir()} == {"low.vtt", "both, really.vtt"}
    assert (tmp_path / "a/b/low.vtt").read_text().startswith("WEBVTT")
    assert [Path(line).name for line in done.stderr.splitlines()] == ["low.vtt", "both, really.vtt"]
    assert done.stdout == ""


def test_standard_input(earmark, place):
    sound = (place / "low.wav").read_bytes()
    done = earmark("label", "-", "--model", "m.onnx", "--to", "json", typed=sound)
    assert done.returncode == 0, done.stderr
    piped = json.loads(done.stdout)
    direct = json.loads(earmark("label", "low.wav", "--model", "m.onnx", "--to", "json").stdout)
    assert piped["events"] == direct["events"]
    done = earmark("caption", "-", "--model", "m.onnx", typed=sound)
    assert done.stdout.startswith("WEBVTT")
    assert not (place / "-.vtt").exists()
    assert_one_line(earmark("label", "-", "--model", "m.onnx"))
    assert_one_line(earmark("label", "-", "--model", "m.onnx", "--plot", "a.png"), "--plot")


@pytest.mark.parametrize("words", [["label", "low.wav", "--to", "json"], ["classify", "low.wav"], ["models", "m.onnx"]])
def test_a_pipe_that_closes(place, words):
    """As in `earmark ... | head -1`, only that nobody reads even that."""
    model = [] if words[0] == "models" else ["--model", "m.onnx"]
    reading, writing = os.pipe()
    os.close(reading)
    words = [EARMARK, *words, *model]
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=place, timeout=300)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_picture(earmark, tmp_path):
    done = earmark("label", "low.wav", "--model", "m.onnx", "--plot", tmp_path / "new" / "a.png")
    assert done.returncode == 0, done.stderr
    head = (tmp_path / "new" / "a.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20], "big") == 1540
    assert 580 <= int.from_bytes(head[20:24], "big") <= 595  # spectrogram, one lane, scores


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["label", "gone.wav", "--model", "m.onnx"], ["gone.wav"]),
        (["label", "low.wav", "--model", "none.onnx"], ["none.onnx", "no such model"]),
        (["label", "low.wav", "--model", "low.wav"], ["low.wav", "no ONNX"]),
        (["label", "low.wav", "--model", "m.onnx", "--to", "mp3"], ["--to mp3", "json"]),
        (["label", "low.wav", "--model", "m.onnx", "--only", "dog"], ["--only dog"]),
        (["label", "low.wav", "--model", "m.onnx", "--out", "x"], ["--out", "--to"]),
        (["label", "low.wav", "low.wav", "--model", "m.onnx", "--to", "srt"], ["srt", "--out"]),
        (["label", "low.wav", "--model", "m.onnx", "--track", "1"], ["low.wav"]),
        (["label", "low.wav", "--model", "m.onnx", "--to", "csv", "--out", "low.wav"], ["low.wav"]),
        (["classify", "low.wav", "--model", "m.onnx", "--to", "vtt"], ["--to vtt"]),
        (["classify", "bad.wav", "--model", "m.onnx"], ["bad.wav"]),
        (["caption", "low.wav", "--model", "m.onnx", "--language", "xx"], ["xx"]),
        (["caption", "low.wav", "--model", "m.onnx", "--to", "json"], ["--to json"]),
        (["models", "gone"], ["gone", "no such model"]),
        (["train", "gone"], ["gone", "no such file or folder", "give a folder"]),
        (["models", "--to", "xml"], ["--to xml"]),
    ],
)
def test_mistakes_are_told_in_one_line(command, place, monkeypatch, words, says):
    monkeypatch.chdir(place)
    done = command(*words)
    assert_one_line(done, *says)
    assert done.stdout == ""


def test_a_picture_that_cannot_be_written(earmark):
    done = earmark("label", "low.wav", "--model", "m.onnx", "--plot", "low.wav/a.png")
    assert_one_line(done, "low.wav")
    assert done.stdout == ""  # told before the work


@pytest.mark.parametrize(
    "words",
    [["label"], ["label", "a", "--sensitivity", "2"], ["label", "a", "--nope"], ["classify", "a", "--top", "0"]],
)
def test_wrong_usage(command, words):
    done = command(*words)
    assert done.returncode == 2
    assert "Usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_warnings_are_one_line(earmark):
    done = earmark("label", "cut.wav", "--model", "m.onnx", "--to", "json")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("earmark: warning: cut.wav")
    assert json.loads(done.stdout)["duration"] == pytest.approx(1.5, abs=0.01)


def test_a_warning_is_said_once_however_often_a_file_is_read(earmark):
    done = earmark("label", "cut.wav", "cut.wav", "--model", "m.onnx")
    assert done.returncode == 0
    assert done.stderr.count("warning: cut.wav: ends early") == 1


def test_only_and_sensitivity(earmark):
    done = earmark("label", "both, really.wav", "--model", "m.onnx", "--to", "json", "--only", "high, low")
    assert len(json.loads(done.stdout)["events"]) == 2
    done = earmark("label", "both, really.wav", "--model", "m.onnx", "--to", "json", "--only", "high")
    assert [e["label"] for e in json.loads(done.stdout)["events"]] == ["high"]
    marked = []
    for sensitivity in (0, 0.5, 1):
        write = ("label", "both, really.wav", "--model", "m.onnx", "--to", "json", "--sensitivity", sensitivity)
        events = json.loads(earmark(*write).stdout)["events"]
        marked.append(sum(e["offset"] - e["onset"] for e in events))
    assert marked == sorted(marked)


def test_classify(earmark):
    done = earmark(
        "classify", "low.wav", "gone.wav", "both, really.wav", "--model", "m.onnx", "--to", "csv", "--top", "1"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("earmark: gone.wav: ")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["recording"] for row in rows] == ["low.wav", "both, really.wav"]
    done = earmark("classify", "low.wav", "--model", "m.onnx", "--to", "json")
    answer = json.loads(done.stdout)
    assert [one["label"] for one in answer["labels"]] == ["low", "high"]
    assert answer["labels"][0]["score"] >= answer["labels"][1]["score"]
    done = earmark("classify", "low.wav", "gone.wav", "both, really.wav", "--model", "m.onnx", "--to", "json")
    assert done.returncode == 1
    several = json.loads(done.stdout)
    assert several[0] == answer
    assert [one["recording"] for one in several] == ["low.wav", "both, really.wav"]


def test_captions_lie_beside_the_video(earmark, tmp_path):
    rate = 48_000
    sound = Track(media_files.sine(3.0, rate, 500.0), rate, "aac", at=((0, 2.0),))
    media_files.write(tmp_path / "holiday.mp4", "mp4", sound, video=6.0)
    done = earmark("caption", tmp_path / "holiday.mp4", "--model", "m.onnx")
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'holiday.vtt'}: 1 caption\n" in done.stderr
    text = (tmp_path / "holiday.vtt").read_text()
    assert text.startswith("WEBVTT")
    assert "[low" in text
    assert "00:00:02." in text or "00:00:01.9" in text
    done = earmark("caption", tmp_path / "holiday.mp4", "--model", "m.onnx", "--to", "srt", "--out", "-")
    assert done.stdout.startswith("1\r\n00:00:0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holiday.mp4", "holiday.vtt"]


def test_models(earmark, tmp_path):
    card = json.loads(LOW_HIGH.to_json()) | {
        "card": {"description": "Tones.", "licence": "CC0", "figures": {"f1": 1.0}}
    }
    path = low_high_model(tmp_path / "m.onnx", json.dumps(card))
    done = earmark("models", path)
    answers = "Answers: one each 0.02 s, which waits 0.04 s for what follows"
    expected = ["low_high: Tones.", "Labels: low, high", answers, "licence: CC0", "figures: f1 1.0"]
    assert done.stdout.splitlines() == expected
    assert json.loads(earmark("models", path, "--to", "json").stdout)["labels"] == ["low", "high"]


def test_bundled_models(earmark, monkeypatch):
    small = {name: path for name, path in bundled_models().items() if name in ("words/mlp", "words/svm")}
    with monkeypatch.context() as patch:
        patch.setattr(model, "bundled_models", lambda: small)
        assert set(json.loads(earmark("models", "--to", "json").stdout)) == {"words/mlp", "words/svm"}
    done = earmark("label", "low.wav")
    assert done.returncode == 0, done.stderr


def test_two_recordings_of_one_name_do_not_share_a_file(earmark, tmp_path):
    done = earmark("label", "low.wav", "./low.wav", "--model", "m.onnx", "--to", "csv", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "has the name of another" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["low.csv"]


def test_nobody_elses_subtitles_are_replaced(earmark, place, tmp_path):
    mine = tmp_path / "low.srt"
    mine.write_text("my own dialogue")
    wanted = ["caption", "low.wav", "--model", "m.onnx", "--to", "srt", "--out", tmp_path]
    assert_one_line(earmark(*wanted), "low.srt", "--overwrite")
    assert_one_line(earmark("label", *wanted[1:]), "low.srt", "use another --out")
    assert mine.read_text() == "my own dialogue"
    assert earmark(*wanted, "--overwrite").returncode == 0
    assert "-->" in mine.read_text()


def test_names_of_any_kind(earmark, place):
    name = "-näme [x] $1\n.wav"
    write_wav(place / name, tones(1.0, (0.2, 0.8, 400.0))[:RATE])
    done = earmark("label", "--model", "m.onnx", "--to", "json", "--", name)
    assert json.loads(done.stdout)["recording"] == name
    done = earmark("label", "--model", "m.onnx", "--", "no\nsuch.wav")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_stands_for_the_recordings_below_it(earmark, place):
    below = place / "folder" / "inner"
    below.mkdir(parents=True)
    for file in (place / "folder" / "b.wav", below / "c.wav", place / "folder" / ".hidden.wav", below / "notes.txt"):
        file.write_bytes((place / "low.wav").read_bytes())
    done = earmark("label", "--model", "m.onnx", "--to", "csv", "folder", "low.wav")
    rows = list(csv.reader(io.StringIO(done.stdout)))[1:]
    assert [row[0] for row in rows] == ["folder/b.wav", "folder/inner/c.wav", "low.wav"]
    assert (done.returncode, done.stderr) == (0, "")
    (place / "nothing").mkdir()
    assert_one_line(earmark("label", "--model", "m.onnx", "nothing"), "nothing: holds no recordings")


@pytest.mark.posix
@pytest.mark.parametrize("name", ["label", "caption"])
def test_a_name_that_is_too_long_is_told_and_the_others_are_done(earmark, tmp_path, name):
    to = ("vtt", "--out", tmp_path)
    done = earmark(name, "--model", "m.onnx", "--to", *to, "a" * 300 + ".wav", "low.wav")
    assert done.returncode == 1
    assert "(File name too long)" in done.stderr
    assert (tmp_path / "low.vtt").exists()
    assert_one_line(
        earmark("index", "a" * 300, "--out", "i", "--model", "m.onnx"), "cannot be used (File name too long)"
    )
