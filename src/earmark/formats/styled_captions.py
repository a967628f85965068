"""Captions in a look of somebody's choice, alone or among the dialogue's own subtitles, in four formats."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.captions import Form
from earmark.captions.looks import COLOURS, Cue, Line, Look
from earmark.errors import ArgumentError, EarmarkError, MissingExtraError
from earmark.formats.ass import ass_text, with_sounds
from earmark.formats.subtitle_reader import Subtitles, bytes_of, read_subtitles, subtitles_in
from earmark.formats.subtitles import Srt, Vtt, timestamp
from earmark.labels.groups import ancestors
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.captions import Caption
    from earmark.captions.captioning import Captions

CAPTION_FORMATS = ("vtt", "srt", "ass", "ttml")
SCRIPTS = (".ass", ".ssa")
MUSIC = "music"


@dataclass(frozen=True)
class Script(Subtitles):
    """A dialogue in ASS or SSA, with its text as it came."""

    ass: str = ""


class StyledCaptions:
    """Captions in a look.

    Parameters
    ----------
    made
        The captions, and the dialogue among which they stand.
    look
        How those of sounds look; how many there are is decided already.
    """

    def __init__(self, made: Captions, look: Look) -> None:
        self.made, self.look = made, look
        phrases = made.phrases
        labels = (MUSIC, *(label for label in phrases.forms if MUSIC in ancestors(label)))
        self._music = {phrases.say(label, form) for label in labels for form in Form}

    def cues(self) -> list[Cue]:
        """What stands on the screen: the sounds, and the dialogue where there is one, in order of time."""
        dialogue, placed = self.made.dialogue, self.made.placed
        if dialogue is None or placed is None:
            return [Cue(one.onset, one.offset, self.styled(one.lines)) for one in self.made]
        spoken = [
            Cue(one.onset, one.offset, (*self.styled(placed.shared.get(i, ())), *map(Line, one.shown())))
            for i, one in enumerate(dialogue.entries)
        ]
        own = [Cue(one.onset, one.offset, self.styled(one.lines)) for one in placed.captions]
        return sorted([*spoken, *own], key=lambda cue: cue.onset)

    def _beside(self, dialogue: Subtitles) -> list[Cue]:
        """Those of the sounds among a dialogue, each a cue of its own, also where they stand above its words."""
        placed = self.made.placed
        assert placed is not None
        entries = dialogue.entries
        shared = [(entries[i].onset, entries[i].offset, lines) for i, lines in placed.shared.items()]
        own = [(one.onset, one.offset, one.lines) for one in placed.captions]
        return [Cue(onset, offset, self.styled(lines)) for onset, offset, lines in sorted([*shared, *own])]

    def text(self, to: str) -> str:
        """The file, in one of `CAPTION_FORMATS`; a dialogue keeps what it has besides its words in its own format."""
        dialogue = self.made.dialogue
        if to == "ass" and isinstance(dialogue, Script):
            return with_sounds(dialogue.ass, self._beside(dialogue), self.look)
        if to == "ass":
            return ass_text(self.cues(), self.look)
        if to == "ttml":
            return self._ttml()
        return self.made.text_in((_StyledSrt if to == "srt" else _StyledVtt)(self))

    def styled(self, lines: Sequence[str]) -> tuple[Line, ...]:
        """The lines of sounds in this look; one in brackets may go over several."""
        found: list[Line] = []
        opened: list[str] = []
        for line in lines:
            opened.append(line)
            if line.endswith("]") or not opened[0].startswith("["):
                found += self._look(opened)
                opened = []
        return tuple(found + self._look(opened)) if opened else tuple(found)

    def _look(self, lines: list[str]) -> list[Line]:
        bare = [line.removeprefix("[").removesuffix("]") for line in lines]
        kind = "music" if " ".join(bare) in self._music else "sound"
        if kind == "music" and self.look.music == "notes":
            lines = [f"♪ {bare[0]}", *bare[1:]]
            lines[-1] += " ♪"
        elif self.look.preset == "french":
            lines = bare
        if self.look.preset != "plain":
            lines = [re.sub(r"\w", lambda letter: letter[0].upper(), lines[0], count=1), *lines[1:]]
        return [Line(line, kind) for line in lines]

    def _ttml(self) -> str:
        """Timed Text Markup Language in the text profile of IMSC 1, which broadcasters take."""
        rows = []
        for cue in self.cues():
            region = "top" if self.look.is_top(cue) else "bottom"
            lines = []
            for line in cue.lines:
                colour = self.look.colour(line.kind)
                text = escape(one_line(line.text))
                lines.append(f'<span tts:color="{colour}">{text}</span>' if colour else text)
            times = f'begin="{timestamp(cue.onset, ".")}" end="{timestamp(cue.offset, ".")}"'
            rows.append(f'      <p {times} region="{region}">{"<br/>".join(lines)}</p>')
        return _TTML.format(language=self.made.phrases.language, cues="\n".join(rows))


def read_dialogue(data: bytes, name: str, encoding: str | None = None) -> Subtitles:
    """The subtitles that somebody sent: SRT, VTT, or ASS, whose words and times are read."""
    if Path(name).suffix.lower() in SCRIPTS:
        script = _script(data, name, encoding)
        return Script(**vars(subtitles_in(_as_srt(script, name), Path(name))), ass=script)
    try:
        return subtitles_in(data, Path(name), encoding)
    except ArgumentError as error:  # whoever sent it gave no argument
        raise EarmarkError(name, error.reason, error.remedy) from error


def read_dialogue_file(path: Path, encoding: str | None = None) -> Subtitles:
    """The subtitles in a file: SRT, VTT or ASS; warnings as `read_subtitles` has them."""
    if path.suffix.lower() not in SCRIPTS:
        return read_subtitles(path, encoding)
    return read_dialogue(bytes_of(path), str(path), encoding)


def _script(data: bytes, name: str, encoding: str | None) -> str:
    marked = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        return data.decode(encoding or marked)
    except (UnicodeDecodeError, LookupError) as error:
        raise EarmarkError(name, "is in another encoding", "save it as UTF-8") from error


def _as_srt(script: str, name: str) -> bytes:
    try:
        import pysubs2
    except ImportError as error:
        raise MissingExtraError("ASS subtitles", "serve") from error
    try:
        found = pysubs2.SSAFile.from_string(script)
    except Exception as error:  # a file of somebody's may find any fault of what reads it
        raise EarmarkError(name, "cannot be read as ASS subtitles") from error
    found.remove_miscellaneous_events()
    return found.to_string("srt").encode()


def _in_font(text: str, colour: str) -> str:
    return f'<font color="{colour}">{text}</font>' if colour else text


class _StyledSrt(Srt):
    """SubRip in a look: colours in font tags, which some players know."""

    def __init__(self, captions: StyledCaptions) -> None:
        super().__init__(captions.made.phrases)
        self.styled, self.look = captions.styled, captions.look

    def lines(self, lines: Sequence[str]) -> list[str]:
        """The lines of sounds in the look."""
        return [_in_font(self.line(one.text), self.look.colour(one.kind)) for one in self.styled(lines)]

    def cue(self, caption: Caption) -> list[str]:
        """As in every file, and at the top if the look says so."""
        times, *lines = super().cue(caption)
        return [times, *(["{\\an8}" + lines[0], *lines[1:]] if self.look.position == "top" else lines)]


class _StyledVtt(Vtt):
    """WebVTT in a look: lines in classes, whose colours stand in a style behind the note."""

    def __init__(self, captions: StyledCaptions) -> None:
        super().__init__(captions.made.phrases)
        self.styled, self.look = captions.styled, captions.look

    def note(self, model: str = "") -> str:
        """As in every file, and the styles where there are colours."""
        colours = {kind: self.look.colour(kind) for kind in COLOURS}
        styles = [f"::cue(.{kind}) {{ color: {colour}; }}" for kind, colour in colours.items() if colour]
        return "\n".join([super().note(model), *(["", "STYLE", *styles] if styles else [])])

    def lines(self, lines: Sequence[str]) -> list[str]:
        """The lines of sounds in the look."""
        return [self._in_class(self.line(one.text), one.kind) for one in self.styled(lines)]

    def _in_class(self, text: str, kind: str) -> str:
        return f"<c.{kind}>{text}</c>" if self.look.colour(kind) else text

    def cue(self, caption: Caption) -> list[str]:
        """As in every file, and at the top if the look says so."""
        times, *lines = super().cue(caption)
        return [times + (" line:0" if self.look.position == "top" else ""), *lines]


_TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" \
xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:profile="http://www.w3.org/ns/ttml/profile/imsc1/text" \
ttp:timeBase="media" xml:lang="{language}">
  <!-- Sounds marked by Earmark -->
  <head>
    <layout>
      <region xml:id="bottom" tts:origin="10% 80%" tts:extent="80% 15%" tts:displayAlign="after" \
tts:textAlign="center"/>
      <region xml:id="top" tts:origin="10% 5%" tts:extent="80% 15%" tts:displayAlign="before" tts:textAlign="center"/>
    </layout>
  </head>
  <body>
    <div>
{cues}
    </div>
  </body>
</tt>
"""
