"""Tables (CSV) that say all about a dataset: of clips, and of events within them. Errors name the line and the column.

The dataset table:

| column | meaning | |
|---|---|---|
| path | the recording, relative to the table or absolute | required |
| start, end | seconds into the recording; empty: from its beginning, to its end | |
| labels | separated by `;`; empty: none of the labels occurs | required |
| fold | a whole number | |
| source | the original recording; by default the path | |
| split | such as train or test | |
| licence | of the recording: `use: commercial` goes by it | |

The table of events (strong labels):

| column | meaning |
|---|---|
| path | the recording, as the dataset table writes it |
| onset, offset | seconds |
| label | what sounds |
"""

from __future__ import annotations

import csv
import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from earmark.datasets import media_files
from earmark.datasets.clips import Clip, Dataset, of_use
from earmark.errors import DatasetError, EarmarkWarning
from earmark.events.timeline import Event
from earmark.util.atomic import atomic_write
from earmark.util.text import SheetWriter, unguarded

if TYPE_CHECKING:
    from _csv import Reader

CLIP_COLUMNS = ("path", "start", "end", "labels", "fold", "source", "split")
LICENCE_COLUMN = "licence"  # a column that is read, and not written

EVENT_COLUMNS = ("path", "onset", "offset", "label")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its values by column."""

    table: Path
    line: int
    values: dict[str, str]

    def text(self, column: str) -> str:
        """The value, without blanks around it; empty where the table lacks the column."""
        return self.values.get(column, "").strip()

    def required(self, column: str) -> str:
        """The value, which must not be empty."""
        return self.text(column) or self.fail(column, "is empty")

    def number(self, column: str) -> float | None:
        """A finite number that is not negative, or None where nothing stands."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            self.fail(column, f"{text!r} is not a number")
        if not math.isfinite(value) or value < 0:
            self.fail(column, f"{text} is not a number of seconds from 0 up")
        return value

    def integer(self, column: str) -> int | None:
        """A whole number, or None where nothing stands; 3.0 counts as 3, as spreadsheets write it."""
        text = self.text(column)
        try:
            value = float(text) if text else None
            if value is not None and value != int(value):
                raise ValueError
        except (ValueError, OverflowError):
            self.fail(column, f"{text!r} is not a whole number")
        return None if value is None else int(value)

    def fail(self, column: str, reason: str) -> NoReturn:
        """Refuse the table because of one value."""
        raise DatasetError(self.table, f"line {self.line}, column {column}: {reason}", "correct the table")


