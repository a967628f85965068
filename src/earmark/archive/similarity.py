"""Sounds of an archive that are like examples: the nearest seconds by their embeddings, merged into events.

A second is compared with the examples by the cosine of their embeddings, both as they differ from the archive's mean:
what all of it has in common tells nothing. Several examples are one direction, their mean; what it must not be like is
taken off it (Rocchio, in: The SMART Retrieval System, 1971). Every second has a score by that, and events are stretches
around the best ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earmark.archive.vectors import Vectors, directions, packed, unit
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

if TYPE_CHECKING:
    from earmark.archive.embeddings import Places, Store

AGAINST = 0.4  # of the mean of what it must not be like is taken off that of examples
HELD = 0.8  # of an event's best score: seconds beside it that reach it belong to the event
GRAPH_SPARE = 2  # times as many seconds as events that are wanted are asked of a graph: some are in one event
AROUND = 10  # seconds beside one of these that can belong to its event
FIRST = 16  # times as many seconds as events that are wanted are put in order first


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Some seconds of a recording: its best score, its name, the first second and that after the last."""

    score: float
    recording: str
    first: int
    last: int


def direction(like: Sequence[Vectors], unlike: Sequence[Vectors], centre: Array) -> Array:
    """What is looked for [dimensions], of length 1.

    Parameters
    ----------
    like
        Examples, each [seconds, dimensions].
    unlike
        What it must not be like.
    centre
        Of the archive.
    """
    wanted = unit(_mean(like, centre))
    return unit(wanted - AGAINST * unit(_mean(unlike, centre))) if unlike else wanted


def _mean(examples: Sequence[Vectors], centre: Array) -> Array:
    each = [unit(unit(directions(rows) - centre).mean(axis=0)) for rows in examples]
    return np.asarray(np.mean(each, axis=0), np.float32)


def scores(rows: Vectors, wanted: Array, centre: Array) -> Array:
    """How like each vector [rows, dimensions] is to a direction: cosines, -1 to 1 [rows]."""
    values = rows.astype(np.float32)
    length = np.maximum(np.sqrt(np.einsum("rd,rd->r", values, values)), 1e-9)
    along = values @ np.stack([wanted, centre], axis=1) / length[:, None]  # cheaper than to move each vector
    apart = np.sqrt(np.maximum(1.0 - 2.0 * along[:, 1] + centre @ centre, 1e-9))
    return np.asarray((along[:, 0] - centre @ wanted) / apart, np.float32)


def best(
    store: Store,
    wanted: Array,
    limit: int,
    least: float = -1.0,
    only: Collection[str] | None = None,
    exact: bool = False,
) -> list[Segment]:
    """The stretches that are most like a direction, the best first.

    Parameters
    ----------
    store
        The embeddings of the index.
    wanted
        See `direction`.
    limit
        How many at most.
    least
        The score that each has at least.
    only
        These recordings alone.
    exact
        Look at all seconds, also where a graph tells which are nearest.
    """
    centre = store.centre
    kept: list[Segment] = []
    for batch in store.batches:
        floor = max(least, kept[0].score) if len(kept) == limit else least
        graph = None if exact or only is not None else open_graph(store, batch)
        score = _near(graph, store.size(batch), wanted, limit) if graph else _all(store, batch, wanted, centre)
        if score.max(initial=-np.inf) < floor:
            continue
        for one in segments(store.places(batch), score, limit, floor, only):
            if len(kept) < limit:
                heapq.heappush(kept, one)
            else:
                heapq.heappushpop(kept, one)
    return sorted(kept, key=lambda one: (-one.score, one.recording, one.first))


def _all(store: Store, batch: Path, wanted: Array, centre: Array) -> Array:
    parts = [scores(rows, wanted, centre) for rows in store.vectors(batch)]
    return np.concatenate([np.empty(0, np.float32), *parts])


def _near(graph: Graph, size: int, wanted: Array, limit: int) -> Array:
    """Scores of the nearest seconds and of those around them; no others are known."""
    rows = graph.nearest(wanted, GRAPH_SPARE * limit)
    around = np.unique(rows[:, None] + np.arange(-AROUND, AROUND + 1))
    around = around[(around >= 0) & (around < size)]
    score = np.full(size, -np.inf, np.float32)
    score[around] = graph.scores(around, wanted)
    return score


