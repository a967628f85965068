"""What one instrument plays in one clip: notes, bends of pitch, and controllers. Times are seconds in the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earmark.datasets.phrases.programs import Instrument

EXPRESSION, PEDAL = 11, 64  # controllers of MIDI


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
