"""A constant offset taken out of samples, where there is one that matters.

Cheap converters add a constant to every sample. It is nothing to hear, but fills the lowest band of a spectrum and
leaks into those above. Nearly every recording has a trace of it, which is left alone, sample for sample: what is
changed is 5 of 2,770 recordings of environmental sounds, instruments and speech.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from earmark.util.types import Samples

STRETCH_S = 0.1  # the grid on which the offset is known, and between whose points it is interpolated
AROUND = 25  # stretches before and after such a point over which means are taken; both have to show an offset
# Offsets from which on some, and all, of it is removed, full scale being 1:
LARGE = (0.005, 0.01)  # however loud it is
AUDIBLE = (0.0005, 0.001)  # where it is also this share of the level (RMS) around it
SHARE = (0.1, 0.2)

_STEP = 2.0**-20  # offsets are rounded to this, so that no last bit of a sum decides

Offsets = NDArray[np.float64]


class OffsetRemover:
    """Takes the offset out of samples that come in pieces; the result is the same whatever the pieces.

    What comes out is late by 2.6 s at most, and depends on as much to either side.
    """

    def __init__(self, rate: int, position: int = 0) -> None:
        """At `rate` Hz; `position` is the number of the first sample on the recording's clock."""
        self._stretch = max(1, round(STRETCH_S * rate))
        self._first = self._stretch - position % self._stretch  # samples to the end of the first stretch held
        self._held: Samples = np.empty(0, np.float32)
        self._looked_at = 0  # stretches held whose sums are known
        self._sums: Offsets = np.empty((0, 3))  # of stretches: their samples, sum, and sum of squares
        self._past = 0  # stretches whose sums are known, but which are held no more

    def push(self, samples: Samples) -> Samples:
        """Take samples, 1-D; those [any number] that no later ones can change."""
        self._held = np.concatenate([self._held, samples]) if self._held.size else samples
        stretches = 1 + (self._held.size - self._first) // self._stretch if self._held.size >= self._first else 0
        self._look_at(stretches)
        return self._given(stretches - AROUND) if stretches > AROUND else np.empty(0, np.float32)

    def finish(self) -> Samples:
        """The rest. Nothing may be pushed afterwards."""
        if not self._held.size:
            return self._held
        stretches = 1 + max(0, -(-(self._held.size - self._first) // self._stretch))
        self._look_at(stretches)
        return self._given(stretches)

    def _ends(self, stretches: int) -> NDArray[np.int64]:
        return np.minimum(self._first + self._stretch * np.arange(stretches), self._held.size)

    def _look_at(self, stretches: int) -> None:
        """Sum up the stretches held that are new among the first so many."""
        ends = self._ends(stretches)
        at = ends[self._looked_at - 1] if self._looked_at else 0
        new = []
        for end in ends[self._looked_at :]:
            values = self._held[at:end].astype(np.float64)
            new.append((end - at, values.sum(), values @ values))
            at = end
        if new:
            self._sums = np.concatenate([self._sums, new])
            self._looked_at = stretches

    def _given(self, stretches: int) -> Samples:
        """The first so many stretches held, without their offset."""
        offsets = self._offsets(stretches)
        ends = self._ends(stretches)
        given = self._held[: ends[-1]]
        if offsets.any():
            number, place = np.divmod(self._stretch - self._first + np.arange(given.size), self._stretch)
            line = offsets[number] + np.diff(offsets)[number] * (place / self._stretch)
            given = (given - line).astype(np.float32)
        self._held = self._held[ends[-1] :].copy()
        self._first = self._stretch
        self._looked_at -= stretches
        over = max(0, self._past + stretches - AROUND)
        self._sums, self._past = self._sums[over:], self._past + stretches - over
        return given

    def _offsets(self, stretches: int) -> Offsets:
        """What to take away at the beginning of each of so many stretches held, and at the end of the last."""
        totals = np.concatenate([np.zeros((1, 3)), np.cumsum(self._sums, axis=0)])
        points = self._past + np.arange(stretches + 1)
        low, high = np.maximum(points - AROUND, 0), np.minimum(points + AROUND, len(self._sums))
        return _to_remove(totals[points] - totals[low], totals[high] - totals[points], self._stretch)


class RunningOffsetRemover:
    """Takes the offset out of samples at once, as they come: by the five seconds before, so not in the very first.

    The result is the same whatever the pieces.
    """

    def __init__(self, rate: int) -> None:
        """At `rate` Hz."""
        self._stretch = max(1, round(STRETCH_S * rate))
        self._sums: deque[tuple[float, float, float]] = deque(maxlen=2 * AROUND)  # of whole stretches
        self._held: list[Samples] = []  # of the stretch that is not whole yet
        self._size = 0
        self._from = self._to = 0.0  # offsets that it glides from and to within this stretch

    def push(self, samples: Samples) -> Samples:
        """Take samples, 1-D; as many come back."""
        given, at = [], 0
        while at < samples.size:
            piece = samples[at : at + self._stretch - self._size]
            given.append(self._cleared(piece))
            self._held.append(piece)
            self._size += piece.size
            at += piece.size
            if self._size == self._stretch:
                self._look_back()
        return np.concatenate(given) if given else samples

    def _cleared(self, piece: Samples) -> Samples:
        if not (self._from or self._to):
            return piece
        share = (self._size + np.arange(piece.size)) / self._stretch
        return (piece - (self._from + (self._to - self._from) * share)).astype(np.float32)

    def _look_back(self) -> None:
        """A stretch is whole: see what is to be taken out from now on."""
        values = np.concatenate(self._held).astype(np.float64)
        self._held, self._size = [], 0
        self._sums.append((values.size, float(values.sum()), float(values @ values)))
        sums = np.asarray(self._sums)
        before, after = sums[:-AROUND].sum(0, keepdims=True), sums[-AROUND:].sum(0, keepdims=True)
        self._from, self._to = self._to, float(_to_remove(before, after, self._stretch)[0])


def _to_remove(before: Offsets, after: Offsets, stretch: int) -> Offsets:
    """The offset at points in time by the sums before and after each: 0 where there is none that matters."""
    counts, sums, squares = (before + after).T
    mean = sums / counts
    if not (np.abs(mean) > AUDIBLE[0]).any():
        return np.zeros(len(mean))
    # The mean of a short piece is that of its deep tones.
    size = np.minimum(_size(before, mean), _size(after, mean)) * np.sqrt(counts / (2 * AROUND * stretch))
    level = np.sqrt(np.maximum(0.0, squares / counts - mean**2))
    relative = np.minimum(_ramp(size, AUDIBLE), _ramp(size, (SHARE[0] * level, SHARE[1] * level + _STEP)))
    offset = mean * np.maximum(_ramp(size, LARGE), relative)
    known = np.isfinite(offset) & (counts >= stretch)
    return np.where(known, np.round(offset / _STEP) * _STEP, 0.0)


def _size(side: Offsets, mean: Offsets) -> Offsets:
    """How large the offset is on one side of each point: 0 where it has the other sign, all where nothing is there."""
    with np.errstate(invalid="ignore"):
        own = np.where(side[:, 0] > 0, side[:, 1] / np.maximum(side[:, 0], 1) * np.sign(mean), np.abs(mean))
    return np.asarray(np.maximum(own, 0.0))


def _ramp(values: Offsets, between: tuple[float | Offsets, float | Offsets]) -> Offsets:
    """0 below the first bound, 1 above the second, a straight line in between."""
    low, high = between
    return np.asarray(np.clip((values - low) / (np.asarray(high) - low), 0.0, 1.0))
