"""The smoothest strong path through the candidates of many frames, found for ten minutes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.speech.energy import STEP
from earmark.speech.f0_candidates import KEPT, NONE, Candidates, PitchSettings
from earmark.util.types import Array, Samples

Levels = NDArray[np.float64]


LONGEST = 400  # frames of an island that are taken in one piece
CONTEXT = 50  # frames either side of a piece that was cut from a longer island; a path has long settled by then
TOGETHER = 30_000  # frames that are worked on at a time


@dataclass(frozen=True)
class Pieces:
    """Runs of rows [pieces]: from `start` to `stop`, of which `keep_from` to `keep_to` is wanted."""

    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    keep_from: NDArray[np.intp]
    keep_to: NDArray[np.intp]

    def batches(self) -> Iterator[Pieces]:
        """Pieces of like length together, about `TOGETHER` frames at a time."""
        order = np.argsort(self.start - self.stop, kind="stable")
        while len(order):
            longest = self.stop[order[0]] - self.start[order[0]]
            now, order = np.split(order, [max(1, TOGETHER // longest)])
            yield Pieces(self.start[now], self.stop[now], self.keep_from[now], self.keep_to[now])


def best_path(frames: NDArray[np.intp], candidates: Candidates, unvoiced: Array, settings: PitchSettings) -> Array:
    """F0 of each row, Hz, 0 where unvoiced: the path of greatest strength less its jumps and changes.

    Dynamic programming (Viterbi) with the costs of Boersma (1993); `unvoiced` is the strength of each row's being so.
    Rows whose frame numbers `frames`, rising, follow each other are an island, with nothing voiced around it; so
    islands are independent, and many are worked on at once.
    """
    f0 = np.zeros(len(frames), np.float32)
    for pieces in cut(frames).batches():
        _walk(pieces, candidates, unvoiced, settings, f0)
    return f0


def cut(frames: NDArray[np.intp]) -> Pieces:
    """Islands of consecutive frames, long ones in several pieces that overlap."""
    ends = np.append(np.flatnonzero(np.diff(frames) != 1) + 1, len(frames)) if len(frames) else np.zeros(0, np.intp)
    starts = np.insert(ends[:-1], 0, 0) if len(frames) else ends
    parts = -(-(ends - starts) // LONGEST)
    island = np.repeat(np.arange(len(starts)), parts)
    number = np.arange(len(island)) - np.repeat(np.cumsum(parts) - parts, parts)
    keep_from = starts[island] + number * LONGEST
    keep_to = np.minimum(keep_from + LONGEST, ends[island])
    start, stop = np.maximum(keep_from - CONTEXT, starts[island]), np.minimum(keep_to + CONTEXT, ends[island])
    return Pieces(start, stop, keep_from, keep_to)


def _walk(pieces: Pieces, candidates: Candidates, unvoiced: Array, settings: PitchSettings, f0: Array) -> None:
    """Write the best path of each piece into `f0`; arrays are [time, pieces, state], the last state unvoiced."""
    length = int((pieces.stop - pieces.start).max())
    time = np.arange(length)[:, None]
    rows = np.minimum(pieces.start + time, pieces.stop - 1)
    inside = (pieces.start + time < pieces.stop)[..., None]
    octaves = candidates.octaves[rows]
    strengths = np.concatenate([candidates.strengths[rows], unvoiced[rows, None]], axis=2)
    silence = np.array([NONE] * octaves.shape[2] + [0], np.float32)
    states = _viterbi(octaves, np.where(inside, strengths, silence), settings)
    hz = np.concatenate([np.exp2(octaves), np.zeros((*rows.shape, 1), np.float32)], axis=2)
    found = np.take_along_axis(hz, states[..., None], axis=2)[..., 0]
    wanted = (rows >= pieces.keep_from) & (rows < pieces.keep_to) & inside[..., 0]
    f0[rows[wanted]] = found[wanted]


def _viterbi(octaves: Array, strengths: Array, settings: PitchSettings) -> NDArray[np.intp]:
    """Best states [time, pieces] given candidates [time, pieces, K] and strengths [time, pieces, K + 1]."""
    length, count, states = strengths.shape
    cost = np.full((length, count, states, states), settings.change, np.float32)
    jumps = np.abs(octaves[:-1, :, :, None] - octaves[1:, :, None, :])
    cost[1:, :, :-1, :-1] = settings.jump * jumps
    cost[:, :, -1, -1] = 0
    total = strengths[0] - cost[0, :, -1]  # before an island nothing is voiced
    back = np.empty((length, count, states), np.int8)
    for t in range(1, length):
        ways = total[:, :, None] - cost[t]
        back[t] = ways.argmax(axis=1)
        total = ways.max(axis=1) + strengths[t]
    state = (total - cost[0, :, -1]).argmax(axis=1)  # nor behind it
    best = np.empty((length, count), np.intp)
    each = np.arange(count)
    for t in range(length - 1, -1, -1):
        best[t] = state
        state = back[t, each, state].astype(np.intp)
    return best


STRETCH = round(600 / STEP)  # frames whose path is found together, and which tell a speaker's range
HEARD = round(20 / STEP)  # frames either side of a stretch whose loudness counts in it: longer than any takes to fade
SILENCE = -180.0  # dB re 1: rounding, not sound
FADE = 5 * STEP  # dB a frame by which a loud sound hides less, before it and after it
SLOPE = 10.0  # dB that take a frame from as good as any to never voiced
LOWER, UPPER = 0.7, 1.6  # a speaker's range, re the quartiles of their F0
ENOUGH = 30  # voiced frames that tell a speaker's range


class Stretches:
    """F0 of frames whose levels and candidates come in parts; where a part ends makes no difference."""

    def __init__(self, settings: PitchSettings) -> None:
        self.settings = settings
        self.frames = 0  # so many have come
        self.settled = 0  # of so many F0 is known
        self.limit = STRETCH  # up to this frame F0 is found next
        self.levels_from = 0  # the frame of the first level that is kept
        self.levels: list[Samples] = []
        self.numbers: list[NDArray[np.int32]] = []
        self.candidates: list[Candidates] = []
        self.f0: list[Samples] = []

    def add(self, level: Levels, some: NDArray[np.intp], candidates: Candidates) -> None:
        """Take the levels [frames] of the next frames, and candidates of `some` of them."""
        self.levels.append(level.astype(np.float32))
        if len(some):
            self.numbers.append((self.frames + some).astype(np.int32))
            self.candidates.append(candidates)
        self.frames += len(level)
        if self.frames >= self.limit + HEARD:
            self._settle(self.limit)
            self.limit += STRETCH

    def finish(self) -> Samples:
        """F0 of every frame."""
        self._settle(self.frames)
        return np.concatenate([np.empty(0, np.float32), *self.f0])

    def _settle(self, limit: int) -> None:
        """Find F0 up to a frame, or to the last gap before it if something may be voiced across it."""
        levels = np.concatenate([np.empty(0, np.float32), *self.levels])
        numbers = np.concatenate([np.empty(0, np.int32), *self.numbers])
        together = joined(self.candidates)
        cut = _gap_before(numbers, limit) if limit < self.frames else limit
        rows = int(np.searchsorted(numbers, cut))
        near = levels[: limit + HEARD - self.levels_from].astype(np.float64)
        unvoiced = self._unvoiced(near)[numbers[:rows] - self.levels_from]
        f0 = np.zeros(cut - self.settled, np.float32)
        f0[numbers[:rows] - self.settled] = self._path(numbers[:rows].astype(np.intp), together[:rows], unvoiced)
        self.f0.append(f0)
        self.numbers, self.candidates = [numbers[rows:]], [together[rows:]]
        kept = max(self.levels_from, cut - HEARD)
        self.levels, self.levels_from = [levels[kept - self.levels_from :]], kept
        self.settled = cut

    def _path(self, numbers: NDArray[np.intp], candidates: Candidates, unvoiced: Samples) -> Samples:
        found = best_path(numbers, candidates, unvoiced, self.settings)
        if self.settings.narrow and np.count_nonzero(found) >= ENOUGH:
            beyond = self.settings.narrow * outside(candidates.octaves, np.log2(found[found > 0]))
            narrowed = Candidates(candidates.octaves, candidates.strengths - beyond)
            found = best_path(numbers, narrowed, unvoiced, self.settings)
        return found

    def _unvoiced(self, level: Levels) -> Samples:
        """The strength of each frame's being unvoiced: greater where it is quieter than what is around it."""
        around = np.maximum(recent_peak(level, SILENCE), recent_peak(level[::-1], SILENCE)[::-1])
        quiet = around - level - (self.settings.silence - SLOPE)
        return np.asarray(self.settings.voicing + np.maximum(0, quiet / SLOPE), np.float32)


