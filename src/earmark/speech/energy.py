"""Energy of speech every 10 ms: its level, levels in four bands, and where a word begins and ends by them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.speech import STEP as STEP
from earmark.util import fft

EDGE_DB = 35.0  # a word lasts from the first to the last frame within this of its loudest: what a listener hears of it
FLOOR_DB = -120.0  # dB re full scale: quieter is silence
BAND_EDGES = (100, 600, 2000, 4000, 7600)  # Hz: voice, vowels, and two where consonants are

Levels = NDArray[np.float32]
Span = tuple[int, int]
"""First frame, and frame after the last."""


def levels(samples: NDArray[np.float32], rate: int) -> Levels:
    """Level in dB re full scale of each frame of some samples."""
    meter = LevelMeter(rate)
    meter.add(samples)
    return meter.finish()


def edges(contour: Levels, edge_db: float = EDGE_DB) -> Span | None:
    """First frame, and frame after the last, within `edge_db` of the loudest; None where all is silent."""
    if len(contour) == 0 or contour.max() <= FLOOR_DB:
        return None
    loud = np.flatnonzero(contour >= contour.max() - edge_db)
    return int(loud[0]), int(loud[-1]) + 1


class _Meter(ABC):
    """Measures frames of a recording that comes in blocks, as many as begin within it."""

    def __init__(self, rate: int, size: int) -> None:
        """Take frames of `size` samples."""
        self.hop = round(rate * STEP)
        self.size = size
        self.samples = 0
        self.rest = np.zeros(size // 2, np.float32)  # half of the first frame lies before the recording
        self.parts: list[NDArray[np.floating]] = []

    @abstractmethod
    def _measure(self, frames: NDArray[np.float32]) -> NDArray[np.floating]:
        """One row for each frame."""

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, mono."""
        self.samples += len(samples)
        self._take(samples)

    def _take(self, samples: NDArray[np.float32]) -> None:
        joined = np.concatenate([self.rest, samples])
        count = max(0, (len(joined) - self.size) // self.hop + 1)
        if count:
            view = np.lib.stride_tricks.sliding_window_view(joined, self.size)[:: self.hop][:count]
            self.parts.append(self._measure(view))
        self.rest = joined[count * self.hop :]

    def finish(self) -> NDArray[Any]:
        """The measures of all frames, one row each."""
        wanted = -(-(self.samples + self.hop // 2) // self.hop) if self.samples else 0
        self._take(np.zeros(self.size + self.hop, np.float32))
        return np.concatenate(self.parts)[:wanted]


class LevelMeter(_Meter):
    """Levels of a recording that comes in blocks, dB re full scale, float32 [frames]; a frame is as long as a step."""

    def __init__(self, rate: int) -> None:
        super().__init__(rate, round(rate * STEP))

    def _measure(self, frames: NDArray[np.float32]) -> Levels:
        return decibels(np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frames.shape[1])


class BandMeter(_Meter):
    """Levels in the bands between `BAND_EDGES`, float16 [frames, bands], of Hann-windowed frames two steps long."""

    def __init__(self, rate: int) -> None:
        super().__init__(rate, 2 * round(rate * STEP))
        self.window = np.asarray(np.hanning(self.size + 2)[1:-1], np.float32)
        self.bins = [round(edge * self.size / rate) for edge in BAND_EDGES]

    def _measure(self, frames: NDArray[np.float32]) -> NDArray[np.float16]:
        spectrum = fft.rfft(frames * self.window)
        power = spectrum.real**2 + spectrum.imag**2
        parts = [power[:, low:high].sum(axis=1) for low, high in zip(self.bins, self.bins[1:], strict=False)]
        return decibels(np.stack(parts, axis=1) * (2 / (self.window**2).sum() / self.size)).astype(np.float16)


def decibels(power: NDArray[np.floating]) -> Levels:
    """The level of each power, dB; never below `FLOOR_DB`."""
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), np.float32)
