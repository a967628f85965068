"""Rows of a CSV table, whose errors name the line and the column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from earmark.errors import DatasetError
from earmark.util.atomic import atomic_write
from earmark.util.text import SheetWriter, unguarded

if TYPE_CHECKING:
    from _csv import Reader


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


def read(table: Path, required: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file with a header.

    Raises:
        DatasetError: the file cannot be read, is not UTF-8, lacks a column, or has a row that is too long.
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


def header(table: Path) -> tuple[str, ...]:
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


def write(table: Path, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Write a table, which gets its name when it is whole.

    Raises:
        DatasetError: it cannot be written.
    """
    try:
        with atomic_write(table) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = SheetWriter(file)
            writer.writerow(columns)
            writer.writerows(lines)
    except (OSError, UnicodeEncodeError) as error:
        raise DatasetError(table, f"cannot be written ({error})") from error
