"""What is heard of a sound, frame by frame of 10 ms: where it sounds by its own energy, how loud it is, and whether
other sounds cover it.

Loudness is weighted by frequency as the ear is (curve A of IEC 61672-1), so that a rumble that shakes a loudspeaker
and is hardly heard does not count as loud; no frequency counts less than WEIGHT_FLOOR, or what is left of a rumble
would be raised until it fills the file. Bands are the critical bands (Zwicker, Subdivision of the audible frequency
range into critical bands, JASA 33, 1961), in which sounds cover each other.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from earmark.events.hysteresis import joined, runs
from earmark.util.types import Mask, Samples

FRAME = 0.01  # seconds
WINDOW = 0.02  # seconds of the spectrum around each frame, at least
BELOW = 30.0  # dB below its loudest at which a sound is over
ABOVE_FLOOR = 6.0  # dB above its own noise floor at which it begins, where that is higher
CLEAR = 12.0  # dB below its loudest: a floor above this is no floor, the sound is a steady one
SILENCE = 1e-9  # power below which nothing sounds: -90 dB re full scale
NEVER = 60.0  # dB below its loudest: what is quieter is no noise floor but silence that was added
GAP = 0.5  # seconds of silence that part two events
SHORTEST = 0.02  # seconds of the shortest event
GLIMPSE = 0.1  # seconds of a long sound that are too short to be told
COVERED = 6.0  # dB below all others in every band at which a sound is not heard: it raises none of them by 1 dB
FAINT = 40.0  # dB below all others together at which a band of a sound is not heard, whatever is beside it
WEIGHT_FLOOR = -20.0  # dB
BARK = (
    0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400,
    7700, 9500, 12000, 15500, 25000,
)  # fmt: skip
"""Edges of the critical bands, Hz."""
OWN_FRAMES, OTHER_FRAMES = 5, 15  # over which powers are averaged before they are compared
AT_ONCE = 2048  # frames whose spectra are held at a time

Powers = NDArray[np.float32]  # [frames, bands]


def frame_length(rate: int) -> int:
    """Samples of a frame."""
    return round(rate * FRAME)


def powers(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Mean square of each frame; of the last, which may be shorter, as if silence followed."""
    hop = frame_length(rate)
    frames = np.pad(samples, (0, -len(samples) % hop)).reshape(-1, hop)
    return np.asarray(np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / hop)


def activity(power: NDArray[np.float64]) -> tuple[Mask, float]:
    """The frames in which a sound is heard by itself, and the power below which it never is.

    They are a little above its noise floor, and not too far below its loudest. A steady sound has no floor of its own,
    and sounds throughout.
    """
    loudest = float(uniform_filter1d(power, 3, mode="constant").max(initial=0.0))
    least = max(SILENCE, loudest * 10 ** (-BELOW / 10))
    sounding = power[power > max(SILENCE, loudest * 10 ** (-NEVER / 10))]
    floor = float(np.percentile(sounding, 10)) if len(sounding) else 0.0
    raised = min(floor * 10 ** (ABOVE_FLOOR / 10), loudest * 10 ** (-CLEAR / 10))
    return power > max(least, raised), least


def spans(mask: Mask, gap: float = GAP) -> list[tuple[int, int]]:
    """First frame and frame after the last of each stretch that a mask marks, over gaps shorter than `gap` seconds."""
    found = joined(runs(mask), gap / FRAME - 1)
    return [(first, last) for first, last in found.tolist() if (last - first) * FRAME >= SHORTEST - 1e-9]


def audible_spans(active: Mask, audible: Mask, gap: float = GAP) -> list[tuple[int, int]]:
    """The stretches in which a sound is active and others do not cover it.

    A glimpse of a long sound between others that cover it is not told from them: it counts only where it lasts, or
    where the sound itself is as short.
    """
    found = []
    for start, end in spans(active, gap):
        least = min(GLIMPSE, 0.5 * (end - start) * FRAME)
        pieces = spans((active & audible)[start:end], gap)
        found += [(start + first, start + last) for first, last in pieces if (last - first) * FRAME >= least]
    return found


def spectra(samples: Samples, rate: int) -> Powers:
    """Mean square in each critical band, as a spectrum around each frame has it [frames, bands]."""
    hop, size = frame_length(rate), _window_length(rate)
    count, bands = -(-len(samples) // hop), _bands(rate)
    if count == 0:
        return np.zeros((0, bands.shape[1]), np.float32)
    before = (size - hop) // 2
    padded = np.pad(samples, (before, count * hop + size - hop - before - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    window /= np.sqrt(np.sum(window**2) * size / 2, dtype=np.float32)
    parts = []
    for first in range(0, count, AT_ONCE):
        spectrum = fft.rfft(frames[first : min(first + AT_ONCE, count)] * window, axis=1)
        parts.append((spectrum.real**2 + spectrum.imag**2) @ bands)
    return np.concatenate(parts)


def weighted(bands: Powers, rate: int) -> NDArray[np.float64]:
    """A-weighted power of each frame."""
    return np.asarray(bands @ _weights(rate), np.float64)


def loudness(bands: Powers, active: Mask, rate: int) -> float:
    """A-weighted power of a sound where it is loud: the mean of the louder half of the frames in which it sounds."""
    frames = np.sort(weighted(bands[active], rate))
    return float(frames[len(frames) // 2 :].mean()) if len(frames) else 0.0


def audible(own: Powers, others: Powers, rate: int) -> Mask:
    """The frames in which a sound stands out in a band: is neither covered by others there nor too faint beside them.

    A change of 1 dB is about the least that is heard in noise (Zwicker and Fastl, Psychoacoustics, chapter 7).
    """
    mine = uniform_filter1d(own, OWN_FRAMES, axis=0, mode="nearest")
    theirs = uniform_filter1d(others, OTHER_FRAMES, axis=0, mode="nearest")
    weights = _weights(rate)
    stands_out = mine > theirs * np.float32(10 ** (-COVERED / 10))
    counts = mine * weights > (theirs @ weights)[:, None] * np.float32(10 ** (-FAINT / 10))
    return np.asarray((stands_out & counts).any(axis=1))


def _window_length(rate: int) -> int:
    return int(2 ** np.ceil(np.log2(WINDOW * rate)))


@lru_cache(maxsize=4)
def _bands(rate: int) -> NDArray[np.float32]:
    """Which bin of the spectrum counts in which band [bins, bands]; the mean belongs to none."""
    size = _window_length(rate)
    hertz = fft.rfftfreq(size, 1 / rate)
    edges = [edge for edge in BARK if edge < rate / 2]
    place = np.searchsorted(edges, hertz, side="right") - 1
    matrix = np.array(place[:, None] == np.arange(len(edges)), np.float32)
    matrix[0] = 0.0
    return matrix


@lru_cache(maxsize=4)
def _weights(rate: int) -> NDArray[np.float32]:
    """The power that curve A leaves of each band's, at the middle of it."""
    edges = np.array([*(edge for edge in BARK if edge < rate / 2), rate / 2])
    decibels = a_weighting((edges[:-1] + edges[1:]) / 2)
    return np.asarray(10 ** (np.maximum(decibels, WEIGHT_FLOOR) / 10), np.float32)


def a_weighting(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curve A, dB re its value at 1 kHz (IEC 61672-1, annex E)."""
    square = hertz**2
    gain = 12194.217**2 * square**2
    gain = gain / (square + 20.598997**2) / (square + 12194.217**2)
    gain = gain / np.sqrt((square + 107.65265**2) * (square + 737.86223**2))
    return np.asarray(20 * np.log10(np.maximum(gain, 1e-12)) + 1.99948)
