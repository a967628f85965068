"""Events by hysteresis: each begins where a score reaches `on`, and lasts while scores stay at `off` or above.

One automaton serves all: timelines (`EventFinder`), captions while it sounds (`EventTracker`), words, and the choice of
thresholds (`stretches` and `joined`, of scores that are all there).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.errors import ArgumentError
from earmark.events.scores import log_odds, probabilities
from earmark.events.timeline import Event, event_order, most_specific
from earmark.util.types import Array

Spans = NDArray[np.intp]
"""First step, and step after the last, of each stretch [stretches, 2]."""


@dataclass(frozen=True)
class EventRules:
    """How scores become events."""

    sensitivity: float = 0.5  # 0 to 1; 0.5 keeps the model's thresholds, more marks more, less marks less
    shortest: float = 0.2  # seconds: shorter events are dropped
    longest_gap: float = 0.2
    """Seconds: events of one label nearer to each other become one; less than a listener would join, as windows have
    made scores' gaps shorter than those of sounds."""

    def __post_init__(self) -> None:
        if not isinstance(self.sensitivity, Real) or not 0 <= self.sensitivity <= 1:
            raise ArgumentError("sensitivity", self.sensitivity, "is no number from 0 to 1", "leave it out")

    def shift(self, thresholds: Array) -> Array:
        """Thresholds moved together by up to 4 on the scale of log-odds, so that each stays between 0 and 1."""
        logits = log_odds(thresholds, exclusive=False) - 8.0 * (self.sensitivity - 0.5)
        return probabilities(logits, exclusive=False)

    def thresholds(self, on: Array, off: Array) -> tuple[Array, Array]:
        """Thresholds [labels] at which events begin, moved, and those at which they end, which stay, at most as high.

        So more sensitivity finds more events, and does not stretch those that were found.
        """
        moved = self.shift(on)
        return moved, np.minimum(off, moved)


def runs(mask: NDArray[np.bool_]) -> Spans:
    """The stretches in which a mask [steps] holds."""
    edges = np.zeros(len(mask) + 2, np.bool_)
    edges[1:-1] = mask
    return np.flatnonzero(edges[1:] != edges[:-1]).reshape(-1, 2)


def stretches(values: NDArray[Any], on: float, off: float) -> Spans:
    """The stretches in which values [steps] stay at `off` or above and reach `on` somewhere."""
    found = runs(values >= off)
    if not len(found):
        return found
    peaks = np.maximum.reduceat(np.append(values, values[-1:]), found.ravel())[::2]
    return found[peaks >= on]


def joined(spans: Spans, gap: float) -> Spans:
    """Spans in order, those that are no more than `gap` steps apart as one."""
    apart = spans[1:, 0] - spans[:-1, 1] > gap
    begins, ends = np.append(True, apart)[: len(spans)], np.append(apart, True)[: len(spans)]
    return np.stack([spans[begins, 0], spans[ends, 1]], axis=1)


