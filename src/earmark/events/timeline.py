"""What a model found and when: scores on a time grid, and the events read from them, as they come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from earmark.errors import ArgumentError
from earmark.events.results import Result
from earmark.util.streams import windows

if TYPE_CHECKING:
    from earmark.media import Sound

Array = NDArray[np.float32]
Stretch = tuple[int, int, float]
"""First step, step after the last, best score."""

Pooling = Literal["mean", "linear_softmax"]
"""How the scores of steps become the answer for all of them."""

SMALLEST = 1e-7  # probabilities nearer to 0 or 1 have no log-odds in float32
SMOOTHED_AT_ONCE = 512  # steps
BESIDE = 1.0  # seconds: what is left of "animal" beside a dog is an edge of it, unless it is longer


@dataclass(frozen=True, slots=True)
class Event:
    """One sound: onset and offset in seconds on the media's clock, its label, and its best score in 0..1."""

    onset: float
    offset: float
    label: str
    score: float

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.offset - self.onset


@dataclass(frozen=True)
class Timeline(Result[Event]):
    """The events of one recording, ordered by onset: a sequence, whose slices are timelines again.

    Attributes
    ----------
    recording
        Its name.
    duration
        Its length, seconds.
    model
        The name of what marked it.
    events
        The events.
    scores
        What they were read from: each label's probability on a time grid. None where they were not kept, as in a
        timeline from a file.
    sound
        What the recording can be read from again.
    """

    columns: ClassVar[tuple[str, ...]] = ("onset", "offset", "label", "score")

    recording: str
    duration: float
    model: str
    events: tuple[Event, ...] = field(default=())
    scores: Scores | None = field(default=None, repr=False, compare=False)
    sound: Sound | None = field(default=None, repr=False, compare=False)

    @property
    def items(self) -> tuple[Event, ...]:
        """The events."""
        return self.events

    def with_items(self, items: Iterable[Event]) -> Timeline:
        """The same as `with_events`."""
        return self.with_events(items)

    def with_events(self, events: Iterable[Event]) -> Timeline:
        """The same recording with other events."""
        return replace(self, events=tuple(sorted(events, key=_order)))

    def to_dict(self) -> dict[str, Any]:
        """What Timeline JSON holds: recording, duration, model and events; seconds to milliseconds, scores to 1e-4."""
        events = [
            {"onset": round(e.onset, 3), "offset": round(e.offset, 3), "label": e.label, "score": round(e.score, 4)}
            for e in self.events
        ]
        return {
            "recording": self.recording,
            "duration": round(self.duration, 3),
            "model": self.model,
            "events": events,
        }


def joined(events: Iterable[Event], gap: float = 0.0) -> list[Event]:
    """The events, those of one label less than `gap` seconds apart made one, with the better score; ordered by onset.

    A label sounds or it does not: two dogs that bark at once are one event of `dog` on a timeline. Without a gap, only
    events that overlap are joined.
    """
    last: dict[str, int] = {}
    result: list[Event] = []
    for event in sorted(events, key=lambda event: (event.onset, event.offset)):
        place = last.get(event.label)
        before = None if place is None else result[place]
        if place is not None and before is not None and event.onset - before.offset < gap:
            end, best = max(before.offset, event.offset), max(before.score, event.score)
            result[place] = Event(before.onset, end, event.label, best)
        else:
            last[event.label] = len(result)
            result.append(event)
    return result


def most_specific(events: Iterable[Event], parents: Mapping[str, str]) -> list[Event]:
    """The events, those of a parent only where none of its children is marked: where a dog is, no animal is told of.

    What lies beside a child's event is told if it lasts for `BESIDE` seconds.

    Args:
        events: in any order.
        parents: the parent of each label that has one; a parent may have one, too.
    """
    all_ = list(events)
    covering: dict[str, list[Event]] = {}
    for event in all_:
        for parent in above(event.label, parents):
            covering.setdefault(parent, []).append(event)
    return [rest for event in all_ for rest in _beside(event, covering.get(event.label, ()))]


