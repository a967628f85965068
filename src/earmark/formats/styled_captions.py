"""Captions as people take them away: in a look of their choice, among the dialogue's own subtitles, in four formats."""

from __future__ import annotations

import codecs
import re
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from earmark.captions import Form, Merged, Phrases, captions, merge
from earmark.captions.looks import COLOURS, Cue, Line, Look
from earmark.errors import EarmarkError
from earmark.events.timeline import Timeline
from earmark.formats import for_name
from earmark.formats.ass import ass_text, with_sounds
from earmark.formats.subtitle_reader import Subtitles, read_subtitles
from earmark.formats.subtitles import CaptionFormat, merged_text, timestamp
from earmark.labels.groups import ancestors
from earmark.util.text import one_line

CAPTION_FORMATS = ("vtt", "srt", "ass", "ttml")
MUSIC = "music"


@dataclass(frozen=True)
class Script(Subtitles):
    """A dialogue in ASS or SSA, with its text as it came."""

    ass: str = ""


class Captioner:
    """Makes the captions of a timeline.

    Args:
        timeline: what was marked.
        language: of the captions.
        include_speech: caption speech too.
        look: see there.
    """

    def __init__(self, timeline: Timeline, language: str, include_speech: bool, look: Look) -> None:
        self.phrases, self.look = Phrases.load(language), look
        self.language, self.include_speech = language, include_speech
        self.timeline = timeline
        labels = (MUSIC, *(label for label in self.phrases.forms if MUSIC in ancestors(label)))
        self._music = {self.phrases.say(label, form) for label in labels for form in Form}

    def cues(self) -> list[Cue]:
        """Those of the sounds alone."""
        made = captions(self.timeline, self.language, include_speech=self.include_speech, density=self.look.density)
        return [Cue(one.onset, one.offset, self._styled(one.lines)) for one in made]

    def merged(self, subtitles: Subtitles) -> list[Cue]:
        """Those of a dialogue and of the sounds, in order of time."""
        placed = self._placed(subtitles)
        spoken = [
            Cue(one.onset, one.offset, (*self._styled(placed.shared.get(i, ())), *map(Line, one.shown())))
            for i, one in enumerate(subtitles.entries)
        ]
        own = [Cue(one.onset, one.offset, self._styled(one.lines)) for one in placed.captions]
        return sorted([*spoken, *own], key=lambda cue: cue.onset)

    def _placed(self, subtitles: Subtitles) -> Merged:
        return merge(
            self.timeline,
            subtitles.dialogue(),
            self.language,
            include_speech=self.include_speech,
            density=self.look.density,
        )

    def _beside(self, subtitles: Subtitles) -> list[Cue]:
        """Those of the sounds among a dialogue, each a cue of its own, also where they stand above its words."""
        placed = self._placed(subtitles)
        shared = [
            (subtitles.entries[i].onset, subtitles.entries[i].offset, lines) for i, lines in placed.shared.items()
        ]
        own = [(one.onset, one.offset, one.lines) for one in placed.captions]
        return [Cue(onset, offset, self._styled(lines)) for onset, offset, lines in sorted([*shared, *own])]

    def text(self, to: str, subtitles: Subtitles | None = None) -> str:
        """The file, in one of `CAPTION_FORMATS`; a dialogue keeps what it has besides its words in its own format."""
        if subtitles and to in ("srt", "vtt") and self.look == Look(density=self.look.density):
            form = for_name(to, self.language, include_speech=self.include_speech)
            assert isinstance(form, CaptionFormat)
            return merged_text(subtitles, self._placed(subtitles), form, self.timeline.model)
        if isinstance(subtitles, Script) and to == "ass":
            return with_sounds(subtitles.ass, self._beside(subtitles), self.look)
        cues = self.merged(subtitles) if subtitles else self.cues()
        if to == "ass":
            return ass_text(cues, self.look)
        write = {"srt": _srt, "vtt": _vtt, "ttml": _ttml}[to]
        return write(cues, self.look, self.language)

    def _styled(self, lines: Sequence[str]) -> tuple[Line, ...]:
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
        whole = " ".join(lines).removeprefix("[").removesuffix("]")
        kind = "music" if whole in self._music else "sound"
        if kind == "music" and self.look.music == "notes":
            bare = [line.removeprefix("[").removesuffix("]") for line in lines]
            bare[0], bare[-1] = f"♪ {bare[0]}", f"{bare[-1]} ♪" if len(bare) > 1 else f"♪ {bare[-1]} ♪"
            lines = bare
        elif self.look.preset == "french":
            lines = [line.removeprefix("[").removesuffix("]") for line in lines]
        if self.look.preset != "plain":
            lines = [re.sub(r"\w", lambda letter: letter[0].upper(), lines[0], count=1), *lines[1:]]
        return [Line(line, kind) for line in lines]


