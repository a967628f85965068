"""One linear layer on embeddings, solved at once: each label against the others, and against what is nobody's.

Least squares with a penalty for large weights is a linear discriminant that few clips suffice for: on one clip of each
label it is as good as the nearest one, on twenty as good as logistic regression, and it takes a moment. Negatives
(`negatives`) are rows that no label holds for. Those that sound like a label's own clips are left out of what teaches
it: what is a dog to AudioSet must not count against a user's dog.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.errors import RecipeError
from earmark.events.boundaries import loud_steps
from earmark.models import negatives
from earmark.models.negatives import Negatives
from earmark.training.batches import LOUD_DB, TrainingSet, as_embeddings, clip_weights
from earmark.training.networks.mn import EmbeddingHead, MobileNet
from earmark.training.recipe import Recipe
from earmark.training.trainer import EpochReport, Report
from earmark.util.types import Array

OWN, OTHERS, NOBODYS = 0.05, 0.2, 0.75  # what rows of a label, of other labels and of none weigh in its answer
MIDDLE = 0.38  # the least squares answer, 0 to 1, at which a score is a half; chosen as benchmarks/open_set.py says
SLOPE = 10.0  # log-odds in 1 of that answer
THRESHOLDS = (0.5, 0.5)  # of scores: where events begin and end
EVOKED = 2  # AudioSet's classes that a label's clips evoke most


@dataclass(frozen=True)
class Rows:
    """What a head learns from."""

    values: Array  # [rows, size]
    weights: Array  # of the rows [rows], of a clip 1 in all, or what it counts for
    known: Array | None = None  # logits of AudioSet's classes [rows, classes]; None where nothing answers for them

    @cached_property
    def spread(self) -> tuple[Array, Array]:
        """Mean and standard deviation of the values, both [size]."""
        return self.values.mean(0), self.values.std(0) + 1e-6

    @cached_property
    def scaled(self) -> NDArray[np.float64]:
        """Values of mean 0 and variance 1, and a one for the bias behind them: [rows, size + 1]."""
        return _with_one((self.values - self.spread[0]) / self.spread[1])

    @cached_property
    def gram(self) -> NDArray[np.float64]:
        """The products of all columns of these: [size + 1, size + 1]."""
        return _gram(self.scaled, self.weights)


@dataclass(frozen=True)
class LinearHead:
    """Logits are `((values - mean) / deviation) @ weight.T + bias`."""

    mean: Array  # of the rows [size]
    deviation: Array  # theirs [size]
    weight: Array  # [labels, size]
    bias: Array  # [labels]

    def __call__(self, values: Array) -> Array:
        """Logits [rows, labels] of values [rows, size]."""
        return np.asarray((values - self.mean) / self.deviation @ self.weight.T + self.bias, np.float32)


def solve(own: Rows, targets: Array, strength: float, nobodys: Rows | None = None) -> LinearHead:
    """The head for the labels of a user's own rows, by targets that are 1 where one holds [rows, labels].

    The penalty has its strength for rows of unit variance. `nobodys` are rows that no label holds for; those that sound
    like a label's own do not teach it.
    """
    mean, deviation = (own if nobodys is None else nobodys).spread  # few clips do not tell how values vary
    x = _with_one((own.values - mean) / deviation)
    z, free = (x[:0], x[:0, 0]) if nobodys is None else (nobodys.scaled, nobodys.weights)
    all_own = _gram(x, own.weights)
    all_free = 0 * all_own if nobodys is None else nobodys.gram
    penalty = strength * np.eye(x.shape[1])
    penalty[-1, -1] = 1e-6
    solutions = []
    for label in range(targets.shape[1]):
        holds = targets[:, label] > 0
        alike = np.zeros(len(z), bool) if nobodys is None else _alike(own, holds, nobodys)
        its, weights = _gram(x[holds], own.weights[holds]), own.weights[holds]
        parts = [
            (OWN, its, weights.sum()),
            (OTHERS, all_own - its, own.weights[~holds].sum()),
            (NOBODYS, all_free - _gram(z[alike], free[alike]), free[~alike].sum()),
        ]
        parts = [(share, gram, weight) for share, gram, weight in parts if weight > 0]
        total = sum(share for share, _, _ in parts)
        gram = sum((share / total / weight * gram for share, gram, weight in parts), penalty)
        wanted = OWN / total * np.average(x[holds], axis=0, weights=weights)
        solutions.append(np.linalg.solve(gram, wanted))
    solved = np.array(solutions)
    weight, bias = SLOPE * solved[:, :-1], SLOPE * (solved[:, -1] - MIDDLE)
    return LinearHead(mean, deviation, weight.astype(np.float32), bias.astype(np.float32))


def _with_one(values: Array) -> NDArray[np.float64]:
    """Values, and a one for the bias behind them."""
    return np.pad(values.astype(np.float64), ((0, 0), (0, 1)), constant_values=1.0)


def _gram(rows: NDArray[np.float64], weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray((rows * weights[:, None]).T @ rows)


def _alike(own: Rows, holds: NDArray[np.bool_], nobodys: Rows) -> NDArray[np.bool_]:
    """Which rows of nobody's are above all what the label's rows are, of AudioSet's classes."""
    if own.known is None or nobodys.known is None:
        return np.zeros(len(nobodys.values), bool)
    mean, deviation = nobodys.known.mean(0), nobodys.known.std(0) + 1e-6
    clips = np.average((own.known[holds] - mean) / deviation, axis=0, weights=own.weights[holds])
    evoked = np.argsort(clips)[::-1][:EVOKED]
    return np.isin(((nobodys.known - mean) / deviation).argmax(1), evoked)


