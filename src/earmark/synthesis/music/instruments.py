"""The instruments of General MIDI that phrases are played on, and what one of them plays: notes, bends, controllers.

Programs count from 0, as they stand in a MIDI file. Ranges are those of usual playing (Adler, The Study of
Orchestration, 2002), as MIDI notes: 60 is middle C.

There are two lists of labels. DEFAULT_LABELS are five; every other instrument plays as one without a label. The wider
list, LABELS, names more of them, and `brass` is then a parent: a trumpet is `brass` and `trumpet`. As soon as one
label beyond the five is asked for, instruments are drawn by their `wider` weights: what might be taken for a label
(harpsichord, clavinet, dulcimer, banjo, koto for guitar) plays more often, and what stands between two labels not at
all, for nobody could say what it is. Left out of both are viola, tremolo and pizzicato strings beside the violin,
synthesised brass and basses, a reed organ, harmonics of a guitar, taiko and melodic toms beside the drum kit; of the
wider list besides celesta and musical box (mallets?), recorder and pan pipes (flute?), string ensembles (violin?
cello?), and synthetic choirs, because singing may be a label of what learns from them. Where AudioSet's ontology
has an answer it is followed: electric pianos are pianos, steel drums mallets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Literal

Manner = Literal["plucked", "bass", "keyboard", "bowed", "blown", "struck", "held", "drums"]
DRUM_BANK = 128  # where SoundFonts keep their drum kits

EXPRESSION, PEDAL = 11, 64  # controllers of MIDI


@dataclass(frozen=True)
class Instrument:
    """One instrument: a preset of a SoundFont."""

    name: str  # what it is
    program: int  # its General MIDI program, from 0; of a drum kit the kit's number
    label: str | None  # the one of DEFAULT_LABELS that it carries, or None
    manner: Manner  # how it is played, from which its phrases follow
    low: int  # lowest note
    high: int  # highest note
    weight: float = 1.0
    """How often it is drawn, relative to others of its label, where only DEFAULT_LABELS are asked for; 0: never."""
    # Folders know MIDI files by the text of their parts: what was not in it from the beginning stays out of it.
    finer: str | None = field(default=None, repr=False)  # the further label of LABELS that it carries, or None
    wider: float | None = field(default=None, repr=False)
    """How often it is drawn where further labels are asked for; None: as often as otherwise."""

    @property
    def preset(self) -> tuple[int, int]:
        """Its bank and program in a SoundFont."""
        return (DRUM_BANK if self.manner == "drums" else 0), self.program

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels that it carries, the most general first."""
        return tuple(label for label in (self.label, self.finer) if label is not None)

    def likely(self, wide: bool) -> float:
        """How often it is drawn: where labels beyond DEFAULT_LABELS are asked for (`wide`), or not."""
        return self.weight if self.wider is None or not wide else self.wider