def read_rows(table: Path, required: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file with a header.

    Raises DatasetError: the file cannot be read, is not UTF-8, lacks a column, or has a row that is too long.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(table, csv.reader(file, strict=True), required)
    except OSError as error:
        raise DatasetError(table, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(table, "is not UTF-8 text", "save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise DatasetError(table, f"is not CSV ({error})", "save it as CSV in UTF-8") from error


def read_columns(table: Path) -> tuple[str, ...]:
    """The columns of a CSV file, as `Row` names them."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        return _columns(next(csv.reader(file), []))


def _columns(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in cells)


def _rows(table: Path, reader: Reader, required: tuple[str, ...]) -> Iterator[Row]:
    columns = _columns(next(reader, []))
    _check_columns(table, columns, required)
    line = reader.line_num
    for cells in reader:
        line, first = reader.line_num, line + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            reason = f"line {first} has {len(cells)} values for {len(columns)} columns"
            raise DatasetError(table, reason, "put values that hold a comma in double quotes")
        yield Row(table, first, dict(zip(columns, map(unguarded, cells), strict=False)))


def _check_columns(table: Path, columns: tuple[str, ...], required: tuple[str, ...]) -> None:
    lacking = [name for name in required if name not in columns]
    if not lacking:
        doubled = [name for name in columns if name and columns.count(name) > 1]
        if doubled:
            raise DatasetError(table, f"has the column {doubled[0]} twice", "keep one")
        return
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        raise DatasetError(table, "its columns are not separated by commas", "save it with commas")
    has = f"it has {', '.join(columns)}" if any(columns) else "it is empty"
    raise DatasetError(table, f"lacks the column {lacking[0]} ({has})", f"columns needed: {', '.join(required)}")


def write_rows(table: Path, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Write a table, which gets its name when it is whole. Raises DatasetError: it cannot be written."""
    try:
        with atomic_write(table) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = SheetWriter(file)
            writer.writerow(columns)
            writer.writerows(lines)
    except (OSError, UnicodeEncodeError) as error:
        raise DatasetError(table, f"cannot be written ({error})") from error


def read_clips(
    root: Path,
    *,
    missing: str = "error",
    exclusive: bool | None = None,
    licence: str = "",
    split: str | Sequence[str] | None = None,
    use: str = "any",
) -> Dataset:
    """Read a dataset table.

    Parameters
    ----------
    root
        The CSV file.
    missing
        `error` refuses a table without some of its files; `skip` warns and leaves them out.
    exclusive
        Whether labels exclude each other; by default, whether every clip has exactly one.
    licence
        What the model card says of the data.
    split
        Only the clips of these splits.
    use
        `commercial`: only clips whose `licence` allows it.
    """
    named = [(_clip(row), row.text(LICENCE_COLUMN)) for row in read_rows(root, ("path", "labels"))]
    listed = of_use(root, named, use) if named else []
    if split is not None:
        listed = _of_split(root, listed, {split} if isinstance(split, str) else set(split))
    if not listed:
        raise DatasetError(root, "lists no clips")
    _warn_of_columns(root)
    there = {path: path.is_file() for path in {clip.path for clip in listed}}
    clips, absent = media_files.partition(listed, (there[clip.path] for clip in listed))
    media_files.refuse_or_warn(root, absent, len(clips), missing)
    if exclusive is None:
        exclusive = all(len(clip.labels) == 1 for clip in clips)
    return Dataset(root.stem, clips, licence, exclusive, missing=absent)


def write_clips(dataset: Dataset, path: Path) -> None:
    """Write a dataset table; paths below its folder become relative, so that both can be moved together."""
    home = path.resolve().parent
    lines = [_clip_cells(path, clip, home) for clip in dataset.clips]
    write_rows(path, CLIP_COLUMNS, lines)


def _of_split(root: Path, clips: Sequence[Clip], wanted: set[str]) -> list[Clip]:
    there = {clip.split for clip in clips if clip.split is not None}
    for name in sorted(wanted - there):
        known = f"choose among {', '.join(sorted(there))}" if there else "it names none in its column split"
        raise DatasetError(root, f"has no split {name}", known)
    return [clip for clip in clips if clip.split in wanted]


def _clip(row: Row) -> Clip:
    name = row.values.get("path", "")
    if not name.strip():
        row.fail("path", "is empty")
    start, end = row.number("start") or 0.0, row.number("end")
    if end is not None and end <= start:
        row.fail("end", f"{end:g} is not after start, {start:g}")
    labels = tuple(label.strip() for label in row.text("labels").split(";") if label.strip())
    return Clip(
        path=row.table.parent / name,
        start=start,
        end=end,
        labels=labels,
        fold=row.integer("fold"),
        source=row.text("source") or name,
        split=row.text("split") or None,
    )


def _clip_cells(table: Path, clip: Clip, home: Path) -> tuple[str, ...]:
    path = media_files.absolute(clip.path)
    name = path.relative_to(home) if path.is_relative_to(home) else path
    for label in clip.labels:
        if not label or ";" in label or label != label.strip():
            raise DatasetError(table, f"the label {label!r} of {clip.path} cannot stand in a table", "rename it")
    return (
        name.as_posix(),
        repr(clip.start) if clip.start else "",
        "" if clip.end is None else repr(clip.end),
        ";".join(clip.labels),
        "" if clip.fold is None else str(clip.fold),
        clip.source,
        clip.split or "",
    )


def _warn_of_columns(table: Path) -> None:
    unknown = [name for name in read_columns(table) if name and name not in (*CLIP_COLUMNS, LICENCE_COLUMN)]
    if unknown:
        known = ", ".join((*CLIP_COLUMNS, LICENCE_COLUMN))
        message = f"{table}: columns {', '.join(unknown)} mean nothing here; known are {known}"
        warnings.warn(message, EarmarkWarning, stacklevel=3)


def read_events(path: Path) -> dict[str, tuple[Event, ...]]:
    """The events of each recording, by its path as it is written in the table; recordings without events are missing.

    Every score is 1: these events are the truth.

    Raises DatasetError: the table cannot be read, or an event ends before it begins or has no label.
    """
    found: dict[str, list[Event]] = defaultdict(list)
    for row in read_rows(path, EVENT_COLUMNS):
        onset, offset = (_seconds(row, column) for column in ("onset", "offset"))
        if offset <= onset:
            row.fail("offset", f"{offset:g} is not after onset, {onset:g}")
        found[row.required("path")].append(Event(onset, offset, row.required("label"), 1.0))
    return {name: tuple(events) for name, events in found.items()}


def write_events(events: Mapping[str, Sequence[Event]], path: Path) -> None:
    """Write a table of events, in the order given; it gets its name when it is whole.

    Raises DatasetError: it cannot be written, or not so that it could be read back.
    """
    lines = [_event_cells(path, name, event) for name, listed in events.items() for event in listed]
    write_rows(path, EVENT_COLUMNS, lines)


def _seconds(row: Row, column: str) -> float:
    row.required(column)
    return row.number(column) or 0.0


def _event_cells(table: Path, name: str, event: Event) -> tuple[str, str, str, str]:
    for text in (name, event.label):
        if not text or text != text.strip():
            raise DatasetError(table, f"{text!r} of {name!r} cannot stand in a table", "rename it")
    if not 0 <= event.onset < event.offset < float("inf"):
        raise DatasetError(table, f"{name}: an event cannot last from {event.onset} to {event.offset}")
    return name, repr(float(event.onset)), repr(float(event.offset)), event.label
