"""A phrase drawn and played: dynamics, timing, articulation, pedal, tuning, vibrato, slides, swells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from earmark.synthesis.music import patterns
from earmark.synthesis.music.instruments import EXPRESSION, PEDAL, Bend, Control, Instrument, Note, Part
from earmark.synthesis.music.patterns import Setting

LOUDNESS = (38.0, 116.0)  # velocity of a phrase, on the whole
UNEVEN = (3.0, 11.0)  # standard deviation of velocity from note to note
JITTER = (0.002, 0.018)  # standard deviation of onsets, seconds
ARTICULATION = {
    "plucked": (0.4, 0.95, 1.0, 1.4),
    "bass": (0.5, 0.95),
    "keyboard": (0.3, 0.6, 0.9, 1.02),
    "bowed": (0.3, 0.7, 0.95, 1.02, 1.02),
    "blown": (0.3, 0.6, 0.9, 0.97),
    "struck": (0.5, 1.0, 1.5),
    "held": (0.6, 0.95, 1.0),
    "drums": (1.0,),
}
"""How much of a note's length sounds, staccato to legato."""
TUNING = 15.0  # standard deviation in cents of an instrument against concert pitch
MISTUNED = 50.0  # cents, the most
DRUM_TUNING = 250.0  # cents: drums are tuned as the drummer likes
BORROWED = 4  # semitones, see `_borrowed`
BORROWED_SHARE = 0.6  # of phrases
VIBRATO = {"bowed": (0.7, 12.0, 38.0), "blown": (0.35, 5.0, 25.0), "plucked": (0.12, 5.0, 20.0)}
"""Share of phrases with vibrato, and its depth in cents from least to most."""
VIBRATO_HERTZ = (4.5, 7.0)
VIBRATO_AFTER = (0.08, 0.35)  # seconds into a note
SLIDING = {"bowed": 0.3, "blown": 0.15, "plucked": 0.1}  # share of phrases in which notes are slid into
SLIDE = (0.03, 0.09)  # seconds
SWELLING = ("bowed", "blown", "held")  # whose loudness can change within a note
STEP = 0.02  # seconds between bends, and between values of a controller

SECTION = 61  # the brass section, which plays chords too


def perform(notes: Sequence[Note], instrument: Instrument, rng: np.random.Generator) -> Part:
    """The notes as somebody would play them."""
    played, shift = _borrowed(_dynamics(_articulated(notes, instrument, rng), rng), instrument, rng)
    tuning = tuned(instrument, rng) + shift
    controls: list[Control] = []
    if instrument.manner == "keyboard" and rng.random() < 0.4:
        controls += _pedal(played, rng)
    if instrument.manner in SWELLING and rng.random() < 0.6:
        controls += _swells(played, rng)
    return Part(instrument, played, [Bend(-10.0, tuning), *_inflection(played, instrument, tuning, rng)], controls)


def tuned(instrument: Instrument, rng: np.random.Generator) -> float:
    """Cents by which an instrument is off concert pitch."""
    if instrument.manner == "drums":
        return float(rng.uniform(-DRUM_TUNING, DRUM_TUNING))
    return float(np.clip(rng.normal(0, TUNING), -MISTUNED, MISTUNED))


def _borrowed(notes: Sequence[Note], instrument: Instrument, rng: np.random.Generator) -> tuple[Sequence[Note], float]:
    """The notes some keys lower or higher, and the cents that bring them back to where they sounded.

    A SoundFont has few samples of an instrument, each for some keys. Bent back, a neighbouring key's sample sounds like
    an instrument with a smaller or larger body: its resonances move with the bend, the pitch is as before.
    """
    if instrument.manner == "drums" or rng.random() >= BORROWED_SHARE:
        return notes, 0.0
    keys = int(rng.integers(-BORROWED, BORROWED + 1))
    moved = [replace(note, pitch=note.pitch + keys) for note in notes]
    return (moved, -100.0 * keys) if all(0 <= note.pitch <= 127 for note in moved) else (notes, 0.0)