def seconds(spans: Spans, step: float) -> NDArray[np.float64]:
    """Onset and offset of spans of steps [spans, 2]: score i speaks for the time around `i * step`."""
    return np.asarray(np.maximum((spans - 0.5) * step, [0.0, -np.inf]))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A label for a while: its column, the first step, the step after the last, the best score."""

    column: int
    first: int
    last: int
    peak: float

    def __or__(self, other: Stretch) -> Stretch:
        """Both, and what lies between."""
        return Stretch(self.column, self.first, other.last, max(self.peak, other.peak))

    def seconds(self, step: float) -> tuple[float, float]:
        """Onset and offset."""
        onset, offset = seconds(np.array([self.first, self.last]), step).tolist()
        return onset, offset


@dataclass(slots=True)
class _Open:
    """What may go on of one label: a stretch at `off` or above, and the event before it, which it may belong to."""

    rising: Stretch | None = None
    event: Stretch | None = None


class Hysteresis:
    """The automaton, for scores that come in parts. What it keeps of them does not grow.

    Parameters
    ----------
    on
        Threshold [labels] that an event must reach.
    off
        Threshold [labels] below which it ends; no higher than `on`.
    gap
        Steps; what is no further apart is one event.
    """

    def __init__(self, on: Array, off: Array, gap: float) -> None:
        self.on, self.off, self.gap = on, np.minimum(on, off), gap
        self.steps = 0
        self.open: dict[int, _Open] = {}

    def add(self, scores: Array) -> list[Stretch]:
        """Take the next scores [steps, labels]; the events that nothing can be joined to any more, by column."""
        alive = scores >= self.off
        for column in np.flatnonzero(alive.any(axis=0)).tolist():
            self.open.setdefault(column, _Open())
        before, self.steps = self.steps, self.steps + len(scores)
        return [
            ended
            for column in sorted(self.open)
            for ended in self._follow(column, scores[:, column], alive[:, column], before)
        ]

    def current(self) -> list[Stretch]:
        """The events that may still go on, as they now stand, those first that rose first."""
        found = (self._current(column, one) for column, one in self.open.items())
        return [event for event in found if event]

    def _current(self, column: int, one: _Open) -> Stretch | None:
        if one.rising is None or not one.rising.peak >= self.on[column]:
            return one.event
        return one.event | one.rising if one.event else one.rising

    def _follow(self, column: int, scores: Array, alive: NDArray[np.bool_], before: int) -> Iterator[Stretch]:
        one = self.open[column]
        for first, last in runs(alive).tolist():
            new = Stretch(column, before + first, before + last, float(scores[first:last].max()))
            if one.rising is not None and one.rising.last == new.first:
                one.rising = one.rising | new
            else:
                yield from self._settle(one)
                one.rising = new
        if one.rising is not None and one.rising.last < self.steps:
            yield from self._settle(one)
        yield from self._part(one, one.rising.first if one.rising else self.steps)
        if one.rising is None and one.event is None:
            del self.open[column]

    def _settle(self, one: _Open) -> Iterator[Stretch]:
        """The stretch is over, and belongs to an event or to none."""
        if one.rising is not None and one.rising.peak >= self.on[one.rising.column]:
            yield from self._part(one, one.rising.first)
            one.event = one.event | one.rising if one.event else one.rising
        one.rising = None

    def _part(self, one: _Open, step: int) -> Iterator[Stretch]:
        """The event, if what begins at a step is too far from it."""
        if one.event is not None and step - one.event.last > self.gap:
            yield one.event
            one.event = None


class EventFinder:
    """The events of scores that come in parts, told in the end. Of the scores only the events are kept.

    Parameters
    ----------
    labels
        Names of the scores' columns.
    on, off
        Thresholds [labels] that an event must reach, and below which it ends.
    step
        Seconds from one score to the next; score i speaks for the time around `i * step`.
    rules
        Which events are joined, and which are too short.
    parents
        Of labels, left out where these are marked.
    only
        The labels whose events are wanted; None: all. A parent alone has also the events of its children.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        on: Array,
        off: Array,
        step: float,
        rules: EventRules,
        parents: Mapping[str, str] | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        self.labels, self.step, self.rules, self.parents = labels, step, rules, parents or {}
        wanted = [only is None or label in only for label in labels]
        self.hysteresis = Hysteresis(
            np.where(wanted, on, np.inf), np.where(wanted, off, np.inf), rules.longest_gap / step
        )
        self.ended: list[Stretch] = []

    def add(self, scores: Array) -> None:
        """Take the next scores [steps, labels]."""
        self.ended += self.hysteresis.add(scores)

    def events(self, duration: float) -> list[Event]:
        """The events of all that was added, none beyond `duration` seconds, ordered by onset."""
        found = (self._event(stretch, duration) for stretch in [*self.ended, *self.hysteresis.current()])
        return sorted(most_specific(filter(None, found), self.parents), key=event_order)

    def _event(self, stretch: Stretch, duration: float) -> Event | None:
        onset, offset = stretch.seconds(self.step)
        offset = min(duration, offset)
        if round(offset - onset, 3) < self.rules.shortest:
            return None
        return Event(round(onset, 3), round(offset, 3), self.labels[stretch.column], round(stretch.peak, 4))


@dataclass(frozen=True, slots=True)
class Turn:
    """A label begins or ends: the event as it now stands."""

    begins: bool
    column: int
    onset: float
    """Seconds."""
    offset: float
    """Seconds where it ends, or how far it has come."""
    best: float
    """Its best score so far."""


class EventTracker:
    """The events of scores that come in parts, each told as soon as it is certain.

    An event begins to be told when it has lasted `rules.shortest`, so that nothing flickers, and is told to have ended
    when nothing can join it any more, `rules.longest_gap` after it. All in all these are the events of `EventFinder`,
    whose arguments it has.
    """

    def __init__(self, on: Array, off: Array, step: float, rules: EventRules) -> None:
        self.step, self.rules = step, rules
        self.hysteresis = Hysteresis(on, off, rules.longest_gap / step)
        self.announced: set[int] = set()

    def add(self, scores: Array) -> list[Turn]:
        """Take the next scores [steps, labels]; what begins and ends, in order."""
        return [turn for row in scores for turn in self._step(row)]

    def finish(self) -> list[Turn]:
        """The ends of what still sounds."""
        return [self._turn(False, stretch) for stretch in self.hysteresis.current() if stretch.column in self.announced]

    def sounding(self) -> list[Turn]:
        """What has begun and not ended, as it now stands."""
        return [self._turn(True, stretch) for stretch in self.hysteresis.current() if stretch.column in self.announced]

    def _step(self, row: Array) -> list[Turn]:
        ended = [
            self._turn(False, stretch) for stretch in self.hysteresis.add(row[None]) if stretch.column in self.announced
        ]
        self.announced -= {turn.column for turn in ended}
        others = (self._turn(True, s) for s in self.hysteresis.current() if s.column not in self.announced)
        begun = [turn for turn in others if round(turn.offset - turn.onset, 3) >= self.rules.shortest]
        self.announced |= {turn.column for turn in begun}
        return sorted(ended + begun, key=lambda turn: turn.column)

    def _turn(self, begins: bool, stretch: Stretch) -> Turn:
        return Turn(begins, stretch.column, *stretch.seconds(self.step), stretch.peak)