def above(label: str, parents: Mapping[str, str]) -> Iterator[str]:
    """The parent of a label, the parent's parent and so on, the nearest first."""
    while label in parents:
        label = parents[label]
        yield label


def _beside(event: Event, others: Iterable[Event]) -> Iterator[Event]:
    """What is left of an event beside others that overlap it."""
    over = sorted((e.onset, e.offset) for e in others if e.onset < event.offset and e.offset > event.onset)
    if not over:
        yield event
        return
    begin = event.onset
    for onset, offset in [*over, (event.offset, event.offset)]:
        if onset - begin >= BESIDE:
            yield replace(event, onset=begin, offset=onset)
        begin = max(begin, offset)


def _order(event: Event) -> tuple[float, float, str]:
    return event.onset, event.offset, event.label


def log_odds(probabilities: Array, exclusive: bool) -> Array:
    """Logits; for labels that exclude each other logarithms, which are logits but for a constant."""
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(p) if exclusive else np.log(p / (1 - p)), np.float32)


def probabilities(logits: Array, exclusive: bool) -> Array:
    """Inverse of `log_odds`, along the last axis."""
    if not exclusive:
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class Scores:
    """How likely each label is, on a time grid.

    Attributes
    ----------
    labels
        The columns.
    step
        Seconds from one row to the next.
    values
        Probabilities, float32 [steps, labels].
    """

    labels: tuple[str, ...]
    step: float
    values: Array

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds [steps] on the media's clock: the middle of what each row speaks for."""
        return np.arange(len(self.values), dtype=np.float64) * self.step

    @classmethod
    def joined(cls, labels: tuple[str, ...], step: float, parts: Iterable[Array]) -> Scores:
        """Of values that came in parts."""
        return cls(labels, step, np.concatenate([np.empty((0, len(labels)), np.float32), *parts]))


def whole(scores: Iterable[Array], labels: int, exclusive: bool, pooling: Pooling = "mean") -> Array:
    """One answer [labels] for a whole recording, from its steps' scores [steps, labels].

    A network that was taught what a clip holds answers by the `mean` of its steps' log-odds: its last layer is linear.
    One that was taught when a label holds is sure of that in some steps and of the contrary in others; the mean
    weighed by the scores themselves, `linear_softmax` (Wang, Li and Metze, 2019, arXiv:1810.09050), asks those in
    which it may hold.
    """
    if pooling == "linear_softmax":
        return _weighed_by_themselves(scores, labels)
    total, steps = np.zeros(labels), 0
    for part in scores:
        total += log_odds(part, exclusive).sum(axis=0, dtype=np.float64)
        steps += len(part)
    if steps == 0:
        return np.zeros(labels, np.float32)
    return probabilities((total / steps).astype(np.float32), exclusive)


def _weighed_by_themselves(scores: Iterable[Array], labels: int) -> Array:
    sums, squares = np.zeros((2, labels))
    for part in scores:
        sums += part.sum(axis=0, dtype=np.float64)
        squares += np.square(part, dtype=np.float64).sum(axis=0)
    return np.asarray(squares / np.maximum(sums, SMALLEST), np.float32)


