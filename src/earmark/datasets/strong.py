"""Check a table of events beside its dataset: what it labels, and whether it fits the clips."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from earmark.datasets.annotations import read
from earmark.datasets.clip import Dataset
from earmark.datasets.measure import Measured
from earmark.events.timeline import Event

TABLE = "events.csv"
"""What the table is called that lies beside a dataset's."""
ROUNDING = 0.05
"""Seconds by which an event may end behind its recording."""

Events = Mapping[str, Sequence[Event]]


@dataclass(frozen=True)
class EventReport:
    """What a check of events found.

    Attributes:
        counts: events of each label, the most frequent first.
        seconds: of each label, how long its events last together.
        unlisted: recordings that the dataset table lacks, as the table of events writes them.
        outside: recordings with an event that ends behind them, and the end of the last such event, in seconds.
    """

    counts: Mapping[str, int]
    seconds: Mapping[str, float]
    unlisted: tuple[str, ...]
    outside: tuple[tuple[str, float], ...]

    @property
    def serious(self) -> bool:
        """Whether something must be mended."""
        return bool(self.unlisted or self.outside)


def check(table: Path, dataset: Dataset, measured: Sequence[Measured]) -> EventReport:
    """Compare a table of events with the clips of the dataset that it lies beside, as they were measured.

    Raises:
        DatasetError: the table cannot be read, or an event ends before it begins or has no label.
    """
    events = read(table)
    names = {name: _plain(table.parent / name) for name in events}
    listed = {_plain(clip.path) for clip in (*dataset.clips, *dataset.missing)}
    lengths = {_plain(one.clip.path): one.clip.start + one.seconds for one in measured if _to_its_end(one)}
    last = {name: max(event.offset for event in found) for name, found in events.items()}
    late = {name: end for name, end in last.items() if end > lengths.get(names[name], end) + ROUNDING}
    counts, seconds = _labelled(events)
    return EventReport(
        counts, seconds, tuple(name for name, path in names.items() if path not in listed), tuple(late.items())
    )


def _labelled(events: Events) -> tuple[dict[str, int], dict[str, float]]:
    counts: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for event in (event for found in events.values() for event in found):
        counts[event.label] += 1
        seconds[event.label] += event.offset - event.onset
    order = sorted(counts, key=lambda label: (-counts[label], label))
    return {label: counts[label] for label in order}, {label: round(seconds[label], 3) for label in order}


def _to_its_end(one: Measured) -> bool:
    """Whether a clip's length tells that of its recording."""
    return not one.error and one.clip.end is None


def _plain(path: Path) -> str:
    return normpath(path.absolute())
