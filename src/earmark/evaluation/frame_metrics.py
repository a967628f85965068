"""Frames classified as foreground or background, compared with the truth.

Ratios of nothing to nothing are 1: where nothing is true and nothing marked, nothing is wrong.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISS_WEIGHT, ALARM_WEIGHT = 0.75, 0.25
"""Of the detection cost of NIST's OpenSAD evaluations: a missed word is worse than a false alarm."""
CURVE_POINTS = 300
_DIGITS = 5

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def ratio(part: float, whole: float) -> float:
    """A share, 1 of nothing."""
    return part / whole if whole else 1.0


def f1(hits: float, found: float, true: float) -> float:
    """The harmonic mean of precision and recall."""
    return ratio(2 * hits, found + true)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Frames counted by truth and answer; counts of several recordings add up."""

    hits: int = 0
    """Foreground, marked."""
    alarms: int = 0
    """Background, marked."""
    misses: int = 0
    """Foreground, not marked."""
    rejections: int = 0
    """Background, not marked."""

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def frames(self) -> int:
        """All of them."""
        return self.hits + self.alarms + self.misses + self.rejections

    @property
    def accuracy(self) -> float:
        """Share of frames answered rightly."""
        return ratio(self.hits + self.rejections, self.frames)

    @property
    def precision(self) -> float:
        """Share of the marked frames that are foreground."""
        return ratio(self.hits, self.hits + self.alarms)

    @property
    def recall(self) -> float:
        """Share of the foreground that is marked."""
        return ratio(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return f1(self.hits, self.hits + self.alarms, self.hits + self.misses)

    @property
    def miss_rate(self) -> float:
        """Share of the foreground that is not marked; 0 where there is none."""
        return 1 - self.recall

    @property
    def alarm_rate(self) -> float:
        """Share of the background that is marked; 0 where there is none."""
        return 1 - ratio(self.rejections, self.rejections + self.alarms)

    @property
    def cost(self) -> float:
        """The detection cost."""
        return MISS_WEIGHT * self.miss_rate + ALARM_WEIGHT * self.alarm_rate

    def summary(self) -> dict[str, Any]:
        """Figures and counts for JSON."""
        figures = ("accuracy", "precision", "recall", "f1", "miss_rate", "alarm_rate", "cost")
        return {k: round(getattr(self, k), _DIGITS) for k in figures} | asdict(self)


@dataclass(frozen=True)
class Curve:
    """Receiver operating characteristic: what every threshold would give, from the highest to the lowest."""

    thresholds: Floats  # [points]; the first is infinite, and marks nothing
    alarm_rates: Floats  # share of background marked [points], rising from 0 to 1
    recalls: Floats  # share of foreground marked [points], rising from 0 to 1

    @property
    def area(self) -> float:
        """The area below it (AUC): how likely a frame of foreground scores above one of background."""
        widths, heights = np.diff(self.alarm_rates), (self.recalls[1:] + self.recalls[:-1]) / 2
        return float(widths @ heights)

    @property
    def equal_error_rate(self) -> float:
        """Where as large a share of foreground is missed as of background marked, on the line between two points."""
        misses = 1 - self.recalls
        after = int(np.argmax(self.alarm_rates >= misses))
        before = max(after - 1, 0)
        gap, gained = (misses - self.alarm_rates)[[before, after]]
        along = gap / (gap - gained) if gap != gained else 0.0
        return float(self.alarm_rates[before] + along * (self.alarm_rates[after] - self.alarm_rates[before]))

    @property
    def least_cost(self) -> float:
        """The detection cost at the threshold where it is least."""
        return float((MISS_WEIGHT * (1 - self.recalls) + ALARM_WEIGHT * self.alarm_rates).min())

    def thinned(self) -> Curve:
        """Both ends and at most `CURVE_POINTS` in all, evenly along its length."""
        along = np.concatenate([[0.0], np.cumsum(np.diff(self.alarm_rates) + np.diff(self.recalls))])
        kept = np.searchsorted(along, np.linspace(0, along[-1], CURVE_POINTS))
        kept = np.unique(np.concatenate([[0], kept[1:-1], [len(along) - 1]]))
        return Curve(self.thresholds[kept], self.alarm_rates[kept], self.recalls[kept])


@dataclass(frozen=True)
class FrameMetrics:
    """How well scores tell foreground from background."""

    threshold: float  # from which on a score marks a frame
    confusion: Confusion  # at that threshold
    curve: Curve | None = None  # at all thresholds, thinned; None where all frames are of one kind
    area: float | None = None  # below the curve before it was thinned (AUC); None with it, as are the next two
    equal_error_rate: float | None = None  # share of misses and of false alarms where they are the same
    least_cost: float | None = None  # detection cost at the best threshold

    def summary(self) -> dict[str, Any]:
        """Figures for JSON, without the curve."""
        ranked = {"auc": self.area, "eer": self.equal_error_rate, "least_cost": self.least_cost}
        figures = {key: None if value is None else round(value, _DIGITS) for key, value in ranked.items()}
        return {"threshold": round(self.threshold, _DIGITS)} | self.confusion.summary() | figures


def confusion(marked: Bools, truth: Bools) -> Confusion:
    """Frames counted by what is marked, and what is foreground, both [frames]."""
    hits, found, true = int((marked & truth).sum()), int(marked.sum()), int(truth.sum())
    return Confusion(hits, found - hits, true - hits, len(truth) - found - true + hits)


def measure(scores: NDArray[np.floating[Any]], truth: Bools, threshold: float) -> FrameMetrics:
    """All figures of scores, probabilities of foreground, beside what is foreground, both [frames]."""
    counts = confusion(scores >= threshold, truth)
    if not truth.any() or truth.all():
        return FrameMetrics(threshold, counts)
    roc = curve(scores, truth)
    return FrameMetrics(threshold, counts, roc.thinned(), roc.area, roc.equal_error_rate, roc.least_cost)


def curve(scores: NDArray[np.floating[Any]], truth: Bools) -> Curve:
    """The whole curve, a point for each score that occurs; `truth` must hold both kinds."""
    order = np.argsort(scores, kind="stable")[::-1]
    ranked, right = scores[order].astype(np.float64), truth[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each run of equal scores
    hits = np.cumsum(right)[last]
    alarms = last + 1 - hits
    return Curve(
        np.concatenate([[np.inf], ranked[last]]),
        np.concatenate([[0.0], alarms / alarms[-1]]),
        np.concatenate([[0.0], hits / hits[-1]]),
    )
