"""What people read in a terminal: aligned tables of events, and of the labels of each second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Timeline

EVENT_HEADS = ("onset", "offset", "sound", "score")
SECONDS_HEADS = ("time", "sounds")


def rows(timeline: Timeline) -> list[tuple[str, str, str, str]]:
    """A row an event: times as m:ss.s or h:mm:ss.s, label, score."""
    return [(clock(e.onset), clock(e.offset), one_line(e.label), f"{e.score:.2f}") for e in timeline.events]


def events_table(timeline: Timeline) -> str:
    """Aligned text with a head line, ending in a line break; one sentence if there are no events."""
    if not timeline.events:
        return "no sounds found\n"
    table = [EVENT_HEADS, *rows(timeline)]
    widths = [max(len(row[i]) for row in table) for i in range(len(EVENT_HEADS))]
    lines = [f"{a:>{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in table]
    return "\n".join(lines) + "\n"


def seconds_table(seconds: Seconds) -> str:
    """Aligned text with a head line: where each window begins, as m:ss or h:mm:ss, and its labels with their scores."""
    digits = _digits(seconds.every)
    rows = [SECONDS_HEADS, *((clock(w.start, digits), _labels(w.labels)) for w in seconds.windows)]
    width = max(len(time) for time, _ in rows)
    return "".join(f"{time:>{width}}  {labels}".rstrip() + "\n" for time, labels in rows)


def clock(seconds: float, digits: int = 1) -> str:
    """A time as people read it, h:mm:ss or m:ss, with so many digits after the point.

    >>> clock(63.24), clock(63, 0), clock(3661.25, 2)
    ('1:03.2', '1:03', '1:01:01.25')
    """
    whole, parts = divmod(round(seconds * 10**digits), 10**digits)
    hours, minutes = whole // 3600, whole // 60 % 60
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{whole % 60:02}" + (f".{parts:0{digits}}" if digits else "")


def _digits(every: float) -> int:
    """How many digits after the point, three at most, tell windows of this length apart exactly."""
    return next((digits for digits in range(3) if abs(round(every, digits) - every) < 1e-9), 3)


def _labels(labels: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{one_line(label)} {score:.2f}" for label, score in labels) or "-"
