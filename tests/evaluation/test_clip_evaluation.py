import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from model_making import low_high_model

from earmark.datasets import Clip, Dataset
from earmark.errors import DatasetError
from earmark.evaluation import clip_evaluation
from earmark.evaluation.clip_evaluation import Predictions, predict
from earmark.models.model import load_model

pytestmark = pytest.mark.usefixtures("rough_pictures")

LABELS = ("a", "b", "c")


def answers(truth, scores, exclusive=False):
    clips = tuple(Clip(Path(f"{i}.wav")) for i in range(len(truth)))
    held = np.array([[label in labels for label in LABELS] for labels in truth])
    return Predictions(LABELS, exclusive, clips, held, np.array(scores, np.float32))


@pytest.fixture
def said():
    return answers(
        ["a", "a", "b", "ab", "bc", "", ""],
        [
            [0.9, 0.1, 0.2],  # right
            [0.3, 0.7, 0.1],  # a missed, b heard
            [0.1, 0.4, 0.2],  # best, but below a half
            [0.9, 0.6, 0.1],  # both
            [0.8, 0.9, 0.2],  # c missed, a heard
            [0.1, 0.1, 0.1],  # rightly nothing
            [0.1, 0.1, 0.6],  # wrongly c
        ],
    )


def test_figures_counted_by_hand(said):
    found = clip_evaluation.summary(said)
    assert found["one_label"]["accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["several_labels"] == {
        "clips": 2,
        "all_in_top": 0.5,
        "interval": pytest.approx([0.0945, 0.9055], abs=1e-3),
    }
    assert found["no_label"]["silent"] == 0.5
    a, b, c = found["classes"]
    assert (a["clips"], a["precision"], a["recall"], a["f1"]) == pytest.approx((3, 2 / 3, 2 / 3, 2 / 3), abs=1e-4)
    assert (b["clips"], b["precision"], b["recall"]) == pytest.approx((3, 2 / 3, 2 / 3), abs=1e-4)
    assert (c["clips"], c["precision"], c["recall"], c["f1"]) == (1, 0, 0, 0)
    assert found["macro_f1"] == pytest.approx(4 / 9, abs=1e-4)


def test_confusion_has_a_place_for_nothing(said):
    expected = np.zeros((4, 4), int)
    expected[0, 0] = expected[0, 1] = expected[1, 3] = expected[3, 3] = expected[3, 2] = 1
    np.testing.assert_array_equal(clip_evaluation.confusion(said), expected)


def test_errors_that_come_together(said):
    expected = np.zeros((3, 3), int)
    expected[0, 1] = expected[2, 0] = 1
    np.testing.assert_array_equal(clip_evaluation.errors_together(said), expected)


def test_labels_that_exclude_each_other_always_have_a_best():
    said = answers(["a", "b"], [[0.4, 0.35, 0.25], [0.4, 0.35, 0.25]], exclusive=True)
    assert clip_evaluation.marked(said).tolist() == [[True, False, False]] * 2
    assert clip_evaluation.summary(said)["one_label"]["accuracy"] == 0.5


def test_without_clips_of_a_kind_there_is_no_figure():
    found = clip_evaluation.summary(answers([""], [[0.1, 0.1, 0.1]]))
    assert found["one_label"] == {"clips": 0, "accuracy": None, "interval": None}
    assert found["macro_f1"] is None
    assert "accuracy" not in clip_evaluation.plain(found)


@pytest.fixture
def tones(tmp_path):
    """A low tone, a high one, both, and one excerpt of a recording that has the low one first."""
    rate, time = 22050, np.arange(22050) / 22050
    low, high = 0.3 * np.sin(2 * np.pi * 300 * time), 0.3 * np.sin(2 * np.pi * 4000 * time)
    for name, samples in {"low": low, "high": high, "both": low + high, "then": np.concatenate([low, high])}.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, rate)
    clips = [Clip(tmp_path / f"{name}.wav", labels=(name,)) for name in ("low", "high")]
    clips += [Clip(tmp_path / "both.wav", labels=("low", "high")), Clip(tmp_path / "then.wav", 1.1, 1.9, ("high",))]
    return Dataset("tones", tuple(clips), exclusive=False)


def test_a_model_is_asked_about_each_clip(tones, low_high_file, tmp_path):
    seen = []
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    dataset = tones.with_clips([*tones.clips, Clip(broken, labels=("low",))])
    said = predict(load_model(low_high_file), dataset, lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(said.scores > 0.5, said.truth)
    assert len(said.clips) == 4
    assert [error.subject for error in said.unreadable] == [str(broken)]
    assert seen[-1] == (5, 5)


def test_a_dataset_of_other_labels_is_refused(low_high_file, tones):
    other = Dataset("birds", (Clip(tones.clips[0].path, labels=("wren",)),))
    with pytest.raises(DatasetError, match=r"none of the model's labels; it has wren.*relabel="):
        predict(load_model(low_high_file), other)


def test_the_report_can_be_read_again(said, tmp_path):
    found = clip_evaluation.summary(said)
    paths = clip_evaluation.write(said, found, tmp_path / "out")
    assert [path.name for path in paths] == ["metrics.json", "predictions.csv", "confusion.png", "errors.png"]
    assert json.loads(paths[0].read_text()) == found
    with paths[1].open() as file:
        rows = list(csv.DictReader(file))
    assert rows[3]["labels"] == "a;b"
    assert float(rows[3]["b"]) == pytest.approx(0.6)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[2:])


def test_loud_moments_alone_count_where_the_model_says_so(tmp_path):
    """A short tone, then a long silence: as a whole, the tone."""
    from dataclasses import replace

    from model_making import LOW_HIGH

    rate, time = 22050, np.arange(4410) / 22050
    path = tmp_path / "short.wav"
    soundfile.write(path, np.concatenate([0.3 * np.sin(2 * np.pi * 300 * time), np.zeros(10 * rate)]), rate)
    dataset = Dataset("short", (Clip(path, labels=("low",)),))
    scores = {}
    for loud in (None, 30.0):
        model = low_high_model(tmp_path / f"{loud}.onnx", replace(LOW_HIGH, loud=loud).to_json())
        scores[loud] = predict(load_model(model), dataset).scores[0, 0]
    assert scores[None] < 0.1
    assert scores[30.0] > 0.9


def test_pictures_leave_out_labels_that_do_not_occur():
    matrix = np.zeros((4, 4), int)
    matrix[1, 3] = 2
    shown, labels = clip_evaluation.occurring(matrix, ["a", "b", "c", "d"])
    assert labels == ["b", "d"]
    assert shown.tolist() == [[0, 2], [0, 0]]
    assert clip_evaluation.occurring(np.zeros((3, 3), int), LABELS)[1] == ["a", "b"]
