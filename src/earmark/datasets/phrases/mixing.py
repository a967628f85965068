"""Parts as they sound together: when each is heard, and how loud it is beside the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FRAME = 0.01  # seconds in which energy is measured
BELOW = 35.0  # dB below its loudest frame at which a part is no longer heard
FLOOR = 1e-10  # power below which nothing sounds at all
JOINED = 0.15  # seconds of silence that are no end
SHORTEST = 0.02  # seconds of the shortest sound

Samples = NDArray[np.float32]
Span = tuple[float, float]
"""Onset and offset, seconds."""


def heard(samples: Samples, rate: int) -> list[Span]:
    """When a dry part sounds: its frames less than BELOW under its loudest, over short gaps; onset and offset."""
    frame = round(FRAME * rate)
    padded = np.zeros(-(-len(samples) // frame) * frame, np.float32)
    padded[: len(samples)] = samples
    power = np.mean(padded.reshape(-1, frame) ** 2, axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest < FLOOR:
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], power > loudest * 10 ** (-BELOW / 10), [False]])))
    end = len(samples) / rate
    spans = [(on * frame / rate, min(off * frame / rate, end)) for on, off in edges.reshape(-1, 2).tolist()]
    return [span for span in _joined(spans) if span[1] - span[0] >= SHORTEST]


def level(samples: Samples, rate: int, spans: Sequence[Span]) -> float:
    """Root mean square over the spans in which a part sounds; 0 where it never does."""
    pieces = [samples[round(on * rate) : round(off * rate)] for on, off in spans]
    return float(np.sqrt(np.mean(np.concatenate(pieces) ** 2))) if pieces else 0.0


def mix(parts: Sequence[Samples], levels: Sequence[float], decibels: Sequence[float], length: int) -> Samples:
    """The sum [length] of parts, each brought from its level to so many dB; those without a level are silent."""
    total = np.zeros(length, np.float32)
    for samples, now, wanted in zip(parts, levels, decibels, strict=True):
        if now:
            total += samples[:length] * np.float32(10 ** (wanted / 20) / now)
    return total


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for on, off in spans:
        if joined and on - joined[-1][1] < JOINED:
            joined[-1] = (joined[-1][0], off)
        else:
            joined.append((on, off))
    return joined
