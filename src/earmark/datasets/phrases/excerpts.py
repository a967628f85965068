"""Excerpts of music that a user gives as MIDI files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from earmark.datasets.phrases.notes import Bend, Note, Part
from earmark.datasets.phrases.performing import tuned

Score = tuple[Part, ...]
"""A piece of music: its parts, with times from its beginning."""

TRANSPOSED = 4  # semitones either way
TEMPO = (0.88, 1.14)
BEFORE = 1.0  # seconds in which notes may have begun before a clip
TRIES = 8  # places that are looked at for one where something plays


def draw(
    scores: Mapping[str, Score], seconds: float, presets: Collection[tuple[int, int]], rng: np.random.Generator
) -> list[Part]:
    """The parts that play in an excerpt drawn at random, higher or lower and faster or slower than they were."""
    score = scores[str(rng.choice(sorted(scores)))]
    last = max(note.offset for part in score for note in part.notes)
    shift, faster = int(rng.integers(-TRANSPOSED, TRANSPOSED + 1)), float(rng.uniform(*TEMPO))
    found: list[Part] = []
    for _ in range(TRIES):
        start = rng.uniform(0, max(0.0, last - seconds * faster))
        found = [excerpt(part, start, seconds, shift, faster) for part in score if part.instrument.preset in presets]
        found = [replace(part, bends=[Bend(-10.0, tuned(part.instrument, rng))]) for part in found if part.notes]
        if found:
            break
    return found


def excerpt(part: Part, start: float, seconds: float, shift: int = 0, faster: float = 1.0) -> Part:
    """What a part plays from `start` on for `seconds`, `shift` semitones higher (drums as they are) and faster."""
    shift = 0 if part.instrument.manner == "drums" else shift
    notes = [
        Note((note.onset - start) / faster, (note.offset - start) / faster, note.pitch + shift, note.velocity)
        for note in part.notes
        if 0 <= note.pitch + shift <= 127
    ]
    return replace(part, notes=[note for note in notes if -BEFORE < note.onset < seconds and note.offset > 0])
