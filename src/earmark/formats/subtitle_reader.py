"""Somebody else's subtitle file, SRT or VTT, read so that it can be written again with nothing in it changed.

Real files have no numbers or wrong ones, blank lines too many or none, cues that overlap or go backwards, styles and
comments. All of it is kept as it stands: a cue is found by the line with its times, the rest is what stands around it.
Where a line should have times and they cannot be read, that is told, and no sound is put where the cue may have been.

Tools, scanners of pictures and hands write times without hours or milliseconds, with frames, other arrows, full-width
or zero-width signs, a letter O for a zero, a space too many, the cue's number glued to them. pysubs2 1.8 reads six of
the thirteen forms that the tests list.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from earmark.captions import DialogueCue, ReadingRules
from earmark.captions.reading import reading_time
from earmark.errors import ArgumentError, EarmarkError, EarmarkWarning

NEVER = 1e9  # seconds: after the end of any film
LARGEST = 32 << 20  # bytes of a file of subtitles; those of a long film have less than one MB

_JOINT = re.compile("(?<=[^\r\n])\ufeff(?=\\d+\\s*[\r\n]|WEBVTT)")  # of files, the first of which ended in no line end
_HEAD = re.compile(r"\A\s*WEBVTT\b", re.IGNORECASE)
_PLAIN_HEAD = re.compile(r"WEBVTT\s*(?:-.*)?")
_LINE_END = re.compile(r"\r*\n|\r")  # CR CR LF is what a file has that was written twice in text mode
_TAGS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_NUMBERED = re.compile(r"\s*[#(\[]?(\d{1,9})[.):\]]?\s*")
_SETTINGS = {"srt": re.compile(r"(?:\s*[XY][12]:\d+)+\s*$"), "vtt": re.compile(r"(?:\s+[\w-]+:\S+)+\s*$")}
_KNOWN_SETTINGS = re.compile(r"(?:\s*(?:vertical|line|position|size|align|region):\S+)+\s*$")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LONGEST_CUE = 50  # lines
_TOLD = 5  # faults of one file, before the rest are only counted
_ENCODINGS = "such as cp1250 (Czech, Polish), cp1251 (Russian), cp1252 (Western), cp1253 (Greek), cp949 (Korean)"

FRAME_RATES = (25, 30, 50, 60)
"""Frames a second that are tried, in this order, where times count frames; the file itself does not say."""

LONGEST = 300  # signs of a line that are looked at: times stand at its beginning

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u30fc\ufe63\uff0d"
_ARROWS = "\u2192\u21d2\u27f6\u2794\u279c\u27a1\ufe65\uff1e\u203a\u00bb"
_COLONS = "\u02d0\u0589\u2236\ua789\ufe55\uff1a"
_COMMAS = "\u060c\u066b\u201a\u3001\ufe50\uff0c"
_POINTS = "\u00b7\u3002\ufe52\uff0e"
_SIGNS = str.maketrans(
    dict.fromkeys(_DASHES, "-") | dict.fromkeys(_ARROWS, ">") | dict.fromkeys(_COLONS, ":")
    | dict.fromkeys(_COMMAS, ",") | dict.fromkeys(_POINTS, ".") | {"\uff1b": ";", "\u2019": "'"}
)  # fmt: skip
_LETTERS = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1"})

_NUMBER = r"(?:(?:[\dOoIl|]{0,9}\d[\dOoIl|]{0,9}|[Oo]{2,3})(?![^\W_])|\d{1,18})"
_BETWEEN = r"\s*[:;.,'`]\s*"
_MOMENT = rf"-?\s?{_NUMBER}(?:{_BETWEEN}-?{_NUMBER}){{1,4}}"
_ARROW = re.compile(r"[-=~\s]*>+")
_USUAL_ARROW = re.compile(r"-+\s?-\s?>")
_BY_ARROW = re.compile(rf"[\s\[(<\"'`*]*(?:#?(\d+)\s*[)\]-]?\s+)?({_MOMENT})({_ARROW.pattern})\s*({_MOMENT})")
_NO_ARROW = re.compile(rf"\s*()({_MOMENT})(\s*(?:[-=~/|,;]+|\s)\s*)({_MOMENT})\s*$")
_ALONE = re.compile(rf"\s*({_MOMENT})\s*$")
_CLOCK = re.compile(r"\d\s*[:;]\s*\d|\d\s*[.,]\s*\d{3}")


@dataclass(frozen=True)
class Entry:
    """One cue, its lines as they stand in the file."""

    before: tuple[str, ...]
    """Lines that belong to no cue: blank ones, the file's head, comments, styles."""
    name: str | None
    """The line with its number or name."""
    times: str
    """The line with its times, and settings, as the file has it; empty where they were guessed."""
    text: tuple[str, ...]
    onset: float
    offset: float
    settings: str = ""
    """What the line with its times says besides: where on the screen the cue stands."""

    def shown(self) -> tuple[str, ...]:
        """The lines as a viewer reads them, without tags."""
        return tuple(plain for line in self.text if (plain := unescape(_TAGS.sub("", line)).strip()))