def read_dialogue(data: bytes, name: str, encoding: str | None = None) -> Subtitles:
    """The subtitles that somebody sent: SRT, VTT, or ASS, whose words and times are read.

    Raises:
        EarmarkError: they cannot be read.
    """
    suffix = Path(name).suffix.lower()
    script = _script(data, name, encoding) if suffix in (".ass", ".ssa") else None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"dialogue{'.vtt' if suffix == '.vtt' else '.srt'}"
        path.write_bytes(data if script is None else _as_srt(script, name))
        try:
            found = read_subtitles(path, encoding if script is None else None)
        except EarmarkError as error:
            raise EarmarkError(name, error.reason, error.remedy) from error
    return found if script is None else Script(**vars(found), ass=script)


def _script(data: bytes, name: str, encoding: str | None) -> str:
    marked = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        return data.decode(encoding or marked)
    except (UnicodeDecodeError, LookupError) as error:
        raise EarmarkError(name, "is in another encoding", "save it as UTF-8") from error


def _as_srt(script: str, name: str) -> bytes:
    import pysubs2

    try:
        found = pysubs2.SSAFile.from_string(script)
    except Exception as error:  # a file of somebody's may find any fault of what reads it
        raise EarmarkError(name, "cannot be read as ASS subtitles") from error
    found.remove_miscellaneous_events()
    return found.to_string("srt").encode()


def _srt(cues: Sequence[Cue], look: Look, language: str) -> str:
    form = for_name("srt", language)
    assert isinstance(form, CaptionFormat)
    blocks = []
    for number, cue in enumerate(cues, 1):
        lines = [_in_font(form.line(line.text), look.colour(line.kind)) for line in cue.lines]
        top = "{\\an8}" if look.is_top(cue) else ""
        blocks.append("\r\n".join([str(number), form.times(cue.onset, cue.offset), top + lines[0], *lines[1:], "", ""]))
    return "".join(blocks)


def _in_font(text: str, colour: str) -> str:
    return f'<font color="{colour}">{text}</font>' if colour else text


def _vtt(cues: Sequence[Cue], look: Look, language: str) -> str:
    form = for_name("vtt", language)
    assert isinstance(form, CaptionFormat)
    styles = "".join(f"::cue(.{kind}) {{ color: {colour}; }}\n" for kind, colour in COLOURS.items())
    blocks = ["WEBVTT\n", form.note() + "\n", *([f"STYLE\n{styles}"] if look.preset == "french" else [])]
    for cue in cues:
        top = " line:0" if look.is_top(cue) else ""
        lines = [
            f"<c.{line.kind}>{form.line(line.text)}</c>" if look.colour(line.kind) else form.line(line.text)
            for line in cue.lines
        ]
        blocks.append("\n".join([form.times(cue.onset, cue.offset) + top, *lines, ""]))
    return "\n".join(blocks)


_TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" \
xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:profile="http://www.w3.org/ns/ttml/profile/imsc1/text" \
ttp:timeBase="media" xml:lang="{language}">
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


def _ttml(cues: Sequence[Cue], look: Look, language: str) -> str:
    """Timed Text Markup Language in the text profile of IMSC 1, which broadcasters take."""
    rows = []
    for cue in cues:
        region = "top" if look.is_top(cue) else "bottom"
        lines = []
        for line in cue.lines:
            colour = look.colour(line.kind)
            text = escape(one_line(line.text))
            lines.append(f'<span tts:color="{colour}">{text}</span>' if colour else text)
        times = f'begin="{timestamp(cue.onset, ".")}" end="{timestamp(cue.offset, ".")}"'
        rows.append(f'      <p {times} region="{region}">{"<br/>".join(lines)}</p>')
    return _TTML.format(language=language, cues="\n".join(rows))
