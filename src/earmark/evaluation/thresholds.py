"""Thresholds for each label, chosen by scores of recordings whose truth is known."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation.event_metrics import ROUNDING, Counts, Events, active, maximum_matching
from earmark.events import hysteresis
from earmark.events.hysteresis import EventRules
from earmark.events.timeline import Event
from earmark.models.model import Threshold
from earmark.util.types import Array

ON = tuple(round(1 / (1 + math.exp(-odds / 4)), 4) for odds in range(-20, 21))
"""Thresholds that are tried: even on the scale of log-odds, from 0.0067 to 0.9933."""

OFF_SHARES = (1.0, 0.75, 0.5, 0.25, 0.125)
"""Shares of `on` that are tried for `off`."""

Pair = tuple[float, float]
PAIRS: tuple[Pair, ...] = tuple(sorted((on, round(on * share, 4)) for on in ON for share in OFF_SHARES))
"""All `on` and `off` that are tried."""

LEVELS = np.unique(np.array(PAIRS, np.float32))
OFTEN = 100  # events, from which a label's own thresholds are more than chance
LASTING = 15.0  # seconds: sounds of a greater mean length go on, as rain does; others happen, as barks do


@dataclass(frozen=True, slots=True)
class Objective:
    """What is made as good as can be: segment-based F, event-based F, or the mean of both."""

    segments: float | None = 1.0  # seconds of a segment; None: segments do not count
    collar: float | None = None  # seconds, of events; None: events do not count
    share: float = 0.2  # of an event's length, by which its offset may be wrong where that is more than the collar
    beta: float = 1.0  # how much more a miss weighs than a false mark; below 1, the false mark weighs more

    def f(self, counts: Counts) -> float:
        """F-beta (van Rijsbergen, 1979)."""
        return (1 + self.beta**2) * counts.hits / (self.beta**2 * counts.truth + counts.found)

    def value(self, counted: Iterable[Counts]) -> float:
        """How good segments and events are that were counted so."""
        return fmean(map(self.f, counted))


def best_thresholds(
    scores: Mapping[str, Array],
    truth: Events,
    labels: Sequence[str],
    step: float,
    rules: EventRules | None = None,
    by: Objective | None = None,
    usual: Threshold | None = None,
    shared: Sequence[Collection[str]] = (),
) -> dict[str, Threshold]:
    """For each label the thresholds whose events fit the truth best; labels may share the pair that is best for all.

    A few events of a label tell little of its thresholds: where recordings hold no more, a shared pair does better on
    others (see `shared`).

    Events are made of scores as on a timeline, by hysteresis and `rules` (but for their sensitivity), before edges are
    moved in to where it is loud. Among thresholds that do equally well those in the middle are taken, which have some
    margin on either side. Thresholds fit the recordings that chose them: measure on others.

    Parameters
    ----------
    scores
        Of each recording, smoothed as on a timeline, float32 [steps, labels].
    truth
        What sounds in each recording; one without events may be missing.
    labels
        The columns of the scores.
    step
        Seconds from one row of scores to the next.
    rules
        Which events are joined, and which are too short.
    by
        What is made as good as can be; by default, segment-based F1 at 1 s.
    usual
        For labels that never occur in the truth of these recordings.
    shared
        Groups of labels, each of which gets one pair; labels in none get their own.
    """
    rules, by, usual = rules or EventRules(), by or Objective(), usual or Threshold()
    sharing = {label for group in shared for label in group}
    tried: dict[str, Tried] = {}
    for column, label in enumerate(labels):
        own = of_label(truth, scores, label)
        if label in sharing or any(own.values()):
            line = Line.of({name: values[:, column] for name, values in scores.items()}, step, rules)
            tried[label] = _counts(line, measures(own, line, by))
    chosen = {label: _best(tried[label], by) if label in tried else usual for label in labels if label not in sharing}
    for group in filter(None, shared):
        chosen |= dict.fromkeys(group, _best(_together([tried[label] for label in group]), by))
    return chosen


def of_label(truth: Events, names: Iterable[str], label: str) -> dict[str, list[Event]]:
    """The events of one label in each of some recordings, which the truth need not name."""
    return {name: [event for event in truth.get(name, ()) if event.label == label] for name in names}


@dataclass(frozen=True)
class Spans:
    """Events of one label, in order: for each its recording's number, onset and offset in seconds; arrays [events]."""

    recording: NDArray[np.int64]
    onset: NDArray[np.float64]
    offset: NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One label's scores of all recordings, one after the other, and between them so many steps that no threshold
    reaches that events of two recordings are never joined.

    Of each score only matters how many of some levels it reaches, and that often stays the same for long: kept is where
    it changes, which is a small part of all steps.
    """

    names: tuple[str, ...]  # of the recordings
    starts: NDArray[np.int64]  # the first step of each recording, and that after the last [recordings + 1]
    changes: NDArray[np.int64]  # the first step of each run of one level, and the step after the last [runs + 1]
    reached: NDArray[np.int64]  # how many of the levels [runs]
    step: float  # seconds
    rules: EventRules  # which events are joined, and which are too short
    levels: Array  # all thresholds that may be asked for, ascending

    @classmethod
    def of(cls, scores: Mapping[str, Array], step: float, rules: EventRules, levels: Array = LEVELS) -> Line:
        silence = np.full(_silence(step, rules), -np.inf, np.float32)
        values = np.concatenate([part for own in scores.values() for part in (own, silence)])
        starts = np.cumsum([0, *(len(own) + len(silence) for own in scores.values())])
        reached = np.searchsorted(levels, values, side="right")
        changes = np.flatnonzero(np.append(True, reached[1:] != reached[:-1]))
        return cls(tuple(scores), starts, np.append(changes, len(values)), reached[changes], step, rules, levels)

    @property
    def durations(self) -> dict[str, float]:
        """Seconds of each recording."""
        steps = np.diff(self.starts) - _silence(self.step, self.rules)
        return dict(zip(self.names, (steps * self.step).tolist(), strict=True))

    def stretches(self, on: float, off: float) -> NDArray[np.int64]:
        """Where scores stay at `off` or above and reach `on`: first step and step after the last [stretches, 2]."""
        least, most = np.searchsorted(self.levels, np.array([off, on], np.float32), side="right")
        return self.changes[hysteresis.stretches(self.reached, most, least)]

    def spans(self, stretches: NDArray[np.int64]) -> Spans:
        """Events made of stretches as `EventFinder` makes them."""
        joined = hysteresis.joined(stretches, self.rules.longest_gap / self.step)
        recording = np.searchsorted(self.starts, joined[:, 0], side="right") - 1
        onset, offset = hysteresis.seconds(joined - self.starts[recording][:, None], self.step).T
        long_enough = np.round(offset - onset, 3) >= self.rules.shortest
        return Spans(recording[long_enough], np.round(onset[long_enough], 3), np.round(offset[long_enough], 3))


def _silence(step: float, rules: EventRules) -> int:
    """Steps between two recordings on a line."""
    return 1 + int(rules.longest_gap / step)


def rising(before: Threshold) -> tuple[float, ...]:
    """Thresholds at which events may begin instead: as before, and all higher ones that are tried.

    Where they end stays as it was: what has surely begun is heard to its end.
    """
    return before.on, *(on for on in ON if on > before.on)


def line_above(scores: Mapping[str, Array], step: float, before: Threshold) -> Line:
    """The line of one label's scores [steps] that tells apart what begins events at the thresholds of `rising`."""
    levels = np.unique(np.array([before.off, *rising(before)], np.float32))
    return Line.of(scores, step, EventRules(), levels)


