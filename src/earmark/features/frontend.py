"""Waveform -> features. The only implementation: training and inference both call it.

Definitions follow librosa (frames centred at `t * hop` with zeros beyond the ends, periodic Hann window,
Slaney mel filters, power in dB re 1.0 with a floor of 1e-10), so that published settings carry over. The parameters
from `preemphasis` on are for networks that were taught with other definitions: see `FrontEnd.audioset`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from earmark.features import descriptors, patches
from earmark.util import fft
from earmark.util.streams import concatenate
from earmark.util.types import Features, Samples

AnyArray = TypeVar("AnyArray", bound=Any)
Kind = Literal["log_mel", "linear", "mfcc", "summary"]
MelScale = Literal["slaney", "kaldi"]
Logarithm = Literal["decibels", "natural"]

POWER_FLOOR = 1e-10  # -100 dB re full scale: quieter is silence
BLOCK_FRAMES = 200  # transformed at once: fits the second-level cache, which is fastest
IN_DECIBELS = ("log_mel", "linear")  # kinds whose frames are levels, and can be drawn
DECIBELS = 10 / math.log(10)  # in a factor of e of the power
RATES = range(1_000, 1_000_001)  # Hz
MOST_BANDS = 4096
LONGEST = 3600.0  # seconds
DELTA_WIDTH = 9  # frames of the regression behind a delta, the width that librosa and HTK use


@dataclass(frozen=True)
class FrontEnd:
    """All that determines features; stored in the model file.

    The kinds are `log_mel` (dB in mel bands), `linear` (dB in FFT bins), `mfcc` (cepstra of the log-mel bands), and
    `summary` (statistics of a patch's descriptors, see `earmark.features.descriptors`).

    The mel scale is `slaney` (filters of equal area, triangles over Hz) or `kaldi` (1127 ln(1 + f / 700), filters of
    unit height, triangles over mel, the bin at half the rate unused; Povey et al., 2011).
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a recipe's section `front_end` is checked against this class

    kind: Kind = "log_mel"
    rate: int = 22050  # samples a second that the features are computed from
    n_fft: int = 1024  # samples in a frame, and the length of its Fourier transform
    hop: int = 441  # samples between frames
    bands: int = 64  # mel bands
    fmin: float = 0.0  # Hz, the lowest of the mel bands
    fmax: float | None = None  # Hz, the highest; half the rate if None
    coefficients: int = 20  # cepstral coefficients kept (`mfcc` and `summary`)
    deltas: int = 2  # orders of time derivatives that follow the cepstra, 0 to 2 (`mfcc` only)
    patch: float | None = None  # seconds that a network sees at a time; None: a stream of frames without end
    patch_hop: float = 1.0  # seconds from one patch to the next
    image: tuple[int, int] | None = None  # (height, width) of the picture that is made of each patch
    image_range: tuple[float, float] = (-80.0, 20.0)  # dB that become black and white in the picture
    preemphasis: float = 0.0  # x[n] becomes x[n] - preemphasis x[n - 1] before frames are cut
    window: int | None = None  # samples of a frame that the window leaves, centred in it; all `n_fft` if None
    symmetric: bool = False  # the window has its zero at both ends, as in Kaldi, and not only at the first
    mel_scale: MelScale = "slaney"
    logarithm: Logarithm = "decibels"  # or natural: (ln(power + floor) + shift) / scale
    floor: float = 1e-5
    shift: float = 0.0
    scale: float = 1.0

    @classmethod
    def audioset(cls) -> FrontEnd:
        """What the backbones that learned AudioSet listen to (Schmid, Koutini and Widmer, 2023, arXiv:2211.04772)."""
        return cls(
            rate=32000,
            hop=320,
            bands=128,
            fmax=15000.0,
            preemphasis=0.97,
            window=800,
            symmetric=True,
            mel_scale="kaldi",
            logarithm="natural",
            shift=4.5,
            scale=5.0,
        )

    def __post_init__(self) -> None:
        for key, kinds in (("kind", Kind), ("mel_scale", MelScale), ("logarithm", Logarithm)):
            if getattr(self, key) not in get_args(kinds):
                raise ValueError(f"{key} must be {' or '.join(get_args(kinds))}")
        if self.rate <= 0 or self.hop <= 0 or self.n_fft < 2 or self.bands < 1:
            raise ValueError("rate, hop, n_fft and bands must be positive")
        if self.n_fft % 2 or self.hop > self.n_fft:
            raise ValueError("n_fft must be even, and at least hop")
        if not 0 <= self.fmin < self.highest <= self.rate / 2:
            raise ValueError(f"mel bands from {self.fmin} to {self.highest} Hz do not fit a rate of {self.rate}")
        if self.patch is None and self.kind == "summary":
            raise ValueError("a summary is made of patches: set patch, in seconds")
        if self.image is not None and self.kind not in IN_DECIBELS:
            raise ValueError("pictures are made of log_mel or linear")
        if self.patch is not None and (self.patch <= 0 or self.patch_hop < self.hop / self.rate):
            raise ValueError("patch must be positive, and patch_hop at least a frame")
        if self.kind in ("mfcc", "summary") and not (1 <= self.coefficients <= self.bands and 0 <= self.deltas <= 2):
            raise ValueError(f"{self.kind} needs 1 to `bands` coefficients and 0 to 2 orders of deltas")

        self._check_sizes()
        self._check_other_definitions()

    def _check_sizes(self) -> None:
        """What no memory holds, or no picture is."""
        seconds = max(self.patch or 0.0, self.patch_hop, self.n_fft / self.rate)
        if self.rate not in RATES or self.n_fft > RATES[-1] or self.bands > MOST_BANDS or seconds > LONGEST:
            reason = f"{RATES[0]} to {RATES[-1]} Hz, at most {MOST_BANDS} bands and patches of {LONGEST:g} s"
            raise ValueError(f"a front end has {reason}")
        if self.image is not None and not all(1 <= side <= MOST_BANDS for side in self.image):
            raise ValueError(f"the sides of a picture are 1 to {MOST_BANDS} pixels")
        if self.highest - self.fmin < 1:
            raise ValueError("mel bands are a hertz wide at least, all together")
        if not self.image_range[0] < self.image_range[1]:
            raise ValueError("image_range must rise")

    def _check_other_definitions(self) -> None:
        if not 0 <= self.preemphasis < 1:
            raise ValueError("preemphasis must be at least 0 and less than 1")
        if self.window is not None and not max(2, self.hop) <= self.window <= self.n_fft:
            raise ValueError("window must be at least hop, and 2, and at most n_fft")
        if not (0 < self.floor < math.inf and 0 < self.scale < math.inf and math.isfinite(self.shift)):
            raise ValueError("floor and scale must be positive, and shift a number")
        if self.logarithm == "natural" and (self.kind not in IN_DECIBELS or self.image is not None):
            raise ValueError("the natural logarithm is for log_mel or linear, and not for pictures")

    @property
    def highest(self) -> float:
        """Highest frequency of the mel bands, Hz."""
        return self.rate / 2 if self.fmax is None else self.fmax

    @property
    def seconds(self) -> float:
        """Seconds between frames; where patches are cut, by which a row of a patch moves the time on."""
        step = self.hop / self.rate
        return step if self.rows is None else self._patch_hop * step / self.rows

    @property
    def size(self) -> int:
        """Features in a frame, or in a row of a patch."""
        if self.patch is not None and self.image is not None:
            return self.image[1]
        if self.kind == "summary":
            return descriptors.summary_size(self.coefficients)
        return self.frame_size

    @property
    def frame_size(self) -> int:
        """Features in a frame, before patches are cut."""
        if self.kind == "summary":
            return descriptors.FIRST + self.bands
        if self.kind == "mfcc":
            return self.coefficients * (1 + self.deltas)
        return self.bands if self.kind == "log_mel" else self.n_fft // 2 + 1

    @property
    def rows(self) -> int | None:
        """Rows of a patch: of its picture, 1 of a summary, otherwise its frames; None where no patches are cut."""
        if self.patch is None:
            return None
        if self.image is not None:
            return self.image[0]
        return 1 if self.kind == "summary" else self.patch_frames

    @property
    def patch_frames(self) -> int:
        """Frames in a patch: as many as a clip of its length has."""
        return 1 + round((self.patch or 0.0) * self.rate) // self.hop

    @property
    def _patch_hop(self) -> int:
        return round(self.patch_hop * self.rate / self.hop)

    def centres(self) -> NDArray[np.float64]:
        """Centre frequency of each mel band, Hz."""
        if self.mel_scale == "kaldi":
            corners = np.linspace(hz_to_kaldi_mel(self.fmin), hz_to_kaldi_mel(self.highest), self.bands + 2)
            return np.asarray(700 * np.expm1(corners[1:-1] / 1127))
        return mel_to_hz(np.linspace(hz_to_mel(self.fmin), hz_to_mel(self.highest), self.bands + 2))[1:-1]

    def frames(self, samples: int) -> int:
        """How many frames `samples` samples give."""
        return 1 + samples // self.hop if samples else 0

    def features(self, samples: Samples) -> Features:
        """Features [frames, size] of a whole mono recording; where patches are cut, [steps * rows, size]."""
        return concatenate(self.stream([samples]), self.size)

    def clip_features(self, samples: Samples) -> Features:
        """What training needs of a clip: its frames, or the rows of the patches that cover it, each once."""
        if self.patch is None:
            return self.features(samples)
        frames = concatenate(self.frame_stream([samples]), self.frame_size)
        cut = patches.covering(frames, self.patch_frames, self._patch_hop)
        return concatenate((self._rows(patch) for patch in cut), self.size)

    def stream(self, blocks: Iterable[Samples]) -> Iterator[Features]:
        """Features of a recording that comes in blocks: the same as of the whole at once."""
        return self.cut(self.frame_stream(blocks))

    def frame_stream(self, blocks: Iterable[Samples]) -> Iterator[Features]:
        """Its frames [frames, frame_size], before patches are cut."""
        if self.kind == "summary":
            return self._descriptors(blocks)
        spectra = self._spectra(blocks)
        if self.kind != "mfcc":
            return spectra
        return add_deltas((self._cepstra(s) for s in spectra), self.deltas, self.coefficients)

    def cut(self, frames: Iterable[Features]) -> Iterator[Features]:
        """Features from frames: the frames themselves, or the rows of each patch in turn."""
        if self.patch is None:
            yield from frames
            return
        for patch in patches.centred(frames, self.patch_frames, self._patch_hop, self.frame_size):
            yield self._rows(patch)

    def picture(self, features: Features) -> NDArray[np.float32]:
        """A patch of dB features [frames, size] as an image [height, width] in 0..1, low frequencies at the bottom."""
        if self.image is None:
            raise ValueError("this front end has no image size")
        low, high = self.image_range
        scaled = np.clip((features.T[::-1] - low) / (high - low), 0.0, 1.0)
        return resize(scaled.astype(np.float32), self.image)

    def decibels(self, features: AnyArray) -> AnyArray:
        """Levels in dB of log-mel or linear features of any shape, in a NumPy array or a tensor."""
        if self.logarithm == "natural":
            features = (features * self.scale - self.shift) * DECIBELS
        return features

    def from_decibels(self, levels: AnyArray) -> AnyArray:
        """Inverse of `decibels`."""
        if self.logarithm == "natural":
            levels = (levels / DECIBELS + self.shift) / self.scale
        return levels

    def to_dict(self) -> dict[str, Any]:
        """Parameters as plain values, for the model file."""
        return asdict(self)

    def _rows(self, patch: Features) -> Features:
        """A patch [patch_frames, frame_size] as the network gets it, [rows, size]."""
        if self.kind == "summary":
            return descriptors.summarise(patch, self.hop / self.rate, self.coefficients)[None]
        return patch if self.image is None else self.picture(patch)

    def _descriptors(self, blocks: Iterable[Samples]) -> Iterator[Features]:
        filters = self._filters()
        for frames in self._frames(blocks):
            yield descriptors.frame_descriptors(frames, power_spectra(frames, self._window()), filters, self.rate)

    def _spectra(self, blocks: Iterable[Samples]) -> Iterator[Features]:
        """Log-mel or linear spectra, some frames at a time."""
        filters, window = self._filters().T, self._window()
        for frames in self._frames(blocks):
            power = power_spectra(frames, window)
            yield self._logarithm(power if self.kind == "linear" else power @ filters)

    def _frames(self, blocks: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
        blocks = emphasised(blocks, self.preemphasis) if self.preemphasis else blocks
        return frames_of(blocks, self.n_fft, self.hop)

    def _filters(self) -> NDArray[np.float32]:
        make = kaldi_filters if self.mel_scale == "kaldi" else mel_filters
        return make(self.rate, self.n_fft, self.bands, self.fmin, self.highest)

    def _window(self) -> NDArray[np.float32]:
        return hann(self.n_fft, self.window or self.n_fft, self.symmetric)

    def _logarithm(self, power: NDArray[np.float32]) -> Features:
        if self.logarithm == "decibels":
            return decibels(power)
        return np.asarray((np.log(power + np.float32(self.floor)) + self.shift) / self.scale, np.float32)

    def _cepstra(self, log_mel: Features) -> Features:
        return np.ascontiguousarray(fft.dct(log_mel)[:, : self.coefficients])


def frames_of(blocks: Iterable[Samples], n_fft: int, hop: int) -> Iterator[NDArray[np.float32]]:
    """Cut blocks of samples into overlapping frames [at most BLOCK_FRAMES, n_fft], centred at multiples of `hop`.

    Zeros stand before the start and behind the end, as in librosa with `center=True, pad_mode="constant"`.
    """
    rest: NDArray[np.float32] = np.zeros(n_fft // 2, np.float32)
    total = made = 0
    for block in _with_end(blocks):
        if block is None:
            if total == 0:
                return
            wanted = 1 + total // hop - made
            rest = np.concatenate([rest, np.zeros(n_fft // 2, np.float32)])
        else:
            total += len(block)
            rest = np.concatenate([rest, np.asarray(block, np.float32)])
            wanted = max(0, (len(rest) - n_fft) // hop + 1)
        if wanted > 0:
            view = np.lib.stride_tricks.sliding_window_view(rest, n_fft)[::hop]
            for first in range(0, wanted, BLOCK_FRAMES):
                yield view[first : min(first + BLOCK_FRAMES, wanted)]
            made += wanted
            rest = rest[wanted * hop :].copy()


def _with_end(blocks: Iterable[Samples]) -> Iterator[Samples | None]:
    yield from blocks
    yield None


def emphasised(blocks: Iterable[Samples], coefficient: float) -> Iterator[Samples]:
    """Each sample less `coefficient` times the one before it, which of the first is zero."""
    before = np.zeros(1, np.float32)
    for block in blocks:
        joined = np.concatenate([before, np.asarray(block, np.float32)])
        yield joined[1:] - np.float32(coefficient) * joined[:-1]
        before = joined[-1:]


def power_spectra(frames: NDArray[np.float32], window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power [n, n_fft // 2 + 1] of frames [n, n_fft] under a window [n_fft]."""
    spectrum = fft.rfft(frames * window)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def decibels(power: NDArray[np.float32]) -> Features:
    """Power as dB re 1.0, not below -100 dB."""
    return np.asarray(10.0 * np.log10(np.maximum(power, POWER_FLOOR)), np.float32)


@cache
def hann(length: int, width: int, symmetric: bool) -> NDArray[np.float32]:
    """Hann window of `width` samples in the middle of `length`; periodic, or symmetric."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / (width - symmetric))
    before = (length - width) // 2
    return np.asarray(np.pad(window, (before, length - width - before)), np.float32)


def hz_to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz, then 27 steps for each factor of 6.4."""
    hz = np.asarray(hz, np.float64)
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) * (np.maximum(mel, 15) - 15) / 27))


@cache
def mel_filters(rate: int, n_fft: int, bands: int, fmin: float, fmax: float) -> NDArray[np.float32]:
    """Triangular mel filters of equal area [bands, n_fft // 2 + 1] (Slaney, 1998)."""
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    low, high = hz_to_mel(fmin), hz_to_mel(fmax)
    corners = mel_to_hz(np.linspace(low, high, bands + 2))
    return np.asarray(_triangles(bins, corners) * (2 / (corners[2:] - corners[:-2]))[:, None], np.float32)


@cache
def kaldi_filters(rate: int, n_fft: int, bands: int, fmin: float, fmax: float) -> NDArray[np.float32]:
    """Triangular mel filters of unit height [bands, n_fft // 2 + 1] as Kaldi has them (Povey et al., 2011).

    Triangles are drawn over Kaldi's mel scale, and the bin at half the rate is not used.
    """
    bins = hz_to_kaldi_mel(np.arange(n_fft // 2 + 1) * rate / n_fft)
    triangles = _triangles(bins, np.linspace(hz_to_kaldi_mel(fmin), hz_to_kaldi_mel(fmax), bands + 2))
    triangles[:, -1] = 0
    return np.asarray(triangles, np.float32)


def hz_to_kaldi_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Kaldi's mel scale: 1127 ln(1 + f / 700)."""
    return np.asarray(1127 * np.log1p(np.asarray(hz, np.float64) / 700))


def _triangles(bins: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Triangles of unit height [corners - 2, bins], each from a corner over the next to the one after that."""
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def add_deltas(stream: Iterable[Features], orders: int, size: int) -> Iterator[Features]:
    """Each frame of `stream` followed by its first `orders` time derivatives.

    A derivative is the slope of a straight line through nine frames (for the second order: of a parabola), as
    Savitzky and Golay (1964) fit it; the first and last frame stand in for those beyond the ends.
    """
    half = DELTA_WIDTH // 2
    rest = np.empty((0, size), np.float32)
    last: NDArray[np.float32] | None = None
    for chunk in stream:
        if last is None and len(chunk):
            rest = np.repeat(chunk[:1], half, axis=0)
        last = chunk[-1:] if len(chunk) else last
        rest = np.concatenate([rest, chunk])
        if len(rest) > 2 * half:
            yield _deltas(rest, orders)
            rest = rest[-2 * half :]
    if last is not None:
        yield _deltas(np.concatenate([rest, np.repeat(last, half, axis=0)]), orders)


def _deltas(padded: Features, orders: int) -> Features:
    half = DELTA_WIDTH // 2
    x = np.arange(-half, half + 1, dtype=np.float64)
    slope = x / (x**2).sum()
    curvature = 2 * np.linalg.pinv(np.stack([x**0, x, x**2], axis=1))[2]
    windows = np.lib.stride_tricks.sliding_window_view(padded, DELTA_WIDTH, axis=0)
    parts = [padded[half:-half], windows @ slope, windows @ curvature]
    return np.concatenate(parts[: 1 + orders], axis=1).astype(np.float32)


def resize(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear resampling of [height, width] to `size`, pixel centres aligned, averaged when shrinking."""
    rows = _resampling(image.shape[0], size[0])
    columns = _resampling(image.shape[1], size[1])
    return np.asarray(rows @ image @ columns.T, np.float32)


@cache
def _resampling(old: int, new: int) -> NDArray[np.float32]:
    """Matrix [new, old] of triangle weights, as wide as a pixel of the coarser grid."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    distance = np.abs(np.arange(old)[None, :] - np.clip(centres, 0, old - 1)[:, None])
    weights = np.maximum(0, 1 - distance / max(1.0, scale))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