@dataclass(frozen=True)
class Subtitles:
    """A subtitle file."""

    kind: str
    """`srt` or `vtt`."""
    entries: tuple[Entry, ...]
    after: tuple[str, ...] = ()
    """Lines after the last cue."""
    newline: str = "\n"
    mark: bool = False
    """Whether a byte order mark came first."""
    held: tuple[tuple[float, float], ...] = ()
    """Seconds from and to which a cue may have stood whose times cannot be read."""
    faults: tuple[str, ...] = ()
    """What could not be read, or was guessed, each with its line."""

    def dialogue(self) -> list[DialogueCue]:
        """What stands on the screen when, and where nothing may be put; the entries come first, in their order."""
        cues = [DialogueCue(e.onset, e.offset, len(e.shown())) for e in self.entries]
        return cues + [DialogueCue(onset, offset, 0) for onset, offset in self.held]


def read_subtitles(path: Path, encoding: str | None = None) -> Subtitles:
    """The subtitles in a file; an `EarmarkWarning` for each line with times that cannot be read.

    UTF-8 and UTF-16 are recognised. Any other encoding has to be named: which it is cannot be told for sure, and a
    guess that is wrong would spoil the dialogue.

    Raises
    ------
    EarmarkError
        The file cannot be read, is in another encoding, or holds no subtitles.
    """
    subtitles = subtitles_in(bytes_of(path), path, encoding)
    for fault in subtitles.faults[:_TOLD]:
        warnings.warn(EarmarkWarning(f"{path}: {fault}"), stacklevel=2)
    if (more := len(subtitles.faults) - _TOLD) > 0:
        warnings.warn(EarmarkWarning(f"{path}: {more} more such lines"), stacklevel=2)
    return subtitles


def subtitles_in(data: bytes, path: Path, encoding: str | None = None) -> Subtitles:
    """The subtitles in the bytes of a file of this name; raises as `read_subtitles` does, and warns of nothing."""
    text = _decoded(data, encoding, path)
    subtitles = parse(text.removeprefix("\ufeff"), path.suffix.lower().removeprefix("."), mark=text[:1] == "\ufeff")
    if not subtitles.entries and subtitles.faults:
        raise EarmarkError(path, subtitles.faults[0])
    if not subtitles.entries:
        raise EarmarkError(path, "holds no subtitles", "give an SRT or VTT file")
    return subtitles


