"""Classifiers of words on recordings whose words are known."""

import csv
import io
import json

import numpy as np
import pytest
from model_making import LOW_HIGH, low_high_model
from word_models import level_classifier, spoken

from earmark.errors import DatasetError, MediaError, ModelError
from earmark.evaluation import word_tables
from earmark.evaluation.frame_metrics import confusion
from earmark.evaluation.word_evaluation import (
    COLUMNS,
    Prediction,
    Recording,
    compare,
    find_recordings,
    load,
    predict,
    word_metrics,
)
from earmark.evaluation.word_metrics import WordErrors, count
from earmark.speech.segmentation import Word, Words

SECONDS = 2.0


def words(*spans):
    return tuple(Word(onset, offset) for onset, offset in spans)


def answer(name, truth, found, seed=0, **tags):
    """Scores are those of the words found, and noise."""
    recording = Recording(None, name, Words(name, SECONDS, words=truth), tags)
    blank = Prediction(recording, Words(name, SECONDS, "one", found), np.zeros(201, np.float32))
    noise = np.random.default_rng(seed).uniform(-0.6, 0.6, 201)
    return Prediction(recording, blank.found, np.clip(0.2 + 0.6 * blank.marked + noise, 0, 1).astype(np.float32))


TRUTH = words((0.2, 0.6), (0.9, 1.5))
GOOD = answer("a.wav", TRUTH, words((0.21, 0.6), (0.9, 1.53)), 1, condition="clean", speaker="x", take="1")
BAD = answer("b.wav", TRUTH, words((0.2, 1.5)), 2, condition="10dB", speaker="x", take="2")
LAST = answer("c.wav", TRUTH, TRUTH, 3, condition="clean", speaker="y", take="3")


def test_figures_of_a_corpus_come_from_sums():
    both = word_metrics([GOOD, BAD])
    assert (both.recordings, both.seconds) == (2, 4.0)
    assert both.far == count(GOOD.found.words, TRUTH) + count(BAD.found.words, TRUTH)
    assert both.near == count(GOOD.found.words, TRUTH, 0.02) + count(BAD.found.words, TRUTH, 0.02)
    assert both.marked == confusion(GOOD.marked, GOOD.truth) + confusion(BAD.marked, BAD.truth)
    scores, truth = np.append(GOOD.scores, BAD.scores), np.append(GOOD.truth, BAD.truth)
    assert both.scores.confusion == confusion(scores >= 0.5, truth)
    assert both.errors == WordErrors(right=2, merged=2)


def test_figures_are_those_of_scikit_learn():
    from sklearn import metrics

    of = word_metrics([GOOD, BAD, LAST])
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
    assert comparison.groups["condition"]["10dB"]["one"].summary() == word_metrics([BAD]).summary()
    assert comparison.groups["condition"]["clean"]["two"].summary() == word_metrics([GOOD, LAST]).summary()
    assert comparison.total["one"].far.true == sum(of["one"].far.true for of in comparison.groups["speaker"].values())


def test_json_holds_everything():
    content = json.loads(json.dumps(compare("speech", {"one": [GOOD, BAD, LAST]}).summary(), allow_nan=False))
    one = content["classifiers"]["one"]
    assert one["words_at_50_ms"]["token_f1"] == pytest.approx(8 / 11, abs=1e-5)
    assert one["frames_by_score"]["threshold"] == 0.5
    assert set(content["by"]["condition"]) == {"clean", "10dB"}


def test_the_table_shows_all_classifiers_and_groups():
    text = word_tables.plain(compare("speech", {"one": [GOOD, BAD, LAST], "the other": [GOOD, BAD, LAST]}))
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
    rows = list(csv.DictReader(io.StringIO(word_tables.summary_csv(comparison))))
    assert [(row["by"], row["value"]) for row in rows] == [
        ("", ""),
        ("condition", "clean"),
        ("condition", "10dB"),
        ("speaker", "x"),
        ("speaker", "y"),
    ]
    assert float(rows[0]["token_f1"]) == pytest.approx(comparison.total["one"].far.token_f1, abs=1e-5)
    rows = list(csv.DictReader(io.StringIO(word_tables.recordings_csv(comparison))))
    assert [(row["file"], row["take"], row["merged"]) for row in rows] == [
        ("a.wav", "1", "0"),
        ("b.wav", "2", "2"),
        ("c.wav", "3", "0"),
    ]