def segments(
    places: Places, score: Array, limit: int, least: float, only: Collection[str] | None = None
) -> Iterator[Segment]:
    """Those of one batch, the best first: each is a second that scores best, and those beside it while they hold.

    Parameters
    ----------
    places
        Of the batch's rows.
    score
        Of each [rows].
    limit
        How many at most.
    least
        The score that each of their seconds has at least.
    only
        These recordings alone.
    """
    if only is not None:
        wanted = np.array([name in only for name in places.names], bool)
        score = np.where(wanted[places.recording], score, -np.inf) if len(score) else score
    new = np.flatnonzero((np.diff(places.recording) != 0) | (np.diff(places.second) != 1)) + 1
    bounds = np.concatenate([[0], new, [len(score)]])  # rows between two of them follow one another
    taken = np.zeros(len(score), bool)
    count = 0
    for row in _descending(score, limit * FIRST):
        if count == limit or score[row] < least or not np.isfinite(score[row]):
            return
        if taken[row]:
            continue
        piece = int(np.searchsorted(bounds, row, side="right"))
        begin, end = int(bounds[piece - 1]), int(bounds[piece])
        hold = max(least, HELD * float(score[row])) if score[row] > 0 else float(score[row])
        first, last = row, row + 1
        while first > begin and score[first - 1] >= hold and not taken[first - 1]:
            first -= 1
        while last < end and score[last] >= hold and not taken[last]:
            last += 1
        taken[first:last] = True
        count += 1
        at = int(places.second[first])
        yield Segment(float(score[row]), places.names[places.recording[row]], at, at + last - first)


def _descending(score: Array, some: int) -> Iterator[int]:
    """Rows by their scores, the best first: as a rule few are asked for."""
    if some < len(score):
        top = np.argpartition(-score, some)[:some]
        yield from top[np.argsort(-score[top], kind="stable")].tolist()
    yield from np.argsort(-score, kind="stable").tolist()


LARGE_ARCHIVE = 1_000_000  # seconds of an archive: fewer are looked at one by one within some seconds
LARGE_BATCH = 10_000  # rows of a batch: of fewer, all are looked at as fast
NEIGHBOURS = 12  # of each vector in the graph
BREADTH = 128  # vectors that are kept in view in a search: more find more, and take longer
BREADTH_MAKING = 64  # and when a graph is made: twice as many take twice as long, and find 0.5 % more
GRAPH_FILE = "graph.usearch"
OPEN = 64  # graphs that stay open: to open one takes ten times as long as a search of it

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


def open_graph(store: Store, batch: Path) -> Graph | None:
    """The graph of a batch, if it has one and usearch is there; it stays open for the next query."""
    file = batch / GRAPH_FILE
    if not file.is_file() or not find_spec("usearch"):
        return None
    return _opened(file, file.stat().st_mtime_ns, store.dimensions)


@lru_cache(maxsize=OPEN)
def _opened(file: Path, _modified: int, dimensions: int) -> Graph:
    return Graph(file, dimensions)


def update_graphs(store: Store, threads: int = 1) -> int:
    """Make the graphs that a large archive lacks; how many were made.

    Parameters
    ----------
    store
        The embeddings.
    threads
        How many work on it.
    """
    sizes = {batch: store.size(batch) for batch in store.batches}
    if sum(sizes.values()) < LARGE_ARCHIVE or not find_spec("usearch"):
        return 0
    if store.centre_is_old():
        for batch in sizes:
            (batch / GRAPH_FILE).unlink(missing_ok=True)  # of what differed from the centre before
        store.keep_centre()
    todo = [batch for batch, size in sizes.items() if size >= LARGE_BATCH and not (batch / GRAPH_FILE).is_file()]
    centre = store.centre
    for batch in todo:
        make_graph(store, batch, centre, threads)
    return len(todo)


def make_graph(store: Store, batch: Path, centre: Array, threads: int = 1) -> None:
    """Make the graph of a batch: of its vectors as they differ from the centre."""
    index, row = _new(store.dimensions), 0
    for rows in store.vectors(batch):
        keys = np.arange(row, row + len(rows), dtype=np.uint64)
        index.add(keys, packed(directions(rows) - centre), threads=threads)
        row += len(rows)
    with atomic_write(batch / GRAPH_FILE) as part:
        index.save(str(part))


def _new(dimensions: int) -> Any:
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="cos",
        dtype="i8",
        connectivity=NEIGHBOURS,
        expansion_add=BREADTH_MAKING,
        expansion_search=BREADTH,
    )
