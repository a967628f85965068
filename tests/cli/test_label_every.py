"""`earmark label --every`: the second-by-second view from the command line."""

import csv
import io
import json

import pytest
from model_making import tones, write_wav

from earmark.events.seconds import seconds
from earmark.models.labelling import label


@pytest.fixture(scope="module")
def place(tmp_path_factory, low_high_file):
    root = tmp_path_factory.mktemp("place")
    write_wav(root / "low.wav", tones(3.0, (1.0, 2.0, 400.0)))
    write_wav(root / "both.wav", tones(4.0, (0.0, 2.0, 400.0), (1.0, 3.0, 4000.0)))
    (root / "bad.wav").write_text("no sound")
    (root / "m.onnx").write_bytes(low_high_file.read_bytes())
    return root


@pytest.fixture
def every(command, place, monkeypatch):
    monkeypatch.chdir(place)
    return lambda *words: command("label", *words, "--model", "m.onnx")


def test_a_table(every):
    done = every("both.wav", "--every", "1")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["time", "sounds"]
    assert [line.split()[0] for line in lines] == ["0:00", "0:01", "0:02", "0:03"]
    assert [{word for word in line.split() if word.isalpha()} for line in lines] == [
        {"low"},
        {"low", "high"},
        {"high"},
        set(),
    ]


def test_csv_of_several_files_and_one_that_is_broken(every):
    done = every("low.wav", "bad.wav", "both.wav", "--every", "0.5", "--to", "csv")
    assert done.returncode == 1
    assert done.stderr.startswith("earmark: bad.wav: ")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["recording"] for row in rows] == ["low.wav"] * 6 + ["both.wav"] * 8
    assert [row["labels"] for row in rows[:6]] == ["", "", "low", "low", "", ""]
    assert [row["start"] for row in rows[:3]] == ["0", "0.5", "1"]
    assert all(len(row["labels"].split(";")) == len(row["scores"].split(";")) for row in rows)


def test_json_says_what_python_says(every, place):
    document = json.loads(every("both.wav", "--every", "2", "--to", "json").stdout)
    view = seconds(label(place / "both.wav", place / "m.onnx"), 2.0)
    assert [{one["label"] for one in w["labels"]} for w in document["seconds"]] == [
        {label for label, _ in w.labels} for w in view.windows
    ]
    assert [(w["start"], w["end"]) for w in document["seconds"]] == [(0, 2), (2, 4)]


def test_only_and_sensitivity(every):
    rows = csv.DictReader(io.StringIO(every("both.wav", "--every", "1", "--to", "csv", "--only", "high").stdout))
    assert [row["labels"] for row in rows] == ["", "high", "high", ""]
    rows = csv.DictReader(io.StringIO(every("both.wav", "--every", "1", "--to", "csv", "--sensitivity", "0").stdout))
    assert len(list(rows)) == 4


def test_a_folder_for_files_of_their_own_names(every, tmp_path):
    done = every("low.wav", "both.wav", "--every", "1", "--to", "json", "--out", tmp_path / "new")
    assert done.returncode == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"low.seconds.json", "both.seconds.json"}


@pytest.mark.usefixtures("rough_pictures")
def test_pictures(every, tmp_path):
    assert every("low.wav", "--every", "1", "--plot", tmp_path / "a.png").returncode == 0
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    for more, folder in ((["--every", "1"], tmp_path / "many"), ([], tmp_path / "events")):
        assert every("low.wav", "both.wav", *more, "--plot", folder).returncode == 0
        assert {path.name for path in folder.iterdir()} == {"low.png", "both.png"}


@pytest.mark.usefixtures("rough_pictures")
def test_standard_input_is_labelled_and_drawn(every, place, tmp_path, monkeypatch):
    with (place / "low.wav").open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        done = every("-", "--every", "1", "--to", "json", "--plot", tmp_path / "a.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert [[one["label"] for one in w["labels"]] for w in json.loads(done.stdout)["seconds"]] == [[], ["low"], []]
    assert (tmp_path / "a.png").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--every", "0"], "every 0 s"),
        (["--every", "-1"], "every -1 s"),
        (["--every", "1", "--to", "vtt"], "--to vtt: is not for --every"),
        (["--every", "1", "--out", "x"], "--out"),
    ],
)
def test_mistakes_are_told_in_one_line(every, words, says):
    done = every("low.wav", *words)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("earmark: ")
    assert says in line


def test_a_wrong_name_for_a_picture_is_told_before_the_work(every):
    for more in ([], ["--every", "1"]):
        done = every("low.wav", *more, "--plot", "picture.jpg")
        assert (done.returncode, done.stdout) == (1, "")
        assert "end it in .png" in done.stderr
