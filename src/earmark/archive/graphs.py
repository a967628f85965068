"""The nearest vectors of a large archive without a look at all: a graph of neighbours for each large batch.

Hierarchical navigable small worlds (Malkov and Yashunin, TPAMI 2020, arXiv:1603.09320), by usearch. A graph lies in its
batch's folder and is read from the disk where it stands, so memory is bounded in making and in use; a batch that is
replaced takes its graph with it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.archive.store import Store
from earmark.archive.vectors import Bytes, directions, packed
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

LARGE = 1_000_000  # seconds of an archive: fewer are looked at one by one within some seconds
LEAST = 10_000  # rows of a batch: of fewer, all are looked at as fast
NEIGHBOURS = 16  # of each vector in the graph
BREADTH = 128  # vectors that are kept in view, in making the graph and in a search: more find more, and take longer
FILE = "graph.usearch"

Numbers = NDArray[np.int64]


class Graph:
    """Of one batch."""

    def __init__(self, file: Path, dimensions: int) -> None:
        self._index = _new(dimensions)
        self._index.view(str(file))

    def nearest(self, wanted: Array, count: int) -> Numbers:
        """The rows that are nearest to a direction, as good as all of them."""
        found = self._index.search(packed(wanted[None])[0], min(count, len(self._index)))
        return np.asarray(found.keys, np.int64)

    def scores(self, rows: Numbers, wanted: Array) -> Array:
        """How like these rows are to a direction: cosines [rows], as `similarity.scores` gives them."""
        vectors = np.stack(self._index.get(rows.astype(np.uint64), np.int8))
        return np.asarray(directions(vectors) @ wanted, np.float32)


def opened(store: Store, batch: Path) -> Graph | None:
    """The graph of a batch, if it has one and usearch is there."""
    file = batch / FILE
    return Graph(file, store.dimensions) if file.is_file() and find_spec("usearch") else None


def bring_up_to_date(store: Store, threads: int = 1, told: Callable[[int, int], object] | None = None) -> int:
    """Make the graphs that a large archive lacks; how many were made.

    Args:
        store: the embeddings.
        threads: how many work on it.
        told: how many are made, and how many there are to make.
    """
    sizes = {batch: store.size(batch) for batch in store.batches}
    if sum(sizes.values()) < LARGE or not find_spec("usearch"):
        return 0
    if store.centre_is_old():
        for batch in sizes:
            (batch / FILE).unlink(missing_ok=True)  # of what differed from the centre before
        store.keep_centre()
    todo = [batch for batch, size in sizes.items() if size >= LEAST and not (batch / FILE).is_file()]
    centre = store.centre
    for done, batch in enumerate(todo, start=1):
        make(store, batch, centre, threads)
        if told:
            told(done, len(todo))
    return len(todo)


def make(store: Store, batch: Path, centre: Array, threads: int = 1) -> None:
    """Make the graph of a batch: of its vectors as they differ from the centre."""
    index, row = _new(store.dimensions), 0
    for rows in store.vectors(batch):
        keys = np.arange(row, row + len(rows), dtype=np.uint64)
        index.add(keys, moved(rows, centre), threads=threads)
        row += len(rows)
    with atomic_write(batch / FILE) as part:
        index.save(str(part))


def moved(rows: Bytes, centre: Array) -> Bytes:
    """Vectors [rows, dimensions] as they differ from the centre."""
    return packed(directions(rows) - centre)


def _new(dimensions: int) -> Any:
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="cos",
        dtype="i8",
        connectivity=NEIGHBOURS,
        expansion_add=BREADTH,
        expansion_search=BREADTH,
    )
