"""What a frame's fundamental frequency could be: peaks of its autocorrelation, at the low rate that pitch needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.util import fft
from earmark.util.types import Array, Samples

LOWEST, HIGHEST = 40.0, 1000.0  # Hz


@dataclass(frozen=True)
class PitchSettings:
    """How pitch is tracked; strengths are those of an autocorrelation, 1 for a perfectly periodic frame."""

    floor: float = 60.0  # Hz, the lowest F0 that is looked for
    ceiling: float = 500.0  # and the highest
    voicing: float = 0.3  # strength below which a frame counts as unvoiced
    octave: float = 0.01  # how much an octave more makes a candidate stronger
    jump: float = 0.5  # what an octave's jump from one frame to the next costs
    change: float = 0.15  # what a change between voiced and unvoiced costs
    silence: float = 40.0  # a frame this many dB below the loudest around it is never voiced
    narrow: float = 0.6  # what an octave outside the speaker's own range costs, in a second look; 0 looks once

    def __post_init__(self) -> None:
        if not LOWEST <= self.floor < self.ceiling <= HIGHEST:
            remedy = f"choose two frequencies within {LOWEST:g} and {HIGHEST:g} Hz, the lower first"
            f0 = f"F0 from {self.floor:g} to {self.ceiling:g} Hz"
            raise EarmarkError(f0, "is not a range that can be tracked", remedy)


RATE = 4000  # Hz, of what comes out
PIECE = 6  # seconds that come out at a time
MARGIN = 1  # seconds either side of a piece, for what the filter rings
SPAN = MARGIN + PIECE + MARGIN
HUM, LOW = 30.0, 50.0  # Hz: nothing below the first, all above the second
HIGH = 1500.0  # Hz: all below, and nothing from RATE / 2


class Decimator:
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
        bins = fft.rfft(span)[: len(spectrum)]  # fewer where the recording's own rate is lower
        spectrum[: len(bins)] = bins * self.response[: len(bins)]
        return np.asarray(fft.irfft(spectrum, SPAN * RATE)[MARGIN * RATE : -MARGIN * RATE])


def _band() -> Samples:
    """What passes of each frequency of a span at `RATE`: 0 to 1, with raised cosines for slopes."""
    hz = np.arange(SPAN * RATE // 2 + 1) / SPAN
    rising = np.clip((hz - HUM) / (LOW - HUM), 0, 1)
    falling = np.clip((RATE / 2 - hz) / (RATE / 2 - HIGH), 0, 1)
    return np.asarray(np.sin(np.pi / 2 * np.minimum(rising, falling)) ** 2, np.float32)


PERIODS = 2.4  # of the lowest F0 in a frame: more blur a voice that glides, fewer miss a low one
COMPRESSION = 0.6  # exponent of the power spectrum
LEAST_WINDOW = 0.05  # the correction divides by no less
TRUST = 0.3  # exponent of the window's autocorrelation: long lags rest on less of a frame, and weigh less
FINER = 2  # lags for each sample
KEPT = 4  # candidates of a frame
WEAKEST = 0.2  # an autocorrelation below is no candidate
NONE = -9.0  # the strength of a candidate that there is not
EDGE = 1.04  # a peak may lie this factor outside the range, and counts as its edge
STEEPEST = 6.0  # nepers over a frame: a voice that swells or dies faster is levelled by no more


@dataclass(frozen=True)
class Candidates:
    """Candidates of some frames [frames, KEPT]: log2 of their Hz, and strengths, `NONE` where there is none."""

    octaves: Array
    strengths: Array

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> Candidates:
        return Candidates(self.octaves[rows], self.strengths[rows])


class Finder:
    """Finds the candidates of frames [frames, `size`] at `RATE`.

    Autocorrelation of Hann-windowed frames divided by that of the window (Boersma, Accurate short-term analysis of
    the fundamental frequency, IFA Proceedings 17, 1993), of a compressed spectrum (Tolonen and Karjalainen, A
    computationally efficient multipitch analysis model, IEEE Trans. Speech and Audio Processing 8(6), 2000): the
    exponent takes weight from a strong formant, whose own periods are what makes octave errors, above all where a
    telephone has taken the fundamental away.

    A voice mostly dies as it falls, so the louder half of a frame, where it is higher, would have more to say about
    the F0 of its middle: frames are levelled first, by the exponential that makes both halves equally strong.
    """

    def __init__(self, settings: PitchSettings) -> None:
        self.settings = settings
        self.size = round(PERIODS / settings.floor * RATE)
        self.window = np.asarray(np.hanning(self.size + 2)[1:-1], np.float32)
        # Where samples are, re the frame's middle and its length, and how far its halves are apart.
        self.offsets = (np.arange(self.size, dtype=np.float32) - (self.size - 1) / 2) / self.size
        self.apart = 2 * float(np.average(np.abs(self.offsets), weights=self.window**2))
        self.first = int(FINER * RATE / settings.ceiling / EDGE)
        self.last = max(int(FINER * RATE / settings.floor * EDGE) + 1, self.first + KEPT)
        self.length = fft.fast_length(self.size + self.last // FINER + 2)
        own = self._autocorrelation(power(self.window[None], self.length), COMPRESSION)[0]
        own = np.maximum(own, LEAST_WINDOW)
        self.correction = 1 / own
        self.trust = own[1:-1] ** TRUST
        octaves = np.log2(np.arange(self.first, self.last + 1) / self.last)
        self.bonus = np.asarray(-settings.octave * octaves, np.float32)

    def find(self, frames: Array) -> Candidates:
        """The `KEPT` best candidates of each frame, in any order."""
        windowed = self._levelled((frames - frames.mean(axis=1, keepdims=True)) * self.window)
        peaks = self._autocorrelation(power(windowed, self.length), COMPRESSION) * self.correction
        left, middle, right = peaks[:, :-2], peaks[:, 1:-1], peaks[:, 2:]
        is_peak = (middle >= left) & (middle > right) & (middle * self.trust > WEAKEST)
        score = np.where(is_peak, middle * self.trust + self.bonus, np.float32(NONE))
        best = np.argpartition(score, -KEPT, axis=1)[:, -KEPT:]
        rows = np.arange(len(frames))[:, None]
        height, shift = parabola(left[rows, best], middle[rows, best], right[rows, best])
        hz = FINER * RATE / (self.first + best + shift)
        floor, ceiling = self.settings.floor, self.settings.ceiling
        exists = (score[rows, best] > NONE) & (hz > floor / EDGE) & (hz < ceiling * EDGE)
        octaves = np.log2(np.clip(hz, floor, ceiling))
        strengths = np.minimum(height, 1 / height) * self.trust[best] + self.settings.octave * (
            octaves - np.log2(floor)
        )
        return Candidates(octaves.astype(np.float32), np.where(exists, strengths, NONE).astype(np.float32))

    def _levelled(self, frames: Array) -> Array:
        """Windowed frames whose halves are equally strong."""
        half = self.size // 2
        parts = (frames[:, :half], frames[:, -half:])
        before, after = (np.log(np.maximum((part**2).sum(axis=1), np.finfo(np.float32).tiny)) for part in parts)
        rise = (after - before) / (2 * self.apart)
        return np.asarray(frames * np.exp(-np.clip(rise, -STEEPEST, STEEPEST)[:, None] * self.offsets), np.float32)

    def _autocorrelation(self, power: Array, exponent: float) -> Array:
        """Lags from the one before `first` to the one behind `last`, re lag 0."""
        lags = fft.irfft(power**exponent, FINER * self.length)
        scale = 1 / np.maximum(lags[:, :1], np.finfo(np.float32).tiny)
        return np.asarray(lags[:, self.first - 1 : self.last + 2] * scale)


def power(frames: Array, length: int) -> Array:
    """Power spectra of frames, with zeros behind them up to `length` samples."""
    spectrum = fft.rfft(frames, length)
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def parabola(left: Array, middle: Array, right: Array) -> tuple[Array, Array]:
    """Height of the parabola through three values a step apart, and where its top is from the middle one."""
    slope = (right - left) / 2
    bend = np.minimum(left - 2 * middle + right, np.float32(-1e-9))
    shift = np.clip(-slope / bend, -0.5, 0.5)
    return middle + slope * shift / 2, shift
