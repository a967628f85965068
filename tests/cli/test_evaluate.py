"""`earmark evaluate` and `earmark compare` on recordings with known words."""

import csv
import io
import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from word_models import level_classifier, spoken

from earmark.cli import common

SAID = ((0.3, 0.8), (1.1, 1.6))


@pytest.fixture(scope="module")
def place(tmp_path_factory, low_high_file):
    root = tmp_path_factory.mktemp("place")
    for name in ("a.wav", "b.wav"):
        spoken(root / "speech" / name, *SAID)
    (root / "speech" / "conditions.csv").write_text("file,speaker\na.wav,Ada\nb.wav,Ben\n")
    level_classifier(root / "level.onnx")
    level_classifier(root / "deaf.onnx", "deaf", 20)
    (root / "sounds.onnx").write_bytes(low_high_file.read_bytes())
    (root / "empty").mkdir()
    for label, pitch in (("deep", 300), ("high", 4000)):
        (root / "tones" / label).mkdir(parents=True)
        tone = 0.3 * np.sin(2 * np.pi * pitch * np.arange(22050) / 22050)
        soundfile.write(root / "tones" / label / "tone.wav", tone, 22050)
    return root


@pytest.fixture
def earmark(command, place, monkeypatch):
    monkeypatch.chdir(place)
    return command


def assert_one_line(done, *says):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert done.stdout == ""
    assert all(text in line for text in says), line


def test_evaluate(earmark):
    done = earmark("evaluate", "level.onnx", "--on", "speech")
    assert (done.returncode, done.stderr) == (0, "")
    head, _, titles, row, *_ = done.stdout.splitlines()
    assert head == "2 recordings, 4 words, 0.1 minutes in speech"
    assert titles.split()[0] == "classifier"
    assert row.split()[0] == "level"
    assert row.split()[-1] == "4/4"
    assert "1.000" in row


@pytest.mark.usefixtures("rough_pictures")
def test_a_model_of_sounds_is_measured_on_clips(earmark, tmp_path):
    done = earmark("evaluate", "sounds.onnx", "--on", "tones", "--relabel", "deep=low", "--out", tmp_path / "report")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].split() == ["low", "1", "1.000", "1.000", "1.000"]
    assert "1.000  clips with one label" in done.stdout
    assert done.stderr.split() == [
        str(tmp_path / "report" / name) for name in ("metrics.json", "predictions.csv", "confusion.png", "errors.png")
    ]


def test_labels_that_a_model_of_sounds_does_not_know_count_as_none(earmark):
    done = earmark("evaluate", "sounds.onnx", "--on", "tones", "--to", "json")
    figures = json.loads(done.stdout)
    assert (figures["one_label"]["clips"], figures["one_label"]["accuracy"]) == (1, 1)
    assert (figures["no_label"]["clips"], figures["no_label"]["silent"]) == (1, 0)
    assert "counted as none of its labels: deep (1 clips)" in done.stderr


def test_compare_gives_a_row_for_each(earmark):
    done = earmark("compare", "level.onnx", "deaf.onnx", "--on", "speech", "--to", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["by"], row["classifier"], row["found"]) for row in rows[:2]] == [("", "level", "4"), ("", "deaf", "0")]
    assert {row["value"] for row in rows[2:]} == set(), "each recording has a speaker of its own: nothing to sum up"
    assert float(rows[0]["token_f1"]) == 1
    assert float(rows[1]["recall"]) == 0


def test_compare_measures_all_bundled_ones(earmark):
    from earmark.speech.words import classifiers

    done = earmark("compare", "--on", "speech", "--to", "json")
    assert list(json.loads(done.stdout)["classifiers"]) == classifiers()


def test_json(earmark):
    done = earmark("evaluate", "level.onnx", "--on", "speech", "--to", "json")
    figures = json.loads(done.stdout)["classifiers"]["level"]
    assert figures["words_at_50_ms"]["token_f1"] == 1
    assert figures["errors"]["right"] == 4
    assert figures["recordings"] == 2


@pytest.mark.usefixtures("rough_pictures")
def test_a_report(earmark, tmp_path):
    done = earmark("compare", "level.onnx", "deaf.onnx", "--on", "speech", "--out", tmp_path / "report")
    assert done.returncode == 0
    assert done.stderr.strip() == str(tmp_path / "report" / "report.html")
    assert done.stdout.startswith("2 recordings")
    assert {"report.html", "summary.csv", "recordings.csv", "roc.png"} <= {
        p.name for p in (tmp_path / "report").iterdir()
    }


def test_a_broken_recording_spares_the_others(earmark, place, tmp_path):
    spoken(tmp_path / "good.wav", *SAID)
    spoken(tmp_path / "bad.wav", *SAID).write_bytes(b"no sound")
    done = earmark("evaluate", "level.onnx", "--on", tmp_path)
    assert done.returncode == 1
    assert "bad.wav" in done.stderr
    assert done.stdout.startswith("1 recording, 2 words")
    (tmp_path / "good.wav").write_bytes(b"no sound either")
    done = earmark("evaluate", "level.onnx", "--on", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no recording that can be measured" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "level.onnx", "--on", "empty"], ["empty", "ground truth"]),
        (["evaluate", "level.onnx", "--on", "nowhere"], ["nowhere", "no folder"]),
        (["evaluate", "gone.onnx", "--on", "speech"], ["gone.onnx", "no such model"]),
        (["evaluate", "sounds.onnx", "--on", "speech"], ["speech", "is laid out in no way that is known"]),
        (["evaluate", "sounds.onnx", "--on", "tones", "--relabel", "deep"], ["--relabel deep", "OLD=NEW"]),
        (["evaluate", "sounds.onnx", "--on", "tones", "--relabel", "loud=low"], ["--relabel loud", "deep, high"]),
        (["evaluate", "sounds.onnx", "--on", "tones", "--relabel", "deep=lo"], ["no label of the model", "knows low"]),
        (["evaluate", "sounds.onnx", "--on", "tones", "--to", "csv"], ["--to csv", "table, json"]),
        (["evaluate", "level.onnx", "--on", "speech", "--relabel", "a=b"], ["--relabel", "models of sounds"]),
        (["compare", "level.onnx", "sounds", "--on", "speech"], ["sounds.onnx", "no frame classifier of speech"]),
        (["evaluate", "level.onnx", "--on", "speech", "--to", "xml"], ["--to xml", "table, json, csv"]),
        (["evaluate", "level.onnx", "--on", "speech", "--out", "level.onnx"], ["--out level.onnx", "is a file"]),
    ],
)
def test_mistakes_are_told_in_one_line(earmark, words, says):
    assert_one_line(earmark(*words), *says)


def test_a_report_needs_matplotlib_and_a_table_does_not(earmark, monkeypatch):
    """In a Python that has no matplotlib."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(
        common, "find_spec", lambda name, *rest: None if name == "matplotlib" else find_spec(name, *rest)
    )
    done = earmark("evaluate", "level.onnx", "--on", "speech", "--out", "r")
    assert done.returncode == 1
    assert "earmark[plot]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = earmark("evaluate", "level.onnx", "--on", "speech")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["evaluate", "compare"])
def test_help_has_examples(earmark, name):
    done = earmark(name, "--help")
    assert f"earmark {name} " in done.stdout.partition("Examples:")[2]
