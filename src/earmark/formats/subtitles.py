"""Somebody else's subtitle file, SRT or VTT, read so that it can be written again with nothing in it changed.

Real files have no numbers or wrong ones, blank lines too many or none, cues that overlap or go backwards, styles and
comments. All of it is kept as it stands: a cue is found by the line with its times, the rest is what stands around it.
Where a line should have times and they cannot be read, that is told, and no sound is put where the cue may have been.
"""

from __future__ import annotations

import codecs
import re
import warnings
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import NamedTuple

from earmark.captions import DialogueCue, ReadingRules
from earmark.captions.lines import reading_time
from earmark.errors import ArgumentError, EarmarkError, EarmarkWarning
from earmark.formats.cue_times import Times, frame_rate, half_read, looks_like_times, read_times

NEVER = 1e9  # seconds: after the end of any film

_LINE_END = re.compile(r"\r*\n|\r")  # CR CR LF is what a file has that was written twice in text mode
_TAGS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_NUMBERED = re.compile(r"\s*[#(\[]?(\d{1,9})[.):\]]?\s*")
_SETTINGS = {"srt": re.compile(r"(?:\s*[XY][12]:\d+)+\s*$"), "vtt": re.compile(r"(?:\s+[\w-]+:\S+)+\s*$")}
_KNOWN_SETTINGS = re.compile(r"(?:\s*(?:vertical|line|position|size|align|region):\S+)+\s*$")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LONGEST_CUE = 50  # lines
_TOLD = 5  # faults of one file, before the rest are only counted
_ENCODINGS = "such as cp1250 (Czech, Polish), cp1251 (Russian), cp1252 (Western), cp1253 (Greek), cp949 (Korean)"


@dataclass(frozen=True)
class Entry:
    """One cue, its lines as they stand in the file."""

    before: tuple[str, ...]
    """Lines that belong to no cue: blank ones, the file's head, comments, styles."""
    name: str | None
    """The line with its number or name."""
    times: str
    """The line with its times, and settings, as the file has it."""
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
        spoken = [DialogueCue(e.onset, e.offset, len(e.shown())) for e in self.entries]
        return spoken + [DialogueCue(onset, offset, 0) for onset, offset in self.held]


def read_subtitles(path: Path, encoding: str | None = None) -> Subtitles:
    """The subtitles in a file; an `EarmarkWarning` for each line with times that cannot be read.

    UTF-8 and UTF-16 are recognised. Any other encoding has to be named: which it is cannot be told for sure, and a
    guess that is wrong would spoil the dialogue.

    Raises:
        EarmarkError: the file cannot be read, is in another encoding, or holds no subtitles.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EarmarkError(path, f"cannot be opened ({error.strerror})") from error
    text = _decoded(data, encoding, path)
    subtitles = parse(text.removeprefix("\ufeff"), path.suffix.lower().removeprefix("."), mark=text[:1] == "\ufeff")
    if not subtitles.entries and subtitles.faults:
        raise EarmarkError(path, subtitles.faults[0])
    if not subtitles.entries:
        raise EarmarkError(path, "holds no subtitles", "give an SRT or VTT file")
    for fault in subtitles.faults[:_TOLD]:
        warnings.warn(EarmarkWarning(f"{path}: {fault}"), stacklevel=2)
    if (more := len(subtitles.faults) - _TOLD) > 0:
        warnings.warn(EarmarkWarning(f"{path}: {more} more such lines"), stacklevel=2)
    return subtitles


def parse(text: str, suffix: str = "srt", mark: bool = False) -> Subtitles:
    """The subtitles in a text; `suffix` tells the kind where the text does not."""
    lines = [line.lstrip("\ufeff") for line in _LINE_END.split(text.rstrip("\x1a\0"))]
    kind = "vtt" if next(filter(None, lines), "").startswith("WEBVTT") or suffix == "vtt" else "srt"
    if kind == "vtt":
        lines = lines[next((i for i, line in enumerate(lines) if line), 0) :]
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
        words, settings = _words(lines[block.text : at], block.times.rest, kind)
        earlier = entries[-1].offset if entries else 0.0
        span, fault = _span(block.times, rate, words, earlier, later[i])
        if fault:
            faults.append(f"line {block.line + 1}: {fault.format(_quoted(lines, block))}")
        if span is None:
            held += [] if block.times.offset else [(earlier, max(earlier, later[i]))]
            while before and not before[-1].strip():
                before.pop()
            continue
        name = lines[block.first] if block.first < block.line else block.times.name
        entries.append(Entry(tuple(before), name, lines[block.line], words, *span, settings))
        before = []
    after = (*before, *lines[at:])
    return Subtitles(kind, tuple(entries), after, _newline(text), mark, tuple(held), tuple(faults))


class _Block(NamedTuple):
    """Which lines make a cue: its number or name, if it has one, its times, and its text from a line on."""

    first: int
    line: int
    text: int
    times: Times


def _blocks(lines: list[str], kind: str) -> list[_Block]:
    """Where cues stand, also those whose times cannot be read."""
    found: list[_Block] = []
    for i, line in enumerate(lines):
        start = found[-1].text if found else 0
        if i < start:
            continue
        named = _is_name(lines, i - 1, start, kind)
        first = named or i == start or not lines[i - 1].strip()
        times = read_times(line, first)
        numbered = kind == "srt" and named and (i - 1 == start or not lines[i - 2].strip())
        if times is None and _should_be_times(line, kind, numbered):
            times = half_read(line)
        if times is not None:
            found.append(_Block(i - named, i, i + 1, times))
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


def _number(line: str) -> int | None:
    """The number of a cue, if that is all a line has."""
    return int(found[1]) if (found := _NUMBERED.fullmatch(line)) else None


def _quoted(lines: list[str], block: _Block) -> str:
    return repr(lines[block.line].strip())


def _span(
    times: Times, rate: int | None, words: tuple[str, ...], earlier: float, later: float
) -> tuple[tuple[float, float] | None, str]:
    """When a cue stands, and what is wrong with the line that says it, which goes where the braces are.

    One time is enough: the other comes from how long its words take to read. `earlier` is when the cue before ends,
    `later` when the one after begins.
    """
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
    onset = times.onset.seconds(rate)
    return (onset, offset), "{} ends before it begins" if offset < onset else ""


def _words(text: list[str], rest: str, kind: str) -> tuple[tuple[str, ...], str]:
    """A cue's lines, and its settings; what follows the times and is no settings is words."""
    known = _KNOWN_SETTINGS.match(rest)  # some SRT files have settings of VTT
    settings = _SETTINGS[kind].match(rest) or (known if kind == "vtt" else None)
    if rest.strip() and not settings and not known:
        text = [rest.strip(), *text]
    if kind == "srt":
        text = [line for line in text if line.strip()]  # some players end a cue at a blank line
    return tuple(text), rest.strip() if settings else ""


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
        end = next((i for i in range(start, end) if not lines[i] or lines[i].startswith("WEBVTT")), end)
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _decoded(data: bytes, encoding: str | None, path: Path) -> str:
    """The file's text, with a byte order mark if it had one."""
    try:
        return data.decode(encoding or _told_by(data))
    except LookupError as error:
        raise ArgumentError("encoding", encoding, "is no encoding", f"name one, {_ENCODINGS}") from error
    except UnicodeDecodeError as error:
        if encoding:
            raise EarmarkError(path, f"is not {encoding} text", f"name another encoding, {_ENCODINGS}") from error
        raise EarmarkError(path, "is not UTF-8 text", f"name its encoding with encoding=, {_ENCODINGS}") from error


def _told_by(data: bytes) -> str:
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
