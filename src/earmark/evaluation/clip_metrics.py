"""Metrics of predictions for whole clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class ClassMetrics:
    """How well one class is recognised."""

    label: str
    precision: float
    recall: float
    f1: float
    clips: int


def confusion_matrix(truth: NDArray[np.int64], guess: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Counts [true class, guessed class]."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, guess), 1)
    return matrix


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Share of clips on the diagonal."""
    return float(np.trace(matrix) / max(1, matrix.sum()))


def per_class(matrix: NDArray[np.int64], labels: tuple[str, ...]) -> list[ClassMetrics]:
    """Precision, recall and F1 of each class; 0 where undefined."""
    hits = np.diag(matrix).astype(float)
    precision = hits / np.maximum(1, matrix.sum(0))
    recall = hits / np.maximum(1, matrix.sum(1))
    f1 = 2 * hits / np.maximum(1, matrix.sum(0) + matrix.sum(1))
    counts = matrix.sum(1)
    return [
        ClassMetrics(label, float(precision[i]), float(recall[i]), float(f1[i]), int(counts[i]))
        for i, label in enumerate(labels)
    ]


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that have clips."""
    present = matrix.sum(1) > 0
    f1 = 2 * np.diag(matrix) / np.maximum(1, matrix.sum(0) + matrix.sum(1))
    return float(f1[present].mean()) if present.any() else 0.0


def average_precision(scores: NDArray[np.floating[Any]], truth: NDArray[np.bool_]) -> float:
    """Area under precision over recall, by the step rule; NaN without a positive.

    Equal scores are taken together, so the order of the clips does not matter.
    """
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], truth[order]
    marked = np.searchsorted(-ranked, -ranked, side="right")  # clips that score as much or more
    return float((np.cumsum(hits)[marked - 1] / marked)[hits].mean())


def best_threshold(
    scores: NDArray[np.floating[Any]], truth: NDArray[np.bool_], beta: float = 0.5, default: float = 0.5
) -> float:
    """The threshold with the best F-beta of `scores >= threshold`.

    `beta` below 1 weighs a false mark heavier than a missed one. Halfway between the two scores that it divides;
    `default` where there is nothing to choose by.
    """
    if not truth.any() or truth.all():
        return default
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(truth[order])
    marked = np.arange(1, len(ranked) + 1)
    f = (1 + beta**2) * hits / (marked + beta**2 * truth.sum())
    f[:-1][ranked[:-1] == ranked[1:]] = -1  # equal scores cannot be divided
    best = int(np.argmax(f))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)
