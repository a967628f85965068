"""What sounds in a recording, and when: its events in order of time, and the scores that they were read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from earmark.events.results import Result
from earmark.events.scores import Scores
from earmark.labels.groups import above

if TYPE_CHECKING:
    from earmark.media import Sound

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

    def with_events(self, events: Iterable[Event]) -> Timeline:
        """The same recording with other events."""
        return replace(self, events=tuple(sorted(events, key=event_order)))

    with_items = with_events

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

    What lies beside a child's event is told if it lasts for `BESIDE` seconds. A parent may have a parent, too.
    """
    all_ = list(events)
    covering: dict[str, list[Event]] = {}
    for event in all_:
        for parent in above(event.label, parents):
            covering.setdefault(parent, []).append(event)
    return [rest for event in all_ for rest in _beside(event, covering.get(event.label, ()))]


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


def event_order(event: Event) -> tuple[float, float, str]:
    """What a timeline is ordered by."""
    return event.onset, event.offset, event.label
