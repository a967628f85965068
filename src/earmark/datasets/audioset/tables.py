"""AudioSet's own tables: which segments of which videos carry which labels, and what classes are called.

Layout: https://research.google.com/audioset/download.html. Lines that begin with `#` are comments; a comma and perhaps
a blank separate; the labels come last, in quotes where there are several.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import NoReturn

from earmark.datasets import rows
from earmark.datasets.audioset.segment import Segment
from earmark.errors import DatasetError

COLUMNS = ("YTID", "start_seconds", "end_seconds", "positive_labels")

_VIDEO = re.compile(r"[\w-]{11}", re.ASCII)
_LABEL = re.compile(r'[^\s",]+')


def read(table: Path, carrying: Set[str] | None = None) -> Iterator[Segment]:
    """The segments of one table in its order, line by line: it may have millions.

    Args:
        table: A CSV file such as `balanced_train_segments.csv`.
        carrying: Only segments that carry one of these classes (identifiers); None: all. The others cost less than half
            the time, and no memory.

    Raises:
        DatasetError: the file cannot be read or is no such table; the error names the line.
    """
    try:
        with table.open(encoding="utf-8-sig") as file:
            yield from _segments(table, file, carrying)
    except OSError as error:
        raise DatasetError(table, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(table, "is not UTF-8 text", "fetch it again") from error


def read_all(tables: Iterable[Path], carrying: Set[str] | None = None) -> Iterator[Segment]:
    """The segments of several tables, each once, though several may list it."""
    seen: set[str] = set()
    for table in tables:
        for segment in read(table, carrying):
            if segment.name not in seen:
                seen.add(segment.name)
                yield segment


def read_names(table: Path) -> dict[str, str]:
    """What `class_labels_indices.csv` calls the 527 classes that segments are labelled with, by their identifiers."""
    return {row.required("mid"): row.required("display_name") for row in rows.read(table, ("mid", "display_name"))}


def _segments(table: Path, lines: Iterable[str], carrying: Set[str] | None) -> Iterator[Segment]:
    known: dict[str, str] = {}  # one string for each class, whatever the number of segments
    listed = False
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or line.isspace():
            continue
        cells = line.split(",", 3)
        if len(cells) < 4:
            _refuse(table, number, f"is not {', '.join(COLUMNS)}")
        listed = True
        labels = cells[3].strip(' "\n').split(",")
        if carrying is not None and carrying.isdisjoint(labels):
            continue
        try:
            yield _segment(cells, tuple(known.setdefault(label, label) for label in labels))
        except ValueError as error:
            _refuse(table, number, str(error))
    if not listed:
        raise DatasetError(table, "lists no segments", "give one of AudioSet's tables of segments")


def _segment(cells: list[str], labels: tuple[str, ...]) -> Segment:
    video, start, end = cells[0].strip(), float(cells[1]), float(cells[2])
    if not _VIDEO.fullmatch(video):
        raise ValueError(f"{video!r} is no video's identifier")
    if not 0 <= start < end < math.inf:
        raise ValueError(f"{start:g} to {end:g} s is no stretch of a video")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label")
    return Segment(video, start, end, labels)


def _refuse(table: Path, line: int, reason: str) -> NoReturn:
    raise DatasetError(table, f"line {line}: {reason}", "give one of AudioSet's tables of segments, or fetch it again")
