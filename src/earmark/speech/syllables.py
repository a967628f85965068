"""Syllable nuclei of fluent speech: voiced peaks of the intensity between dips, after de Jong and Wempe (2009).

    found = nuclei(bands, f0, [(0.5, 2.1)])     # seconds
    rate = len(found) / 1.6                     # syllables a second

A vowel is louder than the consonants around it, so a syllable has one peak; two vowels in a row may share theirs.
How well: docs/words.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.speech.energy import BAND_EDGES, STEP, Levels, decibels

LOUDEST = 0.99  # the share of frames below what counts as a recording's loudest: one knock is none


@dataclass(frozen=True)
class SyllableRules:
    """What a syllable's nucleus is."""

    dip: float = 2.0  # dB by which a peak stands above the dips beside it
    quiet: float = 20.0  # dB by which a peak may be below the loudest speech of the recording
    smoothing: int = 3  # length of the Hann window over the power, frames, odd
    bands: tuple[int, int] = (0, 3)  # of `energy.BAND_EDGES`: the first whose power counts, and the one after the last

    def __post_init__(self) -> None:
        first, last = self.bands
        if self.dip <= 0 or self.quiet <= 0 or self.smoothing < 1 or self.smoothing % 2 == 0:
            raise ValueError(f"no rules for syllables: {self}")
        if not 0 <= first < last < len(BAND_EDGES):
            raise ValueError(f"no bands: {self.bands}")


def nuclei(
    bands: NDArray[Any],
    f0: NDArray[np.float32],
    spans: Sequence[tuple[float, float]],
    rules: SyllableRules | None = None,
) -> tuple[float, ...]:
    """Times of the syllables' nuclei within stretches of speech (onset, offset), seconds, in order.

    `bands` are levels as `energy.BandMeter` has them, dB [frames, bands]; `f0` is that of `f0.Pitch`, Hz [frames]. What
    is around the stretches counts as silence.
    """
    rules = rules or SyllableRules()
    frames = [(max(0, round(onset / STEP)), min(round(offset / STEP) + 1, len(bands))) for onset, offset in spans]
    frames = [(first, last) for first, last in frames if first < last]
    if not frames:
        return ()
    spoken = [intensity(bands[first:last], rules) for first, last in frames]
    least = float(np.quantile(np.concatenate(spoken), LOUDEST)) - rules.quiet
    found: list[float] = []
    for (first, _), level in zip(frames, spoken, strict=True):
        loud = [first + place for place in peaks(level, rules.dip) if level[place] >= least]
        found += [round(i * STEP, 3) for i in loud if f0[max(0, i - 1) : i + 2].any()]
    return tuple(found)


def intensity(bands: NDArray[Any], rules: SyllableRules) -> Levels:
    """The smoothed level of the bands that count, dB [frames]."""
    power = np.power(10.0, np.asarray(bands[:, slice(*rules.bands)], np.float32) / 10).sum(axis=1)
    window = np.hanning(rules.smoothing + 2)[1:-1]
    return decibels(np.convolve(power, window / window.sum())[rules.smoothing // 2 :][: len(power)])


def peaks(level: Levels, dip: float) -> list[int]:
    """Frames of the peaks that stand at least `dip` dB above the dips beside them; both ends count as silence."""
    found: list[int] = []
    rising, low, high = True, 0, 0
    for i in _turns(level):
        if rising and level[i] > level[high]:
            high = i
        elif rising and level[high] - level[i] >= dip:
            found.append(high)
            rising, low = False, i
        elif not rising and level[i] < level[low]:
            low = i
        elif not rising and level[i] - level[low] >= dip:
            rising, high = True, i
    return [*found, high] if rising and len(level) else found


def _turns(level: Levels) -> list[int]:
    """Frames at which the level stops to rise or to fall, and both ends."""
    slopes = np.sign(np.diff(level))
    changes = np.flatnonzero(slopes[1:] != slopes[:-1]) + 1
    return sorted({0, *changes.tolist(), len(level) - 1}) if len(level) else []
