"""Recordings whose events are known, from a dataset table and a table of events beside it.

Their labels are called as a model calls them; what is said of others is here, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from earmark import datasets
from earmark.datasets import Clip, Dataset, tables
from earmark.datasets.tables import read_events
from earmark.errors import ArgumentError, DatasetError
from earmark.events.timeline import Event, joined
from earmark.models.model import Model

SOME = 8  # labels that a message names


def renamed(dataset: Dataset, names: Mapping[str, str], model: Model) -> Dataset:
    """A dataset with labels called as the model calls them.

    Raises
    ------
    ArgumentError
        One is no label of the dataset, or its new name none of the model.
    """
    for name in sorted(set(names) - set(dataset.labels)):
        has = f"it has {', '.join(dataset.labels)}"
        raise ArgumentError("relabel", name, "is no label of the dataset", has)
    check_new_names(names, model.labels)

    def rename(clip: Clip) -> Clip:
        return replace(clip, labels=tuple(dict.fromkeys(names.get(label, label) for label in clip.labels)))

    return dataset.map(rename)


def check_new_names(names: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse to call a label what the model does not know.

    Raises
    ------
    ArgumentError
        A new name is none of the model's labels.
    """
    for new in sorted(set(names.values()) - set(known)):
        close = get_close_matches(new, known) or known
        raise ArgumentError("relabel", new, "is no label of the model", f"it knows {', '.join(close)}")


def some(labels: Sequence[str]) -> str:
    """The first of many labels."""
    return ", ".join(labels[:SOME]) + (", ..." if len(labels) > SOME else "")


CLIPS, EVENTS = "clips.csv", "events.csv"


@dataclass(frozen=True)
class Annotated:
    """Clips of recordings, and the events of each recording."""

    table: Path  # of the clips
    clips: tuple[Clip, ...]  # that are measured
    truth: Mapping[Path, Sequence[Event]]
    """By the recording's path, times in seconds from its beginning; a recording may be missing."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur in these recordings, sorted."""
        paths = {clip.path for clip in self.clips}
        return tuple(sorted({event.label for path in paths for event in self.truth.get(path, ())}))

    def name(self, clip: Clip) -> str:
        """A recording as the tables write it."""
        home = self.table.parent
        return (clip.path.relative_to(home) if clip.path.is_relative_to(home) else clip.path).as_posix()

    def inside(self, clip: Clip, duration: float) -> list[Event]:
        """The truth of a clip of `duration` seconds, times from its beginning."""
        return joined(cut(self.truth.get(clip.path, ()), clip.start, clip.start + duration))

    def relabelled(self, names: Mapping[str, str], known: Sequence[str]) -> Annotated:
        """With labels called otherwise, as a model that knows some labels calls them.

        Raises
        ------
        ArgumentError
            One is not in the truth, or the model does not know its new name.
        """
        for name in sorted(set(names) - set(self.labels)):
            raise ArgumentError("relabel", name, "is no label of the events", f"there are {', '.join(self.labels)}")
        check_new_names(names, known)
        renamed = {
            path: [replace(event, label=names.get(event.label, event.label)) for event in events]
            for path, events in self.truth.items()
        }
        return replace(self, truth=renamed)

    def only(self, known: Sequence[str]) -> Annotated:
        """With the events of some labels alone."""
        kept = {path: [e for e in events if e.label in known] for path, events in self.truth.items()}
        return replace(self, truth=kept)


def cut(events: Sequence[Event], start: float, end: float) -> list[Event]:
    """What lies between two times, in seconds, counted from the first."""
    within = [replace(e, onset=max(e.onset, start) - start, offset=min(e.offset, end) - start) for e in events]
    return [event for event in within if event.offset > event.onset]


def load(on: str | Path, events: Path | None = None, split: str | None = None) -> Annotated:
    """Read a dataset table and the events of its recordings.

    Parameters
    ----------
    on
        The table; or a folder, or a known dataset's name, with `clips.csv` in it.
    events
        The table of events; by default, `events.csv` beside the dataset table.
    split
        Only clips of this split.

    Raises
    ------
    DatasetError
        One is not there, cannot be read, or does not fit the other.
    """
    root = datasets.find(on)
    clips_table = root / CLIPS if root.is_dir() else root
    if not clips_table.is_file():
        remedy = f"events are measured on a dataset table {CLIPS}, with {EVENTS} beside it"
        raise DatasetError(root, f"has no {CLIPS}", remedy)
    events_table = events or clips_table.parent / EVENTS
    if not events_table.is_file():
        raise DatasetError(events_table, "is not there", "give the table of events by truth=")
    dataset = tables.read_clips(clips_table)
    truth = {clips_table.parent / name: listed for name, listed in read_events(events_table).items()}
    if truth and not {clip.path for clip in dataset.clips} & set(truth):
        remedy = f"its paths must be those of {clips_table.name}"
        raise DatasetError(events_table, f"names no recording of {clips_table}", remedy)
    return Annotated(clips_table, _of_split(clips_table, dataset.clips, split), truth)


def _of_split(root: Path, clips: tuple[Clip, ...], split: str | None) -> tuple[Clip, ...]:
    if split is None:
        return clips
    chosen = tuple(clip for clip in clips if clip.split == split)
    if not chosen:
        has = ", ".join(sorted({clip.split for clip in clips if clip.split})) or "none"
        raise DatasetError(root, f"has no clip of the split {split}", f"splits there: {has}")
    return chosen
