"""Duplicates: clips that hold the same sound under different sources, which a split could put on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.datasets import measurements
from earmark.datasets.clips import Clip
from earmark.datasets.measurements import Measurement

SAME_SOUND = 0.4
"""Correlation of two waveforms from which they are taken for one sound."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Clips that hold the same sound."""

    clips: tuple[Clip, ...]
    exact: bool
    """Whether every sample is equal; or else it begins elsewhere, is louder, or is cut differently."""

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


def source_of(clip: Clip) -> str:
    """The clip's source; a clip without one is its own."""
    return clip.source or str(clip.path)


def find_duplicates(measured: Sequence[Measurement]) -> list[Duplicates]:
    """Groups of clips that are copies of one another, the exact ones first."""
    exact = _exact(measured)
    firsts = {id(one): group[0] for group in exact for one in group}
    single = [one for one in measured if firsts.get(id(one), one) is one]
    near = [_with_twins(pair, exact) for pair in _near(single)]
    joined = _components([*exact, *near])
    groups = [Duplicates(tuple(one.clip for one in group), _all_equal(group)) for group in joined]
    return sorted(groups, key=lambda group: not group.exact)


def _all_equal(group: Iterable[Measurement]) -> bool:
    return len({one.digest for one in group}) == 1


def _with_twins(pair: list[Measurement], exact: list[list[Measurement]]) -> list[Measurement]:
    return pair + [one for group in exact if any(p is group[0] for p in pair) for one in group[1:]]


def _exact(measured: Iterable[Measurement]) -> list[list[Measurement]]:
    by_digest: dict[bytes, list[Measurement]] = defaultdict(list)
    for one in measured:
        by_digest[one.digest].append(one)
    return [group for group in by_digest.values() if len(group) > 1]


def _near(measured: Sequence[Measurement]) -> list[list[Measurement]]:
    names = [source_of(one.clip) for one in measured]
    sources = np.unique(names, return_inverse=True)[1] if names else np.zeros(0, np.int64)
    found = measurements.find_matches([one.prints for one in measured], sources)
    pairs = [(measured[match.first], measured[match.second], match.lag) for match in found]
    return [[first, second] for first, second, lag in pairs if same_sound(first.clip, second.clip, lag)]


def same_sound(first: Clip, second: Clip, lag: int) -> bool:
    """Whether the waveforms agree where the prints say they should."""
    from earmark import media

    rate = measurements.FINGERPRINT_RATE
    one = media.read(first.path, rate, start=first.start, end=first.end)
    two = media.read(second.path, rate, start=second.start, end=second.end)
    return correlation(one, two, lag * measurements.FINGERPRINT_HOP) >= SAME_SOUND


def correlation(one: NDArray[np.float32], two: NDArray[np.float32], lag: int) -> float:
    """The highest correlation of two waveforms over what they share, near a lag in samples."""
    start, stop = max(0, -lag), min(len(one), len(two) - lag)
    reach = 2 * measurements.FINGERPRINT_HOP
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


def _components(groups: Iterable[list[Measurement]]) -> list[list[Measurement]]:
    """Groups joined where they share a member."""
    home: dict[int, list[Measurement]] = {}
    for group in groups:
        known = {id(home[id(one)]): home[id(one)] for one in group if id(one) in home}
        members = {id(one): one for part in [*known.values(), group] for one in part}
        joined = list(members.values())
        home.update((key, joined) for key in members)
    return list({id(group): group for group in home.values()}.values())
