"""A recording of any rate as the few frequencies that pitch needs, at one low rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from earmark.util import fft

Samples = NDArray[np.float32]

RATE = 4000  # Hz, of what comes out
PIECE = 6  # seconds that come out at a time
MARGIN = 1  # seconds either side of a piece, for what the filter rings
SPAN = MARGIN + PIECE + MARGIN
HUM, LOW = 30.0, 50.0  # Hz: nothing below the first, all above the second
HIGH = 1500.0  # Hz: all below, and nothing from RATE / 2


class Narrowing:
    """Samples that come in blocks of any size, at `RATE` and between `LOW` and `HIGH`, in pieces of `PIECE` seconds.

    Overlapping spans are transformed, cut to the band, and transformed back at the lower rate (overlap-save). A span
    begins at the same sample however the blocks are cut, so what comes out is the same to the last bit.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.response = _band() * np.float32(RATE / rate)
        self.held = [np.zeros(MARGIN * rate, np.float32)]
        self.count = MARGIN * rate

    def add(self, block: Samples) -> Iterator[Samples]:
        """Take the next samples; the pieces that they complete."""
        self.held.append(np.array(block, np.float32))  # a copy: a caller may fill one buffer again and again
        self.count += len(block)
        if self.count < SPAN * self.rate:
            return
        joined = np.concatenate(self.held)
        first = 0
        while len(joined) - first >= SPAN * self.rate:
            yield self._piece(joined[first : first + SPAN * self.rate])
            first += PIECE * self.rate
        self.held, self.count = [joined[first:].copy()], len(joined) - first

    def finish(self) -> Iterator[Samples]:
        """The pieces up to the end and past it, with silence behind the end."""
        yield from self.add(np.zeros((PIECE + MARGIN) * self.rate, np.float32))

    def _piece(self, span: Samples) -> Samples:
        spectrum = np.zeros(len(self.response), np.complex64)
        whole = fft.rfft(span)[: len(spectrum)]  # fewer where the recording's own rate is lower
        spectrum[: len(whole)] = whole * self.response[: len(whole)]
        return np.asarray(fft.irfft(spectrum, SPAN * RATE)[MARGIN * RATE : -MARGIN * RATE])


def _band() -> Samples:
    """What passes of each frequency of a span at `RATE`: 0 to 1, with raised cosines for slopes."""
    hz = np.arange(SPAN * RATE // 2 + 1) / SPAN
    rising = np.clip((hz - HUM) / (LOW - HUM), 0, 1)
    falling = np.clip((RATE / 2 - hz) / (RATE / 2 - HIGH), 0, 1)
    return np.asarray(np.sin(np.pi / 2 * np.minimum(rising, falling)) ** 2, np.float32)
