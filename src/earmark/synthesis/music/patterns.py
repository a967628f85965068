"""What instruments can play: when, how fast and in which key; single notes, scales, melodies, chords; drum phrases.

Each pattern makes the notes of one instrument in a setting, as they stand on paper; `performance` plays them. A drum
kit has grooves with fills, single hits of one piece, and rolls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from earmark.synthesis.music.instruments import Instrument, Note

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

RHYTHMS = (
    (1.0,), (0.5, 0.5), (0.5,), (1.5, 0.5), (0.25, 0.25, 0.5), (0.75, 0.25), (1.0, 0.5, 0.5), (1 / 3, 1 / 3, 1 / 3),
    (2.0, 1.0, 1.0), (0.25,), (0.5, 1.0, 0.5),
)  # fmt: skip
"""Lengths in beats that are repeated."""
STEPS = (-4, -3, -2, -1, 0, 1, 2, 3, 4)
STEP_WEIGHTS = (0.03, 0.05, 0.14, 0.25, 0.06, 0.25, 0.14, 0.05, 0.03)
SHORTEST = 0.07  # seconds of the fastest notes

COMPS = (
    (0.0,), (0.0, 2.0), (0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 2.0, 3.5), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    (0.0, 1.5, 3.0), (0.5, 1.5, 2.5, 3.5), (0.0, 1.0, 1.5, 2.5, 3.0, 3.5),
)  # fmt: skip
"""When chords are struck in a bar, in beats."""
STRINGS = (40, 45, 50, 55, 59, 64)  # a guitar's open strings
REACH = 4  # frets that a hand covers
STRUM = (0.004, 0.05)  # seconds from the first string to the last
MUFFLED = 95.0  # velocity of chords off the beat


@dataclass(frozen=True)
class Setting:
    """When music plays, how fast and in which key."""

    start: float  # seconds in the clip when it begins, which may be before 0
    end: float  # seconds in the clip when it ends
    beat: float  # seconds of a quarter note
    tonic: int  # 0 for C to 11 for B
    scale: tuple[int, ...]  # semitones above the tonic
    progression: tuple[int, ...]  # the chord of each bar in turn, by degree of the scale

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


KINDS = {
    "plucked": ((single, 2.0), (scale, 1.0), (melody, 2.0), (picked, 3.0), (strummed, 3.5)),
    "bass": ((single, 1.0), (melody, 3.0), (repeated, 2.0), (arpeggio, 2.0)),
    "keyboard": ((single, 1.5), (scale, 1.0), (melody, 1.5), (arpeggio, 2.0), (chords, 2.5), (two_hands, 3.0)),
    "bowed": (
        (single, 2.0), (scale, 1.0), (melody, 3.5), (arpeggio, 1.0), (long_notes, 2.5), (repeated, 0.5),
        (double_stops, 0.7),
    ),
    "blown": ((single, 2.0), (scale, 1.0), (melody, 3.5), (arpeggio, 1.0), (long_notes, 2.0), (repeated, 1.0)),
    "struck": ((single, 1.5), (scale, 1.0), (melody, 2.5), (arpeggio, 2.0), (chords, 1.0)),
    "held": ((single, 1.0), (melody, 1.5), (long_notes, 1.5), (arpeggio, 0.7), (chords, 3.0)),
    "drums": ((groove, 4.5), (hits, 4.0), (roll, 1.0), (solo, 0.8)),
}  # fmt: skip
"""What each manner of playing can do, and how often."""
