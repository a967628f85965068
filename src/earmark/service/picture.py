"""What a page draws of a recording: its waveform and its spectrogram, small enough to send at once."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.features.frontend import FrontEnd
from earmark.util.types import Features, Samples

STEP = 0.05  # seconds of a column while it is heard
COLUMNS = 6000  # sent at most
RANGE_DB = 70.0  # from the darkest to the brightest
BANDS = 64

Bytes = NDArray[np.uint8]


class Picture:
    """Notes peaks and levels of the samples that pass, at a rate in Hz: 65 bytes each 0.05 s."""

    def __init__(self, rate: int) -> None:
        hop = round(rate * STEP / 2)
        n_fft = 2 * round(0.032 * rate)
        self.front_end = FrontEnd(kind="log_mel", rate=rate, hop=min(hop, n_fft), n_fft=n_fft, bands=BANDS, fmin=50.0)
        self.chunk = 2 * self.front_end.hop
        self._peaks: list[Samples] = []
        self._levels: list[Features] = []
        self._rest = np.empty(0, np.float32)

    def hear(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """Pass blocks on, and note them."""
        for block in blocks:
            self.add(block)
            yield block

    def add(self, block: Samples) -> None:
        """Note one block: of whole columns, the rest waits for the next."""
        samples = np.concatenate([self._rest, block])
        pooled_length = len(samples) // self.chunk * self.chunk
        self._rest = samples[pooled_length:]
        self._note(samples[:pooled_length])

    def _note(self, samples: Samples) -> None:
        """Note whole columns, or the last one; each side's end is silence, which nobody sees in a picture."""
        if not len(samples):
            return
        columns = -(-len(samples) // self.chunk)
        self._peaks.append(np.maximum.reduceat(np.abs(samples), np.arange(0, len(samples), self.chunk)))
        levels = self.front_end.features(samples)[: 2 * columns]
        self._levels.append(np.maximum.reduceat(levels, np.arange(0, len(levels), 2), axis=0))

    def view(self) -> dict[str, Any]:
        """Waveform and spectrogram as JSON holds them: see docs/service.md."""
        self._note(self._rest)
        self._rest = self._rest[:0]
        peaks = np.concatenate([np.empty(0, np.float32), *self._peaks])
        levels = np.concatenate([np.empty((0, BANDS), np.float32), *self._levels])
        fold = max(1, -(-len(peaks) // COLUMNS))
        step = fold * self.chunk / self.front_end.rate
        top = max(float(levels.max(initial=-100.0)), -60.0)
        bright = (_folded(levels, fold) - (top - RANGE_DB)) / RANGE_DB
        centres = self.front_end.centres()
        return {
            "waveform": {"step": step, "peaks": _text(_eight_bit(_folded(peaks, fold)))},
            "spectrogram": {
                "step": step,
                "bands": BANDS,
                "low_hz": round(float(centres[0]), 1),
                "high_hz": round(float(centres[-1]), 1),
                "values": _text(_eight_bit(bright)),
            },
        }


def _folded(rows: NDArray[np.float32], fold: int) -> NDArray[np.float32]:
    """The largest of each `fold` rows."""
    return np.maximum.reduceat(rows, np.arange(0, len(rows), fold), axis=0) if len(rows) else rows


def _eight_bit(values: NDArray[np.float32]) -> Bytes:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _text(values: Bytes) -> str:
    return base64.b64encode(values.tobytes()).decode()
