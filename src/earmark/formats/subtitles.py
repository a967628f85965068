"""Captions as SubRip (.srt) and WebVTT (https://www.w3.org/TR/webvtt1/), alone or among the cues of a dialogue."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape, unescape
from typing import TYPE_CHECKING, TextIO

from earmark.formats.base import Format
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.captions import Caption, Merged, Phrases, ReadingRules
    from earmark.events.timeline import Timeline
    from earmark.formats.subtitle_reader import Entry, Subtitles

_SRT_CLOCK = r"\d{2,}:[0-5]\d:[0-5]\d,\d{3}"
# SubRip has no escapes: players would show "&lt;". They do obey <i> and {\an8}, so these signs are replaced.
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})
_VTT_CLOCK = r"(?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3}"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # with > escaped there is no --> either

_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_KEPT_TAG = re.compile(r"<(/?[ibu])>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(/?)([a-zA-Z]*)[^<>]*>")
_BLOCK = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)\b")
_AT_TOP = re.compile(r"\bline:(?:[0-3]\b(?!%)|[0-4]?\d(?:\.\d+)?%)")


class CaptionFormat(Format["Timeline"]):
    """A format of captions in one language, within reading rules."""

    newline: str
    """How its lines end."""
    standard_times: re.Pattern[str]
    """A line with times as the format has it, settings included."""

    def __init__(
        self,
        language: str | Phrases = "en",
        rules: ReadingRules | None = None,
        include_speech: bool = False,
    ) -> None:
        self.language = language
        self.rules = rules
        self.include_speech = include_speech

    def write(self, timeline: Timeline, file: TextIO) -> None:
        from earmark.captions import captions

        cues = captions(timeline, self.language, self.rules, self.include_speech)
        self.write_captions(cues, file, timeline.model)

    @abstractmethod
    def write_captions(self, captions: Iterable[Caption], file: TextIO, model: str = "") -> None:
        """Write captions as they are; `model` is named where the format has a place for it."""

    @abstractmethod
    def note(self, model: str = "") -> str:
        """A line that says who marked the sounds; empty where the format has no place for it."""

    @abstractmethod
    def times(self, onset: float, offset: float) -> str:
        """The line that says when a caption stands on the screen, seconds."""

    @abstractmethod
    def line(self, text: str) -> str:
        """A line of a caption so that players show it as it is."""

    def lines(self, lines: Sequence[str]) -> list[str]:
        """The lines of sounds as the file has them."""
        return list(map(self.line, lines))

    def cue(self, caption: Caption) -> list[str]:
        """The lines of a cue of sounds, but for its number or name."""
        return [self.times(caption.onset, caption.offset), *self.lines(caption.lines)]


def timestamp(seconds: float, point: str) -> str:
    """A time as HH:MM:SS and milliseconds, with a point or a comma before those.

    >>> timestamp(3661.5, ",")
    '01:01:01,500'
    """
    whole, ms = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{ms:03}"


class Srt(CaptionFormat):
    """SubRip, which nearly every player reads: numbered captions with comma decimals.

    Lines end in CRLF as SubRip itself writes them: old players and televisions want it, no player minds.
    """

    name = "srt"
    suffix = ".srt"
    newline = "\r\n"
    standard_times = re.compile(rf"{_SRT_CLOCK} --> {_SRT_CLOCK}(?: +[XY][12]:\d+)*\s*$", re.ASCII)

    def write_captions(self, captions: Iterable[Caption], file: TextIO, model: str = "") -> None:
        for number, caption in enumerate(captions, start=1):
            file.write("\r\n".join([str(number), *self.cue(caption), "", ""]))

    def note(self, model: str = "") -> str:
        return ""

    def times(self, onset: float, offset: float) -> str:
        return f"{timestamp(onset, ',')} --> {timestamp(offset, ',')}"

    def line(self, text: str) -> str:
        """Text without what players take for formatting."""
        return one_line(text).translate(_HARMLESS)


class Vtt(CaptionFormat):
    """A WebVTT file with a note that says who made it; lines end in LF."""

    name = "vtt"
    suffix = ".vtt"
    newline = "\n"
    standard_times = re.compile(rf"{_VTT_CLOCK}[ \t]+-->[ \t]+{_VTT_CLOCK}(?:[ \t]+[\w-]+:\S+)*[ \t]*$", re.ASCII)

    def write_captions(self, captions: Iterable[Caption], file: TextIO, model: str = "") -> None:
        file.write(f"WEBVTT\n\n{self.note(model)}\n")
        for caption in captions:
            file.write("\n".join(["", *self.cue(caption), ""]))

    def note(self, model: str = "") -> str:
        """A comment that names Earmark, the model and the language."""
        by = f", model {self.line(model)}" if model else ""
        language = self.language if isinstance(self.language, str) else self.language.language
        return f"NOTE Sounds marked by Earmark{by}, language {language}"

    def times(self, onset: float, offset: float) -> str:
        return f"{timestamp(onset, '.')} --> {timestamp(offset, '.')}"

    def line(self, text: str) -> str:
        return one_line(text).translate(_ESCAPES)


def merged_text(subtitles: Subtitles, placed: Merged, form: CaptionFormat, model: str = "") -> str:
    """The text of a subtitle file that holds both.

    A file of the same kind keeps each cue's times, text, settings and order, every comment and style, and how its
    lines end. Only the numbers of SRT are counted anew, and times written as players expect them. For another kind,
    see `converted`.
    """
    subtitles = converted(subtitles, form)
    rest = list(placed.captions)
    lines: list[str] = []
    numbers = _Numbers(subtitles.kind)
    for i, entry in enumerate(subtitles.entries):
        lines += _around(entry.before, subtitles.kind)
        if i == 0 and subtitles.kind == "vtt":
            _sign(lines, form.note(model))
        _part(lines)
        while rest and rest[0].onset < entry.onset:
            lines += [*numbers.next(None), *form.cue(rest.pop(0)), ""]
        text = _with_sounds(entry, form.lines(placed.shared.get(i, ())))
        lines += [*numbers.next(entry.name), _times(entry, form), *text]
    for caption in rest:
        lines += ["", *numbers.next(None), *form.cue(caption)]
    lines += _around(subtitles.after, subtitles.kind) or ("",)
    return ("\ufeff" if subtitles.mark else "") + subtitles.newline.join(lines)


def shown(subtitles: Subtitles, placed: Merged) -> list[Caption]:
    """What a viewer of the merged file reads: cues of dialogue, with the sounds on them, and those of sounds alone."""
    from earmark.captions import Caption

    dialogue = [
        Caption(e.onset, e.offset, placed.shared.get(i, ()) + e.shown()) for i, e in enumerate(subtitles.entries)
    ]
    return sorted([*dialogue, *placed.captions], key=lambda caption: caption.onset)


def converted(subtitles: Subtitles, form: CaptionFormat) -> Subtitles:
    """Subtitles in the kind of `form`: times and words stay; bold, italics and "at the top" do, other styles do not."""
    if subtitles.kind == form.name:
        return subtitles
    change = _as_vtt if form.name == "vtt" else _as_srt
    entries = [change(entry, form) for entry in subtitles.entries]
    if form.name == "vtt" and entries:
        first = entries[0]
        entries[0] = replace(first, before=("WEBVTT", ""))
    return replace(subtitles, kind=form.name, entries=tuple(entries), after=("",), newline=form.newline)


class _Numbers:
    """What stands in the line above a cue's times."""

    def __init__(self, kind: str) -> None:
        self.counted, self.last = kind == "srt", 0

    def next(self, name: str | None) -> list[str]:
        """The next number in SRT; in VTT the cue's own name, if it has one."""
        self.last += 1
        if self.counted:
            return [str(self.last)]
        return [] if name is None else [name]


