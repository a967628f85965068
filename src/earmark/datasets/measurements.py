"""A clip's samples, measured: length, peak, clipping, and a fingerprint by which the same sound is found again.

Fingerprints follow Haitsma and Kalker, A Highly Robust Audio Fingerprinting System (ISMIR 2002): each frame is 32 bits,
the signs of how the energy differs between neighbouring bands and changes from frame to frame. Frames are long and
overlap much, so that it hardly matters where they begin, nor how loud they are. A clip cut out of another is found too.
Duplicates are clips that hold the same sound under different sources, which a split could put on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.clips import Clip, source_of
from earmark.errors import MediaError
from earmark.util.types import Samples

FINGERPRINT_RATE = 11025
FINGERPRINT_FRAME = 4096
FINGERPRINT_HOP = 256
_BANDS = 33
_LOWEST, _HIGHEST = 200.0, 5000.0
_QUIET = 1e-4  # frames this much weaker (in energy) than the clip's loudest carry no print
_CROWD = 32  # a print that more clips than this share tells nothing
_BITS_APART = 0.30  # bits of two prints of the same sound that differ at most, on average; half of them by chance
_FEWEST = 24  # frames that have to agree, about half a second

RATE = 44100
FULL_SCALE = 0.999
SHORTEST_RUN = 3  # samples in a row at full scale that make clipping; one or two are a peak that was normalised


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A print a frame, of the frames that are loud enough."""

    bits: NDArray[np.uint32]
    frames: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Match:
    """Two clips, by their numbers, that seem to hold the same sound."""

    first: int
    second: int
    lag: int  # frames by which the sound comes later in the second


NO_FINGERPRINT = Fingerprint(np.zeros(0, np.uint32), np.zeros(0, np.int32))


def fingerprint(samples: NDArray[np.float32], rate: int) -> Fingerprint:
    """The prints of a clip."""
    if rate != FINGERPRINT_RATE:
        from scipy.signal import resample_poly

        samples = resample_poly(samples, FINGERPRINT_RATE, rate)
    energy = _band_energies(samples)
    level = energy.sum(axis=1)
    if not level.size or level.max() <= 0:
        return NO_FINGERPRINT
    differences = np.diff(energy, axis=1)
    bits = np.diff(differences, axis=0) > 0
    values = np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32)
    loud = np.flatnonzero(level[1:] > _QUIET * level.max())
    return Fingerprint(values[loud], loud.astype(np.int32))


def _band_energies(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energies [frames, bands] in bands of equal width on a logarithmic scale."""
    from scipy.fft import rfft

    padded = np.pad(samples, FINGERPRINT_FRAME // 2)
    window = np.hanning(FINGERPRINT_FRAME).astype(np.float32)
    edges = np.geomspace(_LOWEST, _HIGHEST, _BANDS + 1) * FINGERPRINT_FRAME / FINGERPRINT_RATE
    starts = np.round(edges).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FINGERPRINT_FRAME)[::FINGERPRINT_HOP]
    blocks = [
        np.add.reduceat(np.abs(rfft(frames[at : at + 64] * window)[:, : starts[-1]]) ** 2, starts[:-1], axis=1)
        for at in range(0, len(frames), 64)
    ]
    return np.concatenate(blocks)


def find_matches(prints: Sequence[Fingerprint], groups: NDArray[np.int64]) -> list[Match]:
    """Pairs of clips that share a sound; clips of one group (one source) are not compared."""
    return [
        match
        for match in _candidates(prints, groups)
        if _distance(prints[match.first], prints[match.second], match.lag) < _BITS_APART
    ]


def _candidates(prints: Sequence[Fingerprint], groups: NDArray[np.int64]) -> list[Match]:
    """Pairs of clips with equal prints, each with the lag that most of these agree on."""
    bits, owners, frames = _fingerprint_table(prints)
    found = []
    for step in range(1, min(_CROWD, len(bits))):
        same = np.flatnonzero(bits[step:] == bits[:-step])
        same = same[groups[owners[same]] != groups[owners[same + step]]]
        lags = frames[same + step] - frames[same]
        found.append(np.stack([owners[same], owners[same + step], lags], axis=1))
    if not found:
        return []
    votes, counts = np.unique(np.concatenate(found), axis=0, return_counts=True)
    best: dict[tuple[int, int], tuple[int, int]] = {}
    for (first, second, lag), count in zip(votes.tolist(), counts.tolist(), strict=True):
        best[first, second] = max(best.get((first, second), (0, 0)), (count, lag))
    return [Match(first, second, lag) for (first, second), (count, lag) in best.items() if count > 1]


def _fingerprint_table(prints: Sequence[Fingerprint]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All prints with owner and frame, by print and owner; one an owner, none that a crowd shares."""
    bits = np.concatenate([one.bits for one in prints]).astype(np.int64)
    owners = np.repeat(np.arange(len(prints)), [len(one.bits) for one in prints])
    frames = np.concatenate([one.frames for one in prints]).astype(np.int64)
    _, first = np.unique(np.stack([bits, owners], axis=1), axis=0, return_index=True)
    bits, owners, frames = bits[first], owners[first], frames[first]
    _, inverse, counts = np.unique(bits, return_inverse=True, return_counts=True)
    few = counts[inverse] <= _CROWD
    return bits[few], owners[few], frames[few]


def _distance(first: Fingerprint, second: Fingerprint, lag: int) -> float:
    """Share of bits that differ where both have prints; 1 where they hardly overlap."""
    return min(_distance_at(first, second, lag + shift) for shift in (-1, 0, 1))


def _distance_at(first: Fingerprint, second: Fingerprint, lag: int) -> float:
    _, here, there = np.intersect1d(first.frames, second.frames - lag, assume_unique=True, return_indices=True)
    if len(here) < _FEWEST:
        return 1.0
    apart = (first.bits[here] ^ second.bits[there]).view(np.uint8)
    return float(np.unpackbits(apart).mean())


@dataclass(frozen=True, slots=True)
class Measurement:
    """One clip, measured."""

    clip: Clip
    error: str = ""  # why it cannot be read; then nothing else holds
    seconds: float = 0.0
    peak: float = 0.0
    clipped: float = 0.0  # share of the samples that stand in runs at full scale
    digest: bytes = b""  # of the decoded samples
    prints: Fingerprint = NO_FINGERPRINT


def measure(clip: Clip) -> Measurement:
    """Decode a clip and measure it."""
    from earmark import media

    try:
        samples = media.read(clip.path, RATE, start=clip.start, end=clip.end)
    except MediaError as error:
        return Measurement(clip, error=error.reason)
    if not samples.size:
        return Measurement(clip, error="holds no samples")
    return Measurement(
        clip,
        seconds=samples.size / RATE,
        peak=float(np.abs(samples).max()),
        clipped=clipped_share(samples),
        digest=hashlib.blake2b(samples.tobytes(), digest_size=16).digest(),
        prints=fingerprint(samples, RATE),
    )


def clipped_share(samples: Samples) -> float:
    """The share of samples in runs of `SHORTEST_RUN` or more at full scale."""
    full = np.abs(samples) >= FULL_SCALE
    if not full.any():
        return 0.0
    edges = np.flatnonzero(np.diff(full, prepend=False, append=False))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= SHORTEST_RUN].sum() / samples.size)


