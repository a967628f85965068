"""An embedding for each second of a recording, as an index keeps them, and the embeddings of a whole index.

They are signed bytes, compared by their angle; an index's are read batch by batch, a few thousand vectors in memory at
a time.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from earmark.archive import layout
from earmark.archive.layout import SUM, Options
from earmark.archive.vectors import Vectors, packed
from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

_NEARLY = 1e-6  # of a second: a step that floating point puts just before it begins at it


def by_second(first: int, count: int, step: float) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """The second in which each of so many steps is, from `first * step` on, and where in these a new one begins."""
    seconds = np.floor(np.arange(first, first + count) * step + _NEARLY).astype(np.int32)
    return seconds, np.flatnonzero(np.diff(seconds, prepend=-1))


class MeanPerSecond:
    """Takes embeddings [steps, dimensions] in parts, and keeps their mean for each second, in bytes.

    Step i belongs to the second in which it is, `i * step`; steps are a second long at most, so that none is left out.
    """

    def __init__(self, step: float, dimensions: int) -> None:
        self.step = step
        self._steps = 0
        self._rows = [np.empty((0, dimensions), np.int8)]
        self._second = 0  # the last one that steps have come for, and their sum so far
        self._sum = np.zeros((1, dimensions), np.float32)

    def add(self, embeddings: Array) -> None:
        """Take the next ones."""
        if not len(embeddings):
            return
        seconds, starts = by_second(self._steps, len(embeddings), self.step)
        sums = np.add.reduceat(embeddings, starts, axis=0)
        if seconds[0] == self._second:
            sums[0] += self._sum[0]
        else:
            self._rows.append(packed(self._sum))
        self._rows.append(packed(sums[:-1]))  # the angle of a sum is that of its mean
        self._second, self._sum = int(seconds[-1]), sums[-1:]
        self._steps += len(embeddings)

    def rows(self, duration: float | None = None) -> Vectors:
        """Of all that was added [seconds, dimensions], none beyond a recording that lasts `duration` seconds."""
        last = [packed(self._sum)] if self._steps else []
        return np.concatenate([*self._rows, *last])[: None if duration is None else max(math.ceil(duration), 1)]


AT_ONCE = 4096  # vectors: as floats they fit into a processor's cache
STEADY = 60  # seconds: the mean of fewer says little of what an archive is like, and counts for less
CENTRE = "centre.json"


@dataclass(frozen=True)
class Places:
    """Which recording and second the rows of a batch are of: names, numbers into them [rows], seconds [rows]."""

    names: list[str]
    recording: NDArray[np.int32]
    second: NDArray[np.int32]


class Store:
    """The embeddings of an index, with its own options.

    Raises
    ------
    EarmarkError
        It has none, or some were made by another version of the model.
    """

    def __init__(self, index: Path, options: Options) -> None:
        self.folder, self.dimensions = index / layout.EMBEDDINGS, options.dimensions
        self._places: dict[Path, Places] = {}
        more = f"earmark index {options.root or '--list FILE'} --out {index}"
        if not options.embedder:
            remedy = f"{more} --embeddings mn04_as adds them (`earmark models get mn04_as` first)"
            raise EarmarkError(index, "keeps no embeddings, which examples are compared with", remedy)
        self.batches = layout.batches(self.folder) if self.folder.is_dir() else []
        if not self.batches:
            raise EarmarkError(index, "holds no embeddings yet", f"{more} goes on")
        for batch in self.batches:
            if set(_read(batch, "recordings", ["version"])["version"].to_pylist()) - {options.embedder_version}:
                raise EarmarkError(index, "holds embeddings by two versions of a model", f"{more} makes them anew")

    def places(self, batch: Path) -> Places:
        """Where the rows of a batch are from, in order: recordings together, their seconds one after the other.

        They are kept, 8 bytes a row: to read them takes longer than a query.
        """
        if batch not in self._places:
            self._places[batch] = self._read_places(batch)
        return self._places[batch]

    def all_places(self) -> Places:
        """The same of all batches, whose rows follow one another."""
        each = [self.places(batch) for batch in self.batches]
        first = accumulate((len(one.names) for one in each), initial=0)
        codes = [one.recording + number for one, number in zip(each, first, strict=False)]
        names = list(chain.from_iterable(one.names for one in each))
        return Places(names, np.concatenate(codes), np.concatenate([one.second for one in each]))

    def _read_places(self, batch: Path) -> Places:
        table = _read(batch, "vectors", ["recording", "second"])
        names = table["recording"].unify_dictionaries().combine_chunks()
        used, codes = np.unique(np.from_dlpack(names.indices), return_inverse=True)
        all_ = names.dictionary.to_pylist()  # also of rows that were dropped
        seconds = np.from_dlpack(table["second"].combine_chunks()).astype(np.int32, copy=False)
        return Places([all_[one] for one in used], codes.astype(np.int32), seconds)

    def vectors(self, batch: Path) -> Iterator[Vectors]:
        """Its vectors in order, [rows, dimensions], some at a time."""
        with _opened(batch, "vectors") as file:
            for part in file.iter_batches(AT_ONCE, columns=["vector"]):
                yield self._rows(part.column(0))

    def taken(self, rows: NDArray[np.int64]) -> Vectors:
        """The vectors of some rows of all batches [rows, dimensions]; `rows` are in order."""
        taken, first = [np.empty((0, self.dimensions), np.int8)], 0
        for part in chain.from_iterable(map(self.vectors, self.batches)):
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + len(part))]
            taken.append(part[here - first])
            first += len(part)
        return np.concatenate(taken)

    def of(self, recording: str) -> Vectors:
        """All vectors of one recording [seconds, dimensions]: none where it has none."""
        for batch in self.batches:
            with _opened(batch, "vectors") as file:
                table = file.read_row_groups(_groups_with(file, recording), columns=["recording", "vector"])
            names = table["recording"].to_pylist()
            if recording in names:  # its rows lie together
                its = table["vector"].slice(names.index(recording), names.count(recording))
                return np.concatenate([self._rows(chunk) for chunk in its.chunks])
        return np.empty((0, self.dimensions), np.int8)

    def size(self, batch: Path) -> int:
        """Rows of a batch."""
        with _opened(batch, "vectors") as file:
            return int(file.metadata.num_rows)

    @property
    def centre(self) -> Array:
        """The mean direction [dimensions] of an archive's seconds: how they differ from it is what they are like.

        It is that of now, or one that was kept: what was made by it, as graphs are, goes with no other.
        """
        try:
            kept = json.loads((self.folder / CENTRE).read_text("utf-8"))
            return np.asarray(kept["centre"], np.float32).reshape(self.dimensions)
        except FileNotFoundError:
            return self._mean()[0]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EarmarkError(self.folder / CENTRE, "is damaged", "delete it") from error

    def centre_is_old(self) -> bool:
        """Whether none is kept that is of at least half as many seconds as there are now."""
        try:
            return 2 * int(json.loads((self.folder / CENTRE).read_text("utf-8"))["rows"]) < self._mean()[1]
        except (OSError, ValueError, KeyError, TypeError):
            return True

    def keep_centre(self) -> None:
        """Keep the mean as it is now."""
        centre, rows = self._mean()
        with atomic_write(self.folder / CENTRE) as part:
            part.write_text(json.dumps({"rows": rows, "centre": [round(float(x), 6) for x in centre]}), "utf-8")

    def _mean(self) -> tuple[Array, int]:
        total, rows = np.zeros(self.dimensions), 0
        for batch in self.batches:
            with _opened(batch, "vectors") as file:
                about = file.schema_arrow.metadata or {}
                rows += file.metadata.num_rows
            total += np.frombuffer(base64.b64decode(about[SUM]), np.float32)
        return (total / (rows + STEADY)).astype(np.float32), rows

    def _rows(self, column: pa.Array) -> Vectors:
        values = np.frombuffer(column.buffers()[1], np.int8)
        first = column.offset * self.dimensions
        return values[first : first + len(column) * self.dimensions].reshape(-1, self.dimensions)


@contextmanager
def _opened(batch: Path, table: str) -> Iterator[pq.ParquetFile]:
    file = batch / f"{table}.parquet"
    try:
        with pq.ParquetFile(file, memory_map=True) as opened:
            yield opened
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file) from error


def _groups_with(file: pq.ParquetFile, recording: str) -> list[int]:
    """Row groups that may have rows of a recording: each knows its first and its last name."""
    names = [file.metadata.row_group(group).column(0).statistics for group in range(file.num_row_groups)]
    return [
        group
        for group, name in enumerate(names)
        if name is None or not name.has_min_max or name.min <= recording <= name.max
    ]


def _read(batch: Path, table: str, columns: list[str]) -> pa.Table:
    file = batch / f"{table}.parquet"
    try:
        return layout.read_table(file, columns, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> EarmarkError:
    return EarmarkError(file, "is damaged", f"delete the folder {file.parent}, and run `earmark index` again")
