"""Excerpts of music that a user gives as MIDI files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from earmark.datasets.phrases.notes import Bend, Note, Part
from earmark.datasets.phrases.performing import tuned
from earmark.datasets.phrases.programs import Instrument

Score = tuple[Part, ...]
"""A piece of music: its parts, with times from its beginning."""

TRANSPOSED = 4  # semitones either way
TEMPO = (0.88, 1.14)
BEFORE = 1.0  # seconds in which notes may have begun before a clip
LATEST = 0.9  # of a clip: until then the note that it is drawn around has begun
TRIES = 8  # places that are looked at for one where as many labels play as are wanted


@dataclass(frozen=True)
class Music:
    """What a SoundFont can play of some scores.

    Attributes:
        pieces: of each score, by its name, the parts that can be played; scores without any are left out.
        label_of: what an instrument is labelled, or None.
    """

    pieces: Mapping[str, Score]
    label_of: Callable[[Instrument], str | None]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Score],
        presets: Collection[tuple[int, int]],
        label_of: Callable[[Instrument], str | None],
    ) -> Music:
        """What can be played with presets (bank, program)."""
        playable = {
            name: tuple(part for part in score if part.notes and part.instrument.preset in presets)
            for name, score in scores.items()
        }
        return cls({name: parts for name, parts in playable.items() if parts}, label_of)

    def heard(self, parts: Iterable[Part]) -> set[str | None]:
        """The labels of parts; None among them where one has no label."""
        return {self.label_of(part.instrument) for part in parts}

    @property
    def names(self) -> set[str | None]:
        """All labels, and None where an instrument without a label plays."""
        return {name for parts in self.pieces.values() for name in self.heard(parts)}

    @property
    def labels(self) -> set[str]:
        """All labels."""
        return _labels(self.names)

    @property
    def most(self) -> int:
        """The largest number of labels in one piece."""
        return max((len(_labels(self.heard(parts))) for parts in self.pieces.values()), default=0)


def draw(music: Music, seconds: float, count: int, rng: np.random.Generator) -> tuple[list[Part], frozenset[str]]:
    """The parts of an excerpt drawn at random, and which labels shall be kept of them.

    The music is played higher or lower and faster or slower than it was. The first label is drawn, each as often as
    the others, then a piece in which it plays, then one of its notes, around which the excerpt is laid: something
    always plays.

    Args:
        music: with at least one piece.
        seconds: length of the excerpt.
        count: labels that are wanted; 0: one instrument without a label at least, and none that has one. Where the
            music has no such place, as many as there are, and at least one.
        rng: draws everything.
    """
    first, count, pieces = _wanted(music, count, rng)
    piece = pieces[rng.integers(len(pieces))]
    around = [note for part in piece if music.label_of(part.instrument) == first for note in part.notes]
    best: list[Part] = []
    present: set[str] = set()
    for _ in range(TRIES):
        found = _around(around[rng.integers(len(around))], piece, seconds, rng)
        if not best or len(_labels(music.heard(found))) > len(present):
            best, present = found, _labels(music.heard(found))
        if len(present) >= count:
            break
    return best, frozenset() if first is None else _kept(first, present, count, rng)


def excerpt(part: Part, start: float, seconds: float, shift: int = 0, faster: float = 1.0) -> Part:
    """What a part plays from `start` on for `seconds`, `shift` semitones higher (drums as they are) and faster."""
    shift = 0 if part.instrument.manner == "drums" else shift
    notes = [
        Note((note.onset - start) / faster, (note.offset - start) / faster, note.pitch + shift, note.velocity)
        for note in part.notes
        if 0 <= note.pitch + shift <= 127
    ]
    return replace(part, notes=[note for note in notes if -BEFORE < note.onset < seconds and note.offset > 0])


def _wanted(music: Music, count: int, rng: np.random.Generator) -> tuple[str | None, int, list[Score]]:
    """What surely plays, how many labels are looked for, and the pieces that have both."""
    if (not count and None in music.names) or not music.labels:
        return None, 0, [parts for parts in music.pieces.values() if None in music.heard(parts)]
    enough = min(max(1, count), 2, music.most)
    pieces = [parts for parts in music.pieces.values() if len(_labels(music.heard(parts))) >= enough]
    first = str(rng.choice(sorted({label for parts in pieces for label in _labels(music.heard(parts))})))
    return first, max(1, count), [parts for parts in pieces if first in music.heard(parts)]


def _around(note: Note, piece: Sequence[Part], seconds: float, rng: np.random.Generator) -> list[Part]:
    """An excerpt in which a note begins."""
    faster = float(rng.uniform(*TEMPO))
    length = seconds * faster
    last = max(note.offset for part in piece for note in part.notes)
    start = min(max(0.0, note.onset - rng.uniform(0, LATEST * length)), max(0.0, last - length))
    shift = _shift(piece, rng)
    found = [excerpt(part, start, seconds, shift, faster) for part in piece]
    return [replace(part, bends=[Bend(-10.0, tuned(part.instrument, rng))]) for part in found if part.notes]


def _shift(piece: Sequence[Part], rng: np.random.Generator) -> int:
    """Semitones by which a piece is moved, within what MIDI has."""
    pitches = [note.pitch for part in piece if part.instrument.manner != "drums" for note in part.notes] or [60]
    return int(rng.integers(max(-TRANSPOSED, -min(pitches)), min(TRANSPOSED, 127 - max(pitches)) + 1))


def _kept(first: str, present: set[str], count: int, rng: np.random.Generator) -> frozenset[str]:
    others = sorted(present - {first})
    more = rng.choice(others, min(count - 1, len(others)), replace=False).tolist() if others else []
    return frozenset((first, *more))


def _labels(names: Iterable[str | None]) -> set[str]:
    return {name for name in names if name is not None}
