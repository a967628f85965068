"""The instruments of General MIDI that phrases are played on: what they are called here, and how far they reach.

Programs count from 0, as they stand in a MIDI file. Ranges are those of usual playing (Adler, The Study of
Orchestration, 2002), as MIDI notes: 60 is middle C. Programs that stand between two labels are left out, for nobody
could say what they are: viola, tremolo and pizzicato strings beside the violin, synthesised brass, harmonics of a
guitar, taiko and melodic toms beside the drum kit. Electric pianos count as piano, as AudioSet's ontology has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

Manner = Literal["plucked", "bass", "keyboard", "bowed", "blown", "struck", "held", "drums"]
DRUM_BANK = 128  # where SoundFonts keep their drum kits


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument: a preset of a SoundFont.

    Attributes:
        name: what it is.
        program: its General MIDI program, from 0; of a drum kit the kit's number.
        label: what a clip in which it plays is labelled, or None for an instrument that has no label of ours.
        manner: how it is played, from which its phrases follow.
        low: lowest note.
        high: highest note.
        weight: how often it is drawn, relative to others of its label.
    """

    name: str
    program: int
    label: str | None
    manner: Manner
    low: int
    high: int
    weight: float = 1.0

    @property
    def preset(self) -> tuple[int, int]:
        """Its bank and program in a SoundFont."""
        return (DRUM_BANK if self.manner == "drums" else 0), self.program


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
    Instrument("trumpet", 56, "brass", "blown", 54, 84, 2),
    Instrument("trombone", 57, "brass", "blown", 40, 74, 1.5),
    Instrument("tuba", 58, "brass", "blown", 28, 58),
    Instrument("muted trumpet", 59, "brass", "blown", 54, 82),
    Instrument("French horn", 60, "brass", "blown", 36, 77, 1.5),
    Instrument("brass section", 61, "brass", "blown", 40, 79, 1.5),
    Instrument("standard kit", 0, "drum_kit", "drums", 35, 59, 4),
    Instrument("room kit", 8, "drum_kit", "drums", 35, 59, 2),
    Instrument("power kit", 16, "drum_kit", "drums", 35, 59, 2),
    Instrument("electronic kit", 24, "drum_kit", "drums", 35, 59),
    Instrument("analogue kit", 25, "drum_kit", "drums", 35, 59),
    Instrument("jazz kit", 32, "drum_kit", "drums", 35, 59, 1.5),
    Instrument("brush kit", 40, "drum_kit", "drums", 35, 59),
    Instrument("harpsichord", 6, None, "keyboard", 36, 89, 0.5),
    Instrument("celesta", 8, None, "struck", 60, 96, 0.5),
    Instrument("glockenspiel", 9, None, "struck", 72, 103, 0.5),
    Instrument("music box", 10, None, "struck", 60, 96, 0.5),
    Instrument("vibraphone", 11, None, "struck", 53, 89),
    Instrument("marimba", 12, None, "struck", 45, 91, 0.5),
    Instrument("xylophone", 13, None, "struck", 60, 96, 0.5),
    Instrument("tubular bells", 14, None, "struck", 60, 77, 0.5),
    Instrument("drawbar organ", 16, None, "held", 36, 91),
    Instrument("percussive organ", 17, None, "held", 36, 91, 0.5),
    Instrument("rock organ", 18, None, "held", 36, 91),
    Instrument("church organ", 19, None, "held", 28, 91),
    Instrument("accordion", 21, None, "held", 53, 89),
    Instrument("harmonica", 22, None, "blown", 60, 84, 0.7),
    Instrument("acoustic bass", 32, None, "bass", 28, 55),
    Instrument("fingered bass", 33, None, "bass", 28, 55),
    Instrument("picked bass", 34, None, "bass", 28, 55),
    Instrument("fretless bass", 35, None, "bass", 28, 55, 0.5),
    Instrument("cello", 42, None, "bowed", 36, 72),
    Instrument("double bass, bowed", 43, None, "bowed", 28, 55, 0.5),
    Instrument("harp", 46, None, "struck", 36, 96),
    Instrument("timpani", 47, None, "struck", 40, 55, 0.5),
    Instrument("string ensemble", 48, None, "held", 40, 88, 0.7),
    Instrument("slow strings", 49, None, "held", 40, 88, 0.5),
    Instrument("choir", 52, None, "held", 48, 79),
    Instrument("voice, ooh", 53, None, "held", 48, 79),
    Instrument("soprano sax", 64, None, "blown", 56, 84, 0.7),
    Instrument("alto sax", 65, None, "blown", 49, 80),
    Instrument("tenor sax", 66, None, "blown", 44, 75),
    Instrument("baritone sax", 67, None, "blown", 37, 68, 0.7),
    Instrument("oboe", 68, None, "blown", 58, 88),
    Instrument("English horn", 69, None, "blown", 52, 79, 0.5),
    Instrument("bassoon", 70, None, "blown", 34, 70),
    Instrument("clarinet", 71, None, "blown", 50, 89, 1.5),
    Instrument("piccolo", 72, None, "blown", 74, 102, 0.5),
    Instrument("flute", 73, None, "blown", 60, 95, 1.5),
    Instrument("recorder", 74, None, "blown", 60, 91, 0.5),
    Instrument("pan flute", 75, None, "blown", 60, 91, 0.5),
    Instrument("square lead", 80, None, "blown", 48, 88, 0.4),
    Instrument("saw lead", 81, None, "blown", 48, 88, 0.4),
    Instrument("warm pad", 89, None, "held", 40, 84, 0.4),
    Instrument("sitar", 104, None, "plucked", 48, 77, 0.4),
    Instrument("koto", 107, None, "plucked", 48, 84, 0.4),
    Instrument("kalimba", 108, None, "struck", 55, 84, 0.4),
    Instrument("bagpipe", 109, None, "blown", 60, 79, 0.4),
    Instrument("steel drums", 114, None, "struck", 55, 84, 0.4),
)

LABELS = tuple(sorted({one.label for one in INSTRUMENTS if one.label is not None}))

_NAMED = {one.preset: one for one in INSTRUMENTS}


def named(bank: int, program: int) -> Instrument | None:
    """The instrument of a preset, or None for one that is left out."""
    return _NAMED.get((bank, program))


def playing(label: str | None, presets: Collection[tuple[int, int]]) -> tuple[Instrument, ...]:
    """The instruments of a label (None: those without) among the presets (bank, program) that a SoundFont has."""
    return tuple(one for one in INSTRUMENTS if one.label == label and one.preset in presets)


def weights(instruments: Iterable[Instrument]) -> list[float]:
    """How likely each is drawn; they sum to 1."""
    each = [one.weight for one in instruments]
    return [weight / sum(each) for weight in each]
