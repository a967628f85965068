"""The line of a subtitle file that says when a cue stands on the screen, in the many forms that real files have.

Tools, scanners of pictures and hands write it without hours or milliseconds, with frames, other arrows, full-width or
zero-width signs, a letter O for a zero, a space too many, the cue's number glued to it. pysubs2 1.8 reads six of the
thirteen forms that the tests list.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FRAME_RATES = (25, 30, 50, 60)
"""Frames a second that are tried, in this order, where times count frames; the file itself does not say."""

LONGEST = 300  # signs of a line that are looked at: times stand at its beginning

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"
_ARROWS = "\u2192\u27f6\u279c\uff1e\u203a\u00bb"
_SIGNS = str.maketrans(
    dict.fromkeys(_DASHES, "-") | dict.fromkeys(_ARROWS, ">")
    | {"\uff1a": ":", "\uff0c": ",", "\uff0e": ".", "\uff1b": ";", "\u2019": "'"}
)  # fmt: skip
_LETTERS = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1"})

_NUMBER = r"(?:(?:[\dOoIl|]{0,9}\d[\dOoIl|]{0,9}|[Oo]{2,3})(?![^\W_])|\d{1,18})"
_BETWEEN = r"\s*[:;.,'`]\s*"
_MOMENT = rf"-?\s?{_NUMBER}(?:{_BETWEEN}-?{_NUMBER}){{1,4}}"
_ARROW = re.compile(r"[-=~\s]*>+")
_USUAL_ARROW = re.compile(r"-+\s?-\s?>")
_BY_ARROW = re.compile(rf"\s*(?:#?(\d+)\s*[)\]-]?\s+)?({_MOMENT})({_ARROW.pattern})\s*({_MOMENT})")
_NO_ARROW = re.compile(rf"\s*()({_MOMENT})(\s*(?:[-=~/|,;]+|\s)\s*)({_MOMENT})\s*$")
_ALONE = re.compile(rf"\s*({_MOMENT})\s*$")
_CLOCK = re.compile(r"\d\s*[:;]\s*\d|\d\s*[.,]\s*\d{3}")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a file has it."""

    whole: int
    """Seconds."""
    part: str
    """Digits of a second's part."""
    by_colon: bool = False
    """Whether a colon parts it from the seconds, as it does frames."""
    fields: int = 4
    negative: bool = False

    @property
    def frame(self) -> int | None:
        """The number of the frame within its second, where this may be one."""
        return int(self.part) if self.by_colon and 0 < len(self.part) < 3 else None

    def seconds(self, rate: int | None = None) -> float:
        """Seconds, to the millisecond, with so many frames in one; what is before the beginning is 0."""
        if self.negative:
            return 0.0
        if rate is not None and self.frame is not None:
            return round(self.whole + self.frame / rate, 3)
        return (self.whole * 1000 + int((self.part or "0")[:3].ljust(3, "0"))) / 1000


@dataclass(frozen=True, slots=True)
class Times:
    """What a line with times says; a time that cannot be read is None."""

    onset: Moment | None
    offset: Moment | None
    name: str | None = None
    """The cue's number, where it stands in the same line."""
    rest: str = ""
    """What follows the times: settings, or words."""

    def moments(self) -> list[Moment]:
        """Those of the two that can be read."""
        return [moment for moment in (self.onset, self.offset) if moment]