INSTRUMENTS = (
    Instrument("grand piano", 0, "piano", "keyboard", 28, 100, 4),
    Instrument("bright piano", 1, "piano", "keyboard", 28, 100, 2),
    Instrument("electric grand", 2, "piano", "keyboard", 28, 96),
    Instrument("honky-tonk piano", 3, "piano", "keyboard", 33, 96),
    Instrument("electric piano, tines", 4, "piano", "keyboard", 33, 91, 0.5),
    Instrument("electric piano, FM", 5, "piano", "keyboard", 33, 91, 0.5),
    Instrument("nylon guitar", 24, "guitar", "plucked", 40, 81, 3),
    Instrument("steel guitar", 25, "guitar", "plucked", 40, 83, 3),
    Instrument("jazz guitar", 26, "guitar", "plucked", 40, 83),
    Instrument("clean guitar", 27, "guitar", "plucked", 40, 86, 1.5),
    Instrument("muted guitar", 28, "guitar", "plucked", 40, 76, 0.5),
    Instrument("overdriven guitar", 29, "guitar", "plucked", 40, 86),
    Instrument("distorted guitar", 30, "guitar", "plucked", 40, 86),
    Instrument("violin", 40, "violin", "bowed", 55, 98, 4),
    Instrument("fiddle", 110, "violin", "bowed", 55, 88),
    Instrument("trumpet", 56, "brass", "blown", 54, 84, 2, finer="trumpet"),
    Instrument("trombone", 57, "brass", "blown", 40, 74, 1.5, finer="trombone"),
    Instrument("tuba", 58, "brass", "blown", 28, 58),
    Instrument("muted trumpet", 59, "brass", "blown", 54, 82, finer="trumpet"),
    Instrument("French horn", 60, "brass", "blown", 36, 77, 1.5),
    Instrument("brass section", 61, "brass", "blown", 40, 79, 1.5),
    Instrument("standard kit", 0, "drum_kit", "drums", 35, 59, 4),
    Instrument("room kit", 8, "drum_kit", "drums", 35, 59, 2),
    Instrument("power kit", 16, "drum_kit", "drums", 35, 59, 2),
    Instrument("electronic kit", 24, "drum_kit", "drums", 35, 59),
    Instrument("analogue kit", 25, "drum_kit", "drums", 35, 59),
    Instrument("jazz kit", 32, "drum_kit", "drums", 35, 59, 1.5),
    Instrument("brush kit", 40, "drum_kit", "drums", 35, 59),
    Instrument("harpsichord", 6, None, "keyboard", 36, 89, 0.5, wider=4),
    Instrument("clavinet", 7, None, "keyboard", 36, 84, 0, wider=1.5),
    Instrument("celesta", 8, None, "struck", 60, 96, 0.5, wider=0),
    Instrument("glockenspiel", 9, None, "struck", 72, 103, 0.5, finer="mallets", wider=1),
    Instrument("music box", 10, None, "struck", 60, 96, 0.5, wider=0),
    Instrument("vibraphone", 11, None, "struck", 53, 89, finer="mallets", wider=1.5),
    Instrument("marimba", 12, None, "struck", 45, 91, 0.5, finer="mallets", wider=1),
    Instrument("xylophone", 13, None, "struck", 60, 96, 0.5, finer="mallets", wider=1),
    Instrument("tubular bells", 14, None, "struck", 60, 77, 0.5),
    Instrument("dulcimer", 15, None, "struck", 50, 86, 0, wider=1),
    Instrument("drawbar organ", 16, None, "held", 36, 91, finer="organ"),
    Instrument("percussive organ", 17, None, "held", 36, 91, 0.5, finer="organ"),
    Instrument("rock organ", 18, None, "held", 36, 91, finer="organ"),
    Instrument("church organ", 19, None, "held", 28, 91, finer="organ", wider=1.5),
    Instrument("accordion", 21, None, "held", 53, 89, finer="accordion"),
    Instrument("tango accordion", 23, None, "held", 53, 89, 0, finer="accordion", wider=0.7),
    Instrument("harmonica", 22, None, "blown", 60, 84, 0.7, finer="harmonica"),
    Instrument("acoustic bass", 32, None, "bass", 28, 55, wider=0.7),
    Instrument("fingered bass", 33, None, "bass", 28, 55, finer="bass_guitar"),
    Instrument("picked bass", 34, None, "bass", 28, 55, finer="bass_guitar"),
    Instrument("fretless bass", 35, None, "bass", 28, 55, 0.5, finer="bass_guitar"),
    Instrument("slapped bass", 36, None, "bass", 28, 55, 0, finer="bass_guitar", wider=0.4),
    Instrument("popped bass", 37, None, "bass", 28, 55, 0, finer="bass_guitar", wider=0.4),
    Instrument("cello", 42, None, "bowed", 36, 72, finer="cello"),
    Instrument("double bass, bowed", 43, None, "bowed", 28, 55, 0.5, wider=1),
    Instrument("harp", 46, None, "struck", 36, 96, finer="harp"),
    Instrument("timpani", 47, None, "struck", 40, 55, 0.5),
    Instrument("string ensemble", 48, None, "held", 40, 88, 0.7, wider=0),
    Instrument("slow strings", 49, None, "held", 40, 88, 0.5, wider=0),
    Instrument("choir", 52, None, "held", 48, 79, wider=0),
    Instrument("voice, ooh", 53, None, "held", 48, 79, wider=0),
    Instrument("soprano sax", 64, None, "blown", 56, 84, 0.7, finer="saxophone"),
    Instrument("alto sax", 65, None, "blown", 49, 80, finer="saxophone"),
    Instrument("tenor sax", 66, None, "blown", 44, 75, finer="saxophone"),
    Instrument("baritone sax", 67, None, "blown", 37, 68, 0.7, finer="saxophone"),
    Instrument("oboe", 68, None, "blown", 58, 88),
    Instrument("English horn", 69, None, "blown", 52, 79, 0.5),
    Instrument("bassoon", 70, None, "blown", 34, 70),
    Instrument("clarinet", 71, None, "blown", 50, 89, 1.5, finer="clarinet"),
    Instrument("piccolo", 72, None, "blown", 74, 102, 0.5, finer="flute"),
    Instrument("flute", 73, None, "blown", 60, 95, 1.5, finer="flute"),
    Instrument("recorder", 74, None, "blown", 60, 91, 0.5, wider=0),
    Instrument("pan flute", 75, None, "blown", 60, 91, 0.5, wider=0),
    Instrument("square lead", 80, None, "blown", 48, 88, 0.4),
    Instrument("saw lead", 81, None, "blown", 48, 88, 0.4),
    Instrument("warm pad", 89, None, "held", 40, 84, 0.4),
    Instrument("sitar", 104, None, "plucked", 48, 77, 0.4, wider=1),
    Instrument("banjo", 105, None, "plucked", 48, 81, 0, wider=1.5),
    Instrument("shamisen", 106, None, "plucked", 50, 79, 0, wider=1),
    Instrument("koto", 107, None, "plucked", 48, 84, 0.4, wider=1),
    Instrument("kalimba", 108, None, "struck", 55, 84, 0.4),
    Instrument("bagpipe", 109, None, "blown", 60, 79, 0.4),
    Instrument("steel drums", 114, None, "struck", 55, 84, 0.4, finer="mallets", wider=0.5),
)

