"""What became of each clip that was asked for: outcomes, the database that keeps them, and the report of a run."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from earmark.datasets.audioset.tables import Segment
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


class Outcome(StrEnum):
    """What became of a clip."""

    DONE = "done"  # its file is in place
    GONE = "gone"  # the video was removed, or its account closed
    PRIVATE = "private"  # the video is for its owner, for members or for those who pay
    AGE = "age"  # the video asks for a signed-in grown-up
    REGION = "region"  # the video is not shown in this country
    REFUSED = "refused"  # the server did not give it this time, or did not say why: a later run tries again
    EMPTY = "empty"  # there is no sound where the clip should be
    DAMAGED = "damaged"  # it cannot be decoded, or much of its span is missing


LASTING = frozenset(Outcome) - {Outcome.DONE, Outcome.REFUSED}  # failures that asking again does not mend


class ClipError(Exception):
    """A clip that was not had.

    `str(failure)` is what the ledger keeps. A failure that is `REFUSED` may pass.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        again: bool = False,
        blocked: bool = False,
        wait: float | None = None,
    ) -> None:
        """`message` is one line.

        `again`: it may have passed in a while, within the same run. `blocked`: the server turns us away rather than
        this clip, and all workers must hold back. `wait`: seconds that the server asked us to wait.
        """
        super().__init__(" ".join(message.split()))
        self.outcome = outcome
        self.again = again
        self.blocked = blocked
        self.wait = wait


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What is known of a clip."""

    name: str  # its segment's name
    video: str
    start: float  # seconds into the video
    end: float
    labels: tuple[str, ...]
    path: str  # of its file, in the folder that is filled
    outcome: Outcome
    message: str = ""  # why it is not there, or what else is to be said of it
    time: str = ""  # when it was last written, ISO 8601, UTC; the ledger fills it in
    attempts: int = 0  # how often it was asked for, in all runs
    signed_in: bool = False  # whether cookies were sent

    def settled(self, signed_in: bool) -> bool:
        """Whether it is not to be asked for again; cookies may open what is closed to the young."""
        if self.outcome is Outcome.AGE and signed_in and not self.signed_in:
            return False
        return self.outcome in LASTING


class Ledger:
    """A row for each clip. Each is on the disk before `record` returns, and survives the end of the process."""

    def __init__(self, path: Path) -> None:
        """Open or make it; `close` it in the end. Raises DatasetError: the file is no ledger, or cannot be written."""
        self._path = path
        with self._errors_as_ours():
            # Each statement is its own transaction. WAL: a reader may look while a run writes.
            self._database = sqlite3.connect(path, isolation_level=None)
        try:
            with self._errors_as_ours():
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

        Raises DatasetError: it is not, with this remedy.
        """
        with self._errors_as_ours():
            self._database.execute("INSERT OR IGNORE INTO made VALUES (?, ?)", (key, value))
            found = self._database.execute("SELECT value FROM made WHERE key = ?", (key,)).fetchone()[0]
        if found != value:
            raise DatasetError(self._path, f"was made with {key} {found}, not {value}", remedy)

    def record(self, row: LedgerRow) -> None:
        """Write what became of a clip; attempts add up."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (row.name, row.video, row.start, row.end, ";".join(row.labels), row.path)
        said = (row.outcome.value, row.message, now, row.attempts, row.signed_in)
        with self._errors_as_ours():
            self._database.execute(
                f"INSERT INTO clips ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET labels = excluded.labels, path = excluded.path, "
                "outcome = excluded.outcome, message = excluded.message, time = excluded.time, "
                "attempts = attempts + excluded.attempts, signed_in = excluded.signed_in",
                values + said,
            )

    def rows(self) -> dict[str, LedgerRow]:
        """All rows by the clip's name."""
        with self._errors_as_ours():
            found = self._database.execute(f"SELECT {_COLUMNS} FROM clips ORDER BY name").fetchall()
            return {values[0]: _row(values) for values in found}

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        """The database's errors as ours."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            remedy = "look at the disk, or move the ledger away: clips in place are recognised"
            raise DatasetError(self._path, f"cannot be used as a ledger ({error})", remedy) from error


def _row(values: tuple[str, str, float, float, str, str, str, str, str, int, int]) -> LedgerRow:
    name, video, start, end, labels, path, outcome, message, time, attempts, signed_in = values
    names = tuple(labels.split(";")) if labels else ()
    return LedgerRow(name, video, start, end, names, path, Outcome(outcome), message, time, attempts, bool(signed_in))


@dataclass(frozen=True)
class AcquisitionReport:
    """What is in place, and what became of the rest."""

    table: Path  # the dataset table of all clips in place
    quota: int  # clips wanted of each class
    outcomes: dict[str, dict[Outcome, int]]
    """For each class how many of its candidates came to what; those that were not needed are not counted."""
    messages: dict[Outcome, dict[str, int]]  # how often what was said of the clips that are not there, by outcome
    fetched: int = 0  # clips that this run fetched
    recognised: int = 0  # clips whose files lay in place without a row, from a run that was killed
    attempts: int = 0  # how often this run asked for a clip

    @property
    def in_place(self) -> dict[str, int]:
        """Clips of each class."""
        return {label: found.get(Outcome.DONE, 0) for label, found in self.outcomes.items()}

    @property
    def lacking(self) -> dict[str, int]:
        """Clips that classes lack for want of candidates, or because the run was stopped; classes that lack none
        are left out.
        """
        return {label: self.quota - found for label, found in self.in_place.items() if found < self.quota}


class RefusedError(DatasetError):
    """A run that came to a full stop, because the server kept turning it away; `report` says what was had."""

    def __init__(self, subject: object, reason: str, remedy: str, report: AcquisitionReport) -> None:
        """See `AcquisitionReport`."""
        super().__init__(subject, reason, remedy)
        self.report = report


def summarise(
    table: Path, candidates: Mapping[str, Sequence[Segment]], quota: int, rows: Mapping[str, LedgerRow], **counts: int
) -> AcquisitionReport:
    """The report of these rows; `counts` are the fields of the same names."""
    outcomes: dict[str, dict[Outcome, int]] = {}
    for label, segments in candidates.items():
        names = {segment.name for segment in segments}
        outcomes[label] = dict(Counter(rows[name].outcome for name in names if name in rows))
    asked = {segment.name for segments in candidates.values() for segment in segments}
    said = Counter((row.outcome, row.message) for row in rows.values() if row.name in asked)
    messages: dict[Outcome, dict[str, int]] = {}
    for (outcome, message), times in said.most_common():
        if outcome is not Outcome.DONE:
            messages.setdefault(outcome, {})[message] = times
    return AcquisitionReport(table, quota, outcomes, messages, **counts)