SAME_SOUND = 0.4  # correlation of two waveforms from which they are taken for one sound


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Clips that hold the same sound."""

    clips: tuple[Clip, ...]
    exact: bool  # whether every sample is equal; or else it begins elsewhere, is louder, or is cut differently

    @property
    def leak(self) -> bool:
        """Whether a split would put the same sound on both sides."""
        if all(clip.fold is not None for clip in self.clips):
            return len({clip.fold for clip in self.clips}) > 1
        return len({source_of(clip) for clip in self.clips}) > 1

    @property
    def contradict(self) -> bool:
        """Whether the same sound is labelled differently."""
        return len({clip.labels for clip in self.clips}) > 1


def find_duplicates(measured: Sequence[Measurement]) -> list[Duplicates]:
    """Groups of clips that are copies of one another, the exact ones first."""
    from scipy.cluster.hierarchy import DisjointSet

    copies = DisjointSet(range(len(measured)))
    first: dict[bytes, int] = {}  # clip of each digest
    for number, one in enumerate(measured):
        copies.merge(first.setdefault(one.digest, number), number)
    for pair in _near(measured, list(first.values())):
        copies.merge(*pair)
    groups = [[measured[number] for number in sorted(found)] for found in copies.subsets() if len(found) > 1]
    duplicates = [
        Duplicates(tuple(one.clip for one in group), len({one.digest for one in group}) == 1) for group in groups
    ]
    return sorted(duplicates, key=lambda group: not group.exact)


def _near(measured: Sequence[Measurement], numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs among the clips of these numbers that hold the same sound under different sources."""
    if not numbers:
        return
    sources = np.unique([source_of(measured[number].clip) for number in numbers], return_inverse=True)[1]
    for match in find_matches([measured[number].prints for number in numbers], sources):
        first, second = numbers[match.first], numbers[match.second]
        if same_sound(measured[first].clip, measured[second].clip, match.lag):
            yield first, second


def same_sound(first: Clip, second: Clip, lag: int) -> bool:
    """Whether the waveforms agree where the prints say they should."""
    from earmark import media

    rate = FINGERPRINT_RATE
    one = media.read(first.path, rate, start=first.start, end=first.end)
    two = media.read(second.path, rate, start=second.start, end=second.end)
    return correlation(one, two, lag * FINGERPRINT_HOP) >= SAME_SOUND


def correlation(one: NDArray[np.float32], two: NDArray[np.float32], lag: int) -> float:
    """The highest correlation of two waveforms over what they share, near a lag in samples."""
    start, stop = max(0, -lag), min(len(one), len(two) - lag)
    reach = 2 * FINGERPRINT_HOP
    if stop - start <= 4 * reach:
        return 0.0
    core = one[start + reach : stop - reach]
    around = two[start + lag : stop + lag]
    size = len(around)
    spectrum = np.fft.rfft(around) * np.conj(np.fft.rfft(core, size))
    products = np.fft.irfft(spectrum, size)[: size - len(core) + 1]
    squares = np.concatenate([[0.0], np.cumsum(np.square(around, dtype=np.float64))])
    energy = squares[len(core) :] - squares[: size - len(core) + 1]
    scale = np.sqrt(np.maximum(energy, 1e-12) * max(float(np.square(core, dtype=np.float64).sum()), 1e-12))
    return float(np.abs(products / scale).max())
