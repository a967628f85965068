"""What a caption is, how long and how much a viewer reads, and how a phrase breaks into lines on the screen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from unicodedata import east_asian_width

from earmark.errors import EarmarkError


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands on the screen from onset to offset, in seconds on the media's clock, top line first."""

    onset: float
    offset: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as one string."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class ReadingRules:
    """How long and how much a viewer reads. Times in seconds.

    Sources: [N] Netflix Timed Text Style Guide, general requirements and subtitle timing guidelines;
    [B] BBC subtitle guidelines, by section; [E] Earmark's own choice, argued in docs/captions.md.
    A language's file may set other values under [reading]: see `Phrases.rules`.
    """

    shortest: float = 5 / 6  # a caption stays at least this long [N: 5/6 second]
    longest: float = 7.0  # and at most this long [N: 7 seconds]
    lines: int = 2  # [N: 2 lines maximum; B 3.3: avoid three]
    characters: int = 42  # in a line, brackets included [N: 42; 39 in Russian, 16 in Korean]
    narrow: float = 1.0  # what a character that is not of full width counts [N: 0.5 in Korean]
    gap: float = 1 / 12  # between captions that follow each other [N: 2 frames, here of 1/24 s]
    pause: float = 1.0  # shorter pauses are closed [B 4.5: a gap is at least a second, or there is none]
    per_word: float = 0.3  # reading time of a word [B 4.1: around 0.3 seconds per word]
    per_character: float = 0.0  # reading time of a character, where words are of other lengths than in English [N]
    per_label: float = 1.0  # more time for a sound label where there is room [B 4.3.3: an extra second]
    latest: float = 2.0  # an ended sound that had to wait is not shown later than this [B 5.4: never after 2 s]
    sustained_after: float = 2.0  # a sound this long is sustained [E]
    repeats_within: float = 3.0  # one label again after a shorter silence is one repeated sound [E]
    returns_within: float = 30.0  # an ambient sound that returns after a shorter silence is not announced again [E]
    continuing: float = 3.0  # how long "continues" is shown [E]
    reminder_every: float = (
        30.0  # when a sound that goes on is shown again; but for alarms, twice as late each time [E]
    )
    reminder_at_least_every: float = 300.0  # as rarely at most [E]
    early: float = 0.5  # a sound may come on a cue of dialogue that began so much before it, an alarm be so late [E]

    def __post_init__(self) -> None:
        """Refuse rules that no caption can keep."""
        if not 0 < self.shortest <= self.longest or self.gap < 0:
            raise EarmarkError("reading rules", f"{self.shortest} to {self.longest} s is no span a caption can last")
        if self.lines < 1 or self.characters < 4:
            raise EarmarkError("reading rules", f"no sound fits {self.lines} lines of {self.characters} characters")
        for name, value in ((one.name, getattr(self, one.name)) for one in fields(self)):
            if not 0 <= value < math.inf or (name == "reminder_every" and not value):
                raise EarmarkError("reading rules", f"{name} cannot be {value}")

    @classmethod
    def of(cls, table: Mapping[str, object], where: object) -> ReadingRules:
        """The usual rules with the values of the [reading] table of a file, `where`."""
        known = {field.name: field.type for field in fields(cls)}
        for name, value in table.items():
            if name not in known:
                raise EarmarkError(where, f"{name} under [reading] is no reading rule", "one of: " + ", ".join(known))
            whole = known[name] == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise EarmarkError(where, f"{name} under [reading] is no {'whole ' if whole else ''}number")
        try:
            return cls(**table)  # type: ignore[arg-type]
        except EarmarkError as error:
            raise EarmarkError(where, f"under [reading], {error.reason}") from error


def width(text: str, rules: ReadingRules) -> float:
    """How many of a line's characters a text takes: one each, or less where the rules say so."""
    if rules.narrow == 1:
        return len(text)
    return sum(1 if east_asian_width(c) in "WF" else rules.narrow for c in text)


def bracketed(phrase: str, rules: ReadingRules) -> tuple[str, ...]:
    """A phrase in brackets, in lines; what does not fit is cut off with an ellipsis."""
    lines = _wrapped(f"[{phrase}]", rules)
    if len(lines) > rules.lines:
        lines = lines[: rules.lines]
        while lines[-1] and width(lines[-1] + "…]", rules) > rules.characters:
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + "…]"
    return tuple(lines)


def reading_time(lines: Iterable[str], rules: ReadingRules) -> float:
    """Seconds that reading these lines takes: by the word, or by the character where that is longer."""
    lines = tuple(lines)
    words = sum(len(line.split()) for line in lines)
    return max(rules.per_word * words, rules.per_character * sum(width(line, rules) for line in lines))


def _wrapped(text: str, rules: ReadingRules) -> list[str]:
    """Lines broken at spaces; a word that no line holds fills what is left of one and goes on in the next."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined, rules) <= rules.characters:
            lines[-1] = joined
        elif width(word, rules) <= rules.characters:
            lines.append(word)
        else:
            *full, last = _cut(joined, rules)
            lines[-1:] = [*full, last]
    return lines


def _cut(text: str, rules: ReadingRules) -> list[str]:
    """A text cut to the width of the line, wherever that is."""
    pieces = [""]
    for c in text:
        if width(pieces[-1] + c, rules) > rules.characters:
            pieces.append("")
        pieces[-1] += c
    return [piece.strip() for piece in pieces if piece.strip()]
