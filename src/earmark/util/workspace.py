"""A folder that several runs of one command fill: killed at any point, the same command goes on where it was.

    FOLDER/earmark-scenes.json          the manifest: with which options its files are made
    FOLDER/batches/000000.json          a done-mark: what is noted of the files of one batch, once all of them are there
    FOLDER/.lock                        held while a run is at work

Manifest and done-marks are written whole or not at all, a done-mark after the files that it speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from earmark.errors import DatasetError, EarmarkError
from earmark.util import processes
from earmark.util.atomic import write_text
from earmark.util.locks import alone

BATCHES = "batches"

Job = TypeVar("Job")
Done = TypeVar("Done")

Notes = list[dict[str, Any]]
"""Of each file of a batch its path, and whatever tables say of it."""


@dataclass(frozen=True)
class Workspace:
    """A folder that is filled; made where it is not there."""

    folder: Path
    manifest: str = "earmark.json"  # the file that holds the options
    what: str = "files"  # what is made
    pattern: str = "*"  # below the folder, by which files made earlier are found
    lock: str = ".lock"
    run: str = "run"  # what fills it, such as `acquisition`

    def alone(self) -> AbstractContextManager[None]:
        """Keep other runs out as long as the block lasts; DatasetError where one is at work, or none can be."""
        elsewhere = "choose another folder"
        used = DatasetError(
            self.folder, f"another {self.run} is at work in it", f"wait until it has ended, or {elsewhere}"
        )
        return alone(self.folder / self.lock, used, "be filled", elsewhere)

    def claim(self, options: Mapping[str, object]) -> None:
        """Note with which options files are made, plain values, so that the same command can go on, and no other.

        EarmarkError where files made with other options lie there, or the folder cannot be written.
        """
        text = json.dumps(options, ensure_ascii=False, indent=1) + "\n"
        file = self.folder / self.manifest
        try:
            before = file.read_text(encoding="utf-8") if file.is_file() else text
        except OSError as error:
            raise EarmarkError(file, f"cannot be read ({error.strerror})") from error
        if before != text and any(self.folder.glob(self.pattern)):
            reason = f"holds {self.what} made with other options"
            raise EarmarkError(self.folder, reason, "choose another --out, or empty it")
        write_text(file, text)

    def notes(self, batch: str) -> Notes:
        """What is noted of a batch, by the name of its file; nothing of one that is not done."""
        file = self.folder / BATCHES / batch
        content: Notes = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
        return content

    def done(self, batch: str, notes: Notes) -> None:
        """Note that a batch is done."""
        write_text(self.folder / BATCHES / batch, json.dumps(notes, ensure_ascii=False) + "\n")

    def refuse_fewer(self, table: str, count: int, what: str) -> None:
        """Refuse to write a table of fewer files, called `what`, than it lists already."""
        file = self.folder / table
        there = len(file.read_text(encoding="utf-8").splitlines()) - 1 if file.is_file() else 0
        if there > count:
            remedy = f"ask for at least {there}, or choose another --out"
            raise EarmarkError(self.folder, f"holds {there} {what} already", remedy)


def run_all(work: Callable[[Job], Done], todo: Sequence[Job], jobs: int) -> Iterator[Done]:
    """Do all of `todo`, at most `jobs` at once, and give each result as it comes; with one job in this process."""
    jobs = min(jobs, len(todo))
    if jobs < 2:
        yield from map(work, todo)
        return
    with processes.pool(jobs) as pool:
        waiting = {pool.submit(work, job) for job in todo}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
