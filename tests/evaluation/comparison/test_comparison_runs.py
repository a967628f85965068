import json

import numpy as np
import pytest
from model_making import LOW_HIGH, low_high_model
from word_models import level_classifier, spoken

from earmark.errors import DatasetError, MediaError, ModelError
from earmark.evaluation.comparison.runs import Answer, Recording, answers, find_recordings, load
from earmark.speech.segmentation import Word, Words

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
    (answer,) = answers(recording, [classifier])
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
    (answer,) = answers(find_recordings(tmp_path)[0], [classifier])
    assert len(answer.found.words) == 2
    assert len(answer.scores) == 171


def test_frames_are_as_many_as_scores():
    truth = Words("a", 9.0, words=(Word(0.05, 7.0),))
    answer = Answer(Recording(None, "a", truth), Words("a", 0.1), np.zeros(10, np.float32))
    assert answer.truth.tolist() == [False] * 5 + [True] * 5
    assert answer.marked.tolist() == [False] * 10


def test_a_recording_that_cannot_be_read(tmp_path, classifier):
    path = spoken(tmp_path / "a.wav", *SAID)
    (recording,) = find_recordings(tmp_path)
    path.write_bytes(b"no sound")
    with pytest.raises(MediaError):
        answers(recording, [classifier])


def test_classifiers_of_one_name_are_told_apart(tmp_path):
    first, second = level_classifier(tmp_path / "1.onnx"), level_classifier(tmp_path / "2.onnx")
    assert list(load([str(first), str(second)])) == [str(first), str(second)]
    other = level_classifier(tmp_path / "3.onnx", name="other")
    assert list(load([str(first), str(other)])) == ["level", "other"]


def test_a_model_of_something_else_is_refused(tmp_path):
    path = low_high_model(tmp_path / "m.onnx", LOW_HIGH.to_json())
    with pytest.raises(ModelError, match="no frame classifier of speech"):
        load([str(path)])
