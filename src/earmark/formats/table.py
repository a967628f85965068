"""Timelines for people's eyes: plain aligned text, or a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earmark.util.text import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from earmark.events.timeline import Timeline

HEADS = ("onset", "offset", "sound", "score")


def rows(timeline: Timeline) -> list[tuple[str, str, str, str]]:
    """A row an event: times as m:ss.s or h:mm:ss.s, label, score."""
    return [(clock(e.onset), clock(e.offset), one_line(e.label), f"{e.score:.2f}") for e in timeline.events]


def plain(timeline: Timeline) -> str:
    """Aligned text with a head line, ending in a line break; one sentence if there are no events."""
    if not timeline.events:
        return "no sounds found\n"
    table = [HEADS, *rows(timeline)]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEADS))]
    lines = [f"{a:>{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in table]
    return "\n".join(lines) + "\n"


def rich_table(timeline: Timeline) -> Table:
    """The same as a table that rich draws; rich is imported only here."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(one_line(timeline.recording)), title_justify="left")
    for head in HEADS:
        table.add_column(head, justify="left" if head == "sound" else "right")
    for onset, offset, label, score in rows(timeline):
        table.add_row(onset, offset, escape(label), score)
    return table


def clock(seconds: float) -> str:
    """A time as people read it.

    >>> clock(63.24), clock(3661.5)
    ('1:03.2', '1:01:01.5')
    """
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    hours, minutes = whole // 3600, whole // 60 % 60
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{whole % 60:02}.{tenth}"
