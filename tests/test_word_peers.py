"""The benchmark of word finding: its scoring, its cache and its tables, with detectors made here."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.datasets.ground_truth import truth_beside
from earmark.formats.json_files import WordsJson
from earmark.speech.segmentation import Word, Words

RATE = 16000
SPANS = ((0.5, 0.9), (1.2, 1.8), (2.0, 2.3))


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import word_peers

    return word_peers


@pytest.fixture
def sentences(tmp_path):
    """Two conditions of one recording each: tones, and tones in faint noise."""
    folder = tmp_path / "sentences"
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)
    spoken = sum((np.arange(3 * RATE) >= a * RATE) & (np.arange(3 * RATE) < b * RATE) for a, b in SPANS)
    for condition, level in (("clean", 0), ("20dB", 0.01)):
        path = folder / condition / "anna-001.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, tone * spoken + level * np.random.default_rng(0).standard_normal(3 * RATE), RATE)
        with path.with_suffix(".words.json").open("w") as file:
            WordsJson().write(Words(path.name, 3.0).with_words(Word(*span) for span in SPANS), file)
    rows = "".join(f"{c}/anna-001.flac,anna,en,f,{c}\n" for c in ("clean", "20dB"))
    (folder / "conditions.csv").write_text("file,speaker,language,sex,condition\n" + rows)
    return folder


def told(bench, calls, identity="1"):
    """A detector that knows the truth, and counts how often it is asked."""

    def find(path):
        calls.append(path)
        return [(word.onset, word.offset) for word in truth_beside(path).words]

    return bench.Detector("told", "Told", identity, find)


def test_the_truth_scores_one_in_every_group(bench, sentences, tmp_path):
    rows = list(bench.measured(told(bench, []), bench.sentences_in(sentences), tmp_path))
    assert {(row["condition"], row["group"]) for row in rows} == {
        (condition, group) for condition in ("clean", "20dB") for group in ("", *bench.GROUPS)
    }
    for row in rows:
        figures = (
            "frame_accuracy",
            "frame_f1",
            "boundary_f1_20ms",
            "boundary_f1_50ms",
            "r_value_50ms",
            "token_f1_50ms",
        )
        assert [row[key] for key in figures] == [1] * 6


def test_answers_are_kept_until_something_changes(bench, sentences, tmp_path):
    tested, calls = bench.sentences_in(sentences), []
    for _ in range(2):
        list(bench.measured(told(bench, calls), tested, tmp_path))
    assert len(calls) == 2
    list(bench.measured(told(bench, calls, "2"), tested, tmp_path))
    assert len(calls) == 4
    changed = sentences / "clean" / "anna-001.flac"
    soundfile.write(changed, np.zeros(3 * RATE), RATE)
    list(bench.measured(told(bench, calls, "2"), tested, tmp_path))
    assert calls[4:] == [changed]


def test_an_energy_threshold_finds_tones_at_any_level(bench):
    from word_detectors import EnergyThreshold

    from earmark.speech import energy as contour

    samples = np.zeros(3 * RATE, np.float32)
    for a, b in SPANS:
        samples[round(a * RATE) : round(b * RATE)] = np.sin(np.arange(round((b - a) * RATE)))
    samples += 0.003 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    threshold = EnergyThreshold(9, 20, 25, 0.15)
    for level in (1.0, 0.01):
        found = threshold.spans(contour.levels(np.float32(level) * samples, RATE))
        assert np.array(found) == pytest.approx(np.array(SPANS), abs=0.0151)


def test_short_pauses_are_bridged_and_short_runs_dropped(bench):
    from word_detectors import smoothed

    mask = np.zeros(100, np.bool_)
    mask[[*range(10, 20), *range(25, 40), *range(60, 64)]] = True
    assert smoothed(mask) == [pytest.approx((0.095, 0.395))]


def test_webrtcvads_collector(bench):
    from word_detectors import _collected

    voiced = np.zeros(200, np.bool_)
    voiced[50:120] = True
    ((first, last),) = _collected(voiced)
    assert first <= 50
    assert 140 <= last <= 150  # the silence by which it notices the end belongs to the words
    assert _collected(~voiced)[-1][1] == 200


def test_tuning_is_kept(bench, sentences, tmp_path, monkeypatch):
    tested = bench.sentences_in(sentences)
    monkeypatch.setattr(bench, "GRID", ((6, 9), (20,), (25,), (0.15,)))
    first = bench.tuned(tested, tmp_path / "threshold.json")
    kept = (tmp_path / "threshold.json").stat().st_mtime_ns
    assert bench.tuned(tested, tmp_path / "threshold.json") == first
    assert (tmp_path / "threshold.json").stat().st_mtime_ns == kept


def test_what_is_written(bench, sentences, tmp_path):
    tested = bench.sentences_in(sentences)
    deaf = bench.Detector("deaf", "Deaf", "1", lambda path: [])
    detectors = [told(bench, []), deaf]
    rows = [row for detector in detectors for row in bench.measured(detector, tested, tmp_path / "cache")]
    bench.write(bench.report_of(rows, detectors, tested, tmp_path / "out"), tmp_path / "out")
    report = json.loads((tmp_path / "out" / "peers.json").read_text())
    assert report["words"] == {"clean": 3, "20dB": 3}
    with (tmp_path / "out" / "peers.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(report["rows"]) == 16
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| Told | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 3 |" in table
    assert "| Deaf | 0.568 | 0.000 |" in table
    assert "| speaker anna | 1.000 / 1.000 | 1.000 / 1.000 |" in table
    assert (tmp_path / "out" / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_rows_of_others_stay_while_the_data_are_the_same(bench, sentences, tmp_path):
    tested, out = bench.sentences_in(sentences), tmp_path / "out"
    deaf = bench.Detector("deaf", "Deaf", "1", lambda path: [])
    hears = bench.Detector("deaf", "Hears", "2", told(bench, []).find)

    def measured(*detectors, of=tested):
        rows = [row for one in detectors for row in bench.measured(one, of, tmp_path / one.identity)]
        bench.write(bench.report_of(rows, detectors, of, out), out)
        return json.loads((out / "peers.json").read_text())

    measured(told(bench, [], "3"), deaf)
    report = measured(hears)
    assert report["detectors"] == {"told": "Told", "deaf": "Hears"}
    assert report["identities"] == {"told": "3", "deaf": "2"}
    assert [row["detector"] for row in report["rows"]] == ["told"] * 8 + ["deaf"] * 8
    assert {row["frame_f1"] for row in report["rows"]} == {1}
    assert list(measured(hears, of=tested[:1])["detectors"]) == ["deaf"]


@pytest.mark.shared
def test_hand_marked_pauses(bench, shared):
    tested = bench.pauses_in(shared / "speech_pauses")
    assert len(tested) == 46
    assert {one.condition for one in tested} == {"speech_pauses"}
    assert all(one.truth.words for one in tested)