def solve_head(
    recipe: Recipe,
    network: MobileNet,
    data: TrainingSet,
    original: MobileNet | None,
    report: Report | None = None,
    cache: Path | None = None,
) -> MobileNet:
    """Solve what answers for the labels, on embeddings of a backbone that stays as it is.

    The recipe's `weight_decay` is the penalty. With the original, the backbone as it was published, the bundled
    negatives teach, too.

    Raises
    ------
    RecipeError
        The table of negatives was made by another backbone.
    """
    began = time.monotonic()
    nobodys = None if original is None else rows_of_table(network.answer, table_for(original))
    train = as_embeddings(data, network, cache)
    loud = [loud_steps(data.features.levels(i), network.stride, LOUD_DB) for i in range(len(data.features))]
    own, targets = rows_of(network.answer, train, loud, recipe.training.balance_sources)
    head = solve(own, targets, recipe.training.weight_decay, nobodys)
    fill(network.answer, head)
    if report:
        loss = float(np.average(_cross_entropy(head(own.values), targets), weights=own.weights))
        report(EpochReport(1, recipe.training.epochs, loss, time.monotonic() - began))
    return network.eval()


def table_for(original: MobileNet) -> Negatives:
    """The bundled negatives, which the backbone must have made.

    Raises
    ------
    RecipeError
        It has not.
    """
    table = negatives.bundled()
    original.eval()
    if original.answer.means != (3,) or not table.fits(lambda features: _embed(original, features)):
        options = ", ".join(f"{key}: {value}" for key, value in negatives.OPTIONS.items())
        remedy = f"set model.options to {{{options}}}, or training.negatives to false"
        raise RecipeError("training.negatives", "the bundled table was made by another backbone", remedy)
    return table


def rows_of(
    head: EmbeddingHead, data: TrainingSet, loud: Sequence[np.ndarray], balance_sources: float = 0.0
) -> tuple[Rows, Array]:
    """What the head sees in the loud steps of each clip, and which labels hold there."""
    of_clips = clip_weights(data.targets, 0.0, data.sources, balance_sources)
    values, targets, weights = [], [], []
    for clip in range(len(data.features)):
        active = loud[clip][: data.features.length[clip]]
        values.append(joined(head, data.features[clip])[active])
        held = data.targets[clip] if data.activity is None else data.activity[clip][active]
        targets.append(np.broadcast_to(held, (active.sum(), data.targets.shape[1])))
        weights.append(np.full(active.sum(), of_clips[clip] / active.sum()))
    seen = np.concatenate(values)
    return Rows(seen, np.concatenate(weights), known(head, seen)), np.concatenate(targets).astype(np.float32)


def rows_of_table(head: EmbeddingHead, table: Negatives) -> Rows:
    """What the head sees in each row of the table; of the bundled one kept for the run's other heads."""
    layers = (head.hidden.weight, head.hidden.bias, head.audioset.weight, head.audioset.bias)
    if table is negatives.bundled():
        return _rows_of_bundled(*(layer.detach().numpy().tobytes() for layer in layers))
    return _rows_of_table(table, *(layer.detach().numpy() for layer in layers))


@lru_cache(maxsize=1)
def _rows_of_bundled(*layers: bytes) -> Rows:
    weight, bias, last, last_bias = (np.frombuffer(layer, np.float32) for layer in layers)
    shaped = weight.reshape(len(bias), -1), bias, last.reshape(len(last_bias), -1), last_bias
    return _rows_of_table(negatives.bundled(), *shaped)


def _rows_of_table(table: Negatives, weight: Array, bias: Array, last: Array, last_bias: Array) -> Rows:
    """By AudioSet's hidden layer, with hard swish, and its last one."""
    linear = table.embeddings @ weight.T + bias
    hidden = linear * np.clip(linear / 6 + 0.5, 0, 1)
    values = np.concatenate([table.embeddings, hidden], axis=1)
    return Rows(values, np.ones(len(values), np.float32), np.asarray(hidden @ last.T + last_bias, np.float32))


@torch.no_grad()
def known(head: EmbeddingHead, seen: Array) -> Array:
    """Logits of AudioSet's classes [rows, classes] by what the head has seen [rows, size]."""
    logits: Tensor = head.audioset(torch.from_numpy(seen[:, -head.hidden.out_features :]))
    return logits.numpy()


@torch.no_grad()
def fill(head: EmbeddingHead, solved: LinearHead) -> None:
    """Give the head what was solved."""
    assert isinstance(head.normalise.running_mean, Tensor)
    assert isinstance(head.normalise.running_var, Tensor)
    head.normalise.running_mean.copy_(torch.from_numpy(solved.mean))
    head.normalise.running_var.copy_(torch.from_numpy(solved.deviation**2) - head.normalise.eps)
    head.head.weight.copy_(torch.from_numpy(solved.weight))
    head.head.bias.copy_(torch.from_numpy(solved.bias))


@torch.no_grad()
def joined(head: EmbeddingHead, embeddings: Array) -> Array:
    """What the head sees in one clip, [steps, size] of its embeddings [steps, bands]."""
    return np.asarray(head.joined(torch.from_numpy(embeddings)[None])[0].numpy())


@torch.no_grad()
def _embed(network: MobileNet, features: Array) -> Array:
    return np.asarray(network.embed(torch.from_numpy(features)[None])[0].numpy())


def _cross_entropy(logits: Array, targets: Array) -> Array:
    return np.asarray((np.logaddexp(0, logits) - targets * logits).sum(1), np.float32)
