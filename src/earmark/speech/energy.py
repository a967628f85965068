"""The energy contour of a recording: its level every 10 ms, where a word begins and ends by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

STEP = 0.01  # seconds from one frame to the next; frame i is centred at i * STEP and as long as this
EDGE_DB = 25.0  # a word lasts from the first to the last frame that is within this of its loudest
FLOOR_DB = -120.0  # dB re full scale: quieter is silence

Levels = NDArray[np.float32]
Span = tuple[int, int]
"""First frame, and frame after the last."""


def levels(samples: NDArray[np.float32], rate: int) -> Levels:
    """Level in dB re full scale of each frame of some samples."""
    contour = Contour(rate)
    contour.add(samples)
    return contour.finish()


def edges(contour: Levels, below: float = EDGE_DB) -> Span | None:
    """First frame, and frame after the last, within `below` dB of the loudest; None where all is silent."""
    if len(contour) == 0 or contour.max() <= FLOOR_DB:
        return None
    loud = np.flatnonzero(contour >= contour.max() - below)
    return int(loud[0]), int(loud[-1]) + 1


class Contour:
    """The contour of a recording that comes in blocks: four bytes a frame are kept."""

    def __init__(self, rate: int) -> None:
        self.hop = round(rate * STEP)
        self.rest = np.zeros(self.hop // 2, np.float32)  # half of the first frame lies before the recording
        self.parts: list[Levels] = []

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, mono."""
        joined = np.concatenate([self.rest, samples])
        whole = len(joined) // self.hop * self.hop
        self.parts.append(_decibels(joined[:whole].reshape(-1, self.hop)))
        self.rest = joined[whole:]

    def hear(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Pass blocks on, and take them on their way."""
        for block in blocks:
            self.add(block)
            yield block

    def finish(self) -> Levels:
        """The whole contour [frames], with the frame that was not full."""
        if len(self.rest):
            self.parts.append(_decibels(np.pad(self.rest, (0, self.hop - len(self.rest)))[None]))
            self.rest = self.rest[:0]
        return np.concatenate([np.empty(0, np.float32), *self.parts])


def _decibels(frames: NDArray[np.float32]) -> Levels:
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frames.shape[1]
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), np.float32)
