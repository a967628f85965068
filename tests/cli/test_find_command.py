"""`earmark find` as a user and a shell meet it."""

import csv
import io
import json
from datetime import datetime

import pytest
from index_making import event, make_index
from model_making import tones, write_wav

EVENTS = [
    event("one.wav", 1.0, 2.0, "dog", 0.95),
    event("one.wav", 3.0, 3.4, "dog", 0.6),
    event("two.wav", 0.5, 2.5, "dog", 0.7),
    event("two.wav", 3.0, 4.0, "siren", 0.8),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Not to be changed."""
    return made_in(tmp_path_factory.mktemp("archive"))


def made_in(folder):
    for name in ("one.wav", "two.wav"):
        write_wav(folder / "sounds" / name, tones(5.0, (1.0, 2.0, 400.0)))
    started = {"one.wav": datetime(2026, 5, 14, 23, 0), "two.wav": datetime(2026, 6, 1, 12, 0)}
    durations = {"one.wav": 5.0, "two.wav": 5.0}
    seconds = [("two.wav", 1, "cat", 0.45)]
    return make_index(
        folder / "my index", EVENTS, started=started, durations=durations, seconds=seconds, root=folder / "sounds"
    )


def found(done):
    assert done.returncode == 0, done.stderr
    return [(one["recording"], one["onset"]) for one in json.loads(done.stdout)]


def refused(done, *says):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("earmark: ")
    for text in says:
        assert text in line


def test_a_table(command, index):
    done = command("find", "dog", "--in", index, "--not", "siren", "--within", "1s", "--best")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "recording    time  length  sound  score  date",
        "one.wav    0:01.0   1.0 s  dog     0.95  2026-05-14 23:00:01",
        "one.wav    0:03.0   0.4 s  dog     0.60  2026-05-14 23:00:03",
    ]


def test_help_has_examples(command):
    assert "earmark find dog" in command("find", "--help").stdout.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["dog"], [("one.wav", 1.0), ("one.wav", 3.0), ("two.wav", 0.5)]),
        (["dog", "--longest"], [("two.wav", 0.5), ("one.wav", 1.0), ("one.wav", 3.0)]),
        (["dog,siren", "--best", "--limit", "2"], [("one.wav", 1.0), ("two.wav", 3.0)]),
        (["dog", "--during", "22:00-06:00"], [("one.wav", 1.0), ("one.wav", 3.0)]),
        (["--every", "--during", "2026-06"], [("two.wav", 0.5), ("two.wav", 3.0)]),
        (["dog", "--during", "22:00-06:00", "--during", "2026-06"], []),
        (["dog", "--near", "siren", "--within", "500ms"], [("two.wav", 0.5)]),
        (["dog", "--near", "siren", "--within", "0.4"], []),
        (["dog", "--recording", "t*", "--min-score", "0.7"], [("two.wav", 0.5)]),
        (["dog", "--max-score", "0.6"], [("one.wav", 3.0)]),
        (["dog", "--shorter", "500ms"], [("one.wav", 3.0)]),
        (["dog", "--longer", "2s"], [("two.wav", 0.5)]),
    ],
)
def test_options(command, index, words, places):
    assert found(command("find", *words, "--in", index, "--to", "json")) == places


def test_json_and_csv_hold_all_of_an_event(command, index):
    (one,) = json.loads(command("find", "siren", "--in", index, "--to", "json").stdout)
    wanted = {"recording": "two.wav", "onset": 3.0, "offset": 4.0, "label": "siren", "score": 0.8}
    assert one == {**wanted, "began": "2026-06-01T12:00:03.000"}
    (row,) = csv.DictReader(io.StringIO(command("find", "siren", "--in", index, "--to", "csv").stdout))
    assert row == {key: str(value) for key, value in one.items()}


def test_counts(command, index):
    assert command("find", "dog", "--in", index, "--count").stdout == "3 events in 2 recordings, 0:03 in all\n"
    total = json.loads(command("find", "dog", "--in", index, "--count", "--to", "json").stdout)
    assert total == {"events": 3, "seconds": 3.4, "recordings": 2}
    months = json.loads(command("find", "dog", "--in", index, "--by", "month", "--to", "json").stdout)
    assert [(one["month"], one["events"]) for one in months] == [("2026-05", 2), ("2026-06", 1)]
    assert command("find", "--in", index, "--by", "label", "--to", "csv").stdout == (
        "label,events,seconds\ndog,3,3.4\nsiren,1,1.0\n"
    )


def test_nothing_found(command, index):
    assert command("find", "cat", "--in", index).stdout == "no sounds found\n"
    assert command("find", "cat", "--in", index, "--to", "json").stdout == "[]\n"
    assert command("find", "cat", "--in", index, "--to", "csv").stdout == "recording,onset,offset,label,score,began\n"


def test_played(command, index, monkeypatch):
    monkeypatch.setenv("EARMARK_SOUND", "null")
    done = command("find", "siren", "--in", index, "--play", "--margin", "0")
    assert done.returncode == 0
    assert "two.wav: 0:03 to 0:04" in done.stderr


def test_cut_out_and_what_is_bad_told(command, tmp_path):
    index = made_in(tmp_path)
    (tmp_path / "sounds").rename(tmp_path / "moved")
    out = tmp_path / "cut"
    refused(command("find", "dog", "--in", index, "--cut", out), "is no folder", "--root DIR")
    (tmp_path / "moved" / "one.wav").unlink()
    done = command("find", "dog", "--in", index, "--cut", out, "--margin", "250ms", "--root", tmp_path / "moved")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"{out}: 1 excerpt", f"earmark: {tmp_path}/moved/one.wav: no such file"]
    assert [row["source"] for row in csv.DictReader((out / "clips.csv").open())] == ["two.wav"]


def test_what_was_found_and_what_is_unsure_are_not_mixed(command, index, tmp_path):
    assert command("find", "--every", "--in", index, "--cut", tmp_path / "cut").returncode == 0
    refused(command("find", "--uncertain", "--in", index, "--cut", tmp_path / "cut"), "made with other options")


def test_least_sure(command, index):
    (one,) = json.loads(command("find", "--uncertain", "--in", index, "--to", "json").stdout)
    assert (one["label"], one["score"], one["threshold"], one["offset"]) == ("cat", 0.45, 0.5, 2.0)
    refused(command("find", "--uncertain", "--in", index, "--count"), "--count", "does not go with --uncertain")
    refused(command("find", "--uncertain", "--in", index, "--longer", "2s"), "--uncertain", "leave the other")


@pytest.mark.usefixtures("rough_pictures")
def test_drawn(command, index, tmp_path):
    done = command("find", "dog", "--in", index, "--plot", tmp_path / "dog.png")
    assert (done.returncode, done.stderr) == (0, f"{tmp_path}/dog.png\n")
    assert (tmp_path / "dog.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "needs a label"),
        (["dgo"], "did you mean dog?"),
        (["dog", "--near", "sirene"], "did you mean siren?"),
        ([","], "names no label"),
        (["dog", "--every"], "leave one of them out"),
        (["dog", "--longest", "--best"], "two orders"),
        (["dog", "--within", "soon"], "--within soon: is no length of time"),
        (["dog", "--during", "night"], "--during night: is no span of time"),
        (["dog", "--to", "xml"], "--to xml: is unknown"),
        (["dog", "--by", "year"], "--by year: is unknown"),
        (["dog", "--count", "--by", "day"], "leave one of them out"),
        (["dog", "--plot", "dog.txt"], "is no name for a .png file"),
        (["dog", "--plot", "dog.png", "--count"], "--plot: is a picture alone"),
        (["dog", "--plot", "dog.png", "--by", "hour", "--to", "json"], "--plot: is a picture alone"),
        (["--map", "map.html", "--to", "csv"], "--map: is a page alone"),
        (["dog", "--count", "--play"], "ask for one thing"),
        (["dog", "--by", "recording", "--limit", "5"], "--limit: is for events"),
        (["dog", "--within", "5s"], "say one of them, too"),
    ],
)
def test_mistakes(command, index, words, says):
    refused(command("find", *words, "--in", index), says)


def test_no_index(command, tmp_path):
    refused(command("find", "dog", "--in", tmp_path / "gone"), "is no index", "earmark index FOLDER --out")
    refused(command("find", "dog"), "needs --in INDEX")
