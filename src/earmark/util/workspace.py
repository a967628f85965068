"""A folder that is filled over several runs, all of them by the same options."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path
from typing import Any, TypeVar

from earmark.errors import EarmarkError
from earmark.util import processes
from earmark.util.atomic import atomic_write


def claim(folder: Path, name: str, options: Mapping[str, object], what: str, pattern: str) -> None:
    """Note in a folder with which options its files are made, so that the same command can go on in it, and no other.

    Args:
        folder: made where it is not there.
        name: of the file that holds the options.
        options: plain values.
        what: is made, such as `recordings`.
        pattern: by which files made earlier are found.

    Raises:
        EarmarkError: files made with other options lie there, or the folder cannot be written.
    """
    text = json.dumps(options, ensure_ascii=False, indent=1) + "\n"
    file = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.is_file() and file.read_text(encoding="utf-8") != text and any(folder.glob(pattern)):
            raise EarmarkError(folder, f"holds {what} made with other options", "choose another --out, or empty it")
        with atomic_write(file) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EarmarkError(folder, f"cannot be written ({error.strerror})") from error


BATCHES = "batches"

Noted = list[dict[str, Any]]
"""Of each file its path and whatever tables say of it."""


def is_noted(out: Path, name: str) -> bool:
    """Whether a batch is done."""
    return (out / BATCHES / name).is_file()


def noted(out: Path, name: str) -> Noted:
    """What is noted of a batch; nothing of one that is not done."""
    file = out / BATCHES / name
    content: Noted = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return content


def note(out: Path, name: str, made: Noted) -> None:
    """Note that a batch is done; the note is there whole or not at all.

    Raises:
        EarmarkError: it cannot be written.
    """
    file = out / BATCHES / name
    try:
        file.parent.mkdir(exist_ok=True)
        with atomic_write(file) as part:
            part.write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EarmarkError(file, f"cannot be written ({error.strerror})") from error


def keep(out: Path, table: str, count: int, what: str) -> None:
    """Refuse to write a table of fewer files than it lists already.

    Raises:
        EarmarkError: it lists more than `count`.
    """
    file = out / table
    there = len(file.read_text(encoding="utf-8").splitlines()) - 1 if file.is_file() else 0
    if there > count:
        raise EarmarkError(out, f"holds {there} {what} already", f"ask for at least {there}, or choose another --out")


Job = TypeVar("Job")
Done = TypeVar("Done")


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
