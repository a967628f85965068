"""What became of each clip, kept in a database beside the clips, so that a run goes on where another stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from earmark.datasets.audioset.outcomes import LASTING, Outcome
from earmark.errors import DatasetError

VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS clips (
    name TEXT PRIMARY KEY, video TEXT NOT NULL, start REAL NOT NULL, "end" REAL NOT NULL,
    labels TEXT NOT NULL, path TEXT NOT NULL,
    outcome TEXT NOT NULL, message TEXT NOT NULL, time TEXT NOT NULL, attempts INTEGER NOT NULL,
    signed_in INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = 'name, video, start, "end", labels, path, outcome, message, time, attempts, signed_in'


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a clip."""

    name: str
    """Its segment's name."""
    video: str
    start: float
    """Seconds into the video."""
    end: float
    labels: tuple[str, ...]
    path: str
    """Of its file, in the folder that is filled."""
    outcome: Outcome
    message: str = ""
    """Why it is not there, or what else is to be said of it."""
    time: str = ""
    """When it was last written, ISO 8601, UTC; the ledger fills it in."""
    attempts: int = 0
    """How often it was asked for, in all runs."""
    signed_in: bool = False
    """Whether cookies were sent."""

    def settled(self, signed_in: bool) -> bool:
        """Whether it is not to be asked for again; cookies may open what is closed to the young."""
        if self.outcome is Outcome.AGE and signed_in and not self.signed_in:
            return False
        return self.outcome in LASTING


class Ledger:
    """A row for each clip. Each is on the disk before `record` returns, and survives the end of the process."""

    def __init__(self, path: Path) -> None:
        """Open or make it; `close` it in the end.

        Raises:
            DatasetError: the file is no ledger, or cannot be written.
        """
        self._path = path
        with self._told():
            # Each statement is its own transaction. WAL: a reader may look while a run writes.
            self._database = sqlite3.connect(path, isolation_level=None)
        try:
            with self._told():
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = NORMAL")
                self._database.executescript(_TABLES)
            self.agree("version", str(VERSION), "move it away: clips in place are recognised")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Ledger:
        """The ledger itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def agree(self, key: str, value: str, remedy: str) -> None:
        """Keep what all clips have in common, or make sure that it is as it was.

        Raises:
            DatasetError: it is not, with this remedy.
        """
        with self._told():
            self._database.execute("INSERT OR IGNORE INTO made VALUES (?, ?)", (key, value))
            found = self._database.execute("SELECT value FROM made WHERE key = ?", (key,)).fetchone()[0]
        if found != value:
            raise DatasetError(self._path, f"was made with {key} {found}, not {value}", remedy)

    def record(self, row: Row) -> None:
        """Write what became of a clip; attempts add up."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (row.name, row.video, row.start, row.end, ";".join(row.labels), row.path)
        said = (row.outcome.value, row.message, now, row.attempts, row.signed_in)
        with self._told():
            self._database.execute(
                f"INSERT INTO clips ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET labels = excluded.labels, path = excluded.path, "
                "outcome = excluded.outcome, message = excluded.message, time = excluded.time, "
                "attempts = attempts + excluded.attempts, signed_in = excluded.signed_in",
                values + said,
            )

    def rows(self) -> dict[str, Row]:
        """All rows by the clip's name."""
        with self._told():
            found = self._database.execute(f"SELECT {_COLUMNS} FROM clips ORDER BY name").fetchall()
            return {values[0]: _row(values) for values in found}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The database's errors as ours."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            remedy = "look at the disk, or move the ledger away: clips in place are recognised"
            raise DatasetError(self._path, f"cannot be used as a ledger ({error})", remedy) from error


def _row(values: tuple[str, str, float, float, str, str, str, str, str, int, int]) -> Row:
    name, video, start, end, labels, path, outcome, message, time, attempts, signed_in = values
    told = tuple(labels.split(";")) if labels else ()
    return Row(name, video, start, end, told, path, Outcome(outcome), message, time, attempts, bool(signed_in))