def recent_peak(level: Levels, before: float) -> Levels:
    """The loudest of each frame and those before it, which fade by `FADE` a frame; `before` is the last one's peak."""
    ramp = FADE * np.arange(1, len(level) + 1)
    return np.asarray(np.maximum(np.maximum.accumulate(level + ramp), before) - ramp, np.float64)


def outside(octaves: Samples, voiced: Samples) -> Samples:
    """By how many octaves each candidate lies outside the range in which a voice was found (log2 Hz)."""
    lower, upper = np.quantile(voiced, [0.25, 0.75]) + np.log2([LOWER, UPPER])
    return np.asarray(np.maximum(0, np.maximum(lower - octaves, octaves - upper)), np.float32)


def joined(parts: list[Candidates]) -> Candidates:
    """The candidates of several parts."""
    none = np.empty((0, KEPT), np.float32)
    return Candidates(
        np.concatenate([none, *(part.octaves for part in parts)]),
        np.concatenate([none, *(part.strengths for part in parts)]),
    )


def _gap_before(numbers: NDArray[np.int32], limit: int) -> int:
    """The frame up to which all can be settled: `limit`, or where the island begins that goes across it."""
    before = numbers[: np.searchsorted(numbers, limit)]
    if len(before) == len(numbers) or numbers[len(before)] != limit or len(before) == 0 or before[-1] != limit - 1:
        return limit
    starts = np.flatnonzero(np.diff(before) > 1)
    return int(before[starts[-1] + 1]) if len(starts) else limit