def bytes_of(path: Path) -> bytes:
    """All of a file of subtitles.

    Raises
    ------
    EarmarkError
        It cannot be read, or is so large that it is something else, such as the film.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise EarmarkError(path, f"cannot be opened ({error.strerror})") from error
    if len(data) > LARGEST:
        raise EarmarkError(path, f"has more than {LARGEST >> 20} MB, too many for subtitles", "give an SRT or VTT file")
    return data


def parse(text: str, suffix: str = "srt", mark: bool = False) -> Subtitles:
    """The subtitles in a text; `suffix` tells the kind where the text does not."""
    plain = _JOINT.sub("\n", text.replace("\0", "").rstrip("\x1a"))
    lines = [line.lstrip("\ufeff") for line in _LINE_END.split(plain)]
    head = next((i for i, line in enumerate(lines) if line), 0)
    kind = "vtt" if lines[head].startswith("WEBVTT") or suffix == "vtt" else "srt"
    if kind == "vtt":
        lines = [_HEAD.sub("WEBVTT", lines[head]), *lines[head + 1 :]]
    lines[1:] = ["" if _is_another_head(line, above) else line for above, line in pairwise(lines)]
    blocks = _blocks(lines, kind)
    rate = frame_rate(moment for block in blocks for moment in block.times.moments())
    faults = [] if rate is None else [f"its times count frames, taken for {rate} a second"]
    entries: list[Entry] = []
    held: list[tuple[float, float]] = []
    before: list[str] = []
    later = _later_onsets(blocks, rate)
    at = 0
    for i, block in enumerate(blocks):
        end = blocks[i + 1].first if i + 1 < len(blocks) else len(lines)
        before += lines[at : block.first]
        at = _end_of_text(lines, block.text, end, kind)
        words, settings, odd = _words(lines[block.text : at], block.times.rest, kind)
        earlier = entries[-1].offset if entries else 0.0
        span, fault = _span(block.times, rate, words, earlier, later[i])
        if fault:
            faults.append(f"line {block.line + 1}: {fault.format(_quoted(lines, block))}")
        elif odd:
            faults.append(f"line {block.line + 1}: {odd!r} behind its times is left out")
        if span is None:
            held += [] if block.times.offset else [(earlier, max(earlier, later[i]))]
            while before and not before[-1].strip():
                before.pop()
            continue
        name = lines[block.first] if block.first < block.line else block.times.name
        entries.append(Entry(tuple(before), name, "" if fault else lines[block.line], words, *span, settings))
        before = []
    after = (*before, *lines[at:])
    return Subtitles(kind, tuple(entries), after, _newline(text), mark, tuple(held), tuple(faults))


class _Block(NamedTuple):
    """Which lines make a cue: its number or name, if it has one, its times, and its text from a line on."""

    first: int
    line: int
    text: int
    times: Times


def _is_another_head(line: str, above: str) -> bool:
    """Whether a file begins here that was joined to another. Somebody may speak of WEBVTT: in the middle of a text."""
    return line.startswith("WEBVTT") and (not above.strip() or _PLAIN_HEAD.fullmatch(line) is not None)


def _blocks(lines: list[str], kind: str) -> list[_Block]:
    """Where cues stand, also those whose times cannot be read."""
    found: list[_Block] = []
    for i, line in enumerate(lines):
        start = found[-1].text if found else 0
        if i < start:
            continue
        named = _is_name(lines, i - 1, start, kind)
        apart = None if named or kind == "vtt" else _number_apart(lines, i, start, found)
        first = named or i == start or not lines[i - 1].strip()
        times = read_times(line, first)
        numbered = kind == "srt" and named and (i - 1 == start or not lines[i - 2].strip())
        if times is None and _should_be_times(line, kind, numbered or apart is not None):
            times = half_read(line)
        if times is not None:
            found.append(_Block(i - named if apart is None else apart, i, i + 1, times))
        elif numbered and _is_next(lines, i - 1, found):
            found.append(_Block(i - 1, i, i, Times(None, None)))
    return found


def _later_onsets(blocks: list[_Block], rate: int | None) -> list[float]:
    """For each block, when the next one begins of which that can be read, seconds."""
    found, following = [], NEVER
    for block in reversed(blocks):
        found.append(following)
        following = block.times.onset.seconds(rate) if block.times.onset else following
    return found[::-1]


def _should_be_times(line: str, kind: str, numbered: bool) -> bool:
    """Whether a line in which two times cannot be read stands for them; `numbered` tells that a cue's number is above.

    VTT allows the arrow nowhere else.
    """
    if "-->" in line and (numbered or kind == "vtt"):
        return True
    return looks_like_times(line) or (numbered and bool(half_read(line).moments()))


def _is_next(lines: list[str], i: int, found: list[_Block]) -> bool:
    """Whether line i, a number with no times below it, counts on from the cue before to the one after it."""
    number = _number(lines[i])
    before = next((_number(lines[block.first]) for block in found[-1:]), 0)
    if number is None or before != number - 1 or not lines[i + 1].strip():
        return False
    times = (j for j in range(i + 2, min(i + _LONGEST_CUE, len(lines))) if read_times(lines[j], first=True))
    after = next((_number(lines[j - 1]) for j in times), None)
    return after == number + 1


def _number_apart(lines: list[str], i: int, start: int, found: list[_Block]) -> int | None:
    """Where the number of the cue is whose times may be in line i, if blank lines part them, as where all are doubled.

    It stands alone, and counts on from that of the cue before; or begins anew, as where files were joined.
    """
    if not lines[i].strip():
        return None
    at = i - 1
    while at >= start and not lines[at].strip():
        at -= 1
    if at < start or at == i - 1 or (at > start and lines[at - 1].strip()):
        return None
    before = _number(lines[found[-1].first]) if found else 0
    return at if before is not None and _number(lines[at]) in (before + 1, 1) else None


def _number(line: str) -> int | None:
    """The number of a cue, if that is all a line has."""
    return int(found[1]) if (found := _NUMBERED.fullmatch(_plain(line)[0])) else None


def _quoted(lines: list[str], block: _Block) -> str:
    return repr(lines[block.line].strip())


def _span(
    times: Times, rate: int | None, words: tuple[str, ...], earlier: float, later: float
) -> tuple[tuple[float, float] | None, str]:
    """When a cue stands, and what is wrong with the line that says it, which goes where the braces are.

    One time is enough: the other comes from how long its words take to read. `earlier` is when the cue before ends,
    `later` when the one after begins.
    """
    if times.onset and times.onset.negative and times.offset and not times.offset.negative and earlier:
        times = replace(times, onset=None)  # behind a cue it is a mistake
    if times.onset and times.offset and times.offset.seconds(rate) < times.onset.seconds(rate):
        begins = not earlier <= times.offset.seconds(rate) <= later <= times.onset.seconds(rate)
        times = replace(times, offset=None) if begins else replace(times, onset=None)
    if times.onset is None and times.offset is None:
        return None, "{} is no time; its words are left out, and no sound is put where they may have been: mend it"
    rules = ReadingRules()
    reading = min(rules.longest, max(rules.shortest, reading_time(words, rules) + rules.per_label))
    if times.offset is None and times.onset is not None:
        onset = times.onset.seconds(rate)
        offset = min(onset + reading, later if later > onset else NEVER)
        return (onset, offset), f"{{}} has no end that can be read, taken for {offset:.3f} s"
    assert times.offset is not None
    offset = times.offset.seconds(rate)
    if times.onset is None:
        onset = max(0.0, offset - reading, earlier if earlier < offset else 0.0)
        return (onset, offset), f"{{}} has no beginning that can be read, taken for {onset:.3f} s"
    if times.offset.negative:
        return None, "{} is before the beginning; its words are left out"
    return (times.onset.seconds(rate), offset), ""


def _words(text: list[str], rest: str, kind: str) -> tuple[tuple[str, ...], str, str]:
    """A cue's lines, its settings, and what follows the times and is neither settings nor words."""
    known = _KNOWN_SETTINGS.match(rest)  # some SRT files have settings of VTT
    settings = _SETTINGS[kind].match(rest) or (known if kind == "vtt" else None)
    odd = "" if settings or known else rest.strip()
    if re.search(r"[^\W\d_]", _TAGS.sub("", odd)):
        text, odd = [odd, *text], ""
    if kind == "srt":
        text = [line for line in text if line.strip()]  # some players end a cue at a blank line
    return tuple(text), rest.strip() if settings else "", odd


