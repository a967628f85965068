"""How captions look: their preset, place and colours, and the lines of a cue with what each tells of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from earmark.captions.layout import Density

Preset = Literal["plain", "youtube", "french"]
Position = Literal["bottom", "top"]
Music = Literal["words", "notes"]

COLOURS = {"sound": "#ff0000", "music": "#ff00ff"}
"""Of the French charter for subtitles for the deaf (CSA, 2011): sounds in red, music in magenta."""


@dataclass(frozen=True)
class Look:
    """How captions of sounds look."""

    preset: Preset = "plain"  # [dog barking]; youtube: [Dog barking]; french: colours instead of brackets
    position: Position = "bottom"  # on the picture
    density: Density = "normal"
    music: Music = "words"  # or between notes

    def colour(self, kind: str) -> str:
        """The colour of lines of a kind, as #rrggbb; empty where they have none of their own."""
        return COLOURS.get(kind, "") if self.preset == "french" else ""

    def is_top(self, cue: Cue) -> bool:
        """Whether a cue stands above: dialogue stays below, with the sounds on its lines."""
        return self.position == "top" and cue.is_sound


@dataclass(frozen=True)
class Line:
    """One line on the screen: its text, and what it tells of: `sound`, `music`, or empty for dialogue."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Cue:
    """What stands on the screen from onset to offset, seconds."""

    onset: float
    offset: float
    lines: tuple[Line, ...]

    @property
    def is_sound(self) -> bool:
        """Whether it has no dialogue."""
        return all(line.kind for line in self.lines)
