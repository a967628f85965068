"""An index as DuckDB reads it (Raasveldt and Mühleisen, SIGMOD 2019): its Parquet files are its tables."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from earmark.archive import layout
from earmark.errors import EarmarkError

Row = tuple[Any, ...]
Rows = list[Row]
Taken = TypeVar("Taken")

ROWS_AT_ONCE = 10_000  # rows that are in memory where they are taken one by one
PATIENCE = 5  # times that a query is asked while batches are replaced under it
# Nothing is fetched from anywhere.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
_TABLE = "read_parquet(${}, hive_partitioning = false)"
_WILD = re.compile(r"[\[*?]")

EVENTS, SECONDS, RECORDINGS = (_TABLE.format(name) for name in ("events", "seconds", "recordings"))
"""The tables, as they stand in SQL that is given to `Index.rows`."""


class Index:
    """An index that is searched; somebody may be writing to it.

    Raises
    ------
    EarmarkError
        There is no index, or nothing in it yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options = layout.read_options(folder)
        if not layout.batches(folder):
            raise EarmarkError(folder, "holds no recordings yet", "wait for `earmark index`, or start it again")
        self._connection = duckdb.connect(config=_CONFIG | {"temp_directory": tempfile.gettempdir()})

    def rows(self, sql: str, values: Mapping[str, object]) -> Rows:
        """What a query gives, in which `EVENTS`, `SECONDS` and `RECORDINGS` are the tables, and `$name` the values."""
        return self._asked(sql, values, lambda result: result.fetchall())

    def each(self, sql: str, values: Mapping[str, object]) -> Iterator[Row]:
        """The same rows one by one, of which few are in memory at a time. The query has to sort them."""
        return _one_by_one(*self._asked(sql, values, lambda result: (result, result.fetchmany(ROWS_AT_ONCE))))

    def _asked(
        self, sql: str, values: Mapping[str, object], take: Callable[[duckdb.DuckDBPyConnection], Taken]
    ) -> Taken:
        """What is taken of a query's result, which is asked for again where files were replaced meanwhile."""
        for _ in range(PATIENCE):
            files = {name: layout.files(self.folder, name) for name in layout.TABLES if f"${name}" in sql}
            escaped = {name: [_literal(file) for file in there] for name, there in files.items()}
            try:
                return take(self._connection.cursor().execute(sql, {**values, **escaped}))
            except duckdb.Error as error:
                if all(there == layout.files(self.folder, name) for name, there in files.items()):
                    _blame(files)
                    raise EarmarkError(self.folder, f"cannot be searched ({_first_line(error)})") from error
        raise EarmarkError(self.folder, "changes too fast to be searched", "wait until `earmark index` is done")


def _one_by_one(result: duckdb.DuckDBPyConnection, some: Rows) -> Iterator[Row]:
    while some:
        yield from some
        some = result.fetchmany(ROWS_AT_ONCE)


def _literal(path: str) -> str:
    """The path as a pattern that only it matches: DuckDB takes names for patterns."""
    return _WILD.sub(r"[\g<0>]", path)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _blame(files: Mapping[str, list[str]]) -> None:
    """Raise an error that names the first file that cannot be read, if one cannot."""
    for name, there in files.items():
        for file in there:
            try:
                with pq.ParquetFile(file) as opened:
                    missing = set(layout.TABLES[name].names) - set(opened.schema_arrow.names)
                    for group in range(opened.num_row_groups if not missing else 0):
                        opened.read_row_group(group)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(Path(file), _first_line(error)) from error
            if missing:
                raise _damaged(Path(file), f"lacks the column {min(missing)}")


def _damaged(file: Path, why: str) -> EarmarkError:
    return EarmarkError(file, f"is damaged ({why})", f"delete the folder {file.parent}, and run `earmark index` again")
