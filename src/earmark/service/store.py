"""Jobs, in SQLite: what was accepted is there after a crash."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from earmark.errors import EarmarkError
from earmark.service.storage import is_id
from earmark.service.tasks import QUICK

_REMEDY = "move it away with the folder jobs/ beside it, or use another --folder"

State = Literal["queued", "running", "done", "failed"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    crashes INTEGER NOT NULL DEFAULT 0,
    kills INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    duration REAL,
    error TEXT,
    created REAL NOT NULL,
    started REAL,
    finished REAL
);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, number);
CREATE TABLE IF NOT EXISTS mark (mark TEXT NOT NULL);
INSERT INTO mark SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT * FROM mark);
"""
DAMAGED = {
    "title": "This job is not known any more",
    "detail": "its row in the table of jobs is damaged; send it again",
}


@dataclass(frozen=True)
class Job:
    """One recording that somebody asked about; times are seconds since the epoch."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    id: str  # 16 letters that nobody can guess
    task: str  # one of `schemas.Task`, `BURN_IN`, or `QUICK`
    name: str  # the upload's, for people; never a path
    model: str  # name of the model, or of the frame classifier
    options: Mapping[str, Any]  # the rest that was asked
    state: State = "queued"
    crashes: int = 0  # workers that it has taken down
    kills: int = 0  # workers that somebody else ended during it
    bytes: int = 0  # on disk
    seconds: float = 0.0  # of the recording that were heard so far
    duration: float | None = None  # of the recording, where it is known
    error: Mapping[str, Any] | None = None  # title and detail of what went wrong
    created: float = 0.0
    started: float | None = None
    finished: float | None = None


COLUMNS = [column.name for column in fields(Job)]


class Store:
    """The table of jobs. One process writes it, from several threads; each change is on disk when its call returns.

    `mark` tells it from any other: it stands in the folder of its jobs, too.

    Parameters
    ----------
    path
        The database file, made where it is missing.

    Raises
    ------
    EarmarkError
        The file is damaged, no database, or one of something else.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._progress: dict[str, tuple[float, float | None]] = {}
        self._awaited: dict[str, Future[None]] = {}
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.text_factory = _text
            self._database.row_factory = sqlite3.Row
            self._check(path)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(SCHEMA)
            self.mark = str(self._database.execute("SELECT mark FROM mark").fetchone()[0])
            self._database.execute("BEGIN IMMEDIATE")  # can it be written?
            self._database.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise EarmarkError(path, f"cannot be used as the table of jobs ({error})", _REMEDY) from error

    def _check(self, path: Path) -> None:
        """Refuse a database of something else, before anything is written to it."""
        tables = self._rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        columns = {row["name"] for row in self._rows("PRAGMA table_info(jobs)")}
        (state,) = self._rows("PRAGMA quick_check(1)")[0]
        reason = None if state == "ok" else f"is damaged ({' '.join(str(state).split())})"
        if tables and not columns.issuperset(COLUMNS):
            reason = "is a database of something else"
        if reason:
            self._database.close()
            raise EarmarkError(path, reason, _REMEDY)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def add(self, job: Job, most: int | None = None) -> bool:
        """Take a job, unless `most` wait in its lane already; once this returns True, it is not lost."""
        with self._lock:
            if most is not None and self.waiting(job.task == QUICK) >= most:
                return False
            self._do(
                "INSERT INTO jobs (id, task, name, model, options, bytes, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
                job.id, job.task, job.name, job.model, json.dumps(dict(job.options)), job.bytes,
                job.created or time.time(),
            )  # fmt: skip
            return True

    def get(self, job_id: str) -> Job | None:
        """The job of this id."""
        found = self._jobs("WHERE id = ?", job_id)
        return found[0] if found else None

    def listed(self, limit: int = 100) -> list[Job]:
        """The newest first, but for those that a request waits for."""
        return self._jobs("WHERE task != ? ORDER BY number DESC LIMIT ?", QUICK, limit)

    def every(self) -> list[Job]:
        """All, oldest first."""
        return self._jobs("ORDER BY number")

    def claim(self, quick: bool) -> Job | None:
        """The oldest waiting job, which runs from now on: one that a request waits for, or one of the others."""
        with self._lock:
            lane = f"WHERE state = 'queued' AND task {'=' if quick else '!='} ? ORDER BY number LIMIT 1"
            while (found := self._jobs(lane, QUICK)) and found[0].state == "failed":
                self.fail(found[0].id, DAMAGED)
            if not found:
                return None
            self._do(
                "UPDATE jobs SET state = 'running', started = ?, seconds = 0 WHERE id = ?", time.time(), found[0].id
            )
            return self.get(found[0].id)

    def advance(self, job_id: str, seconds: float, duration: float | None) -> None:
        """Note how far a running job has come; not on disk, as a crash begins it anew."""
        with self._lock:
            self._progress[job_id] = seconds, duration

    def finish(self, job_id: str, duration: float, size: int) -> None:
        """Note that a job is done, of a recording so long, in so many bytes."""
        self._do(
            "UPDATE jobs SET state = 'done', finished = ?, duration = ?, seconds = ?, bytes = ? WHERE id = ?",
            time.time(), duration, duration, size, job_id,
        )  # fmt: skip
        self._over(job_id)

    def fail(self, job_id: str, error: Mapping[str, Any]) -> None:
        """Note that a job cannot be done, and why."""
        self._do(
            "UPDATE jobs SET state = 'failed', finished = ?, error = ? WHERE id = ?",
            time.time(), json.dumps(dict(error)), job_id,
        )  # fmt: skip
        self._over(job_id)

    def requeue(self, job_id: str, *, crashes: int = 0, kills: int = 0) -> None:
        """Let a job whose worker ended wait again, at its old place."""
        self._do(
            "UPDATE jobs SET state = 'queued', crashes = crashes + ?, kills = kills + ? WHERE id = ?",
            crashes, kills, job_id,
        )  # fmt: skip

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._do("DELETE FROM jobs WHERE id = ?", job_id)
        self._over(job_id)

    def ending(self, job_id: str) -> Future[None]:
        """Resolved once a job is done, failed or forgotten, which it may be already; for one who waits for it."""
        with self._lock:
            future = self._awaited.setdefault(job_id, Future())
            job = self.get(job_id)
            if job is None or job.state in ("done", "failed"):
                self._over(job_id)
            return future

    def running(self) -> list[Job]:
        """Those that a worker should be doing."""
        return [job for job in self._jobs("WHERE state = 'running'") if job.state == "running"]

    def recover(self, most_kills: int) -> None:
        """After a start: what ran waits again, unless it ran that often when everything ended.

        What a request waited for is forgotten, as its request is gone; a row that no server wrote fails.
        """
        error = json.dumps({"title": "This recording cannot be used", "detail": "the service ends whenever it is read"})
        self._do("DELETE FROM jobs WHERE task = ?", QUICK)
        self._fail_damaged()
        self._do("UPDATE jobs SET state = 'queued', kills = kills + 1 WHERE state = 'running'")
        self._do(
            "UPDATE jobs SET state = 'failed', finished = ?, error = ? WHERE state = 'queued' AND kills >= ?",
            time.time(), error, most_kills,
        )  # fmt: skip

    def _fail_damaged(self) -> None:
        with self._lock:
            for row in self._rows("SELECT * FROM jobs WHERE finished IS NULL OR state != 'failed'"):
                job = _job(row)
                if job is None or job.error == DAMAGED:
                    self._do(
                        "UPDATE jobs SET state = 'failed', finished = ?, error = ? WHERE number = ?",
                        time.time(), json.dumps(DAMAGED), row["number"],
                    )  # fmt: skip

    def waiting(self, quick: bool) -> int:
        """How many jobs wait in a lane: of those that a request waits for, or of the others."""
        return self._number(f"COUNT(*) FROM jobs WHERE state = 'queued' AND task {'=' if quick else '!='} ?", QUICK)

    def unfinished_bytes(self) -> int:
        """Disk space of all jobs that are not finished."""
        return self._number("COALESCE(SUM(bytes), 0) FROM jobs WHERE finished IS NULL")

    def counts(self) -> dict[str, int]:
        """Jobs in each state."""
        counted = "SELECT state, COUNT(*) AS number FROM jobs GROUP BY state"
        return {row["state"]: row["number"] for row in self._rows(counted)}

    def position(self, job_id: str) -> int:
        """How many jobs wait before this one."""
        before = "number < (SELECT number FROM jobs WHERE id = ?)"
        return self._number(f"COUNT(*) FROM jobs WHERE state = 'queued' AND task != ? AND {before}", QUICK, job_id)

    def _over(self, job_id: str) -> None:
        with self._lock:
            self._progress.pop(job_id, None)
            future = self._awaited.pop(job_id, None)
        if future and future.set_running_or_notify_cancel():
            future.set_result(None)

    def _do(self, statement: str, *values: object) -> None:
        with self._lock:
            self._database.execute(statement, values)

    def _rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    def _number(self, what: str, *values: object) -> int:
        return int(self._rows(f"SELECT {what}", *values)[0][0])

    def _jobs(self, where: str, *values: object) -> list[Job]:
        with self._lock:
            found = map(_job, self._rows(f"SELECT * FROM jobs {where}", *values))
            return [self._with_progress(job) for job in found if job is not None]

    def _with_progress(self, job: Job) -> Job:
        if job.state != "running" or job.id not in self._progress:
            return job
        seconds, duration = self._progress[job.id]
        return replace(job, seconds=seconds, duration=duration)


def _job(row: sqlite3.Row) -> Job | None:
    """The job of a row: a failed one where the row is damaged; none where its id is not ours and so may be any path."""
    values = {column: row[column] for column in COLUMNS}
    if not is_id(values["id"]):
        return None
    try:
        options, error = json.loads(values["options"]), values["error"]
        return _JOB.validate_python({**values, "options": options, "error": json.loads(error) if error else None})
    except (ValueError, TypeError, RecursionError):
        task, name, model = (str(values[key]) for key in ("task", "name", "model"))
        size = values["bytes"] if isinstance(values["bytes"], int) else 0
        created, finished = (_time(values[key]) for key in ("created", "finished"))
        return Job(
            values["id"], task, name, model, {}, "failed",
            bytes=size, error=DAMAGED, created=created or 0.0, finished=finished,
        )  # fmt: skip


_JOB = TypeAdapter(Job)


def _time(value: object) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None


def _text(raw: bytes) -> str:
    """Text as it stands in a file: damage to one letter does not keep all rows from being read."""
    return raw.decode("utf-8", "replace")