def _newline(text: str) -> str:
    """How a file's lines are to end: as its first does, but for forms that no player expects."""
    ends = _LINE_END.search(text)
    return "\r\n" if ends and len(ends.group()) > 1 else "\n"


def _is_name(lines: list[str], i: int, first: int, kind: str) -> bool:
    """Whether line i, right before a line with times, numbers or names that cue; `first` is the first it may be."""
    if i < first or not lines[i].strip():
        return False
    if kind == "srt":
        alone = i == first or not lines[i - 1].strip()
        return lines[i].strip().isdigit() or (alone and _number(lines[i]) is not None)
    return i > 0 and not lines[i - 1].strip()


def _end_of_text(lines: list[str], start: int, end: int, kind: str) -> int:
    """Where a cue's text ends: in VTT at an empty line, in SRT only the blank lines before the next cue are none of it.

    Broken SRT files have blank lines within their texts, and players differ in what they make of them. In VTT a line
    of one space is text: automatic captions of video sites have them.
    """
    if kind == "vtt":
        end = next((i for i in range(start, end) if not lines[i]), end)
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _decoded(data: bytes, encoding: str | None, path: Path) -> str:
    """The file's text, with a byte order mark if it had one."""
    try:
        return data.decode(encoding or _encoding_of(data))
    except LookupError as error:
        raise ArgumentError("encoding", encoding, "is no encoding", f"name one, {_ENCODINGS}") from error
    except UnicodeDecodeError as error:
        if encoding:
            raise EarmarkError(path, f"is not {encoding} text", f"name another encoding, {_ENCODINGS}") from error
        raise EarmarkError(path, "is not UTF-8 text", f"name its encoding with encoding=, {_ENCODINGS}") from error


