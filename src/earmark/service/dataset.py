"""A job as a dataset: a zip with the table of clips, the events, and the sound, for `earmark train`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from earmark import media
from earmark.datasets import Clip, Dataset, table
from earmark.datasets.annotations import write as write_events
from earmark.errors import EarmarkError
from earmark.timeline import Event, Timeline
from earmark.whole import written_whole

NOTHING = 1.0  # seconds of the shortest stretch without any event that is a clip of nothing
LONGEST = 10.0  # seconds of a clip of nothing
PATIENCE = 600.0  # seconds to write the sound of a recording


def write_zip(upload: Path, timeline: Timeline, name: str, path: Path) -> None:
    """Write the zip in a process of its own, as it decodes what somebody sent.

    Args:
        upload: the recording.
        timeline: its events, as they are to be learned.
        name: of the sound in the zip; a plain word.
        path: of the zip.

    Raises:
        EarmarkError: the process broke down, or took too long.
    """
    process = get_context("spawn").Process(target=build, args=(upload, timeline, name, path), daemon=True)
    process.start()
    process.join(PATIENCE)
    if process.exitcode != 0:
        process.kill()
        process.join()
        raise EarmarkError(timeline.recording, "cannot be written as a dataset")


def build(upload: Path, timeline: Timeline, name: str, path: Path) -> None:
    """What the process does."""
    with TemporaryDirectory(dir=path.parent) as made, written_whole(path) as part:
        folder = Path(made)
        sound = folder / "audio" / f"{name}.flac"
        media.write_span(upload, sound, 0.0, timeline.duration)
        dataset = Dataset(name, tuple(clips(timeline, sound, name)), exclusive=False)
        table.write(dataset, folder / "clips.csv")
        marked = [event for event in timeline.events if event.duration > 0]
        write_events({f"audio/{name}.flac": marked}, folder / "events.csv")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:  # FLAC is compressed already
            for file in (folder / "clips.csv", folder / "events.csv", sound):
                archive.write(file, file.relative_to(folder))


def clips(timeline: Timeline, sound: Path, source: str) -> list[Clip]:
    """A clip for each event, with the labels of all that sound through half of it; and clips of nothing between."""
    marked = [
        Clip(sound, event.onset, event.offset, _labels(event, timeline.events), source=source)
        for event in timeline.events
        if event.duration > 0
    ]
    empty = [Clip(sound, start, end, (), source=source) for start, end in _pauses(timeline)]
    return sorted([*marked, *empty], key=lambda clip: clip.start)


def _labels(event: Event, events: Iterable[Event]) -> tuple[str, ...]:
    def sounds_along(other: Event) -> bool:
        both = min(event.offset, other.offset) - max(event.onset, other.onset)
        return both >= event.duration / 2

    return tuple(sorted({other.label for other in events if sounds_along(other)}))


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
