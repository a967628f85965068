"""The same sound twice in an archive: a recording and its copy, also re-encoded, or one that holds part of another.

Embeddings tell quickly where to look: some seconds of each recording, and those nearest to them elsewhere. They cannot
tell two recordings of the same rain apart, so the sound itself decides, by audio fingerprints: of a copy's bits 30 %
differ at most, even at 16 kbit/s, of others' about half.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.archive import similarity
from earmark.archive.embeddings import Store
from earmark.archive.recordings import Archive
from earmark.archive.vectors import directions, unit
from earmark.datasets import measurements
from earmark.errors import MediaError
from earmark.util.types import Array, Progress

QUERIES = 8  # seconds of each recording that others are compared with
NEAREST = 10  # seconds elsewhere that are nearest to each
LEAST_COSINE = 0.5  # of these
VOTES = 2  # seconds of a pair that are as far apart; of a recording of one second, one
LAG = 1.5  # seconds by which seconds can mistake how far apart the two are
WHOLE = 60.0  # seconds that two have in common and that are compared throughout; of more, three parts
PART = 20.0  # seconds of each part
BITS_APART = 0.30  # of the bits of two fingerprints of the same sound differ at most; of others about half
FEWEST = 24  # frames that sound in both, about half a second
FINE = 3  # frames between lags that are looked at first
_BITS = np.array([number.bit_count() for number in range(256)])
_AT_ONCE = 8192  # queries that are compared with all seconds in one pass
_KEPT = 256  # fingerprints in memory

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class Duplicate:
    """Two recordings that hold the same sound: their names, and the seconds from the beginning of each."""

    recording: str
    onset: float
    offset: float
    duplicate: str
    duplicate_onset: float
    score: float  # of the bits of their fingerprints that agree: 1 are the same, chance is 0.5

    @property
    def length(self) -> float:
        """Seconds."""
        return round(self.offset - self.onset, 3)


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """Two recordings by name, and the second of the first at which the other begins."""

    recording: str
    duplicate: str
    lag: int


def duplicates(
    store: Store,
    archive: Archive,
    durations: dict[str, float],
    only: Collection[str] | None = None,
    failed: Callable[[MediaError], object] | None = None,
    progress: Progress | None = None,
    passed_over: Callable[[str], object] | None = None,
) -> list[Duplicate]:
    """The pairs of recordings that hold the same sound, by name; of `only` some, those of which one is among these.

    `failed` is told of each recording that cannot be read, `progress` how many of how many pairs have been compared,
    `passed_over` of each that might be a copy but holds too little sound to say: less than half a second.
    """

    @lru_cache(maxsize=_KEPT)
    def prints(name: str, begin: float, end: float) -> measurements.Fingerprint:
        try:
            with archive.opened(name) as source:
                samples = media.read(source, measurements.FINGERPRINT_RATE, start=begin, end=end)
        except MediaError as error:
            if failed and name not in unread:
                failed(error)
            unread.add(name)
            return measurements.NO_FINGERPRINT
        made = measurements.fingerprint(samples, measurements.FINGERPRINT_RATE)
        if passed_over and len(made.frames) < FEWEST and (begin, end) == (0.0, durations[name]) and name not in short:
            passed_over(name)
            short.add(name)
        return made

    unread: set[str] = set()
    short: set[str] = set()
    found: dict[tuple[str, str], Duplicate] = {}
    pairs = candidates(store, only)
    for done, pair in enumerate(pairs, start=1):
        one = _confirmed(pair, durations, prints)
        key = pair.recording, pair.duplicate
        if one is not None and (key not in found or one.score > found[key].score):
            found[key] = one
        if progress:
            progress(done, len(pairs))
    return sorted(found.values())


def candidates(store: Store, only: Collection[str] | None = None) -> list[Candidate]:
    """Pairs of recordings whose embeddings are alike at the same distance in time, in order of names."""
    places = store.all_places()
    names, codes, seconds = places.names, places.recording, places.second
    lengths = np.bincount(codes, minlength=len(names))
    votes: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    asked = _queries(codes, names, only)
    for first in range(0, len(asked), _AT_ONCE):
        for query, row in _neighbours(store, asked[first : first + _AT_ONCE], codes):
            one, other = sorted((query, row), key=lambda at: names[codes[at]])
            votes[int(codes[one]), int(codes[other])][int(seconds[one] - seconds[other])] += 1
    made = []
    for (one, other), lags in votes.items():
        lag, count = max(((lag, lags[lag] + lags[lag + 1]) for lag in lags), key=lambda each: (each[1], -abs(each[0])))
        if count >= min(VOTES, lengths[one], lengths[other]):
            made.append(Candidate(names[one], names[other], lag))
    return sorted(made)


def _queries(codes: NDArray[np.int32], names: list[str], only: Collection[str] | None) -> Numbers:
    """The rows that are compared with all: of each recording a few, as far apart as can be."""
    bounds = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
    chosen = [
        np.unique(np.linspace(begin, end - 1, min(QUERIES, end - begin)).round().astype(np.int64))
        for begin, end in pairwise(bounds.tolist())
        if only is None or names[codes[begin]] in only
    ]
    return np.concatenate([np.empty(0, np.int64), *chosen])


def _neighbours(store: Store, asked: Numbers, codes: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    """(query, row) of the rows of other recordings that are nearest to each."""
    centre = store.centre
    queries = unit(directions(store.taken(asked)) - centre)
    best = _Nearest(len(asked))
    first = 0
    for batch in store.batches:
        graph, size = similarity.open_graph(store, batch), store.size(batch)
        if graph is not None:
            for number, query in enumerate(queries):
                rows = graph.nearest(query, 4 * NEAREST)
                apart = codes[first + rows] != codes[asked[number]]
                score = graph.scores(rows[apart], query)
                best.add(np.full(len(score), number), first + rows[apart], score)
            first += size
            continue
        for vectors in store.vectors(batch):
            cosine = queries @ unit(directions(vectors) - centre).T
            query, row = np.nonzero(cosine >= best.floor[:, None])
            apart = codes[first + row] != codes[asked[query]]
            query, row = query[apart], row[apart]
            best.add(query, first + row, cosine[query, row])
            first += len(vectors)
    yield from zip(asked[best.query].tolist(), best.row.tolist(), strict=True)


class _Nearest:
    """The `NEAREST` rows of each query, as they come."""

    def __init__(self, queries: int) -> None:
        self.query, self.row, self._score = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        self.floor = np.full(queries, LEAST_COSINE, np.float32)

    def add(self, query: Numbers, row: Numbers, score: Array) -> None:
        """Take some; `floor` [queries] is what another has to reach."""
        if not len(query):
            return
        queries = np.concatenate([self.query, query])
        scores = np.concatenate([self._score, score])
        order = np.lexsort([-scores, queries])
        queries, scores = queries[order], scores[order]
        begins = np.flatnonzero(np.diff(queries, prepend=-1))
        rank = np.arange(len(queries)) - np.repeat(begins, np.diff(begins, append=len(queries)))
        kept = rank < NEAREST
        self.query, self._score = queries[kept], scores[kept]
        self.row = np.concatenate([self.row, row])[order][kept]
        last = rank[kept] == NEAREST - 1
        self.floor[self.query[last]] = self._score[last]


def _confirmed(
    pair: Candidate, durations: dict[str, float], prints: Callable[[str, float, float], measurements.Fingerprint]
) -> Duplicate | None:
    """What the two have in common, if their sound says that it is the same."""
    if not {pair.recording, pair.duplicate} <= durations.keys():
        return None
    mine, other = durations[pair.recording], durations[pair.duplicate]
    lag, scores = float(pair.lag), []
    for begin, end in _parts(max(0.0, lag), min(mine, other + lag)):
        first = _span(begin, end, mine)
        second = _span(begin - lag - LAG, end - lag + LAG, other)
        later = first[0] - lag - second[0]  # of what is in the first span, in the second
        one, two = prints(pair.recording, *first), prints(pair.duplicate, *second)
        score, later = _agreement(one, two, later, LAG + 0.5)
        if score < 1 - BITS_APART:
            return None
        lag = first[0] - second[0] - later
        scores.append(score)
    begin, end = max(0.0, lag), min(mine, other + lag)
    if not scores or end <= begin:
        return None
    onset, offset, start = (round(value, 3) for value in (begin, end, begin - lag))
    return Duplicate(pair.recording, onset, offset, pair.duplicate, start, round(float(np.mean(scores)), 4))


def _span(begin: float, end: float, duration: float) -> tuple[float, float]:
    """A span within a recording; of a short one all, so that one fingerprint does for all its pairs."""
    return (0.0, duration) if duration <= WHOLE else (max(0.0, begin), min(duration, end))


def _parts(begin: float, end: float) -> list[tuple[float, float]]:
    """The stretches of what two have in common that are compared."""
    if end - begin <= WHOLE:
        return [(begin, end)] if end > begin else []
    middle = (begin + end - PART) / 2
    return [(begin, begin + PART), (middle, middle + PART), (end - PART, end)]


def _agreement(
    one: measurements.Fingerprint, two: measurements.Fingerprint, expected: float, around: float
) -> tuple[float, float]:
    """The share of bits that agree where the second is that much later, seconds: the best near what is expected."""
    step = measurements.FINGERPRINT_HOP / measurements.FINGERPRINT_RATE
    middle, most = round(expected / step), round(around / step)
    if not len(one.frames) or not len(two.frames):
        return 0.0, 0.0
    size = int(max(one.frames[-1], two.frames[-1] + abs(middle) + most)) + 1
    bits, loud = np.zeros(size, np.uint32), np.zeros(size, bool)
    bits[one.frames], loud[one.frames] = one.bits, True
    best = 0.0, 0.0
    lags = range(middle - most, middle + most + 1)
    for some in (lags[::FINE], None):  # frames overlap much: a coarse look, then one around the best
        for lag in some or [lag for lag in lags if abs(lag - best[1]) < FINE]:
            at = two.frames - lag
            inside = slice(*np.searchsorted(at, [0, size]))
            there = loud[at[inside]]
            if np.count_nonzero(there) >= FEWEST:
                apart = _BITS[(bits[at[inside][there]] ^ two.bits[inside][there]).view(np.uint8)]
                best = max(best, (1.0 - float(apart.sum()) / (8 * len(apart)), float(lag)))
    return best[0], best[1] * step