def smooth(scores: Iterable[Array], width: int | NDArray[np.int64], labels: int, exclusive: bool) -> Iterator[Array]:
    """Answers for the window of `width` steps, an odd number, around each step; shorter at the ends.

    Windows overlap, their computation does not: each is a mean of the same steps, as in `whole`. Labels may have
    windows of their own, widths [labels].
    """
    half = np.broadcast_to(np.asarray(width) // 2, (labels,))
    columns = np.arange(labels)
    logits = (log_odds(part, exclusive) for part in scores)
    for rows, before, after in windows(logits, SMOOTHED_AT_ONCE, int(half.max(initial=0)), labels):
        sums = np.cumsum(np.pad(rows, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
        place = np.arange(before, len(rows) - after)[:, None]
        first, last = np.maximum(0, place - half), np.minimum(len(rows), place + half + 1)
        means = (sums[last, columns] - sums[first, columns]) / (last - first)
        yield probabilities(means.astype(np.float32), exclusive)


@dataclass(frozen=True)
class EventRules:
    """How scores become events.

    Attributes:
        sensitivity: 0 to 1; 0.5 keeps the model's thresholds, more marks more, less marks less.
        shortest: events shorter than this are dropped, seconds.
        longest_gap: events of one label nearer to each other than this become one, seconds; less than a listener would
            join, as windows have made scores' gaps shorter than those of sounds.
    """

    sensitivity: float = 0.5
    shortest: float = 0.2
    longest_gap: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.sensitivity <= 1:
            raise ArgumentError("sensitivity", self.sensitivity, "is none", "give a number from 0 to 1")

    def shift(self, thresholds: Array) -> Array:
        """Thresholds moved together by up to 4 on the scale of log-odds, so that each stays between 0 and 1."""
        logits = log_odds(thresholds, exclusive=False) - 8.0 * (self.sensitivity - 0.5)
        return probabilities(logits, exclusive=False)

    def edges(self, on: Array, off: Array) -> tuple[Array, Array]:
        """Thresholds [labels] at which events begin, moved, and those at which they end, which stay, at most as high.

        So more sensitivity finds more events, and does not stretch those that were found.
        """
        moved = self.shift(on)
        return moved, np.minimum(off, moved)


class EventFinder:
    """Events by hysteresis: each begins where a score reaches `on` and lasts while it stays at `off` or above.

    Takes scores in parts, and keeps of them only the stretches at `off` or above.

    Args:
        labels: names of the scores' columns.
        on: threshold [labels] that an event must reach.
        off: threshold [labels], at most `on`, below which it ends.
        step: seconds from one score to the next; score i speaks for the time around `i * step`.
        rules: which events are joined, and which are too short.
        parents: of labels, left out where these are marked.
        only: the labels whose events are wanted; None: all. A parent alone has also the events of its children.
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
        self.wanted = np.array([only is None or label in only for label in labels])
        self.on, self.off = on, np.minimum(on, off)
        self.steps = 0
        self.stretches: list[list[Stretch]] = [[] for _ in labels]

    def add(self, scores: Array) -> None:
        """Take the next scores [steps, labels]."""
        alive = np.pad((scores >= self.off) & self.wanted, ((1, 1), (0, 0)))
        for column in np.flatnonzero(alive.any(axis=0)):
            edges = np.flatnonzero(alive[1:, column] != alive[:-1, column])
            for first, last in edges.reshape(-1, 2):
                best = float(scores[first:last, column].max())
                _append(self.stretches[column], (self.steps + int(first), self.steps + int(last), best), gap=0)
        self.steps += len(scores)

    def events(self, duration: float) -> list[Event]:
        """The events of all that was added, none beyond `duration` seconds, ordered by onset."""
        found = [self._event(i, s, duration) for i, all_ in enumerate(self.stretches) for s in self._joined(i, all_)]
        long_enough = (e for e in found if round(e.duration, 3) >= self.rules.shortest)
        rounded = (replace(e, onset=round(e.onset, 3), offset=round(e.offset, 3)) for e in long_enough)
        return sorted(most_specific(rounded, self.parents), key=_order)

    def _joined(self, column: int, stretches: list[Stretch]) -> list[Stretch]:
        joined: list[Stretch] = []
        for stretch in stretches:
            if stretch[2] >= self.on[column]:
                _append(joined, stretch, self.rules.longest_gap / self.step)
        return joined

    def _event(self, column: int, stretch: Stretch, duration: float) -> Event:
        first, last, best = stretch
        onset = max(0.0, (first - 0.5) * self.step)
        offset = min(duration, (last - 0.5) * self.step)
        return Event(onset, offset, self.labels[column], round(best, 4))


def _append(stretches: list[Stretch], new: Stretch, gap: float) -> None:
    """Add a stretch, or make the last one longer where they are no more than `gap` steps apart."""
    if stretches and new[0] - stretches[-1][1] <= gap:
        first, _, best = stretches.pop()
        new = first, new[1], max(best, new[2])
    stretches.append(new)
