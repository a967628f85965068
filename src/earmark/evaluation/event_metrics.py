"""How well events are found: metrics over segments of time, and over events that begin and end within a collar.

After Mesaros, Heittola and Virtanen, "Metrics for Polyphonic Sound Event Detection", Applied Sciences 6 (2016), and
their toolbox sed_eval, with whose figures these agree. Theirs are undefined for a label of which nothing was found;
here its precision and F1 are 0, as by the toolbox's `zero_score`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import nan
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from earmark.events.timeline import Event

ROUNDING = 1e-6  # seconds more than the collar in a first choice, so that the comparison itself decides what is within

Events = Mapping[str, Sequence[Event]]
"""The events of each recording, by its name; a recording without events may be missing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was there and what was found: segments or events, of one label or of all."""

    truth: int = 0  # how many there are
    found: int = 0  # how many were found
    hits: int = 0  # how many of these are right
    substitutions: int = 0  # how many of the others stand where one of another label should; of one label, none

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 0 where nothing was found, NaN where nothing was there either."""
        return self.hits / self.found if self.found else (0.0 if self.truth else nan)

    @property
    def recall(self) -> float:
        """Share of what is there that was found; NaN where nothing is."""
        return self.hits / self.truth if self.truth else nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where nothing is there."""
        return 2 * self.hits / (self.truth + self.found) if self.truth else nan

    @property
    def error_rate(self) -> float:
        """Substitutions, deletions and insertions for each that is there; may exceed 1; NaN where nothing is."""
        wrong = self.truth + self.found - 2 * self.hits - self.substitutions
        return wrong / self.truth if self.truth else nan

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.truth + other.truth,
            self.found + other.found,
            self.hits + other.hits,
            self.substitutions + other.substitutions,
        )


@dataclass(frozen=True, slots=True)
class Mean:
    """Plain means over labels, each in 0..1 but the error rate; NaN without a label."""

    precision: float
    recall: float
    f1: float
    error_rate: float


@dataclass(frozen=True)
class EventMetrics:
    """How well events were found."""

    micro: Counts  # all labels counted together: frequent labels weigh more
    labels: Mapping[str, Counts]  # each label by itself

    @property
    def macro(self) -> Mean:
        """Means over the labels that occur in the truth: each weighs the same."""
        there = [counts for counts in self.labels.values() if counts.truth]
        each = ([getattr(counts, field.name) for counts in there] for field in fields(Mean))
        return Mean(*(fmean(values) if values else nan for values in each))


def labels_of(*tables: Events) -> tuple[str, ...]:
    """The labels that occur, sorted."""
    return tuple(sorted({event.label for table in tables for events in table.values() for event in events}))


def segment_based(
    truth: Events,
    found: Events,
    durations: Mapping[str, float],
    resolution: float = 1.0,
    labels: Sequence[str] | None = None,
) -> EventMetrics:
    """Precision, recall, F1 and error rate over segments of `resolution` seconds, the last of which may be shorter.

    A label is active in every segment that one of its events touches. Only recordings with a duration are measured, as
    long as that is. The labels are those given, or all that occur.
    """
    chosen = labels_of(truth, found) if labels is None else tuple(labels)
    hits, there, said = (np.zeros(len(chosen), np.int64) for _ in range(3))
    substituted = 0
    for name, duration in durations.items():
        segments = math.ceil(duration / resolution)
        actual = active(truth.get(name, ()), chosen, segments, resolution)
        guess = active(found.get(name, ()), chosen, segments, resolution)
        both = actual & guess
        hits, there, said = hits + both.sum(0), there + actual.sum(0), said + guess.sum(0)
        substituted += int((np.minimum(actual.sum(1), guess.sum(1)) - both.sum(1)).sum())
    micro = Counts(int(there.sum()), int(said.sum()), int(hits.sum()), substituted)
    each = {label: Counts(int(there[i]), int(said[i]), int(hits[i])) for i, label in enumerate(chosen)}
    return EventMetrics(micro, each)


def active(events: Iterable[Event], labels: Sequence[str], segments: int, resolution: float) -> NDArray[np.bool_]:
    """Which labels are active in which segments of a recording [segments, labels]."""
    column = {label: i for i, label in enumerate(labels)}
    grid = np.zeros((segments, len(labels)), bool)
    for event in events:
        if event.label in column:
            first, last = math.floor(event.onset / resolution), math.ceil(event.offset / resolution)
            grid[max(0, first) : max(0, last), column[event.label]] = True
    return grid


def event_based(
    truth: Events, found: Events, collar: float = 0.2, share: float = 0.2, labels: Sequence[str] | None = None
) -> EventMetrics:
    """Precision, recall, F1 and error rate over events.

    An event is found where another of its label begins within `collar` of its onset and ends within `collar`, or
    `share` of its length where that is more, of its offset. Each counts once: as many pairs are formed as can be, as by
    sed_eval with optimal matching. DCASE's task 4 uses 0.2 seconds and 0.2. The labels are those given, or all that
    occur.
    """
    chosen = dict.fromkeys(labels_of(truth, found) if labels is None else labels)
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    substituted = 0
    for name in dict.fromkeys((*truth, *found)):
        actual = [event for event in truth.get(name, ()) if event.label in chosen]
        guess = [event for event in found.get(name, ()) if event.label in chosen]
        pairs, others = _compare(actual, guess, collar, share)
        there.update(event.label for event in actual)
        said.update(event.label for event in guess)
        hits.update(actual[i].label for i in pairs)
        substituted += others
    each = {label: Counts(there[label], said[label], hits[label]) for label in chosen}
    return EventMetrics(Counts(there.total(), said.total(), hits.total(), substituted), each)


def _compare(truth: Sequence[Event], found: Sequence[Event], collar: float, share: float) -> tuple[dict[int, int], int]:
    """For each event that was found, which one found it; and how many of the rest stand in for one of another label."""
    near = _near(truth, found, collar, share)
    graph: dict[int, list[int]] = {}
    for i, candidates in enumerate(near):
        for k in candidates:
            if found[k].label == truth[i].label:
                graph.setdefault(k, []).append(i)
    pairs = maximum_matching(graph)
    used = set(pairs.values())
    substituted = 0
    for i, candidates in enumerate(near):
        left = next((k for k in candidates if k not in used), None) if i not in pairs else None
        if left is not None:
            used.add(left)
            substituted += 1
    return pairs, substituted


def _near(truth: Sequence[Event], found: Sequence[Event], collar: float, share: float) -> list[list[int]]:
    """For each event, those found that begin and end when it does, whatever their label; in the order given."""
    onset, offset = (np.array([getattr(event, edge) for event in found]) for edge in ("onset", "offset"))
    order = np.argsort(onset, kind="stable")
    ordered = onset[order]
    near = []
    for event in truth:
        reach = collar + ROUNDING
        first, last = np.searchsorted(ordered, (event.onset - reach, event.onset + reach))
        some = np.sort(order[first:last])
        late = np.maximum(collar, share * (event.offset - event.onset))
        fits = (np.abs(event.onset - onset[some]) <= collar) & (np.abs(event.offset - offset[some]) <= late)
        near.append(some[fits].tolist())
    return near


def maximum_matching(graph: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """As many pairs as possible between two sets, each member in at most one (Hopcroft and Karp, 1973).

    Which of several equally large matchings comes out decides what is left over, and so how many substitutions there
    are. With vertices in this order tests find as many as sed_eval does.

    The graph has for each left vertex the right ones that it fits; what comes back, for each right one its left one.
    """
    lefts = list(graph)
    edges = [(row, right) for row, left in enumerate(lefts) for right in graph[left]]
    pairs = {right: lefts[row] for row, right in edges}
    if len(edges) == len(pairs) == len(set(pairs.values())):  # nothing to choose, as nearly always
        return pairs
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    rows, ends = zip(*edges, strict=True)
    rights, columns = np.unique(ends, return_inverse=True)
    fits = csr_array((np.ones(len(edges)), (rows, columns)), shape=(len(lefts), len(rights)))
    matched = maximum_bipartite_matching(fits, perm_type="row")
    return {right: lefts[row] for right, row in zip(rights.tolist(), matched, strict=True) if row >= 0}
