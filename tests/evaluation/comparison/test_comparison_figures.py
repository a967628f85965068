import csv
import io
import json

import numpy as np
import pytest

from earmark.evaluation.comparison import tables
from earmark.evaluation.comparison.errors import WordErrors
from earmark.evaluation.comparison.figures import COLUMNS, compare, figures
from earmark.evaluation.comparison.runs import Answer, Recording
from earmark.evaluation.frames import confusion
from earmark.evaluation.words import count
from earmark.speech.segmentation import Word, Words

SECONDS = 2.0


def words(*spans):
    return tuple(Word(onset, offset) for onset, offset in spans)


def answer(name, truth, found, seed=0, **tags):
    """Scores are those of the words found, and noise."""
    recording = Recording(None, name, Words(name, SECONDS, words=truth), tags)
    blank = Answer(recording, Words(name, SECONDS, "one", found), np.zeros(201, np.float32))
    noise = np.random.default_rng(seed).uniform(-0.6, 0.6, 201)
    return Answer(recording, blank.found, np.clip(0.2 + 0.6 * blank.marked + noise, 0, 1).astype(np.float32))


TRUTH = words((0.2, 0.6), (0.9, 1.5))
GOOD = answer("a.wav", TRUTH, words((0.21, 0.6), (0.9, 1.53)), 1, condition="clean", speaker="x", take="1")
BAD = answer("b.wav", TRUTH, words((0.2, 1.5)), 2, condition="10dB", speaker="x", take="2")
LAST = answer("c.wav", TRUTH, TRUTH, 3, condition="clean", speaker="y", take="3")


def test_figures_of_a_corpus_come_from_sums():
    both = figures([GOOD, BAD])
    assert (both.recordings, both.seconds) == (2, 4.0)
    assert both.far == count(GOOD.found.words, TRUTH) + count(BAD.found.words, TRUTH)
    assert both.near == count(GOOD.found.words, TRUTH, 0.02) + count(BAD.found.words, TRUTH, 0.02)
    assert both.marked == confusion(GOOD.marked, GOOD.truth) + confusion(BAD.marked, BAD.truth)
    scores, truth = np.append(GOOD.scores, BAD.scores), np.append(GOOD.truth, BAD.truth)
    assert both.scores.confusion == confusion(scores >= 0.5, truth)
    assert both.errors == WordErrors(right=2, merged=2)


def test_figures_are_those_of_scikit_learn():
    from sklearn import metrics

    of = figures([GOOD, BAD, LAST])
    scores = np.concatenate([one.scores for one in (GOOD, BAD, LAST)])
    truth = np.concatenate([one.truth for one in (GOOD, BAD, LAST)])
    values = {column.name: column.value(of) for column in COLUMNS}
    assert values["auc"] == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert values["f1"] == pytest.approx(metrics.f1_score(truth, scores >= 0.5))
    assert values["precision"] == pytest.approx(metrics.precision_score(truth, scores >= 0.5))


def test_figures_by_what_the_table_says():
    comparison = compare("speech", {"one": [BAD, GOOD, LAST], "two": [BAD, GOOD, LAST]})
    assert {column: list(values) for column, values in comparison.groups.items()} == {
        "condition": ["10dB", "clean"],
        "speaker": ["x", "y"],
    }, "a column that tells each recording apart says nothing of them together"
    assert comparison.groups["condition"]["10dB"]["one"].summary() == figures([BAD]).summary()
    assert comparison.groups["condition"]["clean"]["two"].summary() == figures([GOOD, LAST]).summary()
    assert comparison.total["one"].far.true == sum(of["one"].far.true for of in comparison.groups["speaker"].values())


def test_json_holds_everything():
    content = json.loads(json.dumps(compare("speech", {"one": [GOOD, BAD, LAST]}).summary(), allow_nan=False))
    one = content["classifiers"]["one"]
    assert one["words_at_50_ms"]["token_f1"] == pytest.approx(8 / 11, abs=1e-5)
    assert one["frames_by_score"]["threshold"] == 0.5
    assert set(content["by"]["condition"]) == {"clean", "10dB"}


def test_the_table_shows_all_classifiers_and_groups():
    text = tables.plain(compare("speech", {"one": [GOOD, BAD, LAST], "the other": [GOOD, BAD, LAST]}))
    lines = text.splitlines()
    assert lines[0] == "3 recordings, 6 words, 0.1 minutes in speech"
    head = next(line for line in lines if line.startswith("classifier "))
    assert all(column.heading in head for column in COLUMNS)
    assert sum(line.startswith("the other ") for line in lines) == 2
    assert sum(line.startswith("10dB ") for line in lines) == 2
    assert next(line for line in lines if line.startswith("one ")).endswith("5/6")
    assert all(column.meaning in text for column in COLUMNS)


def test_csv_of_groups_and_of_recordings():
    comparison = compare("speech", {"one": [GOOD, BAD, LAST]})
    rows = list(csv.DictReader(io.StringIO(tables.summary_csv(comparison))))
    assert [(row["by"], row["value"]) for row in rows] == [
        ("", ""),
        ("condition", "clean"),
        ("condition", "10dB"),
        ("speaker", "x"),
        ("speaker", "y"),
    ]
    assert float(rows[0]["token_f1"]) == pytest.approx(comparison.total["one"].far.token_f1, abs=1e-5)
    rows = list(csv.DictReader(io.StringIO(tables.recordings_csv(comparison))))
    assert [(row["file"], row["take"], row["merged"]) for row in rows] == [
        ("a.wav", "1", "0"),
        ("b.wav", "2", "2"),
        ("c.wav", "3", "0"),
    ]


def test_silence_that_is_left_alone_has_no_ranking():
    text = tables.plain(compare("speech", {"one": [answer("s.wav", (), ())]}))
    row = next(line for line in text.splitlines() if line.startswith("one "))
    assert "-" in row.split()
    assert row.endswith("0/0")
