"""What the instruments of a clip share: when they play, how fast, and in which key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.datasets.phrases.programs import Instrument

SCALES = (
    (0, 2, 4, 5, 7, 9, 11), (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 8, 11),
    (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 5, 7, 9, 10),
)  # fmt: skip
"""Major (twice as often), natural and harmonic minor, dorian, mixolydian, in semitones above the tonic."""
PROGRESSIONS = (
    (0, 3, 4, 0), (0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 0, 4), (1, 4, 0, 0), (0, 0, 3, 4), (0, 6, 5, 4),
    (0,), (0, 3),
)  # fmt: skip
"""Chords by the degree of the scale that they stand on, from 0."""
BEFORE = 1.0  # seconds that music may have begun before its clip
INTO = 0.7  # share of phrases that are in full flow when the clip begins
FIRST_SHARE = 0.25  # of the clip, within which the others begin
ENDING = 0.3  # share of phrases that end before the clip does


@dataclass(frozen=True)
class Setting:
    """When music plays, how fast and in which key.

    Attributes:
        start: seconds in the clip when it begins, which may be before 0.
        end: seconds in the clip when it ends.
        beat: seconds of a quarter note.
        tonic: 0 for C to 11 for B.
        scale: semitones above the tonic.
        progression: the chord of each bar in turn, by degree of the scale.
    """

    start: float
    end: float
    beat: float
    tonic: int
    scale: tuple[int, ...]
    progression: tuple[int, ...]

    def pitches(self, low: int, high: int) -> list[int]:
        """The notes of the key from `low` to `high`."""
        return [pitch for pitch in range(low, high + 1) if (pitch - self.tonic) % 12 in self.scale]

    def chord(self, bar: int, sevenths: bool = False) -> tuple[int, ...]:
        """The pitch classes of a bar's chord, root first."""
        degree = self.progression[bar % len(self.progression)]
        steps = (0, 2, 4, 6) if sevenths else (0, 2, 4)
        return tuple((self.tonic + self.scale[(degree + step) % 7]) % 12 for step in steps)

    def bar_of(self, time: float) -> int:
        """The number of the bar of four beats at a time."""
        return int((time - self.start) / (4 * self.beat) + 1e-6)


def draw_setting(seconds: float, rng: np.random.Generator) -> Setting:
    """A setting for a clip of a length."""
    start = -rng.uniform(0, BEFORE) if rng.random() < INTO else rng.uniform(0, FIRST_SHARE * seconds)
    end = rng.uniform(0.4, 1.0) * seconds if rng.random() < ENDING else seconds
    tempo = float(np.exp(rng.normal(np.log(112), 0.3)))
    return Setting(
        start=float(start),
        end=float(max(end, start + 0.3 * seconds)),
        beat=60 / min(max(tempo, 55), 210),
        tonic=int(rng.integers(12)),
        scale=SCALES[rng.integers(len(SCALES))],
        progression=PROGRESSIONS[rng.integers(len(PROGRESSIONS))],
    )


def register(instrument: Instrument, span: int, rng: np.random.Generator) -> tuple[int, int]:
    """A stretch of `span` semitones in an instrument's range, more often in its middle."""
    room = max(0, instrument.high - instrument.low - span)
    low = instrument.low + round(rng.beta(2, 2) * room)
    return low, min(instrument.high, low + span)
