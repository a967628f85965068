"""Sounds and dialogue in one subtitle file: the dialogue as it was, the sounds around it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape, unescape
from typing import TYPE_CHECKING

from earmark.formats.captioned import CaptionFormat
from earmark.formats.subtitles import Entry, Subtitles

if TYPE_CHECKING:
    from earmark.captions import Caption, Woven

_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_KEPT_TAG = re.compile(r"<(/?[ibu])>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(/?)([a-zA-Z]*)[^<>]*>")
_AT_TOP = re.compile(r"\bline:(?:[0-3]\b(?!%)|[0-4]?\d(?:\.\d+)?%)")


def merged(subtitles: Subtitles, woven: Woven, form: CaptionFormat, model: str = "") -> str:
    """The text of a subtitle file that holds both.

    A file of the same kind keeps each cue's times, text, settings and order, every comment and style, and how its
    lines end. Only the numbers of SRT are counted anew, and times written as players expect them. For another kind,
    see `converted`.
    """
    subtitles = converted(subtitles, form)
    rest = list(woven.captions)
    lines: list[str] = []
    numbers = _Numbers(subtitles.kind)
    for i, entry in enumerate(subtitles.entries):
        lines += entry.before
        if i == 0 and subtitles.kind == "vtt":
            _sign(lines, form.note(model))
        _part(lines)
        while rest and rest[0].onset < entry.onset:
            lines += [*numbers.next(None), *_cue(rest.pop(0), form), ""]
        text = _with_sounds(entry, [form.line(line) for line in woven.shared.get(i, ())])
        lines += [*numbers.next(entry.name), _times(entry, form), *text]
    for caption in rest:
        lines += ["", *numbers.next(None), *_cue(caption, form)]
    lines += subtitles.after or ("",)
    return ("\ufeff" if subtitles.mark else "") + subtitles.newline.join(lines)


def shown(subtitles: Subtitles, woven: Woven) -> list[Caption]:
    """What a viewer of the merged file reads: cues of dialogue, with the sounds on them, and those of sounds alone."""
    from earmark.captions import Caption

    spoken = [Caption(e.onset, e.offset, woven.shared.get(i, ()) + e.shown()) for i, e in enumerate(subtitles.entries)]
    return sorted([*spoken, *woven.captions], key=lambda caption: caption.onset)


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


def _cue(caption: Caption, form: CaptionFormat) -> list[str]:
    return [form.times(caption.onset, caption.offset), *map(form.line, caption.lines)]


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
    if lines and lines[-1].strip():
        lines.append("")


def _sign(lines: list[str], note: str) -> None:
    """Say behind a VTT file's head who marked the sounds; a head that was left out is put in."""
    if not lines or not lines[0].startswith("WEBVTT"):
        lines[:0] = ["WEBVTT", ""]
    head = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    lines[head:head] = ["", note]


def _as_vtt(entry: Entry, form: CaptionFormat) -> Entry:
    top = any(re.search(r"\{\\an[789]\}", line) for line in entry.text)
    times = form.times(entry.onset, entry.offset) + (" line:0" if top else "")
    text = tuple(shown for line in entry.text if (shown := _vtt_line(line)).strip())  # an empty one ends the cue
    return Entry((), None, times, text, entry.onset, entry.offset)


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
    return Entry((), None, form.times(entry.onset, entry.offset), tuple(text), entry.onset, entry.offset)


def _srt_line(line: str) -> str:
    """A line of VTT in SRT: without voices, classes and times, and `&lt;` as the sign it stands for."""
    return unescape(_ANY_TAG.sub(lambda tag: f"<{tag[1]}{tag[2]}>" if tag[2] in ("i", "b", "u") else "", line))