def test_silence_that_is_left_alone_has_no_ranking():
    text = word_tables.plain(compare("speech", {"one": [answer("s.wav", (), ())]}))
    row = next(line for line in text.splitlines() if line.startswith("one "))
    assert "-" in row.split()
    assert row.endswith("0/0")


SAID = ((0.3, 0.8), (1.1, 1.6))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = level_classifier(tmp_path_factory.mktemp("model") / "level.onnx")
    return load([str(path)])["level"]


def test_recordings_come_with_what_the_table_says_and_in_its_order(tmp_path):
    for name in ("a/one.wav", "b/two.wav", "c.wav"):
        spoken(tmp_path / name, *SAID)
    spoken(tmp_path / "untold.wav", truth=False)
    (tmp_path / "conditions.csv").write_text("file,condition,speaker\nb/two.wav,loud,π\na\\one.wav,clean\n", "utf-8")
    found = find_recordings(tmp_path)
    assert [recording.name for recording in found] == ["b/two.wav", "a/one.wav", "c.wav"]
    assert [dict(recording.tags) for recording in found] == [
        {"condition": "loud", "speaker": "π"},
        {"condition": "clean", "speaker": ""},
        {},
    ]
    assert [word.onset for word in found[0].truth.words] == [0.3, 1.1]


def test_a_folder_without_truth_says_what_to_do(tmp_path):
    spoken(tmp_path / "a.wav", truth=False)
    with pytest.raises(DatasetError, match=r"ground truth beside it; .*words\.json"):
        find_recordings(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"name,condition\na,b\n", "no column file"), (b"file\n\xff\xfe\n", "cannot be read")]
)
def test_a_table_that_is_none(tmp_path, content, reason):
    spoken(tmp_path / "a.wav", *SAID)
    (tmp_path / "conditions.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=reason):
        find_recordings(tmp_path)


def test_the_answer_of_a_known_classifier(tmp_path, classifier):
    spoken(tmp_path / "a.wav", *SAID)
    (recording,) = find_recordings(tmp_path)
    (answer,) = predict(recording, [classifier])
    assert len(answer.found.words) == 2
    for found, (onset, offset) in zip(answer.found.words, SAID, strict=True):
        assert (found.onset, found.offset) == pytest.approx((onset, offset), abs=0.02)
    assert answer.truth.shape == answer.marked.shape == answer.scores.shape
    assert ((answer.scores > 0.5) == answer.truth).mean() > 0.95
    assert answer.truth.sum() == 100


def test_nothing_counts_behind_the_end_of_the_truth(tmp_path, classifier):
    path = spoken(tmp_path / "a.wav", *SAID, (1.75, 1.95))
    content = {"recording": "a.wav", "duration": 1.7, "words": [{"onset": a, "offset": b} for a, b in SAID]}
    path.with_suffix(".words.json").write_text(json.dumps(content))
    (answer,) = predict(find_recordings(tmp_path)[0], [classifier])
    assert len(answer.found.words) == 2
    assert len(answer.scores) == 171


def test_frames_are_as_many_as_scores():
    truth = Words("a", 9.0, words=(Word(0.05, 7.0),))
    answer = Prediction(Recording(None, "a", truth), Words("a", 0.1), np.zeros(10, np.float32))
    assert answer.truth.tolist() == [False] * 5 + [True] * 5
    assert answer.marked.tolist() == [False] * 10


def test_a_recording_that_cannot_be_read(tmp_path, classifier):
    path = spoken(tmp_path / "a.wav", *SAID)
    (recording,) = find_recordings(tmp_path)
    path.write_bytes(b"no sound")
    with pytest.raises(MediaError):
        predict(recording, [classifier])


def test_classifiers_of_one_name_are_told_apart(tmp_path):
    first, second = level_classifier(tmp_path / "1.onnx"), level_classifier(tmp_path / "2.onnx")
    assert list(load([str(first), str(second)])) == [str(first), str(second)]
    other = level_classifier(tmp_path / "3.onnx", name="other")
    assert list(load([str(first), str(other)])) == ["level", "other"]


def test_a_model_of_something_else_is_refused(tmp_path):
    path = low_high_model(tmp_path / "m.onnx", LOW_HIGH.to_json())
    with pytest.raises(ModelError, match="no frame classifier of speech"):
        load([str(path)])
