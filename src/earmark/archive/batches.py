"""Batches that are there whole or not at all, also where several processes and killed runs are at work.

A run has a hidden folder of its own, and each of its batches a folder in that: attempts at the batch are written there
and renamed into place. Whoever takes that folder away, in one rename, ends all attempts at once: a process that was
given up, or that a killed run left behind, can no longer add anything. Nobody needs to be asked whether it is alive.
"""

from __future__ import annotations

import errno
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from earmark.archive import layout, tables
from earmark.errors import EarmarkError
from earmark.util.atomic import settle

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
_OWN = re.compile(r"\.?\d{8}T\d{6}-[0-9a-f]{4}(-\d{6})?|\.gone-[0-9a-f]{8}")
"""Names of runs, of batches, and of what is being removed."""


class Run:
    """The batches that one run makes; made by the command, which holds the index's lock.

    `index` may be a store of embeddings, `names` are those of the tables of its batches, and `beside` is another run
    that batches of the same names may be written by, each before the one of this.
    """

    def __init__(self, index: Path, names: Sequence[str] = layout.LABELLED, beside: Run | None = None) -> None:
        self.index, self.names, self.beside = index, names, beside
        self.name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        self.folder = index / layout.BATCHES / f".{self.name}"
        self.folder.mkdir(parents=True)
        self._count = 0

    def begin(self) -> str:
        """The name of a new batch, which attempts can now be made at."""
        self._count += 1
        name = f"{self.name}-{self._count:06}"
        for run in filter(None, (self, self.beside)):
            (run.folder / name).mkdir()
        return name

    def place(self, name: str) -> Path:
        """Where a batch is once it is whole."""
        return self.index / layout.BATCHES / name

    def give_up(self, name: str) -> bool:
        """End all attempts at a batch; whether one has come through before."""
        place = self.folder / name
        if place.exists():
            place.replace(place.with_name(f"{name}.given-up"))
        done = self.place(name).exists()
        if self.beside and self.beside.give_up(name) and not done:  # half of it: all of it is made again
            _take_away(self.beside.place(name))
        return done

    def end(self) -> None:
        """Nothing is added by this run from now on."""
        _take_away(self.folder)


def attempt(folder: Path, name: str, batch: tables.Tables, replaced: Sequence[str] = ()) -> None:
    """Write a batch that its run, in `folder`, has begun. If another attempt came first, that one stands.

    The batches that are `replaced` stop counting in the moment in which this one begins to.

    Raises
    ------
    EarmarkError
        The run has ended or has given the batch up, or the disk does not take it.
    """
    part = folder / name / secrets.token_hex(4)
    try:
        part.mkdir()
        tables.write_tables(part, batch)
        if replaced:
            (part / layout.REPLACES).write_text(json.dumps(list(replaced)), "utf-8")
            settle(part / layout.REPLACES)
        settle(part)
        part.replace(folder.parent / name)
        settle(folder.parent)
    except FileNotFoundError as error:
        raise EarmarkError(
            folder.parent, "cannot be written: it is not there, or another run has taken over"
        ) from error
    except OSError as error:
        if error.errno not in _TAKEN:
            raise EarmarkError(folder.parent, f"cannot be written ({error.strerror or error})") from error


def replace(run: Run, batches: Sequence[Path], change: Callable[[tables.Tables], tables.Tables]) -> None:
    """Make one batch of several, with `change` done to the tables of each, and remove them.

    A kill leaves either those or the one, and `sweep` removes what no longer counts.
    """
    parts = [change(_read(batch, run.names)) for batch in batches]
    one = {name: tables.ordered(name, pa.concat_tables(part[name] for part in parts)) for name in run.names}
    if one["recordings"].num_rows:
        attempt(run.folder, run.begin(), one, [batch.name for batch in batches])
    for batch in batches:
        _take_away(batch)


def _read(batch: Path, names: Sequence[str]) -> tables.Tables:
    try:
        return tables.read_tables(batch, names)
    except (OSError, ValueError) as error:
        raise EarmarkError(batch, "is damaged", f"delete {batch} and index again") from error


def sweep(index: Path) -> None:
    """Remove what runs before left: their hidden folders, and batches that were replaced.

    After it, processes of theirs that are still alive add nothing. What has no name of theirs is not ours, and stays.
    """
    folder = index / layout.BATCHES
    folder.mkdir(parents=True, exist_ok=True)
    own = [path for path in folder.iterdir() if _OWN.fullmatch(path.name)]
    counting = layout.batches(index)
    for leftover in set(own) - set(counting):
        _take_away(leftover)
    settle(folder)
    for batch in counting:
        (batch / layout.REPLACES).unlink(missing_ok=True)


def _take_away(folder: Path) -> None:
    """Remove a folder, first in one step from where others look."""
    away = folder.with_name(f".gone-{secrets.token_hex(4)}")
    try:
        folder.replace(away)
    except FileNotFoundError:
        return
    shutil.rmtree(away, ignore_errors=True)


SMALL = 16_000_000  # bytes: a batch of fewer is merged
ENOUGH = 32_000_000  # bytes of what is merged into one: it must fit into memory, some ten times as large there


def merge_small(run: Run) -> None:
    """Merge the small batches of an index, in the order of their names."""
    for group in _groups(run.index):
        if len(group) > 1:
            replace(run, group, lambda tables: tables)


def _groups(index: Path) -> Iterator[list[Path]]:
    group: list[Path] = []
    total = 0
    for batch in layout.batches(index):
        size = size_of(batch)
        if size >= SMALL:
            continue
        if total + size > ENOUGH:
            yield group
            group, total = [], 0
        group.append(batch)
        total += size
    yield group


def size_of(batch: Path) -> int:
    """Bytes of its tables on disk."""
    return sum(file.stat().st_size for file in batch.glob("*.parquet"))
