"""The highest score of each label in each second, as scores come."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.archive.layout import LEAST_SCORE
from earmark.util.types import Array

DIGITS = 3  # of a score: more tell nothing, and take twice the room
_NEARLY = 1e-6  # of a second: a step that floating point puts just before it begins at it


@dataclass(frozen=True)
class Seconds:
    """Those that reach LEAST_SCORE, in order of time: which second, which label, and how high; three arrays [rows]."""

    second: NDArray[np.int32]
    label: NDArray[np.int32]
    score: Array


class Highest:
    """Takes scores [steps, labels] in parts; score i speaks for the time from `i * step` seconds on."""

    def __init__(self, step: float, labels: int) -> None:
        self.step, self.labels = step, labels
        self.steps = 0
        self._second = 0  # the last one that scores have come for, and its highest so far
        self._best = np.zeros(labels, np.float32)
        self._rows: list[Seconds] = []

    def add(self, scores: Array) -> None:
        """Take the next ones."""
        if not len(scores):
            return
        times = np.arange(self.steps, self.steps + len(scores)) * self.step
        seconds = np.floor(times + _NEARLY).astype(np.int32)
        starts = np.flatnonzero(np.diff(seconds, prepend=-1))
        best, which = np.maximum.reduceat(scores, starts), seconds[starts]
        if which[0] == self._second:
            best[0] = np.maximum(best[0], self._best)
        else:
            self._keep(np.array([self._second]), self._best[None])
        self._keep(which[:-1], best[:-1])
        self._second, self._best = int(which[-1]), best[-1]
        self.steps += len(scores)

    def seconds(self, duration: float) -> Seconds:
        """Of all that was added, none beyond a recording that lasts `duration` seconds."""
        self._keep(np.array([self._second]), self._best[None])
        self._best = np.zeros(self.labels, np.float32)
        columns = [
            np.concatenate(parts) for parts in zip(*((r.second, r.label, r.score) for r in self._rows), strict=True)
        ]
        last = max(math.ceil(duration) - 1, 0)
        within = columns[0] <= last
        return Seconds(*(column[within] for column in columns))

    def _keep(self, which: NDArray[np.signedinteger], best: Array) -> None:
        row, label = np.nonzero(best >= LEAST_SCORE)
        score = np.round(best[row, label], DIGITS).astype(np.float32)
        self._rows.append(Seconds(which[row].astype(np.int32), label.astype(np.int32), score))
