"""Advanced SubStation Alpha: captions with styles, alone or in a script of somebody's, which stays as it is.

A script is a text of sections: [Script Info], [V4+ Styles] (in SSA [V4 Styles]), [Events], [Fonts] and what editors
put there. Sounds are added as lines of their own at the end of the styles and of the events; nothing else is touched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from earmark.captions.looks import COLOURS, Cue, Line, Look
from earmark.util.text import one_line

_HEAD = """[Script Info]
; Sounds marked by Earmark
ScriptType: v4.00+
WrapStyle: 0
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080
"""
_STYLES = """[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Dialogue,Arial,58,&H00FFFFFF,&H00FFFFFF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,96,96,60,1
"""
_EVENTS = """[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_SECTION = re.compile(r"\s*\[[\w +]{1,40}\]\s*$")
_SAFE = str.maketrans("{}\\", "()/")  # what would be taken for commands
_TOP, _TOP_OF_SSA = "8", "6"  # alignments; below, both have 2


def ass_text(cues: Sequence[Cue], look: Look) -> str:
    """A script of cues: sounds and music have styles of their own, which players and editors change."""
    return with_sounds(f"{_HEAD}\n{_STYLES}\n{_EVENTS}", cues, look, usual="Dialogue", kinds=tuple(COLOURS))


def with_sounds(
    script: str, cues: Sequence[Cue], look: Look, usual: str | None = None, kinds: Sequence[str] | None = None
) -> str:
    """A script with cues added, and all else in it as it stands, to the letter.

    Parameters
    ----------
    script
        ASS or SSA.
    cues
        What is added.
    look
        Of the sounds; what it says nothing of is as in the style that most of the dialogue has.
    usual
        The style of lines of dialogue in the cues; by default that one.
    kinds
        Of lines that get a style; by default those there are.
    """
    newline = "\r\n" if "\r\n" in script else "\n"
    lines = script.split(newline)
    for name, default in (("v4+ styles", _STYLES), ("events", _EVENTS)):
        if not _find(lines, name):
            lines += ["", *default.rstrip("\n").split("\n")]
    styles, events = _find(lines, "v4+ styles"), _find(lines, "events")
    assert styles
    assert events
    of_ssa = lines[styles.first].strip().lower() == "[v4 styles]"
    rows = [row for row in map(events.row, lines[events.first : events.end]) if row]
    base = usual or _most(rows, "style", "Default").lstrip("*")
    named = {row["name"]: row for row in map(styles.row, lines[styles.first : styles.end]) if row and "name" in row}
    pattern = named.get(base) or next(iter(named.values()), {})
    taken = {name.lstrip("*").casefold() for name in named}
    names, new_styles = {"": base}, []
    place = "2" if look.position == "bottom" else _TOP_OF_SSA if of_ssa else _TOP
    for kind in kinds or sorted({line.kind for cue in cues for line in cue.lines} - {""}):
        names[kind] = _free(kind, taken)
        changed = {"name": names[kind], "alignment": place}
        if colour := look.colour(kind):
            changed["primarycolour"] = _colour(colour, of_ssa)
        if kind == "music":
            changed["italic"] = "-1"
        new_styles.append(styles.written("Style", {**pattern, **changed}))
    layer = _most(rows, "layer", "0")  # lines of one layer make room for each other
    new_events = [events.written("Dialogue", _event(cue, names, layer)) for cue in cues]
    for section, new in sorted([(styles, new_styles), (events, new_events)], key=lambda one: -one[0].end):
        lines[section.end : section.end] = new
    return newline.join(lines) if not lines[-1] else newline.join(lines) + newline


@dataclass(frozen=True)
class _Section:
    """A section of a script: the line with its name, the line after its last that is not blank, and its fields."""

    first: int
    end: int
    fields: tuple[str, ...]

    def row(self, line: str) -> dict[str, str]:
        """What a style or a line of dialogue says, by field; nothing where it is neither."""
        kind, _, values = line.partition(":")
        if kind.strip().lower() not in ("style", "dialogue"):
            return {}
        return dict(zip(self.fields, map(str.strip, values.split(",", len(self.fields) - 1)), strict=False))

    def written(self, kind: str, row: Mapping[str, str]) -> str:
        """A line of this section."""
        return f"{kind}: " + ",".join(row.get(field, "0") for field in self.fields)


def _find(lines: Sequence[str], name: str) -> _Section | None:
    names = {f"[{name}]", f"[{name.replace('+', '')}]"}
    first = next((i for i, line in enumerate(lines) if line.lstrip("\ufeff").strip().lower() in names), None)
    if first is None:
        return None
    end = next((i for i in range(first + 1, len(lines)) if _SECTION.match(lines[i])), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    format_line = next((line for line in lines[first:end] if line.lower().startswith("format:")), "")
    usual = next(line for line in (_EVENTS if name == "events" else _STYLES).split("\n") if line.startswith("Format"))
    fields = (format_line or usual).partition(":")[2].lower().split(",")
    return _Section(first, end, tuple(field.strip() for field in fields))


def _most(rows: Sequence[Mapping[str, str]], field: str, default: str) -> str:
    """What most rows have in a field."""
    found = Counter(row[field] for row in rows if field in row).most_common(1)
    return found[0][0] if found else default


def _free(name: str, taken: set[str]) -> str:
    """A name that no style has, also where letters' case does not tell names apart."""
    free = next(
        one for one in (name, *(f"{name} {i}" for i in range(2, len(taken) + 3))) if one.casefold() not in taken
    )
    taken.add(free.casefold())
    return free


def _event(cue: Cue, names: Mapping[str, str], layer: str) -> dict[str, str]:
    style = cue.lines[0].kind
    text = "\\N".join(_text(line, style, names) for line in cue.lines)
    times = {"start": _time(cue.onset), "end": _time(cue.offset)}
    return {
        "layer": layer,
        "marked": "Marked=0",
        **times,
        "style": names[style],
        "name": "",
        "effect": "",
        "text": text,
    }


def _text(line: Line, usual: str, names: Mapping[str, str]) -> str:
    text = one_line(line.text).translate(_SAFE)
    return text if line.kind == usual else f"{{\\r{names[line.kind]}}}{text}"


def _time(seconds: float) -> str:
    cents = round(max(0.0, seconds) * 100)
    return f"{cents // 360_000}:{cents // 6000 % 60:02}:{cents // 100 % 60:02}.{cents % 100:02}"


def _colour(colour: str, of_ssa: bool) -> str:
    """#rrggbb as the format has it: blue, green, red."""
    bgr = colour[5:7] + colour[3:5] + colour[1:3]
    return str(int(bgr, 16)) if of_ssa else f"&H00{bgr}".upper()