def read_times(line: str, first: bool) -> Times | None:
    """The times in a line, or None where it is none with two times.

    `first` tells that the line stands where times do: below a number, or first in its block. There an arrow with two
    short times is enough, which in a line of dialogue may be opening hours.
    """
    if not re.search(r"\d.*\d", line):
        return None
    clean, places = _clean(line)
    found = _BY_ARROW.match(clean) or _NO_ARROW.match(clean)
    if found is None:
        return None
    name, onset, offset = found[1] or None, _moment(found[2]), _moment(found[4])
    if onset is None and name is None and (numbered := re.match(rf"({_NUMBER}){_BETWEEN}(.*)", found[2], re.DOTALL)):
        name, onset = numbered[1], _moment(numbered[2])  # five numbers: the first is the cue's
    if onset is None or offset is None:
        return None
    enough = 4 if not _ARROW.fullmatch(found[3]) else 2 if first or _USUAL_ARROW.search(found[3]) else 3
    if min(onset.fields, offset.fields) < enough:
        return None
    glued = re.match(r"\w", clean[found.end() :])
    if glued and len(offset.part) < 3:  # 00:00:1x,000 is no second
        return None
    if onset.whole > offset.whole and name is None and (hours := re.match(r"\s*(\d+)(\d\d)\D", found[2])):
        name, onset = hours[1], _moment(found[2][hours.end(1) :]) or onset  # glued: 2 and 00:00:15,000
    end = places[found.end()] if found.end() < len(places) else len(line)
    return Times(onset, offset, name, line[end:])


def half_read(line: str) -> Times:
    """What can be read of a line that should have two times: one of them, or none."""
    clean, _ = _clean(line)
    arrow = re.search(r"[-=~]+\s?>+|>+", clean)
    if arrow is None:
        alone = _ALONE.match(clean)
        moment = _moment(alone[1]) if alone else None
        return Times(moment if moment and moment.fields == 4 else None, None)
    left = re.search(rf"(?:^|\s)({_MOMENT})\s*$", clean[: arrow.start()])
    right = re.match(rf"\s*({_MOMENT})(?:\s|$)", clean[arrow.end() :])
    return Times(_moment(left[1]) if left else None, _moment(right[1]) if right else None)


def looks_like_times(line: str) -> bool:
    """Whether a line has the usual arrow and something of a clock's."""
    clean, _ = _clean(line)
    return bool(_CLOCK.search(clean) and _USUAL_ARROW.search(clean))


def frame_rate(moments: Iterable[Moment]) -> int | None:
    """How many frames a second these times seem to count; None where they count none."""
    frames = [frame for moment in moments if (frame := moment.frame) is not None]
    return next((rate for rate in FRAME_RATES if max(frames) < rate), None) if frames else None


def _clean(line: str) -> tuple[str, Sequence[int]]:
    """A line in plain digits and signs, without those of no width, and where each of its signs stood."""
    if line.isascii():
        return line[:LONGEST], range(min(len(line), LONGEST))
    places = [i for i, sign in enumerate(line[:LONGEST]) if unicodedata.category(sign) != "Cf"]
    plain = (str(unicodedata.decimal(line[i], line[i])) for i in places)
    return "".join(plain).translate(_SIGNS), places


def _moment(text: str) -> Moment | None:
    """A time from its numbers; None where they make none."""
    bare = text.strip().translate(_LETTERS)
    parts = re.split(r"\s*([:;.,'`])\s*", bare.replace("-", ""))
    numbers, between = [part.strip() for part in parts[::2]], parts[1::2]
    last = between[-1]
    if len(numbers[-1]) == 5 and len(numbers) == 3:  # 00:00:15000
        numbers[-1:] = [numbers[-1][:2], numbers[-1][2:]]
        last = ","
    by_point = last in ".,'`" and len(set(between)) > 1
    if len(numbers) == 4 or (len(numbers) == 3 and (len(numbers[-1]) == 3 or by_point)):
        *clock, part = numbers
    elif len(numbers) == 2 and last in ".,":
        clock, part = numbers[:1], numbers[1]
    elif len(numbers) in (2, 3):
        clock, part = numbers, ""
    else:
        return None
    if any(len(number) > 2 for number in clock[1:]):
        return None
    whole = 0
    for number in clock:
        whole = 60 * whole + int(number)
    return Moment(whole, part, bool(part) and last in ":;", len(numbers), "-" in bare)
