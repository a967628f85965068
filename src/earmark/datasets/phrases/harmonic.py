"""Phrases of several notes at once: chords, strummed chords, two hands, double stops.

Each makes the notes of one instrument in a setting, as they stand on paper; `performing` plays them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from earmark.datasets.phrases.melodic import melody
from earmark.datasets.phrases.notes import Note
from earmark.datasets.phrases.programs import Instrument
from earmark.datasets.phrases.setting import Setting, register

COMPS = (
    (0.0,), (0.0, 2.0), (0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 2.0, 3.5), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    (0.0, 1.5, 3.0), (0.5, 1.5, 2.5, 3.5), (0.0, 1.0, 1.5, 2.5, 3.0, 3.5),
)  # fmt: skip
"""When chords are struck in a bar, in beats."""
STRINGS = (40, 45, 50, 55, 59, 64)  # a guitar's open strings
REACH = 4  # frets that a hand covers
STRUM = (0.004, 0.05)  # seconds from the first string to the last
MUFFLED = 95.0  # velocity of chords off the beat


def chords(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """Chords struck at once, in one of the usual rhythms."""
    low, high = register(instrument, int(rng.integers(14, 26)), rng)
    sevenths, most = rng.random() < 0.3, int(rng.integers(2, 6))
    notes = []
    for time, length in _struck(setting, rng):
        chord = setting.chord(setting.bar_of(time), sevenths)
        ladder = [pitch for pitch in range(low, high + 1) if pitch % 12 in chord]
        first = int(rng.integers(max(1, len(ladder) - most)))
        notes += [Note(time, time + length, pitch) for pitch in ladder[first : first + most]]
    return notes


def strummed(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """Chords over a guitar's strings, which sound one after the other, down and up."""
    fret, spread = int(rng.integers(0, 8)), rng.uniform(*STRUM)
    power = instrument.program in (29, 30) and rng.random() < 0.7
    notes: list[Note] = []
    for number, (time, length) in enumerate(_struck(setting, rng)):
        chord = setting.chord(setting.bar_of(time))
        keys = [pitch for pitch in (power_chord(chord) if power else grip(chord, fret)) if pitch <= instrument.high]
        upward = number % 2 == 1 and length < setting.beat
        keys = keys[: -1 - int(rng.integers(3)) : -1] if upward and rng.random() < 0.5 else keys[:: -1 if upward else 1]
        onsets = time + np.linspace(0, spread * rng.uniform(0.7, 1.3), len(keys))
        velocity = MUFFLED if upward else 105.0
        notes += [Note(float(on), time + length, key, velocity) for on, key in zip(onsets, keys, strict=True)]
    return notes


def picked(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """The strings of a chord plucked one by one, each sounding on until the chord changes."""
    fret, each = int(rng.integers(0, 8)), setting.beat / float(rng.choice([2, 2, 3, 4]))
    pattern = [0, *rng.permutation(5)[: int(rng.integers(2, 6))] + 1]
    notes = []
    for place, time in enumerate(np.arange(setting.start, setting.end, each)):
        bar = setting.bar_of(time)
        keys = grip(setting.chord(bar), fret)
        until = setting.start + (bar + 1) * 4 * setting.beat
        notes.append(Note(float(time), float(max(until, time + each)), keys[pattern[place % len(pattern)] % len(keys)]))
    return notes


def two_hands(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """A tune in the right hand; the left has bass notes, octaves, broken or whole chords."""
    split = int(rng.integers(57, 66))
    right = melody(setting, replace(instrument, low=split, high=min(instrument.high, split + 29)), rng)
    left = replace(instrument, low=max(instrument.low, split - 28), high=split - 1)
    softer = rng.uniform(0.65, 1.0)
    below = chords(setting, left, rng) if rng.random() < 0.4 else _broken(setting, left, rng)
    return sorted([*right, *(replace(note, velocity=note.velocity * softer) for note in below)], key=lambda n: n.onset)


def double_stops(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """A tune in thirds or sixths below itself."""
    interval = int(rng.choice([2, 5]))
    ladder = setting.pitches(instrument.low, instrument.high)
    upper = melody(setting, replace(instrument, low=min(instrument.low + 12, instrument.high - 12)), rng)
    lower = [
        replace(note, pitch=ladder[ladder.index(note.pitch) - interval])
        for note in upper
        if ladder.index(note.pitch) >= interval
    ]
    return sorted([*upper, *lower], key=lambda note: note.onset)


def grip(chord: tuple[int, ...], fret: int) -> list[int]:
    """The notes of a chord on a guitar, low to high: its root lowest, then a note on each string within reach."""
    keys: list[int] = []
    for string in STRINGS:
        wanted = chord if keys else chord[:1]
        near = range(string + fret, string + fret + REACH + 1) if keys else range(string, string + 12)
        found = [pitch for pitch in near if pitch % 12 in wanted]
        if found and (keys or found[0] - string <= fret + REACH):
            keys.append(found[0])
    return keys


def power_chord(chord: tuple[int, ...]) -> list[int]:
    """Root, fifth and octave on the low strings."""
    root = 40 + (chord[0] - 40) % 12
    return [root, root + 7, root + 12]


def _struck(setting: Setting, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Onset and length of each chord."""
    comp = COMPS[rng.integers(len(COMPS))]
    bars = range(int(np.ceil((setting.end - setting.start) / (4 * setting.beat))))
    times = [setting.start + (4 * bar + beat) * setting.beat for bar in bars for beat in comp]
    times = [time for time in times if time < setting.end] or [setting.start]
    return list(zip(times, np.diff([*times, max(setting.end, times[-1] + setting.beat)]).tolist(), strict=True))


def _broken(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """The left hand's broken chords: low, high, middle, high."""
    each = setting.beat / float(rng.choice([1, 2, 2, 4]))
    order = ((0, 2, 1, 2), (0, 1, 2, 1), (0, 1, 2, 3), (0, 0, 0, 0))[rng.integers(4)]
    notes = []
    for place, time in enumerate(np.arange(setting.start, setting.end, each)):
        chord = setting.chord(setting.bar_of(time))
        low = instrument.low + (chord[0] - instrument.low) % 12
        ladder = [low, *(pitch for pitch in range(low + 1, low + 20) if pitch % 12 in chord)]
        notes.append(Note(float(time), float(time) + each, ladder[order[place % 4]]))
    return notes
