"""Metrics of predictions for whole clips, how far they can be trusted, and whether scores mean what they say.

Confusion matrices and what is computed from them; intervals of confidence; calibration: of answers given with a score
of 0.8, four in five should be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from earmark.events.timeline import Event

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
    columns = zip(labels, precision.tolist(), recall.tolist(), f1.tolist(), matrix.sum(1).tolist(), strict=True)
    return [ClassMetrics(*values) for values in columns]


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


def best_threshold(scores: NDArray[np.floating[Any]], truth: NDArray[np.bool_], beta: float = 0.5) -> float:
    """The threshold with the best F-beta of `scores >= threshold`.

    `beta` below 1 weighs a false mark heavier than a missed one. Halfway between the two scores that it divides;
    0.5 where there is nothing to choose by.
    """
    if not truth.any() or truth.all():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(truth[order])
    marked = np.arange(1, len(ranked) + 1)
    f = (1 + beta**2) * hits / (marked + beta**2 * truth.sum())
    f[:-1][ranked[:-1] == ranked[1:]] = -1  # equal scores cannot be divided
    best = int(np.argmax(f))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


BINS = 15  # as in Guo et al.


@dataclass(frozen=True)
class Reliability:
    """Answers by the score that they were given with, in bins of equal width from 0 to 1."""

    edges: NDArray[np.float64]  # of the bins [bins + 1]; a score on an edge lies in the lower bin
    clips: NDArray[np.int64]  # answers in each [bins]
    confidence: NDArray[np.float64]  # their mean score [bins]; NaN in an empty bin
    accuracy: NDArray[np.float64]  # share of them that is right [bins]; NaN in an empty bin

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over all answers; NaN without any."""
        if not self.clips.any():
            return float("nan")
        filled = self.clips > 0
        return float(np.average(np.abs(self.confidence - self.accuracy)[filled], weights=self.clips[filled]))

    def summary(self) -> dict[str, Any]:
        """For JSON: the error, and each bin that is not empty."""
        error = self.error
        bins = [
            {
                "from": round(float(self.edges[i]), 4),
                "to": round(float(self.edges[i + 1]), 4),
                "clips": int(self.clips[i]),
                "confidence": round(float(self.confidence[i]), 4),
                "accuracy": round(float(self.accuracy[i]), 4),
            }
            for i in np.flatnonzero(self.clips)
        ]
        return {"ece": None if np.isnan(error) else round(error, 4), "bins": bins}


def reliability(confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Answers sorted into bins by their scores, and whether they are right, both [answers].

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence)
    clips = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        mean = np.bincount(place, confidence, bins) / clips
        hits = np.bincount(place, right, bins) / clips
    return Reliability(edges, clips, mean, hits)


def brier(scores: NDArray[np.floating[Any]], truth: NDArray[np.bool_]) -> float:
    """Mean over clips of the squared distance of scores and truth, both [clips, labels]; 0 is best, 2 is worst.

    Brier, Monthly Weather Review 78, 1950, for labels that exclude each other; NaN without a clip.
    """
    if not len(scores):
        return float("nan")
    return float(((scores.astype(float) - truth) ** 2).sum(1).mean())


def sounds_through(event: Event, truth: Sequence[Event]) -> bool:
    """Whether an event's label sounds through half of it.

    >>> sounds_through(Event(1.0, 3.0, "dog", 0.9), [Event(2.0, 5.0, "dog", 1.0)])
    True
    """
    both = (min(t.offset, event.offset) - max(t.onset, event.onset) for t in truth if t.label == event.label)
    return sum(max(0.0, one) for one in both) >= event.duration / 2


def confidences(
    found: Mapping[str, Sequence[Event]], truth: Mapping[str, Sequence[Event]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The score of each event and whether it is right, [events] both, of recordings by name.

    An event is right where its label sounds through half of it.
    """
    judged = [(event.score, sounds_through(event, truth.get(name, ()))) for name, own in found.items() for event in own]
    return np.array([score for score, _ in judged], float), np.array([right for _, right in judged], bool)


Interval = tuple[float, float]
"""Lowest and highest value."""


def interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Interval of the mean of a figure over divisions, by Student's t; None for fewer than two.

    Divisions share most of what trains, so their figures are not quite independent and the interval is somewhat too
    narrow (Nadeau and Bengio, Machine Learning 52, 2003); it is what others report.
    """
    if len(values) < 2:
        return None
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = float(stdtrit(len(values) - 1, (1 + level) / 2)) * spread / len(values) ** 0.5
    return mean - reach, mean + reach


def wilson(hits: float, total: int, level: float = 0.95) -> Interval:
    """Interval of a share, `hits` of `total`, from one division (Wilson, JASA 22, 1927); 0 to 1 without a clip.

    Clips count as independent, which those of one source are not: an interval over divisions says more.
    """
    if total == 0:
        return 0.0, 1.0
    z2 = float(ndtri((1 + level) / 2)) ** 2
    share = hits / total
    centre = share + z2 / (2 * total)
    reach = (z2 * (share * (1 - share) / total + z2 / (4 * total**2))) ** 0.5
    low, high = (centre - reach) / (1 + z2 / total), (centre + reach) / (1 + z2 / total)
    return max(0.0, low), min(1.0, high)


def of_accuracies(accuracies: Sequence[float], clips: Sequence[int]) -> Interval | None:
    """Interval of the mean accuracy of divisions of so many clips, within 0 and 1: Wilson's of a single one.

    None without a division.
    """
    if len(accuracies) == 1:
        return wilson(accuracies[0] * clips[0], clips[0])
    return within(interval(accuracies))


def within(found: Interval | None) -> Interval | None:
    """The part of an interval from 0 to 1, where shares lie."""
    return found and (max(0.0, found[0]), min(1.0, found[1]))
