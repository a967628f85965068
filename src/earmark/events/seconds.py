"""A timeline seen second by second: for each second, or each N seconds, the set of labels that belong to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from earmark.errors import EarmarkError
from earmark.events.scores import Scores
from earmark.events.timeline import Event, Timeline

FINEST = 0.001  # seconds: what times are kept to
SHORTEST_LAST = 0.1  # of a window: a shorter rest at a recording's end is no window of its own
SLACK = 1e-6  # seconds: overlaps nearer to half than this are half, whatever floating point makes of them


@dataclass(frozen=True, slots=True)
class Second:
    """One window: start and end in seconds on the media's clock, and its (label, score in 0..1), best score first."""

    start: float
    end: float
    labels: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Seconds:
    """A recording's windows, in order: they follow each other without gaps, from 0 to the recording's end.

    recording, duration, model: as in its Timeline. every: the length of a window in seconds; only the last one's
    differs.
    """

    recording: str
    duration: float
    model: str
    every: float
    windows: tuple[Second, ...]

    def to_dict(self) -> dict[str, Any]:
        """What Seconds JSON holds; seconds to milliseconds, scores to 1e-4."""
        return {
            "recording": self.recording,
            "duration": round(self.duration, 3),
            "model": self.model,
            "every": self.every,
            "seconds": [
                {
                    "start": round(window.start, 3),
                    "end": round(window.end, 3),
                    "labels": [{"label": label, "score": round(score, 4)} for label, score in window.labels],
                }
                for window in self.windows
            ],
        }


def seconds(timeline: Timeline, every: float = 1.0, scores: Scores | None = None) -> Seconds:
    """The labels of each second of a recording, or of each `every` seconds.

    A label belongs to a window if one of its events fills at least half of the window, or lies in it with at least half
    of its own length. So an event that merely reaches over into a window does not count there, and a short one counts
    where most of it sounds; every event counts in at least one window, and in two if it lies half and half.

    The score is the best one that the label has where its events sound in this window, if there are scores for that
    label, and else the best score of those events as a whole.

    Parameters
    ----------
    timeline
        What sounds, and when.
    every
        Length of a window, seconds, at least 0.001. Default 1.
    scores
        The scores that the events were made of. Default those of the timeline.

    Returns
    -------
    Seconds
        Its `windows` follow each other without gaps.

    Raises
    ------
    EarmarkError
        `every` is no length that a window can have.

    Examples
    --------
    >>> import earmark
    >>> view = earmark.seconds(earmark.label("street.mp4"), every=1.0)
    >>> view.windows[0].start, view.windows[0].end
    (0.0, 1.0)
    """
    check_every(every)
    scores = scores or timeline.scores
    count = _count(timeline.duration, every)
    best: list[dict[str, float]] = [{} for _ in range(count)]
    for event in timeline.events:
        for place, start, end in _windows(event, every, count, timeline.duration):
            found = best[place]
            found[event.label] = max(found.get(event.label, 0.0), _score(event, start, end, scores))
    windows = (
        Second(*_span(place, every, count, timeline.duration), tuple(sorted(labels.items(), key=_best_first)))
        for place, labels in enumerate(best)
    )
    return Seconds(timeline.recording, timeline.duration, timeline.model, every, tuple(windows))


def check_every(every: float) -> None:
    """Refuse what is no length of a window, in seconds, with an EarmarkError."""
    if not FINEST <= every < math.inf:
        raise EarmarkError(f"every {every:g} s", "is no length of a window", f"give seconds from {FINEST:g} up")


def _count(duration: float, every: float) -> int:
    """How many windows there are: at least one for a recording that lasts at all."""
    return max(math.ceil(duration / every - SHORTEST_LAST), 1 if duration > 0 else 0)


def _span(place: int, every: float, count: int, duration: float) -> tuple[float, float]:
    return place * every, duration if place == count - 1 else (place + 1) * every


def _windows(event: Event, every: float, count: int, duration: float) -> Iterator[tuple[int, float, float]]:
    """The windows that an event counts in, each with the span of the event that lies in it."""
    first = min(int(event.onset / every), count - 1)
    for place in range(max(0, first - 1), count):  # from one before: a quotient may be rounded up
        begin, end = _span(place, every, count, duration)
        if begin > event.offset:
            return
        inner, outer = max(begin, event.onset), min(end, event.offset)
        if outer < inner:
            continue
        if outer - inner >= min(end - begin, event.duration) / 2 - SLACK:
            yield place, inner, outer


def _score(event: Event, start: float, end: float, scores: Scores | None) -> float:
    """The best score of the event's label from start to end; score i speaks for the time around `i * step`."""
    if scores is None or event.label not in scores.labels or not len(scores.values):
        return event.score
    last = len(scores.values) - 1
    first_step = min(round(start / scores.step), last)
    last_step = min(max(round(end / scores.step) - 1, first_step), last)
    return round(float(scores.values[first_step : last_step + 1, scores.labels.index(event.label)].max()), 4)


def _best_first(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]
