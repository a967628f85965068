"""Captions as people take them away: in a look of their choice, among the dialogue's own subtitles, in four formats."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from earmark.captions import Caption, Form, Phrases, Priority, captions
from earmark.captions.dialogue import merge
from earmark.errors import EarmarkError
from earmark.events.timeline import Timeline
from earmark.formats import for_name
from earmark.formats.subtitle_reader import Subtitles, read_subtitles
from earmark.formats.subtitles import CaptionFormat, merged_text, timestamp
from earmark.labels.groups import ancestors
from earmark.util.text import one_line

Preset = Literal["plain", "youtube", "french"]
Position = Literal["bottom", "top"]
Density = Literal["few", "normal"]
Music = Literal["words", "notes"]

CAPTION_FORMATS = ("vtt", "srt", "ass", "ttml")
MUSIC = "music"
COLOURS = {"sound": "#ff0000", "music": "#ff00ff"}
"""Of the French charter for subtitles for the deaf (CSA, 2011): sounds in red, music in magenta."""


@dataclass(frozen=True)
class Look:
    """How captions of sounds look.

    Attributes:
        preset: `plain`, [dog barking]; `youtube`, [Dog barking]; `french`, colours instead of brackets.
        position: where they stand on the picture.
        density: `few` leaves out what fills a scene, such as wind or traffic.
        music: in words, or between notes.
    """

    preset: Preset = "plain"
    position: Position = "bottom"
    density: Density = "normal"
    music: Music = "words"


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
        few = look.density == "few"
        events = [e for e in timeline.events if not few or self.phrases.priority(e.label) is not Priority.AMBIENT]
        self.timeline = timeline.with_events(events)
        labels = (MUSIC, *(label for label in self.phrases.forms if MUSIC in ancestors(label)))
        self._music = {self.phrases.say(label, form) for label in labels for form in Form}

    def cues(self) -> list[Cue]:
        """Those of the sounds alone."""
        made = captions(self.timeline, self.language, include_speech=self.include_speech)
        return [Cue(one.onset, one.offset, self._styled(one.lines)) for one in made]

    def merged(self, subtitles: Subtitles) -> list[Cue]:
        """Those of a dialogue and of the sounds, in order of time."""
        placed = merge(self.timeline, subtitles.dialogue(), self.language, include_speech=self.include_speech)
        spoken = [
            Cue(one.onset, one.offset, (*self._styled(placed.shared.get(i, ())), *map(Line, one.shown())))
            for i, one in enumerate(subtitles.entries)
        ]
        own = [Cue(one.onset, one.offset, self._styled(one.lines)) for one in placed.captions]
        return sorted([*spoken, *own], key=lambda cue: cue.onset)

    def text(self, to: str, subtitles: Subtitles | None = None) -> str:
        """The file, in one of `CAPTION_FORMATS`; a dialogue in SRT or VTT keeps what it has besides its words."""
        if subtitles and to in ("srt", "vtt") and self.look == Look(density=self.look.density):
            form = for_name(to, self.language, include_speech=self.include_speech)
            assert isinstance(form, CaptionFormat)
            placed = merge(self.timeline, subtitles.dialogue(), self.language, include_speech=self.include_speech)
            return merged_text(subtitles, placed, form, self.timeline.model)
        cues = self.merged(subtitles) if subtitles else self.cues()
        write = {"srt": _srt, "vtt": _vtt, "ass": _ass, "ttml": _ttml}[to]
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
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"dialogue{'.vtt' if suffix == '.vtt' else '.srt'}"
        path.write_bytes(_as_srt(data, name, encoding) if suffix in (".ass", ".ssa") else data)
        try:
            return read_subtitles(path, None if suffix in (".ass", ".ssa") else encoding)
        except EarmarkError as error:
            raise EarmarkError(name, error.reason, error.remedy) from error


def _as_srt(data: bytes, name: str, encoding: str | None) -> bytes:
    import pysubs2

    try:
        text = data.decode(encoding or "utf-8-sig")
        found = pysubs2.SSAFile.from_string(text)
    except (UnicodeDecodeError, LookupError) as error:
        raise EarmarkError(name, "is in another encoding", "save it as UTF-8") from error
    except Exception as error:  # a file of somebody's may find any fault of what reads it
        raise EarmarkError(name, "cannot be read as ASS subtitles") from error
    found.remove_miscellaneous_events()
    return found.to_string("srt").encode()


def _coloured(line: Line, look: Look) -> str:
    """The colour of a line in a look; empty where it has none of its own."""
    return COLOURS.get(line.kind, "") if look.preset == "french" else ""


def _srt(cues: Sequence[Cue], look: Look, language: str) -> str:
    form = for_name("srt", language)
    assert isinstance(form, CaptionFormat)
    blocks = []
    for number, cue in enumerate(cues, 1):
        lines = [_in_font(form.line(line.text), _coloured(line, look)) for line in cue.lines]
        top = "{\\an8}" if cue.is_sound and look.position == "top" else ""
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
        top = " line:0" if cue.is_sound and look.position == "top" else ""
        lines = [
            f"<c.{line.kind}>{form.line(line.text)}</c>" if _coloured(line, look) else form.line(line.text)
            for line in cue.lines
        ]
        blocks.append("\n".join([form.times(cue.onset, cue.offset) + top, *lines, ""]))
    return "\n".join(blocks)


_ASS = """[Script Info]
; Sounds marked by Earmark
ScriptType: v4.00+
WrapStyle: 0
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Dialogue,Arial,58,&H00FFFFFF,&H00FFFFFF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,96,96,60,1
Style: sound,Arial,58,{sound},&H00FFFFFF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,{place},96,96,60,1
Style: music,Arial,58,{music},&H00FFFFFF,&H00000000,&H80000000,0,1,0,0,100,100,0,0,1,3,1,{place},96,96,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def _ass(cues: Sequence[Cue], look: Look, language: str) -> str:
    """Advanced SubStation Alpha (v4+): sounds and music have styles of their own, which players and editors change."""
    colours = {kind: _ass_colour(_coloured(Line("", kind), look) or "#ffffff") for kind in COLOURS}
    events = []
    for cue in cues:
        style = cue.lines[0].kind
        text = "\\N".join(_ass_text(line, style) for line in cue.lines)
        times = f"{_ass_time(cue.onset)},{_ass_time(cue.offset)}"
        events.append(f"Dialogue: 0,{times},{style or 'Dialogue'},,0,0,0,,{text}")
    return _ASS.format(**colours, place=8 if look.position == "top" else 2) + "\n".join(events) + "\n"


