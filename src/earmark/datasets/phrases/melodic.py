"""Phrases of one note at a time: single notes, scales, arpeggios, melodies, long notes, repeated notes.

Each makes the notes of one instrument in a setting, as they stand on paper; `performing` plays them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from earmark.datasets.phrases.notes import Note
from earmark.datasets.phrases.programs import Instrument
from earmark.datasets.phrases.setting import Setting, register

RHYTHMS = (
    (1.0,), (0.5, 0.5), (0.5,), (1.5, 0.5), (0.25, 0.25, 0.5), (0.75, 0.25), (1.0, 0.5, 0.5), (1 / 3, 1 / 3, 1 / 3),
    (2.0, 1.0, 1.0), (0.25,), (0.5, 1.0, 0.5),
)  # fmt: skip
"""Lengths in beats that are repeated."""
STEPS = (-4, -3, -2, -1, 0, 1, 2, 3, 4)
STEP_WEIGHTS = (0.03, 0.05, 0.14, 0.25, 0.06, 0.25, 0.14, 0.05, 0.03)
SHORTEST = 0.07  # seconds of the fastest notes


def single(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """A few notes by themselves, with silence between."""
    low, high = register(instrument, int(rng.integers(3, 20)), rng)
    keyed = setting.pitches(low, high)
    time = max(setting.start, 0.0)
    notes: list[Note] = []
    length = float(np.exp(rng.uniform(np.log(0.12), np.log(3.0))))
    for _ in range(int(rng.integers(1, 6))):
        if time >= setting.end:
            break
        notes.append(Note(time, time + length * rng.uniform(0.8, 1.2), int(rng.choice(keyed))))
        time = notes[-1].offset + float(np.exp(rng.uniform(np.log(0.1), np.log(1.5))))
    return notes


def scale(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """Up and down the scale, at one speed; now and then by half tones."""
    low, high = register(instrument, int(rng.integers(10, 26)), rng)
    ladder = list(range(low, high + 1)) if rng.random() < 0.15 else setting.pitches(low, high)
    way = ladder + ladder[-2:0:-1]
    first = int(rng.choice([0, len(ladder) - 1, int(rng.integers(len(way)))]))
    return _steady(setting, way[first:] + way[:first], rng)


def arpeggio(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """The notes of chords one after the other, up, down, or both."""
    low, high = register(instrument, int(rng.integers(14, 30)), rng)
    each = _step(setting, rng, fastest=4)
    shape = int(rng.integers(3))
    notes = []
    for place, time in enumerate(np.arange(setting.start, setting.end, each)):
        chord = setting.chord(setting.bar_of(time))
        ladder = [pitch for pitch in range(low, high + 1) if pitch % 12 in chord]
        way = (ladder, ladder[::-1], ladder + ladder[-2:0:-1])[shape]
        notes.append(Note(float(time), float(time) + each, way[place % len(way)]))
    return notes


def melody(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """A tune: mostly small steps in the key, a rhythm that comes again, rests."""
    low, high = register(instrument, int(rng.integers(10, 22)), rng)
    ladder = setting.pitches(low, high)
    place = int(rng.integers(len(ladder)))
    rest = rng.uniform(0, 0.2)
    notes = []
    for time, length in _rhythm(setting, rng):
        place = _reflect(place + int(rng.choice(STEPS, p=STEP_WEIGHTS)), len(ladder))
        if rng.random() >= rest:
            notes.append(Note(time, time + length, ladder[place], 105 if length >= setting.beat else 95))
    return notes


def long_notes(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """Notes of some seconds."""
    low, high = register(instrument, int(rng.integers(5, 18)), rng)
    ladder = setting.pitches(low, high)
    time, notes = setting.start, []
    while time < setting.end:
        length = rng.uniform(1.0, 4.0)
        notes.append(Note(time, time + length, int(rng.choice(ladder))))
        time += length + (rng.uniform(0.05, 0.6) if rng.random() < 0.4 else 0.0)
    return notes


def repeated(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """A fanfare: notes said again at one speed before the next comes."""
    low, high = register(instrument, 14, rng)
    each = _step(setting, rng, fastest=4)
    pitches: list[int] = []
    while len(pitches) * each < setting.end - setting.start:
        chord = setting.chord(setting.bar_of(setting.start + len(pitches) * each))
        ladder = [pitch for pitch in range(low, high + 1) if pitch % 12 in chord]
        pitches += [int(rng.choice(ladder))] * int(rng.choice([2, 3, 4, 6, 8]))
    times = setting.start + each * np.arange(len(pitches))
    return [Note(float(t), float(t) + each, pitch) for t, pitch in zip(times, pitches, strict=True) if t < setting.end]


def _step(setting: Setting, rng: np.random.Generator, fastest: int = 4) -> float:
    """Seconds from note to note: a beat, or a part of it."""
    return max(SHORTEST, setting.beat / float(rng.choice([1, 2, 2, 3, fastest])))


def _steady(setting: Setting, way: Sequence[int], rng: np.random.Generator) -> list[Note]:
    each = _step(setting, rng)
    times = np.arange(setting.start, setting.end, each)
    return [Note(float(t), float(t) + each, way[place % len(way)]) for place, t in enumerate(times)]


def _rhythm(setting: Setting, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Onset and length of each note."""
    cells = [RHYTHMS[place] for place in rng.integers(len(RHYTHMS), size=3)]
    time = setting.start
    while True:
        for length in cells[rng.integers(len(cells))]:
            if time >= setting.end:
                return
            yield time, length * setting.beat
            time += length * setting.beat


def _reflect(place: int, count: int) -> int:
    """A place beyond the ends, thrown back."""
    last = count - 1
    return min(max(-place if place < 0 else 2 * last - place if place > last else place, 0), last)