def _encoding_of(data: bytes) -> str:
    """The encoding that the first bytes tell: by their mark, or in UTF-16 without one, by the zeros of ASCII signs."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    head = data[:200]
    if len(head) >= 4 and head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if len(head) >= 4 and head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    return "utf-8"


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
    line = line.replace("--&gt;", "-->", 1)
    clean, indices = _plain(line)
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
    end = indices[found.end()] if found.end() < len(indices) else len(line)
    return Times(onset, offset, name, line[end:])


def half_read(line: str) -> Times:
    """What can be read of a line that should have two times: one of them, or none."""
    clean, _ = _plain(line)
    arrow = re.search(r"[-=~]+\s?>+", clean) or re.search(">+", clean)
    if arrow is None:
        alone = _ALONE.match(clean)
        moment = _moment(alone[1]) if alone else None
        return Times(moment if moment and moment.fields == 4 else None, None)
    left = re.search(rf"(^|\s)({_MOMENT})\s*$", clean[: arrow.start()])
    right = re.match(rf"\s*({_MOMENT})(?:\s|$)", clean[arrow.end() :])
    onset = _moment(left[2]) if left else None
    if left and onset and clean[: left.start()].strip() and onset.fields < 4:
        onset = None  # the end of another: 00:00:1 5,000
    return Times(onset, _moment(right[1]) if right else None)


def looks_like_times(line: str) -> bool:
    """Whether a line has the usual arrow and something of a clock's."""
    clean, _ = _plain(line)
    return bool(_CLOCK.search(clean) and _USUAL_ARROW.search(clean))


def frame_rate(moments: Iterable[Moment]) -> int | None:
    """How many frames a second these times seem to count; None where they count none."""
    frames = [frame for moment in moments if (frame := moment.frame) is not None]
    return next((rate for rate in FRAME_RATES if max(frames) < rate), None) if frames else None


def _plain(line: str) -> tuple[str, Sequence[int]]:
    """A line in plain digits and signs, without those of no width of their own, and where each of its signs stood."""
    if line.isascii():
        return line[:LONGEST], range(min(len(line), LONGEST))
    indices = [i for i, sign in enumerate(line[:LONGEST]) if unicodedata.category(sign) not in ("Cf", "Mn")]
    plain = (str(unicodedata.decimal(line[i], line[i])) for i in indices)
    return "".join(plain).translate(_SIGNS), indices


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