_ASS_SAFE = str.maketrans("{}\\", "()/")  # what would be taken for commands


def _ass_text(line: Line, usual: str) -> str:
    text = one_line(line.text).translate(_ASS_SAFE)
    return text if line.kind == usual else f"{{\\r{line.kind or 'Dialogue'}}}{text}"


def _ass_time(seconds: float) -> str:
    cents = round(max(0.0, seconds) * 100)
    return f"{cents // 360_000}:{cents // 6000 % 60:02}:{cents // 100 % 60:02}.{cents % 100:02}"


def _ass_colour(colour: str) -> str:
    red, green, blue = colour[1:3], colour[3:5], colour[5:7]
    return f"&H00{blue}{green}{red}".upper()


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
        region = look.position if cue.is_sound else "bottom"
        lines = []
        for line in cue.lines:
            colour = _coloured(line, look)
            text = escape(one_line(line.text))
            lines.append(f'<span tts:color="{colour}">{text}</span>' if colour else text)
        times = f'begin="{timestamp(cue.onset, ".")}" end="{timestamp(cue.offset, ".")}"'
        rows.append(f'      <p {times} region="{region}">{"<br/>".join(lines)}</p>')
    return _TTML.format(language=language, cues="\n".join(rows))


def shown(cues: Sequence[Cue]) -> list[Caption]:
    """What is drawn on a picture."""
    return [Caption(cue.onset, cue.offset, tuple(line.text for line in cue.lines)) for cue in cues]
