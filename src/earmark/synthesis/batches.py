"""Recordings made in batches, and the tables of them: what soundscapes and music have in common.

    out/audio/000000.flac               each recording, mono
    out/clips.csv                       the dataset table
    out/events.csv                      when each label is heard
    out/batches/                        what is done

Each is drawn by the seed and its number alone, so a greater count adds recordings and changes none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from earmark.datasets import tables
from earmark.datasets.clips import Clip, Dataset
from earmark.events.timeline import Event
from earmark.util.workspace import Workspace, run_all

CLIPS, EVENTS = "clips.csv", "events.csv"

Note = dict[str, Any]  # what is noted of one recording: path, labels, source, fold, perhaps split, and events


@dataclass(frozen=True)
class Batch:
    """Recordings that are made together."""

    name: str  # the file that notes what was made
    numbers: tuple[int, ...]


Make = Callable[[Batch, Mapping[int, Note]], list[Note]]
"""(batch, what is noted of those that are there, by number) -> what is noted of those that it made."""


def file_name(number: int) -> str:
    """The file of a recording, relative to the tables."""
    return f"audio/{number:06}.flac"


def deal(count: int, folds: int, size: int) -> Iterator[tuple[int, ...]]:
    """The numbers below `count`, at most `size` at a time, each fold's by themselves: they take turns."""
    for fold in range(folds):
        numbers = range(fold, count, folds)
        for first in range(0, len(numbers), size):
            yield tuple(numbers[first : first + size])


def note(number: int, source: str, fold: int, events: Sequence[Event], **more: object) -> Note:
    """What is to be noted of a recording; `fold` from 0."""
    labels = sorted({event.label for event in events})
    listed = [[event.onset, event.offset, event.label] for event in events]
    return {"path": file_name(number), "labels": labels, "source": source, "fold": fold + 1, **more, "events": listed}


def make_missing(work: Workspace, batches: Sequence[Batch], make: Make, jobs: int) -> Iterator[int]:
    """Make all recordings that are not there yet; gives how many have come, as they come."""
    lacking = {batch: len(batch.numbers) - len(_noted(work, batch)) for batch in batches}
    yield sum(len(batch.numbers) for batch in batches) - sum(lacking.values())
    yield from run_all(partial(_make, work, make), [batch for batch in batches if lacking[batch]], jobs)


def all_notes(work: Workspace, batches: Iterable[Batch]) -> list[Note]:
    """What is noted of all recordings, by path."""
    return sorted((one for batch in batches for one in _noted(work, batch).values()), key=lambda one: str(one["path"]))


def events_of(made: Note) -> list[Event]:
    """The events of a recording."""
    return [Event(onset, offset, label, 1.0) for onset, offset, label in made["events"]]


def write_tables(name: str, folder: Path, notes: Sequence[Note]) -> None:
    """The table of events, then that of the dataset of this name."""
    clips = [
        Clip(
            folder / one["path"],
            labels=tuple(one["labels"]),
            fold=one["fold"],
            source=one["source"],
            split=one.get("split"),
        )
        for one in notes
    ]
    tables.write_events({one["path"]: events_of(one) for one in notes}, folder / EVENTS)
    tables.write_clips(Dataset(name, tuple(clips)), folder / CLIPS)


def _make(work: Workspace, make: Make, batch: Batch) -> int:
    before = _noted(work, batch)
    made = make(batch, before)
    work.done(batch.name, [*before.values(), *made])
    return len(made)


def _noted(work: Workspace, batch: Batch) -> dict[int, Note]:
    """What is noted of those recordings of a batch that are there, by number."""
    noted = {one["path"]: one for one in work.notes(batch.name)}
    return {number: noted[file_name(number)] for number in batch.numbers if file_name(number) in noted}
