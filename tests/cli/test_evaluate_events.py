"""`earmark evaluate --events`."""

import csv
import io
import json

import pytest
from model_making import tones, write_wav

pytestmark = pytest.mark.usefixtures("rough_pictures")


@pytest.fixture(scope="module")
def place(tmp_path_factory, low_high_file):
    root = tmp_path_factory.mktemp("place")
    (root / "model.onnx").write_bytes(low_high_file.read_bytes())
    write_wav(root / "scenes" / "a.wav", tones(10.0, (1.0, 3.0, 300.0), (6.0, 8.5, 4000.0)))
    write_wav(root / "scenes" / "b.wav", tones(6.0, (2.0, 4.0, 4000.0)))
    (root / "scenes" / "clips.csv").write_text("path,labels,split\na.wav,hum;high,test\nb.wav,high,train\n")
    (root / "scenes" / "events.csv").write_text(
        "path,onset,offset,label\na.wav,1,3,hum\na.wav,6,8.5,high\na.wav,7,8,bell\nb.wav,2,4,high\n"
    )
    (root / "other.csv").write_text("path,onset,offset,label\nb.wav,4.5,5,high\n")
    (root / "unknown.csv").write_text("path,onset,offset,label\nb.wav,4.5,5,bell\n")
    return root


@pytest.fixture
def earmark(command, place, monkeypatch):
    monkeypatch.chdir(place)
    return lambda *words: command("evaluate", "model.onnx", "--on", "scenes", "--events", *words)


def test_a_report(earmark, tmp_path):
    done = earmark("--relabel", "hum=low", "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert rows["low"] == ["1", "1", *rows["low"][2:5], "1.000", "1.000", "1.000", "1.000", "0.0"]
    assert rows["high"][:2] == ["2", "2"]
    assert "1.000  micro-F1 of events, collar 500 ms (macro 1.000, error rate 0.000)" in done.stdout
    assert "PSDS of DCASE's scenario 1" in done.stdout
    assert "0.0  false events an hour (2 recordings, 0.3 minutes)" in done.stdout
    told, *paths = done.stderr.splitlines()
    says = "not known to the model, and left out: bell; --relabel gives them other names"
    assert told == f"earmark: warning: {says}"
    names = ["events_metrics.json", "events_labels.csv", "found.csv", "events_f1.png"]
    assert paths == [str(tmp_path / "report" / name) for name in names]
    metrics = json.loads((tmp_path / "report" / "events_metrics.json").read_text())
    assert metrics["events"][0]["micro"]["f1"] == 1


def test_json_of_a_split(earmark):
    figures = json.loads(earmark("--split", "train", "--to", "json").stdout)
    assert figures["recordings"] == 1
    assert [entry["label"] for entry in figures["labels"]] == ["high"]


def test_csv(earmark):
    done = earmark("--to", "csv", "--relabel", "hum=low")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["average"] or row["label"] for row in rows] == ["micro", "macro", "high", "low"]
    assert float(rows[3]["events_200_ms_f1"]) == 1


def test_another_table_of_events(earmark):
    done = earmark("--truth", "other.csv", "--split", "train", "--to", "json")
    figures = json.loads(done.stdout)
    assert figures["events"][0]["micro"]["f1"] == 0
    assert figures["false_events_an_hour"] == 600


def test_a_broken_recording_spares_the_others(earmark, place):
    whole = (place / "scenes" / "b.wav").read_bytes()
    (place / "scenes" / "b.wav").write_bytes(b"no sound")
    try:
        done = earmark("--to", "json", "--relabel", "bell=low")
        alone = earmark("--split", "train")
    finally:
        (place / "scenes" / "b.wav").write_bytes(whole)
    assert done.returncode == 1
    assert "b.wav" in done.stderr
    assert (json.loads(done.stdout)["recordings"], json.loads(done.stdout)["unreadable"]) == (1, 1)
    assert (alone.returncode, alone.stdout) == (1, "")
    assert "no recording that can be read" in alone.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "xml"], ["--to xml", "table, json, csv"]),
        (["--split", "dev"], ["no clip of the split dev", "test, train"]),
        (["--truth", "gone.csv"], ["gone.csv", "is not there"]),
        (["--truth", "unknown.csv"], ["none of the model's labels; it has bell", "low, high"]),
        (["--relabel", "hum"], ["--relabel hum", "OLD=NEW"]),
        (["--relabel", "buzz=low"], ["--relabel buzz", "bell, high, hum"]),
        (["--relabel", "hum=lo"], ["no label of the model", "low"]),
        (["--out", "other.csv"], ["other.csv", "--out"]),
        (["--out", "other.csv/report"], ["--out other.csv/report", "choose another"]),
    ],
)
def test_mistakes_are_told_in_one_line(earmark, words, says):
    done = earmark(*words)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert all(text in line for text in says), line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "model.onnx", "--on", "scenes", "--split", "test"], ["--split", "goes with --events"]),
        (["evaluate", "model.onnx", "--on", "scenes", "--truth", "other.csv"], ["--truth", "goes with --events"]),
        (["evaluate", "gru", "--on", "scenes", "--events"], ["--events", "is for models of sounds"]),
        (["evaluate", "model.onnx", "--on", ".", "--events"], ["has no clips.csv", "events.csv beside it"]),
    ],
)
def test_options_that_do_not_go_together(command, place, monkeypatch, words, says):
    monkeypatch.chdir(place)
    done = command(*words)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert all(text in line for text in says), line
