"""Jobs as a dataset: a zip with the table of clips, the events, and the sound, for `earmark train`."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from earmark import media
from earmark.datasets import Clip, Dataset, table
from earmark.datasets.annotations import write as write_events
from earmark.errors import EarmarkError
from earmark.processes import bound_memory, end_with_parent
from earmark.timeline import Event, Timeline
from earmark.util.atomic import atomic_write

NOTHING = 1.0  # seconds of the shortest stretch without any event that is a clip of nothing
LONGEST = 10.0  # seconds of a clip of nothing
PATIENCE = 600.0  # seconds to write the sound of a recording


@dataclass(frozen=True)
class Recording:
    """One that goes into a dataset: its upload, its events as they are to be learned, and its name, a plain word."""

    upload: Path
    timeline: Timeline
    name: str


def write_zip(recordings: Sequence[Recording], path: Path, memory: int) -> None:
    """Write the zip in a process of its own, as it decodes what somebody sent.

    Args:
        recordings: what goes in.
        path: of the zip.
        memory: bytes of data that the process may hold.

    Raises:
        EarmarkError: the process broke down, or took too long.
    """
    process = get_context("spawn").Process(target=build, args=(recordings, path, memory), daemon=True)
    process.start()
    process.join(PATIENCE)
    if process.exitcode != 0:
        process.kill()
        process.join()
        raise EarmarkError(", ".join(one.timeline.recording for one in recordings), "cannot be written as a dataset")


def build(recordings: Sequence[Recording], path: Path, memory: int) -> None:
    """What the process does."""
    end_with_parent()
    bound_memory(memory)
    with TemporaryDirectory(dir=path.parent) as made, atomic_write(path) as part:
        folder = Path(made)
        found: list[Clip] = []
        events: dict[str, list[Event]] = {}
        for one in recordings:
            sound = folder / "audio" / f"{one.name}.flac"
            media.write_span(one.upload, sound, 0.0, one.timeline.duration)
            found += clips(one.timeline, sound, one.name)
            events[f"audio/{one.name}.flac"] = [event for event in one.timeline.events if event.duration > 0]
        table.write(Dataset("corrected", tuple(found), exclusive=False), folder / "clips.csv")
        write_events(events, folder / "events.csv")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:  # FLAC is compressed already
            for file in sorted(folder.rglob("*.*")):
                archive.write(file, file.relative_to(folder))


def clips(timeline: Timeline, sound: Path, source: str) -> list[Clip]:
    """A clip for each event, with the labels of all that sound through half of it; and clips of nothing between."""
    onsets, offsets = np.array([(e.onset, e.offset) for e in timeline.events]).reshape(-1, 2).T
    marked = []
    for event in timeline.events:
        both = np.minimum(offsets, event.offset) - np.maximum(onsets, event.onset)
        along = np.flatnonzero(both >= event.duration / 2)
        labels = tuple(sorted({timeline.events[place].label for place in along}))
        if event.duration > 0:
            marked.append(Clip(sound, event.onset, event.offset, labels, source=source))
    empty = [Clip(sound, start, end, (), source=source) for start, end in _pauses(timeline)]
    return sorted([*marked, *empty], key=lambda clip: clip.start)


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