def _articulated(notes: Sequence[Note], instrument: Instrument, rng: np.random.Generator) -> list[Note]:
    share = float(rng.choice(ARTICULATION[instrument.manner])) * rng.uniform(0.9, 1.1)
    jitter = rng.uniform(*JITTER)
    played = []
    for note in notes:
        onset = note.onset + rng.normal(0, jitter)
        length = max(0.03, (note.offset - note.onset) * share)
        played.append(replace(note, onset=onset, offset=onset + length))
    return played


def _dynamics(notes: Sequence[Note], rng: np.random.Generator) -> list[Note]:
    """Velocities around a loudness that may grow or fade, uneven as hands are."""
    loud, slope, uneven = rng.uniform(*LOUDNESS), rng.normal(0, 6), rng.uniform(*UNEVEN)
    return [
        replace(
            note,
            velocity=float(np.clip(loud * note.velocity / 100 + slope * note.onset + rng.normal(0, uneven), 8, 127)),
        )
        for note in notes
    ]


def _pedal(notes: Sequence[Note], rng: np.random.Generator) -> Iterator[Control]:
    """The pedal down, and up for a moment every so often."""
    if notes:
        every = rng.uniform(0.7, 2.5)
        yield Control(notes[0].onset - 0.01, PEDAL, 127)
        for time in np.arange(notes[0].onset + every, notes[-1].offset, every):
            yield Control(float(time), PEDAL, 0)
            yield Control(float(time) + 0.05, PEDAL, 127)


def _swells(notes: Sequence[Note], rng: np.random.Generator) -> Iterator[Control]:
    """Longer notes grow, fade, or both."""
    shape = rng.uniform(0.45, 1.0, 3)
    for note in notes:
        times = np.arange(note.onset, note.offset, STEP)
        if note.offset - note.onset < 0.3:
            yield Control(note.onset - 0.002, EXPRESSION, round(127 * float(shape.max())))
            continue
        levels = np.interp(np.linspace(0, 1, len(times)), (0, 0.5, 1), shape) * 127
        yield from (Control(float(t), EXPRESSION, round(float(v))) for t, v in zip(times, levels, strict=True))


def _inflection(
    notes: Sequence[Note], instrument: Instrument, tuning: float, rng: np.random.Generator
) -> Iterator[Bend]:
    """Vibrato and slides, in phrases of one note at a time."""
    if any(before.offset > after.onset + 0.1 for before, after in pairwise(notes)):
        return
    share, least, most = VIBRATO.get(instrument.manner, (0.0, 0.0, 0.0))
    depth = rng.uniform(least, most) if rng.random() < share else 0.0
    hertz, after, slid = rng.uniform(*VIBRATO_HERTZ), rng.uniform(*VIBRATO_AFTER), rng.uniform(*SLIDE)
    sliding = rng.random() < SLIDING.get(instrument.manner, 0.0)
    if not (depth or sliding):
        return
    for note in notes:
        span = rng.uniform(-220, -40) if sliding and rng.random() < 0.5 else 0.0
        time = np.arange(0, note.offset - note.onset, STEP)
        swing = depth * np.clip((time - after) / 0.2, 0, 1) * np.sin(2 * np.pi * hertz * time)
        cents = tuning + swing + span * np.clip(1 - time / slid, 0, 1)
        yield from (Bend(note.onset + float(t), float(c)) for t, c in zip(time, cents, strict=True))


def compose(instrument: Instrument, setting: Setting, rng: np.random.Generator) -> Part:
    """A phrase of an instrument, played in a setting."""
    kinds = patterns.KINDS[instrument.manner]
    if instrument.preset == (0, SECTION):
        kinds = (*kinds, (patterns.chords, 4.0))
    weights = np.array([weight for _, weight in kinds])
    kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())][0]
    return perform(kind(setting, instrument, rng), instrument, rng)
