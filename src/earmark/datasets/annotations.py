"""Strong labels: a table of which recording holds which label from when to when.

| column | meaning |
|---|---|
| path | the recording, as the dataset table writes it |
| onset, offset | seconds |
| label | what sounds |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from earmark.datasets import rows
from earmark.errors import DatasetError
from earmark.events.timeline import Event

COLUMNS = ("path", "onset", "offset", "label")


def read(path: Path) -> dict[str, tuple[Event, ...]]:
    """The events of each recording, by its path as it is written in the table; recordings without events are missing.

    Every score is 1: these events are the truth.

    Raises:
        DatasetError: the table cannot be read, or an event ends before it begins or has no label.
    """
    found: dict[str, list[Event]] = defaultdict(list)
    for row in rows.read(path, COLUMNS):
        onset, offset = (_seconds(row, column) for column in ("onset", "offset"))
        if offset <= onset:
            row.fail("offset", f"{offset:g} is not after onset, {onset:g}")
        found[row.required("path")].append(Event(onset, offset, row.required("label"), 1.0))
    return {name: tuple(events) for name, events in found.items()}


def write(events: Mapping[str, Sequence[Event]], path: Path) -> None:
    """Write a table of events, in the order given; it gets its name when it is whole.

    Raises:
        DatasetError: it cannot be written, or not so that it could be read back.
    """
    lines = [_line(path, name, event) for name, listed in events.items() for event in listed]
    rows.write(path, COLUMNS, lines)


def _seconds(row: rows.Row, column: str) -> float:
    row.required(column)
    return row.number(column) or 0.0


def _line(table: Path, name: str, event: Event) -> tuple[str, str, str, str]:
    for text in (name, event.label):
        if not text or text != text.strip():
            raise DatasetError(table, f"{text!r} of {name!r} cannot stand in a table", "rename it")
    if not 0 <= event.onset < event.offset < float("inf"):
        raise DatasetError(table, f"{name}: an event cannot last from {event.onset} to {event.offset}")
    return name, repr(float(event.onset)), repr(float(event.offset)), event.label
