"""Phrases of a drum kit: grooves with fills, single hits of one piece, rolls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from earmark.synthesis.music.instruments import Instrument, Note
from earmark.synthesis.music.patterns import Setting

KICK, KICK_2, STICK, SNARE, CLAP, SNARE_2 = 36, 35, 37, 38, 39, 40
CLOSED, PEDAL_HAT, OPEN = 42, 44, 46
CRASH, RIDE, BELL, CRASH_2 = 49, 51, 53, 57
TOMS = (50, 48, 47, 45, 43, 41)
PIECES = (
    (KICK, KICK_2),
    (SNARE, SNARE_2),
    (CLOSED, OPEN, PEDAL_HAT),
    TOMS,
    (CRASH, CRASH_2, RIDE, BELL),
    (STICK, CLAP),
)
PIECE_WEIGHTS = (0.27, 0.27, 0.2, 0.13, 0.08, 0.05)
GROOVES = (
    ("x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),  # rock
    ("x.....x.x.......", "....x.......x...", "x.x.x.x.x.x.x.x."),
    ("x...x...x...x...", "....x.......x...", "..x...x...x...x."),  # four to the floor
    ("x..x..x...x..x..", "....x..o.o..x..o", "xxxxxxxxxxxxxxxx"),  # funk
    ("x.....x.........", "........x.......", "x.x.x.x.x.x.x.x."),  # half time
    ("x...............", "............x...", "x...x.xxx...x.xx"),  # swing
    ("x..x....x..x....", "...x..x....x..x.", "x.x.x.x.x.x.x.x."),  # latin
    ("x.x...x.x.x...x.", "....x.......x...", "x...x...x...x..."),
    ("x...x...x...x...", "xoxoxoxoxoxoxoxo", "................"),  # a train, on the snare
    ("x.x.x.x.x.x.x.x.", "..x...x...x...x.", "x.x.x.x.x.x.x.x."),  # fast and hard
)
"""Bass drum, snare and cymbals in sixteenths of a bar: x is struck, o softly."""
STRUCK = 0.1  # seconds a key is down; drums sound on by themselves
ACCENT, SOFT = 110.0, 45.0


def groove(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """A pattern that comes again each bar, with changes, soft strokes and fills."""
    pieces = _strings(rng)
    step, swing = setting.beat / 4, float(rng.choice([0, 0, 0, rng.uniform(0.1, 0.34)]))
    bars = int(np.ceil((setting.end - setting.start) / (16 * step)))
    fills = rng.random(bars) < 0.25
    notes: list[Note] = []
    for bar in range(bars):
        first = setting.start + 16 * bar * step
        steps = 16 if not fills[bar] else int(rng.choice([8, 12]))
        for key, place, velocity in _bar(pieces, steps, rng):
            late = swing * step if place % 4 in (1, 3) else 0.0
            notes.append(_hit(first + place * step + late, key, velocity))
        if fills[bar]:
            notes += fill(first + steps * step, step, 16 - steps, rng)
            notes.append(_hit(first + 16 * step, CRASH, ACCENT))
    return sorted((note for note in notes if note.onset < setting.end), key=lambda note: note.onset)


def hits(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """One piece of the kit struck by itself: once, now and then, or at one speed."""
    piece = PIECES[rng.choice(len(PIECES), p=PIECE_WEIGHTS)]
    key = int(rng.choice(piece))
    count = int(rng.choice([1, 1, 2, 3, 4, 6, 8, 16]))
    start = max(setting.start, 0.0)
    if rng.random() < 0.5:
        times = start + setting.beat / float(rng.choice([1, 2, 4])) * np.arange(count)
    else:
        times = start + np.cumsum([0.0, *np.exp(rng.uniform(np.log(0.15), np.log(1.5), count - 1))])
    keys = rng.choice(piece, count) if rng.random() < 0.3 else [key] * count
    return [_hit(float(t), int(k), 100) for t, k in zip(times, keys, strict=True) if t < setting.end]


def roll(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """Strokes faster than one hears apart, on the snare, a tom or a cymbal, swelling or fading."""
    key = int(rng.choice([SNARE, SNARE, SNARE, SNARE_2, CRASH, RIDE, *TOMS[:3]]))
    start = max(setting.start, 0.0)
    times = np.arange(start, min(setting.end, start + rng.uniform(0.4, 3.0)), 1 / rng.uniform(11, 24))
    first, last = rng.uniform(0.3, 1.0, 2).tolist()
    loud = 105 * np.linspace(first, last, len(times)) * np.where(np.arange(len(times)) % 2, rng.uniform(0.8, 1.0), 1.0)
    notes = [_hit(float(t), key, float(v)) for t, v in zip(times, loud, strict=True)]
    return [*notes, _hit(float(times[-1]) + 0.06, key, ACCENT)] if rng.random() < 0.5 else notes


def solo(setting: Setting, instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    """One fill after the other."""
    step = setting.beat / 4
    notes = []
    for bar in range(int(np.ceil((setting.end - setting.start) / (8 * step)))):
        notes += fill(setting.start + 8 * bar * step, step, 8, rng)
        notes.append(_hit(setting.start + 8 * bar * step, KICK, 100))
    return sorted((note for note in notes if note.onset < setting.end), key=lambda note: note.onset)


def fill(start: float, step: float, count: int, rng: np.random.Generator) -> list[Note]:
    """Sixteenths that wander from the snare down the toms."""
    way = (SNARE, *TOMS)
    place, notes = 0, []
    for number in range(count):
        if rng.random() < 0.85:
            notes.append(_hit(start + number * step, way[place], float(rng.uniform(75, 115))))
        place = min(len(way) - 1, place + int(rng.random() < 0.45))
    return notes


def _strings(rng: np.random.Generator) -> tuple[tuple[int, str], ...]:
    """The pieces of a groove, each with its sixteenths; often not all of them play."""
    kick, snare, cymbals = GROOVES[rng.integers(len(GROOVES))]
    third = int(rng.choice([CLOSED, CLOSED, CLOSED, OPEN, RIDE, PEDAL_HAT]))
    second = int(rng.choice([SNARE, SNARE, SNARE_2, STICK, CLAP], p=[0.4, 0.25, 0.2, 0.1, 0.05]))
    every = ((int(rng.choice([KICK, KICK_2])), kick), (second, snare), (third, cymbals))
    chosen = tuple(one for one in every if rng.random() < 0.88)
    return chosen or every


def _bar(pieces: tuple[tuple[int, str], ...], steps: int, rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
    """Key, sixteenth and velocity of each stroke of a bar; a few are left out, others come in softly."""
    for key, pattern in pieces:
        for place in range(steps):
            if pattern[place] == "." and (key not in (SNARE, KICK) or rng.random() > 0.04):
                continue
            if rng.random() < 0.04:
                continue
            loud = SOFT if pattern[place] != "x" else ACCENT if place % 4 == 0 else 85.0
            yield (OPEN if key == CLOSED and rng.random() < 0.05 else key), place, loud


def _hit(time: float, key: int, velocity: float) -> Note:
    return Note(time, time + STRUCK, key, velocity)
