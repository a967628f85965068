"""Fundamental frequency of a voice, every 10 ms, from a recording that comes in blocks.

    pitch = track(blocks, 16000)
    pitch.f0                        # Hz, 0 where nothing is voiced
    pitch.speaker([(0.5, 2.1)])     # mean, median, spread over the voiced frames of some spans

How it works: docs/words.md; how well: docs/results.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.speech.energy import STEP
from earmark.speech.f0_candidates import RATE, Decimator, Finder, PitchSettings
from earmark.speech.f0_path import SILENCE, Levels, Stretches, joined, recent_peak
from earmark.util.types import Samples

__all__ = ["STEP", "Pitch", "PitchSettings", "PitchTracker", "SpeakerF0", "track"]


@dataclass(frozen=True)
class SpeakerF0:
    """A voice's fundamental frequency over its voiced frames: Hz, and the seconds that were voiced."""

    mean: float
    median: float
    std: float
    voiced_seconds: float


@dataclass(frozen=True)
class Pitch:
    """Fundamental frequency, Hz, float32 [frames], around times `i * STEP`; 0 where nothing is voiced."""

    f0: NDArray[np.float32]

    def within(self, onset: float, offset: float) -> NDArray[np.float32]:
        """F0 of the voiced frames between two times in seconds."""
        frames = self.f0[max(0, round(onset / STEP)) : max(0, round(offset / STEP) + 1)]
        return frames[frames > 0]

    def speaker(self, spans: Iterable[tuple[float, float]]) -> SpeakerF0 | None:
        """Statistics over the voiced frames of some spans (onset, offset); None where nothing is voiced."""
        voiced = np.concatenate([np.empty(0, np.float32), *(self.within(a, b) for a, b in spans)])
        if len(voiced) == 0:
            return None
        return SpeakerF0(
            round(float(voiced.mean()), 1),
            round(float(np.median(voiced)), 1),
            round(float(voiced.std()), 1),
            round(len(voiced) * STEP, 2),
        )


HOP = round(RATE * STEP)
TOGETHER = 300  # frames that are transformed at a time: what stays in a processor's cache


def track(blocks: Iterable[Samples], rate: int, settings: PitchSettings | None = None) -> Pitch:
    """Fundamental frequency of a recording that comes as blocks of mono samples, of any sizes, at `rate` Hz.

    The result does not depend on how the blocks are cut, nor on the recording's level.
    """
    tracker = PitchTracker(rate, settings)
    for block in blocks:
        tracker.add(block)
    return tracker.finish()


class PitchTracker:
    """Tracks pitch in a recording that comes in blocks; keeps four bytes a frame once ten minutes are over.

    Frame i is centred at `i * STEP` seconds; there are as many as begin within the recording. Raises ValueError for a
    rate that is no rate.
    """

    def __init__(self, rate: int, settings: PitchSettings | None = None) -> None:
        if rate < 1:
            raise ValueError(f"a rate of {rate} Hz")
        self.settings = settings or PitchSettings()
        self.rate = rate
        self.samples = 0
        self.decimator = Decimator(rate)
        self.finder = Finder(self.settings)
        self.rest = np.zeros(self.finder.size // 2, np.float32)  # half of the first frame lies before the recording
        self.peak = SILENCE
        self.stretches = Stretches(self.settings)

    def add(self, block: Samples) -> None:
        """Take the next samples, float32 [any number], full scale 1."""
        self.samples += len(block)
        for piece in self.decimator.add(block):
            self._analyse(piece)

    def finish(self) -> Pitch:
        """The pitch of everything that was added; the tracker is done with."""
        for piece in self.decimator.finish():
            self._analyse(piece)
        self._analyse(np.zeros(self.finder.size, np.float32))
        wanted = 1 + round(self.samples / self.rate / STEP * 1e6) // 10**6 if self.samples else 0
        return Pitch(self.stretches.finish()[:wanted])

    def _analyse(self, piece: Samples) -> None:
        """Candidates of the frames that a piece completes."""
        joined = np.concatenate([self.rest, piece])
        count = max(0, (len(joined) - self.finder.size) // HOP + 1)
        if count:
            view = np.lib.stride_tricks.sliding_window_view(joined, self.finder.size)[::HOP][:count]
            for first in range(0, count, TOGETHER):
                self._find(view[first : first + TOGETHER])
        self.rest = joined[count * HOP :].copy()

    def _find(self, frames: Samples) -> None:
        level = levels(frames * self.finder.window)
        peak = recent_peak(level, self.peak)
        loud = np.flatnonzero((level > SILENCE) & (level > peak - self.settings.silence))
        candidates = self.finder.find(frames[loud]) if len(loud) else joined([])
        some = np.flatnonzero((candidates.strengths > 0).any(axis=1))
        self.stretches.add(level, loud[some], candidates[some])
        self.peak = float(peak[-1])


def levels(frames: Samples) -> Levels:
    """Level of each windowed frame, dB; never below `SILENCE`."""
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frames.shape[1]
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10))), np.float64)
