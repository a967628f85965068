import json

import numpy as np
import pytest
import torch

from earmark.evaluation.clip_metrics import interval, wilson
from earmark.training.held_out import Answers, answer, answer_crops, reliability, summary, total_confusion
from earmark.training.networks import Network
from earmark.training.prepared import Prepared

LABELS = ("a", "b", "c")


def one_hot(*labels):
    """Targets: a row of marks for each text of labels."""
    return np.array([[label in text for label in LABELS] for text in labels], np.float32)


def said(clips, *guesses, score=0.8):
    """Answers that give each clip's best label this score."""
    whole = np.full((len(clips), 3), (1 - score) / 2, np.float32)
    whole[np.arange(len(clips)), [LABELS.index(guess) for guess in guesses]] = score
    return Answers(np.array(clips), whole, whole)


TARGETS = one_hot("a", "b", "c", "a", "b", "c", "a", "b")
FIRST = said([0, 1, 2, 3], "a", "b", "c", "b")
SECOND = said([4, 5, 6, 7], "b", "c", "a", "b")


def test_figures_with_their_intervals():
    found = summary([FIRST, SECOND], ["fold-1", "fold-2"], TARGETS, LABELS, exclusive=True)
    json.dumps(found, allow_nan=False)
    assert [d["accuracy"] for d in found["divisions"]] == [0.75, 1.0]
    assert found["accuracy"]["mean"] == 0.875
    assert found["accuracy"]["std"] == 0.125
    assert found["accuracy"]["interval"] == [0, 1]  # what two folds say is next to nothing
    assert found["macro_f1"]["interval"][1] == 1
    assert {c["label"]: c["clips"] for c in found["classes"]} == {"a": 3, "b": 3, "c": 2}


def test_three_divisions_that_agree_give_a_narrow_interval():
    answers = [said([0, 1, 2, 3], "a", "b", "c", guess) for guess in ("b", "b", "a")]
    found = summary(answers, ["1", "2", "3"], TARGETS, LABELS)
    expected = interval([0.75, 0.75, 1.0])
    assert found["accuracy"]["interval"] == pytest.approx([round(expected[0], 4), 1.0])


def test_one_division_has_the_interval_of_its_clips():
    found = summary([FIRST], ["held-out"], TARGETS, LABELS)
    assert found["accuracy"]["interval"] == pytest.approx(wilson(3, 4), abs=1e-4)
    assert found["macro_f1"]["interval"] is None


def test_calibration_only_where_labels_exclude_each_other():
    both = [FIRST, SECOND]
    assert "calibration" not in summary(both, ["1", "2"], TARGETS, LABELS)
    found = summary(both, ["1", "2"], TARGETS, LABELS, exclusive=True)["calibration"]
    (only,) = found["bins"]
    assert (only["clips"], only["confidence"], only["accuracy"]) == (8, 0.8, 0.875)
    assert found["ece"] == pytest.approx(0.075, abs=1e-4)
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.8**2 + 0.9**2 + 0.1**2
    assert found["brier"] == pytest.approx((7 * right + wrong) / 8, abs=1e-4)


def test_clips_with_no_label_count_nowhere():
    targets = one_hot("a", "", "b")
    answers = said([0, 1, 2], "a", "a", "b")
    assert reliability([answers], targets).clips.sum() == 2
    assert total_confusion([answers], targets).sum() == 2
    found = summary([answers], ["x"], targets, LABELS, exclusive=True)
    assert found["accuracy"]["mean"] == 1
    assert found["accuracy"]["interval"] == pytest.approx(wilson(2, 2), abs=1e-4)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_nothing_labelled_at_all():
    found = summary([said([0], "a")], ["x"], one_hot(""), LABELS[:3], exclusive=True)
    assert found["calibration"] == {"ece": None, "bins": [], "brier": None}
    assert found["accuracy"] == {"mean": 0, "std": 0, "interval": [0, 1]}


class Level(Network):
    """Logits are a frame's two features."""

    stride = 1
    context = 0

    def forward(self, features):
        return features


def prepared(*clips):
    length = np.array([len(clip) for clip in clips])
    first = np.cumsum([0, *length[:-1]])
    return Prepared(np.concatenate(clips).astype(np.float16), first, length)


class Place(Level):
    """Answers with the mean of the first feature and how many frames it got, in logits."""

    def forward(self, features):
        self.heard.append(features[:, :, 0].numpy())
        return features


def test_crops_hold_what_is_loud():
    """Frames that say their number, of which only 40 to 49 are loud."""
    clip = np.stack([np.arange(100.0) - 200, np.where(np.arange(100) // 10 == 4, 0, -90) + 100.0], 1)
    network = Place()
    network.heard = []
    answer_crops(network, prepared(clip), np.array([0]), True, 4, 3)
    assert network.heard[0].tolist() == [[n - 200.0 + i for i in range(4)] for n in (38, 42, 47)]


def test_one_crop_as_long_as_the_clip_is_the_clip():
    rng = np.random.default_rng(0)
    features = prepared(*rng.normal(0, 1, (40, 6, 2)))
    clips = np.arange(40)
    for exclusive in (True, False):
        one = answer_crops(Level(), features, clips, exclusive, 6, 1)
        np.testing.assert_allclose(one.whole, answer(Level(), features, clips, exclusive, 1).whole, atol=1e-6)


def test_short_clips_are_repeated():
    features = prepared(np.array([[1.0, 0.0], [0.0, 3.0]]))
    one = answer_crops(Level(), features, np.array([0]), False, 4, 2).whole[0]
    assert np.allclose(one, torch.sigmoid(torch.tensor([0.5, 1.5])).numpy(), atol=1e-3)