def _times(entry: Entry, form: CaptionFormat) -> str:
    """The line with a cue's times as it was, or as the format wants it where players may not read what it was."""
    if form.standard_times.match(entry.times):
        return entry.times
    return f"{form.times(entry.onset, entry.offset)} {entry.settings}".rstrip()


def _with_sounds(entry: Entry, sounds: list[str]) -> list[str]:
    """Sounds above the words; below them where the words begin with an override, which some players want first."""
    text = list(entry.text)
    return text + sounds if text and text[0].lstrip().startswith("{\\") else sounds + text


def _part(lines: list[str]) -> None:
    """A blank line before what follows, if there is none."""
    if lines and lines[-1]:  # a line of spaces is none to all players
        lines.append("")


def _around(lines: Sequence[str], kind: str) -> list[str]:
    """Lines around the cues as no player takes them for more: spaces in SRT for words, words in VTT for the end.

    FFmpeg reads no cue after a block of VTT that it does not know: such a block becomes a comment.
    """
    if kind == "srt":
        return [line if line.strip() else "" for line in lines]
    given: list[str] = []
    for line in lines:
        if line.strip() and not (given and given[-1]) and not _BLOCK.match(line):
            given.append("NOTE")
        given.append(line)
    return given


def _sign(lines: list[str], note: str) -> None:
    """Say behind a VTT file's head who marked the sounds; a head that was left out is put in."""
    if not lines or not lines[0].startswith("WEBVTT"):
        lines[:0] = ["WEBVTT", ""]
    head = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    lines[head:head] = ["", *note.split("\n")]


def _as_vtt(entry: Entry, form: CaptionFormat) -> Entry:
    top = any(re.search(r"\{\\an[789]\}", line) for line in entry.text)
    times = form.times(entry.onset, entry.offset) + (" line:0" if top else "")
    text = tuple(shown for line in entry.text if (shown := _vtt_line(line)).strip())  # an empty one ends the cue
    return replace(entry, before=(), name=None, times=times, text=text, settings="")


def _vtt_line(line: str) -> str:
    """A line of SRT, which knows no escapes, in VTT, which does; font tags go."""
    bare = _ANY_TAG.sub(lambda tag: "" if tag[2].lower() == "font" else tag[0], _OVERRIDE.sub("", line))
    parts = _KEPT_TAG.split(bare)  # text, tag, text, tag, ...
    return "".join(
        f"<{part.lower()}>" if i % 2 else escape(unescape(part), quote=False) for i, part in enumerate(parts)
    )


def _as_srt(entry: Entry, form: CaptionFormat) -> Entry:
    text = [shown for line in entry.text if (shown := _srt_line(line)).strip()]  # a blank one may end the cue
    if text and _AT_TOP.search(entry.settings):
        text[0] = "{\\an8}" + text[0]
    times = form.times(entry.onset, entry.offset)
    return replace(entry, before=(), name=None, times=times, text=tuple(text), settings="")


def _srt_line(line: str) -> str:
    """A line of VTT in SRT: without voices, classes and times, and `&lt;` as the sign it stands for."""
    return unescape(_ANY_TAG.sub(lambda tag: f"<{tag[1]}{tag[2]}>" if tag[2] in ("i", "b", "u") else "", line))
