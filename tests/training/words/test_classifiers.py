"""Least squares, the support vector machine and their calibration, against independent solutions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from earmark.training.networks.frames import GRUFrames, LinearFrames, stacked
from earmark.training.recipe import TrainingLoop
from earmark.training.words import classifiers
from earmark.training.words.classifiers import FrameTask, answers, frame_loss
from earmark.training.words.corpus import Sentences
from earmark.training.words.sentences import SPEECH, UNSURE

BANDS = 4


def sentences(seed, count=30, frames=80):
    """Frames whose first value says, with noise, whether they are speech; some are unsure."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.random((count, frames // 10)) < 0.5, 10, axis=1).astype(np.uint8)
    features = rng.normal(0, 1, (count, frames, BANDS + 2)).astype(np.float16)
    features[..., 0] += 2 * labels
    labels[rng.random(labels.shape) < 0.1] = UNSURE
    return Sentences(features, labels)


TRAIN, VALIDATION = sentences(0), sentences(1)


def standardised():
    network = LinearFrames(BANDS, 1)
    classifiers.standardise(network, TRAIN)
    return network


def inputs_and_truth(network, data):
    certain = data.labels != UNSURE
    with torch.no_grad():
        inputs = network.standardised(torch.from_numpy(data.features).float()).numpy()
    return inputs[certain], data.labels[certain] == SPEECH


def test_inputs_have_no_mean_and_unit_deviation():
    inputs, _ = inputs_and_truth(standardised(), TRAIN)
    assert np.abs(inputs.mean(0)).max() < 1e-3
    assert inputs.std(0) == pytest.approx(1, abs=1e-2)


def test_least_squares_is_that_of_numpy(monkeypatch):
    monkeypatch.setattr(classifiers, "calibrate", lambda network, sentences: None)
    network = standardised()
    classifiers.fit_least_squares(network, TRAIN, VALIDATION)
    inputs, truth = inputs_and_truth(network, TRAIN)
    design = np.hstack([inputs, np.ones((len(inputs), 1))]).astype(np.float64)
    expected, *_ = np.linalg.lstsq(design, truth.astype(np.float64), rcond=None)
    assert network.head.weight[0].detach().numpy() == pytest.approx(expected[:-1], abs=2e-3)
    assert network.head.bias.item() == pytest.approx(expected[-1], abs=2e-3)


@pytest.mark.parametrize("kind", ["least_squares", "svm"])
def test_both_learn_and_their_scores_are_probabilities(kind):
    network = standardised()
    if kind == "svm":
        classifiers.fit_svm(network, TRAIN, VALIDATION, np.random.default_rng(0))
    else:
        classifiers.fit_least_squares(network, TRAIN, VALIDATION)
    test = sentences(2, count=100)
    certain = test.labels != UNSURE
    truth = test.labels[certain] == SPEECH
    scores = 1 / (1 + np.exp(-answers(network, test)[certain]))
    assert np.mean((scores >= 0.5) == truth) > 0.85
    for low, high in ((0.1, 0.4), (0.4, 0.6), (0.6, 0.9)):
        chosen = (scores > low) & (scores < high)
        assert truth[chosen].mean() == pytest.approx(scores[chosen].mean(), abs=0.08)


def test_platts_calibration_is_a_logistic_regression():
    rng = np.random.default_rng(0)
    truth = rng.random(5000) < 0.4
    values = rng.normal(truth * 1.5, 1.0)
    scale, shift = classifiers.platt(values, truth)
    peer = LogisticRegression(C=1e9).fit(values[:, None], truth)
    assert scale == pytest.approx(peer.coef_[0, 0], rel=0.01)
    assert shift == pytest.approx(peer.intercept_[0], rel=0.01)


def test_calibration_of_what_can_be_told_without_error_is_finite():
    scale, shift = classifiers.platt(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([False, False, True, True]))
    assert np.isfinite([scale, shift]).all()
    assert scale > 0


def test_stacked_inputs_are_as_many_as_the_classifier_has():
    assert stacked(torch.zeros(1, 5, BANDS + 2)).shape[2] == LinearFrames(BANDS, 1).inputs


def test_processes_share_a_batch():
    network = GRUFrames(BANDS, 1, units=4, layers=1)
    rng = np.random.default_rng(0)

    def loss(rank, processes):
        fabric = SimpleNamespace(global_rank=rank, world_size=processes, to_device=lambda part: part)
        return FrameTask(TrainingLoop(), TRAIN, VALIDATION, fabric).loss(network, np.array([4, 9, 1, 6]), rng)[0]

    def expected(numbers):
        parts = [torch.from_numpy(part[numbers]) for part in (TRAIN.features, TRAIN.labels)]
        return frame_loss(network.answer(parts[0].float())[..., 0], parts[1])

    assert torch.allclose(loss(0, 1), expected([1, 4, 6, 9]))
    assert torch.allclose(loss(0, 2), expected([1, 6]))
    assert torch.allclose(loss(1, 2), expected([4, 9]))
