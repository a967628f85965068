r"""Text of files, tags and labels made harmless for where it goes, one function for each kind of output.

    visible     a terminal, one line: control characters as escapes such as \x1b
    visible_lines   the same for text of several lines
    one_line    formats of lines (RTTM, Audacity, TextGrid, captions): control characters become spaces
    one_field   formats of fields parted by spaces (RTTM, CTM): spaces become underscores
    encodable   formats that can hold any character, such as CSV and JSON
    in_json     JSON: control characters as its own escapes
    guarded     a cell of a table that people open in a spreadsheet; `SheetWriter` writes rows of them
    unguarded   the same cell as it was

Ordinary text stays as it is in all of them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

# Control characters, what ends a line, what turns the direction of writing around, and halves of characters, as which
# Python reads bytes of file names that are no text.
_HARMFUL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_HARMFUL_IN_LINES = re.compile(rf"(?!\r?\n){_HARMFUL.pattern}")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_HARMFUL_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# What a spreadsheet takes for a formula, behind apostrophes of the text itself: a sign alone is none, nor is a number.
_FORMULA = re.compile(r"'*(?:[\t\r]|[=@+-].)", re.DOTALL)
_NUMBER = re.compile(r"[+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def visible(text: object) -> str:
    r"""Text on one line of a terminal, which obeys nothing in it.

    >>> print(visible("a\x1b[2Jb\n.wav"))
    a\x1b[2Jb\n.wav
    """
    return _HARMFUL.sub(_escape, str(text))


def visible_lines(text: str) -> str:
    """The same for several lines, which end in a line feed, or in a carriage return and that."""
    return _HARMFUL_IN_LINES.sub(_escape, text)


def one_line(text: str) -> str:
    """Text without control characters, line breaks, tabs and runs of spaces, that can be encoded as UTF-8."""
    return encodable(" ".join(_CONTROL.sub(" ", text).split()))


def one_field(text: str) -> str:
    """The same as a field of a line whose fields are parted by spaces, such as those of RTTM and CTM."""
    return one_line(text).replace(" ", "_") or "<NA>"


def number_of(count: int, what: str) -> str:
    """Such as `1 clip` or `2,000 clips`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def encodable(text: str) -> str:
    """Text that can be encoded as UTF-8: a file name on Linux may hold bytes that cannot."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def in_json(value: Any, **options: Any) -> str:
    """A value as JSON with non-ASCII letters as they are; `options` are those of `json.dumps`."""
    return _HARMFUL_IN_JSON.sub(lambda one: f"\\u{ord(one[0]):04x}", json.dumps(value, ensure_ascii=False, **options))


def guarded(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: such text gets an apostrophe in front; numbers stay.

    >>> guarded("=1+1"), guarded("-5.2"), guarded(-5.2), guarded("dog"), guarded("'=1")
    ("'=1+1", '-5.2', -5.2, 'dog', "''=1")
    """
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def unguarded(cell: str) -> str:
    """The cell that `guarded` was given.

    >>> unguarded("'=1+1"), unguarded("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


class SheetWriter:
    """Writes a CSV table whose text no spreadsheet takes for formulas; `unguarded` gives a cell as it was."""

    def __init__(self, file: TextIO, lineterminator: str = "\n") -> None:
        self._file, self._end = file, lineterminator
        self._writer = csv.writer(self)  # whose rows end in CRLF: so it quotes cells that hold either of these

    def writerow(self, row: Iterable[Any]) -> None:
        """Write one row."""
        self._writer.writerow([guarded(cell) for cell in row])

    def write(self, line: str) -> None:
        """What `csv.writer` calls with each row."""
        self._file.write(line.removesuffix("\r\n") + self._end)

    def writerows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write rows as they come."""
        for row in rows:
            self.writerow(row)

    def write_by_name(self, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the names of the columns, and rows whose values have these names; those that lack are empty."""
        names = list(columns)
        self.writerow(names)
        self.writerows([row.get(name, "") for name in names] for row in rows)


def _escape(one: re.Match[str]) -> str:
    return one[0].encode("unicode_escape").decode("ascii")


def _is_formula(cell: str) -> bool:
    return bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell.lstrip("'"))