Measure = Callable[[Spans], Counts]
Tried = dict[Pair, tuple[Counts, ...]]
"""What each pair of thresholds finds, by each measure."""


def _counts(line: Line, measures: Sequence[Measure]) -> Tried:
    known: dict[bytes, tuple[Counts, ...]] = {}
    found = {}
    for on, off in PAIRS:
        stretches = line.stretches(on, off)
        key = stretches.tobytes()
        if key not in known:
            spans = line.spans(stretches)
            known[key] = tuple(measure(spans) for measure in measures)
        found[on, off] = known[key]
    return found


def _together(tried: Sequence[Tried]) -> Tried:
    """The same for several labels."""
    return {
        pair: tuple(sum(counts, Counts()) for counts in zip(*(own[pair] for own in tried), strict=True))
        for pair in PAIRS
    }


def _best(counts: Tried, by: Objective) -> Threshold:
    values = {pair: by.value(own) for pair, own in counts.items() if own[0].found}
    top = max(values.values(), default=0.0)
    equal = [pair for pair, value in values.items() if value >= top - 1e-12]
    return Threshold(*equal[len(equal) // 2]) if top > 0 else Threshold(ON[-1], ON[-1])


def measures(truth: Events, line: Line, by: Objective) -> list[Measure]:
    """What counts how well events on a line fit the truth, which names each recording: for `Objective.value`."""
    segments = [] if by.segments is None else [by_segments(truth, line, by.segments)]
    events = [] if by.collar is None else [_by_events(truth, line, by.collar, by.share)]
    return segments + events


def _by_events(truth: Events, line: Line, collar: float, share: float) -> Measure:
    """Events, as `event_based` counts them."""
    where = [(number, event) for number, name in enumerate(line.names) for event in truth[name]]
    onset, offset = (np.array([getattr(event, edge) for _, event in where]) for edge in ("onset", "offset"))
    begin = line.starts * line.step
    place = begin[np.array([number for number, _ in where], int)] + onset
    late = np.maximum(collar, share * (offset - onset))
    reach = collar + ROUNDING

    def measure(spans: Spans) -> Counts:
        there = begin[spans.recording] + spans.onset
        first, last = np.searchsorted(there, place - reach), np.searchsorted(there, place + reach)
        graph: dict[int, list[int]] = {}
        for i in np.flatnonzero(last > first):
            number = where[i][0]
            for k in range(first[i], last[i]):
                near = abs(onset[i] - spans.onset[k]) <= collar and abs(offset[i] - spans.offset[k]) <= late[i]
                if near and spans.recording[k] == number:
                    graph.setdefault(k, []).append(int(i))
        return Counts(len(where), len(there), len(maximum_matching(graph)))

    return measure


def by_segments(truth: Events, line: Line, resolution: float) -> Measure:
    """Segments, as `segment_based` counts them, from the sums of the truth up to each."""
    counts = np.array([math.ceil(round(seconds / resolution, 6)) for seconds in line.durations.values()])
    starts = np.cumsum(counts) - counts
    grids = [_sounding(truth[name], n, resolution) for name, n in zip(line.names, counts, strict=True)]
    sums = np.concatenate([[0], np.cumsum(np.concatenate(grids))])

    def measure(spans: Spans) -> Counts:
        most, begin = counts[spans.recording], starts[spans.recording]
        first = begin + np.minimum(np.floor(spans.onset / resolution).astype(int), most)
        last = begin + np.minimum(np.ceil(spans.offset / resolution).astype(int), most)
        first[1:] = np.maximum(first[1:], last[:-1])  # a segment that two events touch counts once
        last = np.maximum(first, last)
        return Counts(int(sums[-1]), int((last - first).sum()), int((sums[last] - sums[first]).sum()))

    return measure


def _sounding(events: Sequence[Event], segments: int, resolution: float) -> NDArray[np.bool_]:
    """In which segments one of the events of one label sounds [segments]."""
    return np.asarray(active(events, [event.label for event in events[:1]], segments, resolution).any(1))


def shared(labels: Iterable[str], recordings: Iterable[Sequence[Event]]) -> list[list[str]]:
    """Two groups that share thresholds: labels of sounds that happen, or never occurred, and of sounds that go on.

    Sounds that go on are told by long windows, whose scores fall and rise slowly: they want to be held longer once they
    have begun. Labels with a hundred events are in neither group.
    """
    lengths = event_lengths(recordings)
    happening: list[str] = []
    lasting: list[str] = []
    for label in labels:
        own = lengths.get(label, [])
        if len(own) < OFTEN:
            (lasting if sum(own) > LASTING * len(own) else happening).append(label)
    return [group for group in (happening, lasting) if group]


def event_lengths(recordings: Iterable[Sequence[Event]]) -> dict[str, list[float]]:
    """How many seconds each event of each label lasts."""
    lengths: dict[str, list[float]] = defaultdict(list)
    for events in recordings:
        for event in events:
            lengths[event.label].append(event.duration)
    return lengths