DEFAULT_LABELS = tuple(sorted({one.label for one in INSTRUMENTS if one.label is not None}))
LABELS = tuple(sorted({label for one in INSTRUMENTS for label in one.labels}))

_NAMED = {one.preset: one for one in INSTRUMENTS}


def is_wide(labels: Iterable[str]) -> bool:
    """Whether labels go beyond DEFAULT_LABELS."""
    return not set(labels) <= set(DEFAULT_LABELS)


def instrument_of(bank: int, program: int, wide: bool = False) -> Instrument | None:
    """The instrument of a preset, or None for one that is left out."""
    found = _NAMED.get((bank, program))
    return found if found is not None and found.likely(wide) else None


@cache
def playable(presets: frozenset[tuple[int, int]], wide: bool = False) -> tuple[Instrument, ...]:
    """The instruments that are drawn, among the presets (bank, program) that a SoundFont has."""
    return tuple(one for one in INSTRUMENTS if one.preset in presets and one.likely(wide))


def weights(instruments: Iterable[Instrument], wide: bool = False) -> list[float]:
    """How likely each is drawn; they sum to 1."""
    each = [one.likely(wide) for one in instruments]
    return [weight / sum(each) for weight in each]


@dataclass(frozen=True, slots=True)
class Note:
    """A note: a key goes down at `onset` and up at `offset`; `pitch` 60 is middle C, `velocity` 1 to 127."""

    onset: float
    offset: float
    pitch: int
    velocity: float = 100.0


@dataclass(frozen=True, slots=True)
class Bend:
    """From `time` on, all notes sound so many cents higher."""

    time: float
    cents: float


@dataclass(frozen=True, slots=True)
class Control:
    """From `time` on, a controller stands at a value from 0 to 127."""

    time: float
    number: int
    value: int


@dataclass(frozen=True)
class Part:
    """All that one instrument plays in a clip."""

    instrument: Instrument
    notes: Sequence[Note]
    bends: Sequence[Bend] = ()
    controls: Sequence[Control] = ()
