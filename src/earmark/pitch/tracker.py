"""A recording's pitch, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from earmark.pitch.candidates import Candidates, Finder
from earmark.pitch.narrowing import RATE, Narrowing
from earmark.pitch.path import best_path
from earmark.pitch.result import STEP, Pitch
from earmark.pitch.settings import PitchSettings

Samples = NDArray[np.float32]
Levels = NDArray[np.float64]

HOP = round(RATE * STEP)
TOGETHER = 300  # frames that are transformed at a time: what stays in a processor's cache
SILENCE = -180.0  # dB re 1: rounding, not sound
FADE = 5 * STEP  # dB a frame by which a loud sound hides less, before it and after it
SLOPE = 10.0  # dB that take a frame from as good as any to never voiced
LOWER, UPPER = 0.7, 1.6  # a speaker's range, re the quartiles of their F0
ENOUGH = 30  # voiced frames that tell a speaker's range


def track(blocks: Iterable[Samples], rate: int, settings: PitchSettings | None = None) -> Pitch:
    """Fundamental frequency of a recording that comes as blocks of mono samples, of any sizes, at `rate` Hz.

    The result does not depend on how the blocks are cut, nor on the recording's level.
    """
    tracker = PitchTracker(rate, settings)
    for block in blocks:
        tracker.add(block)
    return tracker.finish()


class PitchTracker:
    """Tracks pitch in a recording that comes in blocks; keeps 36 bytes for each frame that may be voiced, 4 for others.

    Frame i is centred at `i * STEP` seconds; there are as many as begin within the recording. Raises ValueError for a
    rate that is no rate.
    """

    def __init__(self, rate: int, settings: PitchSettings | None = None) -> None:
        if rate < 1:
            raise ValueError(f"a rate of {rate} Hz")
        self.settings = settings or PitchSettings()
        self.rate = rate
        self.samples = 0
        self.narrowing = Narrowing(rate)
        self.finder = Finder(self.settings)
        self.rest = np.zeros(self.finder.size // 2, np.float32)  # half of the first frame lies before the recording
        self.peak = SILENCE
        self.frames = 0
        self.levels: list[Samples] = []
        self.found: list[tuple[NDArray[np.int32], Candidates]] = []

    def add(self, block: Samples) -> None:
        """Take the next samples, float32 [any number], full scale 1."""
        self.samples += len(block)
        for piece in self.narrowing.add(block):
            self._analyse(piece)

    def hear(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """Pass blocks on, and take them on their way."""
        for block in blocks:
            self.add(block)
            yield block

    def finish(self) -> Pitch:
        """The pitch of everything that was added; the tracker is done with."""
        for piece in self.narrowing.finish():
            self._analyse(piece)
        self._analyse(np.zeros(self.finder.size, np.float32))
        wanted = 1 + round(self.samples / self.rate / STEP * 1e6) // 10**6 if self.samples else 0
        return Pitch(self._voiced()[:wanted])

    def _analyse(self, piece: Samples) -> None:
        """Candidates of the frames that a piece completes."""
        joined = np.concatenate([self.rest, piece])
        count = max(0, (len(joined) - self.finder.size) // HOP + 1)
        if count == 0:
            self.rest = joined
            return
        view = np.lib.stride_tricks.sliding_window_view(joined, self.finder.size)[::HOP][:count]
        for first in range(0, count, TOGETHER):
            self._find(view[first : first + TOGETHER])
        self.rest = joined[count * HOP :].copy()

    def _find(self, frames: Samples) -> None:
        level = levels(frames * self.finder.window)
        peak = recent_peak(level, self.peak)
        loud = np.flatnonzero((level > SILENCE) & (level > peak - self.settings.silence))
        if len(loud):
            candidates = self.finder.find(frames[loud])
            some = np.flatnonzero((candidates.strengths > 0).any(axis=1))
            self.found.append(((self.frames + loud[some]).astype(np.int32), candidates[some]))
        self.levels.append(level.astype(np.float32))
        self.peak = float(peak[-1])
        self.frames += len(frames)

    def _voiced(self) -> Samples:
        """F0 of every frame."""
        f0 = np.zeros(self.frames, np.float32)
        if not self.found:
            return f0
        numbers = np.concatenate([n for n, _ in self.found]).astype(np.intp)
        octaves = np.concatenate([c.octaves for _, c in self.found])
        strengths = np.concatenate([c.strengths for _, c in self.found])
        self.found.clear()
        unvoiced = self._unvoiced()[numbers]
        found = best_path(numbers, Candidates(octaves, strengths), unvoiced, self.settings)
        if self.settings.narrow and np.count_nonzero(found) >= ENOUGH:
            strengths -= self.settings.narrow * outside(octaves, np.log2(found[found > 0]))
            found = best_path(numbers, Candidates(octaves, strengths), unvoiced, self.settings)
        f0[numbers] = found
        return f0

    def _unvoiced(self) -> Samples:
        """The strength of each frame's being unvoiced: greater where it is quieter than what is around it."""
        level = np.concatenate(self.levels).astype(np.float64)
        around = np.maximum(recent_peak(level, SILENCE), recent_peak(level[::-1], SILENCE)[::-1])
        quiet = around - level - (self.settings.silence - SLOPE)
        return np.asarray(self.settings.voicing + np.maximum(0, quiet / SLOPE), np.float32)


def levels(frames: Samples) -> Levels:
    """Level of each windowed frame, dB; never below `SILENCE`."""
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frames.shape[1]
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10))), np.float64)


def recent_peak(level: Levels, before: float) -> Levels:
    """The loudest of each frame and those before it, which fade by `FADE` a frame; `before` is the last one's peak."""
    ramp = FADE * np.arange(1, len(level) + 1)
    return np.asarray(np.maximum(np.maximum.accumulate(level + ramp), before) - ramp, np.float64)


def outside(octaves: Samples, voiced: Samples) -> Samples:
    """By how many octaves each candidate lies outside the range in which a voice was found (log2 Hz)."""
    lower, upper = np.quantile(voiced, [0.25, 0.75]) + np.log2([LOWER, UPPER])
    return np.asarray(np.maximum(0, np.maximum(lower - octaves, octaves - upper)), np.float32)
