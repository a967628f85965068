"""An embedding for each second of a recording, as an index keeps them: signed bytes, compared by their angle."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from earmark.util.types import Array

Bytes = NDArray[np.int8]
LARGEST = 127
_NEARLY = 1e-6  # of a second: a step that floating point puts just before it begins at it


def packed(vectors: Array) -> Bytes:
    """Vectors [rows, dimensions] as signed bytes, each scaled by itself: their angles hardly change."""
    most = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.rint(vectors * (LARGEST / np.maximum(most, 1e-30))), np.int8)


def directions(rows: Bytes) -> Array:
    """The same as vectors of length 1 [rows, dimensions]; zeros stay zeros."""
    return unit(rows.astype(np.float32))


def unit(vectors: Array) -> Array:
    """Each vector [..., dimensions] scaled to length 1; zeros stay zeros."""
    length = np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.maximum(length, 1e-30), np.float32)


class PerSecond:
    """Takes embeddings [steps, dimensions] in parts, and keeps their mean for each second, in bytes.

    Step i belongs to the second in which it is, `i * step`; steps are a second long at most, so that none is left out.
    """

    def __init__(self, step: float, dimensions: int) -> None:
        self.step = step
        self._steps = 0
        self._rows = [np.empty((0, dimensions), np.int8)]
        self._second = 0  # the last one that steps have come for, and their sum so far
        self._sum = np.zeros((1, dimensions), np.float32)

    def add(self, embeddings: Array) -> None:
        """Take the next ones."""
        if not len(embeddings):
            return
        times = np.arange(self._steps, self._steps + len(embeddings)) * self.step
        seconds = np.floor(times + _NEARLY).astype(np.int64)
        starts = np.flatnonzero(np.diff(seconds, prepend=-1))
        sums = np.add.reduceat(embeddings, starts, axis=0)
        if seconds[0] == self._second:
            sums[0] += self._sum[0]
        else:
            self._rows.append(packed(self._sum))
        self._rows.append(packed(sums[:-1]))  # the angle of a sum is that of its mean
        self._second, self._sum = int(seconds[-1]), sums[-1:]
        self._steps += len(embeddings)

    def rows(self, duration: float | None = None) -> Bytes:
        """Of all that was added [seconds, dimensions], none beyond a recording that lasts `duration` seconds."""
        last = [packed(self._sum)] if self._steps else []
        return np.concatenate([*self._rows, *last])[: None if duration is None else max(math.ceil(duration), 1)]
