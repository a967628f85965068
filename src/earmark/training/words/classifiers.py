"""How frame classifiers learn: by gradients, or, where they are linear, solved by least squares or LIBLINEAR.

Sentences hold local levels here, which all classifiers see: computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from earmark.training.networks import Network
from earmark.training.networks.frames import FrameClassifier, LinearFrames, StackedFrames, stacked
from earmark.training.recipe import TrainingLoop
from earmark.training.trainer import Task
from earmark.training.words.corpus import Sentences
from earmark.training.words.sentences import SPEECH, UNSURE

Array = NDArray[np.floating[Any]]

SVM_COST = 0.01  # C, the price of a frame on the wrong side
SVM_FRAMES = 120_000  # drawn from all: what a linear boundary needs, and memory holds
AT_ONCE = 16  # sentences that are answered at once
RIDGE = 1e-6  # of the mean squared input, so that inputs that repeat each other can be solved for


class FrameTask(Task):
    """Speech or not, frame by frame; the epoch with the least loss on the validation sentences is kept."""

    methods = ("answer",)
    cycle = (25.0, 1e4)
    largest_gradient = 1.0

    def __init__(self, settings: TrainingLoop, train: Sentences, validation: Sentences, fabric: Fabric) -> None:
        self.train, self.validation, self.fabric = train, validation, fabric
        self.batch = min(settings.batch, len(train.labels))

    @property
    def shape(self) -> tuple[int, int]:
        """Steps in an epoch, and sentences in each."""
        return len(self.train.labels) // self.batch, self.batch

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of the sentences of one epoch."""
        return rng.permutation(len(self.train.labels))

    def loss(self, network: Any, examples: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, None]:
        """Of this process's share of a batch."""
        chosen = np.sort(examples)[self.fabric.global_rank :: self.fabric.world_size]
        features, labels = (
            self.fabric.to_device(torch.from_numpy(part[chosen])) for part in (self.train.features, self.train.labels)
        )
        return frame_loss(network.answer(features.float())[..., 0], labels), None

    def validation_loss(self, network: Network) -> float:
        """Of all validation sentences."""
        assert isinstance(network, FrameClassifier)
        given = torch.from_numpy(answers(network, self.validation))
        return float(frame_loss(given, torch.from_numpy(self.validation.labels)))


@torch.no_grad()
def local_levels(network: FrameClassifier, sentences: Sentences) -> Sentences:
    """Sentences whose features are the local levels, which all classifiers learn from: computed once."""
    count, frames, bands = sentences.features.shape
    # Made in one piece: parts in a list, between the larger arrays that each was computed with, keep these in memory.
    levels = np.empty((count, frames, bands + 2), np.float16)
    for first in range(0, count, AT_ONCE):
        part = torch.from_numpy(sentences.features[first : first + AT_ONCE]).float()
        levels[first : first + AT_ONCE] = network.local(part).half().numpy()
    return replace(sentences, features=levels)


@torch.no_grad()
def answers(network: FrameClassifier, local: Sentences) -> NDArray[np.float32]:
    """Logits [sentences, frames] of sentences that hold local levels."""
    network.eval()
    device = next(network.parameters()).device
    batches = range(0, len(local.labels), AT_ONCE)
    parts = [torch.from_numpy(local.features[i : i + AT_ONCE]).float().to(device) for i in batches]
    return np.concatenate([network.answer(part)[..., 0].cpu().numpy() for part in parts])


def frame_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the frames that are certain; logits and marks are [batch, frames]."""
    certain = labels != UNSURE
    return functional.binary_cross_entropy_with_logits(logits[certain], (labels[certain] == SPEECH).float())


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
    """Weights and intercept nearest to 1 for speech and 0 for background, in closed form; calibrated."""
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


def fit_svm(network: LinearFrames, train: Sentences, validation: Sentences, rng: np.random.Generator) -> None:
    """A linear support vector machine (Cortes and Vapnik, 1995; LIBLINEAR) on frames drawn at random; calibrated."""
    from sklearn.svm import LinearSVC

    share = min(1.0, SVM_FRAMES / train.labels.size)
    inputs, targets = [], []
    for some, labels in _batches(network, train, standardised=True):
        drawn = rng.random(len(some)) < share
        inputs.append(some[drawn])
        targets.append(labels[drawn])
    machine = LinearSVC(C=SVM_COST, dual=False, random_state=int(rng.integers(2**31)))
    machine.fit(np.concatenate(inputs), np.concatenate(targets))
    _set(network, machine.coef_[0], float(machine.intercept_[0]))
    calibrate(network, validation)


def calibrate(network: LinearFrames, sentences: Sentences) -> None:
    """Scale and shift the answers so that they are log-odds (Platt, 1999), by sentences that did not train."""
    logits, certain = answers(network, sentences), sentences.labels != UNSURE
    scale, shift = platt(logits[certain].astype(np.float64), sentences.labels[certain] == SPEECH)
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
    for first in range(0, len(sentences.labels), AT_ONCE):
        features = torch.from_numpy(sentences.features[first : first + AT_ONCE]).float()
        labels = sentences.labels[first : first + AT_ONCE].reshape(-1)
        certain = labels != UNSURE
        inputs = see(features).reshape(-1, network.inputs).numpy()[certain]
        yield inputs, (labels[certain] == SPEECH).astype(np.float64)
