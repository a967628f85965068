"""Ground truth: where the words are in a recording, as a file beside it says.

| beside `talk.flac` | what it holds |
|---|---|
| `talk.words.json`, `talk.json` | words JSON without a classifier: what a classifier found is no truth |
| `talk.TextGrid` | Praat's intervals: the tier `words`, or else the first tier in which something is marked |
| `talk.lab` | lines of start and end in seconds, and `V` for voice or `S` for silence |

The first that is there counts.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from earmark.datasets import media_files
from earmark.errors import DatasetError, EarmarkError
from earmark.events.timeline import Timeline
from earmark.formats import json_files
from earmark.formats.textgrid import TextGrid
from earmark.speech.segmentation import Word, Words

WORD_TIERS = ("words", "word")
SILENCES = ("sil", "sp", "pau", "<sil>", "<eps>", "<p:>", "#")
"""What aligners write into intervals in which nobody speaks, if they do not leave them empty."""

_TIER = re.compile(r'"(IntervalTier|TextTier)"\s+(?:name\s*=\s*)?"((?:[^"]|"")*)"')


def truth_beside(path: Path) -> Words | None:
    """The ground truth that lies beside a recording, or None.

    Raises EarmarkError: a truth is there and cannot be read.
    """
    for suffix, read in READERS:
        file = path.with_name(path.stem + suffix)
        if file != path and file.is_file():
            words = read(file)
            if words is not None:
                return replace(words, recording=path.name)
    return None


def find_truths(folder: Path) -> list[tuple[Path, Words]]:
    """The recordings below a folder that have a ground truth beside them, sorted, and their truths.

    Raises EarmarkError: there is no such folder, or a truth cannot be read.
    """
    if not folder.is_dir():
        raise DatasetError(folder, "is no folder", "give a folder of recordings with their ground truth")
    return [(path, words) for path in media_files.walk(folder) if (words := truth_beside(path)) is not None]


def _json(file: Path) -> Words | None:
    """Words JSON that nobody but a person or a synthesis made; other programs' JSON is passed over."""
    try:
        content = json.loads(_content(file))
    except (ValueError, RecursionError) as error:
        if file.name.endswith(json_files.WordsJson.suffix):
            raise EarmarkError(file, f"is not JSON ({error})") from error
        return None
    if not file.name.endswith(json_files.WordsJson.suffix) and not (isinstance(content, dict) and "words" in content):
        return None
    words = json_files.parse_words(content, str(file))
    return words if words.classifier is None else None


def _textgrid(file: Path) -> Words:
    text = _content(file)
    duration = _read_textgrid(file, text).duration
    tiers = [(name, _read_textgrid(file, grid)) for name, grid in _tiers(text, duration)]
    named = [tier for name, tier in tiers if name.strip().casefold() in WORD_TIERS]
    marked = [tier for _, tier in tiers if _tier_words(tier)]
    chosen = (named or marked or [Timeline("", duration, "")])[0]
    return Words("", max(duration, chosen.duration)).with_words(_tier_words(chosen))


def _tier_words(tier: Timeline) -> list[Word]:
    spoken = [event for event in tier.events if event.label.strip().casefold() not in SILENCES]
    return [Word(event.onset, event.offset, text=event.label.strip()) for event in spoken]


def _tiers(text: str, duration: float) -> Iterator[tuple[str, str]]:
    """The name of each tier of intervals, and a TextGrid with that tier alone."""
    heads = list(_TIER.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    for head, end in zip(heads, ends, strict=True):
        if head[1] == "IntervalTier":
            tier = text[head.start() : end]
            yield head[2].replace('""', '"'), f'"ooTextFile" "TextGrid" 0 {duration} <exists> 1 {tier}'


def _read_textgrid(file: Path, text: str) -> Timeline:
    stream = io.StringIO(text)
    stream.name = str(file)
    return TextGrid().read(stream)


def _lab(file: Path) -> Words:
    marked, end = [], 0.0
    for number, line in enumerate(_content(file).splitlines(), start=1):
        if line.strip():
            onset, offset, label = _lab_line(line.split(), f"{file}, line {number}")
            end = max(end, offset)
            if label == "V":
                marked.append(Word(onset, offset))
    return Words("", end).with_words(marked)


def _lab_line(fields: list[str], where: str) -> tuple[float, float, str]:
    try:
        onset, offset, label = float(fields[0]), float(fields[1]), fields[2]
    except (IndexError, ValueError) as error:
        raise EarmarkError(where, "is no label", "write start, end in seconds, and V or S") from error
    if not 0 <= onset <= offset < math.inf:
        raise EarmarkError(where, f"cannot last from {fields[0]} to {fields[1]}", "give seconds, start first")
    if label not in ("V", "S"):
        raise EarmarkError(where, f"the label {label} is not known", "V is voice, S is silence")
    return onset, offset, label


def _content(file: Path) -> str:
    """The text of a file, UTF-8, or UTF-16 where a byte order mark says so: Praat writes that."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise EarmarkError(file, f"cannot be opened ({error.strerror})") from error
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise EarmarkError(file, "is not UTF-8 text", "save it as UTF-8") from error


READERS: tuple[tuple[str, Callable[[Path], Words | None]], ...] = (
    (json_files.WordsJson.suffix, _json),
    (".json", _json),
    (".TextGrid", _textgrid),
    (".lab", _lab),
)
"""What reads each kind of truth, by what follows the recording's stem; the first that is there counts."""
