"""How likely each label is, on a time grid: log-odds, means over windows, one answer for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from earmark.util.streams import windows
from earmark.util.types import Array

Pooling = Literal["mean", "linear_softmax"]
"""How the scores of steps become the answer for all of them."""

SMALLEST = 1e-7  # probabilities nearer to 0 or 1 have no log-odds in float32
SMOOTHED_AT_ONCE = 512  # steps


def log_odds(probabilities: Array, exclusive: bool) -> Array:
    """Logits; for labels that exclude each other logarithms, which are logits but for a constant."""
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(p) if exclusive else np.log(p / (1 - p)), np.float32)


def probabilities(logits: Array, exclusive: bool) -> Array:
    """Inverse of `log_odds`, along the last axis."""
    if not exclusive:
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class Scores:
    """How likely each label is, on a time grid.

    Attributes
    ----------
    labels
        The columns.
    step
        Seconds from one row to the next.
    values
        Probabilities, float32 [steps, labels].
    """

    labels: tuple[str, ...]
    step: float
    values: Array

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds [steps] on the media's clock: the middle of what each row speaks for."""
        return np.arange(len(self.values), dtype=np.float64) * self.step

    @classmethod
    def joined(cls, labels: tuple[str, ...], step: float, parts: Iterable[Array]) -> Scores:
        """Of values that came in parts."""
        return cls(labels, step, np.concatenate([np.empty((0, len(labels)), np.float32), *parts]))


def pooled(scores: Iterable[Array], labels: int, exclusive: bool, pooling: Pooling = "mean") -> Array:
    """One answer [labels] for a whole recording, from its steps' scores [steps, labels].

    A network that was taught what a clip holds answers by the `mean` of its steps' log-odds: its last layer is linear.
    One that was taught when a label holds is sure of that in some steps and of the contrary in others; the mean
    weighed by the scores themselves, `linear_softmax` (Wang, Li and Metze, 2019, arXiv:1810.09050), asks those in
    which it may hold.
    """
    if pooling == "linear_softmax":
        return _weighed_by_themselves(scores, labels)
    total, steps = np.zeros(labels), 0
    for part in scores:
        total += log_odds(part, exclusive).sum(axis=0, dtype=np.float64)
        steps += len(part)
    if steps == 0:
        return np.zeros(labels, np.float32)
    return probabilities((total / steps).astype(np.float32), exclusive)


def _weighed_by_themselves(scores: Iterable[Array], labels: int) -> Array:
    sums, squares = np.zeros((2, labels))
    for part in scores:
        sums += part.sum(axis=0, dtype=np.float64)
        squares += np.square(part, dtype=np.float64).sum(axis=0)
    return np.asarray(squares / np.maximum(sums, SMALLEST), np.float32)


def smooth(
    scores: Iterable[Array], width: int | NDArray[np.int64], labels: int, exclusive: bool, past: bool = True
) -> Iterator[Array]:
    """Answers for the window of `width` steps, an odd number, around each step; shorter at the ends.

    Windows overlap, their computation does not: each is a mean of the same steps, as in `pooled`. Labels may have
    windows of their own, widths [labels]. Without the `past`, a window is the step and the half of it that follows.
    """
    half = np.broadcast_to(np.asarray(width) // 2, (labels,))
    columns = np.arange(labels)
    logits = (log_odds(part, exclusive) for part in scores)
    for rows, before, after in windows(logits, SMOOTHED_AT_ONCE, int(half.max(initial=0)), labels):
        sums = np.cumsum(np.pad(rows, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
        place = np.arange(before, len(rows) - after)[:, None]
        first = np.maximum(0, place - half) if past else place
        last = np.minimum(len(rows), place + half + 1)
        means = (sums[last, columns] - sums[first, columns]) / (last - first)
        yield probabilities(means.astype(np.float32), exclusive)
