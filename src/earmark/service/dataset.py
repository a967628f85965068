"""Jobs as a dataset: a zip with the table of clips, the events, and the sound, for `earmark train`."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path

from earmark import media
from earmark.datasets import Clip, Dataset, tables
from earmark.datasets.tables import write_events
from earmark.errors import EarmarkError
from earmark.events.timeline import Event, Timeline
from earmark.service.worker import ENDING
from earmark.util.processes import end_with_parent, limit

NOTHING = 1.0  # seconds of the shortest stretch without any event that is a clip of nothing
LONGEST = 10.0  # seconds of a clip of nothing
PATIENCE = 600.0  # seconds to write the sound of a recording
LOOK_EVERY = 0.5  # seconds between looks at whether anybody still waits for it


@dataclass(frozen=True)
class Recording:
    """One that goes into a dataset: its upload, its events as they are to be learned, and its name, a plain word."""

    upload: Path
    timeline: Timeline
    name: str


def write_zip(recordings: Sequence[Recording], folder: Path, memory: int, left: Callable[[], bool]) -> Path:
    """Write the zip in a process of its own, as it decodes what somebody sent, within so many bytes of memory.

    It and what it is made of lie in the empty `folder`, which the caller removes whatever happens. The process is ended
    where `left` says that nobody waits for it any more.

    Raises
    ------
    EarmarkError
        The process broke down, took too long, or was ended as nobody waits.
    """
    path, end = folder / "dataset.zip", time.monotonic() + PATIENCE
    process = get_context("spawn").Process(target=build, args=(recordings, path, memory), daemon=True)
    process.start()
    try:
        while process.exitcode is None and time.monotonic() < end and not left():
            process.join(LOOK_EVERY)
    finally:
        process.kill()
        process.join(ENDING)
    if process.exitcode != 0:
        raise EarmarkError(", ".join(one.timeline.recording for one in recordings), "cannot be written as a dataset")
    return path


def build(recordings: Sequence[Recording], path: Path, memory: int) -> None:
    """What the process does."""
    end_with_parent()
    limit(memory)
    folder = path.parent / "content"
    found: list[Clip] = []
    events: dict[str, list[Event]] = {}
    for one in recordings:
        sound = folder / "audio" / f"{one.name}.flac"
        media.write_span(one.upload, sound, 0.0, one.timeline.duration)
        found += clips(one.timeline, sound, one.name)
        events[f"audio/{one.name}.flac"] = [event for event in one.timeline.events if event.duration > 0]
    tables.write_clips(Dataset("corrected", tuple(found), exclusive=False), folder / "clips.csv")
    write_events(events, folder / "events.csv")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # FLAC is compressed already
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder))


def clips(timeline: Timeline, sound: Path, source: str) -> list[Clip]:
    """A clip for each event, with the labels of all that sound through half of it; and clips of nothing between."""
    events = [event for event in timeline.events if event.duration > 0]
    marked = [
        Clip(sound, event.onset, event.offset, tuple(sorted(labels)), source=source)
        for event, labels in zip(events, _along(events), strict=True)
    ]
    empty = [Clip(sound, start, end, (), source=source) for start, end in _pauses(timeline)]
    return sorted([*marked, *empty], key=lambda clip: clip.start)


def at_once(events: Sequence[Event]) -> int:
    """How many of the events sound at the moment when most do."""
    edges = sorted(edge for event in events for edge in ((event.onset, 1), (event.offset, -1)))  # an end goes first
    return max(accumulate(change for _, change in edges), default=0)


def _along(events: Sequence[Event]) -> list[set[str]]:
    """The labels that sound through half of each event; a sweep over those that sound at once, not over all pairs."""
    labels = [{event.label} for event in events]
    sounding: list[int] = []
    for place, event in enumerate(events):
        sounding = [other for other in sounding if events[other].offset > event.onset]
        for other in sounding:
            both = min(events[other].offset, event.offset) - event.onset
            if both >= event.duration / 2:
                labels[place].add(events[other].label)
            if both >= events[other].duration / 2:
                labels[other].add(event.label)
        sounding.append(place)
    return labels


def _pauses(timeline: Timeline) -> list[tuple[float, float]]:
    pauses, end = [], 0.0
    for event in (*timeline.events, Event(timeline.duration, timeline.duration, "", 0.0)):
        start = end
        while event.onset - start >= NOTHING:
            stop = min(event.onset, start + LONGEST)
            pauses.append((round(start, 3), round(stop, 3)))
            start = stop
        end = max(end, event.offset)
    return pauses
