"""Somebody else's subtitle file, SRT or VTT, read so that it can be written again with nothing in it changed.

Real files have no numbers or wrong ones, blank lines too many or none, cues that overlap or go backwards, styles and
comments. All of it is kept as it stands: a cue is found by the line with its times, the rest is what stands around it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from earmark.captions import DialogueCue
from earmark.errors import EarmarkError

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3})\d*)?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-{{1,2}}>\s*{_TIME}(?:\s.*)?$")
_TAGS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ENCODINGS = "such as cp1250 (Czech, Polish), cp1251 (Russian), cp1252 (Western), cp1253 (Greek), cp949 (Korean)"


@dataclass(frozen=True)
class Entry:
    """One cue, its lines as they stand in the file."""

    before: tuple[str, ...]
    """Lines that belong to no cue: blank ones, the file's head, comments, styles."""
    name: str | None
    """The line with its number or name."""
    times: str
    """The line with its times, and settings."""
    text: tuple[str, ...]
    onset: float
    offset: float

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

    def dialogue(self) -> list[DialogueCue]:
        """What stands on the screen when."""
        return [DialogueCue(e.onset, e.offset, len(e.shown())) for e in self.entries]


def read_subtitles(path: Path, encoding: str | None = None) -> Subtitles:
    """The subtitles in a file.

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
    if not subtitles.entries:
        raise EarmarkError(path, "holds no subtitles", "give an SRT or VTT file")
    return subtitles


def parse(text: str, suffix: str = "srt", mark: bool = False) -> Subtitles:
    """The subtitles in a text; `suffix` tells the kind where the text does not."""
    kind = "vtt" if text.startswith("WEBVTT") or suffix == "vtt" else "srt"
    ends = re.search(r"\r\n|\n|\r", text)
    lines = re.split(r"\r\n|\n|\r", text)
    found = [(i, match) for i, line in enumerate(lines) if (match := _TIMES.match(line))]
    entries: list[Entry] = []
    at = 0
    nexts = [*(i for i, _ in found[1:]), None]
    for (i, match), following in zip(found, nexts, strict=False):
        named = i > at and _is_name(lines, i - 1, at, kind)
        end = len(lines) if following is None else following - _is_name(lines, following - 1, i + 1, kind)
        text_end = _end_of_text(lines, i + 1, end, kind)
        entries.append(
            Entry(
                before=tuple(lines[at : i - named]),
                name=lines[i - 1] if named else None,
                times=lines[i],
                text=tuple(lines[i + 1 : text_end]),
                onset=_seconds(*match.groups()[:4]),
                offset=_seconds(*match.groups()[4:]),
            )
        )
        at = text_end
    return Subtitles(kind, tuple(entries), tuple(lines[at:]), ends.group() if ends else "\n", mark)


def _is_name(lines: list[str], i: int, first: int, kind: str) -> bool:
    """Whether line i, right before a line with times, numbers or names that cue; `first` is the first it may be."""
    if i < first or not lines[i].strip():
        return False
    if kind == "srt":
        return lines[i].strip().isdigit()
    return i > 0 and not lines[i - 1].strip()


def _end_of_text(lines: list[str], start: int, end: int, kind: str) -> int:
    """Where a cue's text ends: in VTT at a blank line, in SRT only the blank lines before the next cue are none of it.

    Broken SRT files have blank lines within their texts, and players differ in what they make of them.
    """
    blank = (i for i in range(start, end) if not lines[i].strip())
    if kind == "vtt":
        return next(blank, end)
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return (whole * 1000 + int((fraction or "0").ljust(3, "0"))) / 1000


def _decoded(data: bytes, encoding: str | None, path: Path) -> str:
    """The file's text, with a byte order mark if it had one."""
    try:
        return data.decode(encoding or _told_by(data))
    except LookupError as error:
        raise EarmarkError(f"--encoding {encoding}", "is no encoding", f"name one, {_ENCODINGS}") from error
    except UnicodeDecodeError as error:
        if encoding:
            raise EarmarkError(path, f"is not {encoding} text", f"name another encoding, {_ENCODINGS}") from error
        raise EarmarkError(path, "is not UTF-8 text", f"name its encoding with --encoding, {_ENCODINGS}") from error


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
