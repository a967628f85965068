"""The two linear frame classifiers: least squares in closed form, and a support vector machine; both calibrated.

Sentences hold local levels here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.training.networks.frame_classifiers import LinearFrames, StackedFrames, stacked
from earmark.training.words.corpus import Sentences
from earmark.training.words.fit import AT_ONCE, answers
from earmark.training.words.pieces import SPEECH, UNSURE

Array = NDArray[np.floating[Any]]

SVM_FRAMES = 120_000  # drawn from all: what a linear boundary needs, and memory holds
RIDGE = 1e-6  # of the mean squared input, so that inputs that repeat each other can be solved for


def standardise(network: StackedFrames, sentences: Sentences) -> None:
    """Set the mean and deviation of a classifier's inputs to those of some sentences."""
    count, total, squares = 0, np.zeros(network.inputs), np.zeros(network.inputs)
    for inputs, _ in _batches(network, sentences):
        count += len(inputs)
        total += inputs.sum(axis=0, dtype=np.float64)
        squares += np.einsum("ij,ij->j", inputs, inputs, dtype=np.float64)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    network.mean.copy_(torch.from_numpy(mean))
    network.deviation.copy_(torch.from_numpy(deviation))


def fit_least_squares(network: LinearFrames, train: Sentences, validation: Sentences) -> None:
    """Weights and intercept that are nearest to 1 for speech and 0 for background, in closed form; then calibrated."""
    size = network.inputs + 1
    gram, moments = np.zeros((size, size)), np.zeros(size)
    for inputs, targets in _batches(network, train, standardised=True):
        design = np.hstack([inputs, np.ones((len(inputs), 1), np.float32)]).astype(np.float64)
        gram += design.T @ design
        moments += design.T @ targets
    gram[np.diag_indices(size - 1)] += RIDGE * np.trace(gram) / size
    solution = np.linalg.solve(gram, moments)
    _set(network, solution[:-1], float(solution[-1]))
    calibrate(network, validation)


def fit_svm(
    network: LinearFrames, train: Sentences, validation: Sentences, rng: np.random.Generator, cost: float = 0.01
) -> None:
    """A linear support vector machine (Cortes and Vapnik, 1995; LIBLINEAR) on frames drawn at random; calibrated.

    Args:
        network: is given the weights.
        train: frames are drawn from these.
        validation: calibrates.
        rng: draws.
        cost: C, the price of a frame on the wrong side.
    """
    from sklearn.svm import LinearSVC

    share = min(1.0, SVM_FRAMES / train.marks.size)
    inputs, targets = [], []
    for some, marks in _batches(network, train, standardised=True):
        drawn = rng.random(len(some)) < share
        inputs.append(some[drawn])
        targets.append(marks[drawn])
    machine = LinearSVC(C=cost, dual=False, random_state=int(rng.integers(2**31)))
    machine.fit(np.concatenate(inputs), np.concatenate(targets))
    _set(network, machine.coef_[0], float(machine.intercept_[0]))
    calibrate(network, validation)


def calibrate(network: LinearFrames, sentences: Sentences) -> None:
    """Scale and shift the answers so that they are log-odds (Platt, 1999), by sentences that did not train."""
    logits, certain = answers(network, sentences), sentences.marks != UNSURE
    scale, shift = platt(logits[certain].astype(np.float64), sentences.marks[certain] == SPEECH)
    weight, bias = network.head.weight[0].detach().double().numpy(), network.head.bias.item()
    _set(network, weight * scale, bias * scale + shift)


def platt(answers: Array, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and shift that make answers log-odds of the truth: a logistic regression of one variable.

    Targets are Platt's smoothed ones, so that it has a solution where the classes can be told apart without error.
    """
    from scipy.optimize import minimize

    yes, no = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(parameters: Array) -> tuple[float, Array]:
        logits = parameters[0] * answers + parameters[1]
        wrong = 1 / (1 + np.exp(-logits)) - targets
        return float(np.mean(np.logaddexp(0, logits) - targets * logits)), np.array(
            [np.mean(wrong * answers), np.mean(wrong)]
        )

    found = minimize(loss, np.array([1.0 / max(float(answers.std()), 1e-6), 0.0]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])


def _set(network: LinearFrames, weights: Array, intercept: float) -> None:
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(np.asarray(weights))[None])
        network.head.bias.fill_(intercept)


@torch.no_grad()
def _batches(
    network: StackedFrames, sentences: Sentences, standardised: bool = False
) -> Iterator[tuple[NDArray[np.float32], Array]]:
    """Inputs [frames, inputs] and targets [frames] of the certain frames, some sentences at a time."""
    network.eval()
    see = network.standardised if standardised else stacked
    for first in range(0, len(sentences.marks), AT_ONCE):
        features = torch.from_numpy(sentences.features[first : first + AT_ONCE]).float()
        marks = sentences.marks[first : first + AT_ONCE].reshape(-1)
        certain = marks != UNSURE
        inputs = see(features).reshape(-1, network.inputs).numpy()[certain]
        yield inputs, (marks[certain] == SPEECH).astype(np.float64)
