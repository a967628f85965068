"""Praat's TextGrid: a tier a label, so that sounds at the same time stand one above the other.

The format: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, event, make_timeline, number, stream_name
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.events.timeline import Event, Timeline
    from earmark.speech.segmentation import Word, Words

DIGITS = 6  # after the point, in seconds
TIER = "words"
SYLLABLES = "syllables"
NO_EVENTS = "sounds"  # the tier of a recording without events: Praat wants one

Interval = tuple[float, float, str]

# What counts in Praat's text files: strings, flags, and numbers that stand free. All else is comment, which is
# why its long and its short text files read alike.
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(<exists>|<absent>)(?!\S)|(?<!\S)([-+]?\d[\d.eE+-]*)(?!\S)')


class TextGrid(Format["Timeline"]):
    """Praat's long text format: contiguous intervals, the silent ones with empty text.

    Events of one label that overlap become one, as a tier cannot hold both. Scores are not in the file.
    """

    name = "textgrid"
    suffix = ".TextGrid"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        end = max([round(timeline.duration, DIGITS), 1e-3, *(round(e.offset, DIGITS) for e in timeline.events)])
        tiers = _tiers(timeline.events) or {NO_EVENTS: []}
        write_tiers({name: [(a, b, name) for a, b in spans] for name, spans in tiers.items()}, end, file)

    def read(self, file: TextIO) -> Timeline:
        """The intervals with text in a TextGrid, in Praat's long or short text format; points are passed over."""
        where = stream_name(file)
        tokens = _tokens(file.read())
        try:
            if (next(tokens), next(tokens)) != ("ooTextFile", "TextGrid"):
                raise EarmarkError(where, "is no TextGrid in a text format", "in Praat: Save as text file")
            next(tokens)  # xmin
            duration = float(next(tokens))
            tiers = int(next(tokens)) if next(tokens) == "<exists>" else 0
            events = [e for _ in range(tiers) for e in _read_tier(tokens, where)]
        except (StopIteration, RuntimeError, ValueError) as error:
            raise EarmarkError(where, "is a TextGrid that is cut short or damaged") from error
        return make_timeline("", duration, "", events)


class WordsTextGrid(Format["Words"]):
    """Praat's TextGrid with one tier, `words`: in each interval the word's text, or its number from 1.

    To correct it in Praat into a ground truth, save it beside `talk.flac` as `talk.TextGrid`. Where two words overlap,
    the second begins where the first ends, as a tier cannot hold both. Nuclei of syllables, where somebody looked for
    them, are points of a second tier.
    """

    name = "textgrid"
    suffix = ".words.TextGrid"

    def write(self, words: Words, file: TextIO) -> None:
        end = max([round(words.duration, DIGITS), 1e-3, *(round(word.offset, DIGITS) for word in words.words)])
        points = {} if words.syllables is None else {SYLLABLES: words.syllables}
        write_tiers({TIER: _words(words.words)}, end, file, points)


def write_tiers(
    tiers: Mapping[str, Iterable[Interval]],
    end: float,
    file: TextIO,
    points: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write tiers of intervals (onset, offset, text), seconds: in order, without overlap, none beyond `end`.

    Tiers of points, seconds, stand below them; the text of a point is its number from 1.
    """
    points = points or {}
    file.write('File type = "ooTextFile"\nObject class = "TextGrid"\n\n')
    file.write(f"xmin = 0 \nxmax = {number(end, DIGITS)} \n")
    file.write(f"tiers? <exists> \nsize = {len(tiers) + len(points)} \nitem []: \n")
    for index, (name, marked) in enumerate(tiers.items(), start=1):
        _write_tier(file, index, name, list(_contiguous(marked, end)), end)
    for index, (name, times) in enumerate(points.items(), start=len(tiers) + 1):
        _head(file, index, name, "TextTier", end)
        file.write(f"        points: size = {len(times)} \n")
        for place, time in enumerate(times, start=1):
            file.write(f"        points [{place}]:\n            number = {number(min(time, end), DIGITS)} \n")
            file.write(f'            mark = "{place}" \n')


def _tiers(events: Iterable[Event]) -> dict[str, list[tuple[float, float]]]:
    """For each label its spans in order, joined where they overlap."""
    tiers: dict[str, list[tuple[float, float]]] = {}
    for e in sorted(events, key=lambda e: (e.onset, e.offset)):
        onset, offset = round(max(0.0, e.onset), DIGITS), round(e.offset, DIGITS)
        spans = tiers.setdefault(one_line(e.label), [])
        if spans and onset < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], offset))
        elif onset < offset:
            spans.append((onset, offset))
    return tiers


def _words(words: Iterable[Word]) -> list[Interval]:
    intervals: list[Interval] = []
    for place, word in enumerate(words, start=1):
        onset = round(max(word.onset, intervals[-1][1] if intervals else 0.0), DIGITS)
        offset = round(word.offset, DIGITS)
        if onset < offset:
            intervals.append((onset, offset, one_line(word.text or "") or str(place)))
    return intervals


def _contiguous(marked: Iterable[Interval], end: float) -> Iterator[Interval]:
    """The intervals, with empty ones between them and around them."""
    last = 0.0
    for onset, offset, text in marked:
        if onset > last:
            yield last, onset, ""
        yield onset, offset, text
        last = offset
    if last < end:
        yield last, end, ""


def _write_tier(file: TextIO, index: int, name: str, intervals: list[Interval], end: float) -> None:
    _head(file, index, name, "IntervalTier", end)
    file.write(f"        intervals: size = {len(intervals)} \n")
    for place, (onset, offset, text) in enumerate(intervals, start=1):
        file.write(f"        intervals [{place}]:\n            xmin = {number(onset, DIGITS)} \n")
        file.write(f"            xmax = {number(offset, DIGITS)} \n            text = {_quoted(text)} \n")


def _head(file: TextIO, index: int, name: str, kind: str, end: float) -> None:
    file.write(f'    item [{index}]:\n        class = "{kind}" \n        name = {_quoted(name)} \n')
    file.write(f"        xmin = 0 \n        xmax = {number(end, DIGITS)} \n")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        string, flag, free = match.groups()
        yield string.replace('""', '"') if string is not None else flag or free


def _read_tier(tokens: Iterator[str], where: str) -> list[Event]:
    kind, _name, _xmin, _xmax = (next(tokens) for _ in range(4))
    size = int(next(tokens))
    if kind == "TextTier":
        for _ in range(2 * size):
            next(tokens)
        return []
    rows = [(next(tokens), next(tokens), next(tokens)) for _ in range(size)]
    return [event(onset, offset, text, 1.0, where) for onset, offset, text in rows if text.strip()]
