"""A dataset checked before training: broken, silent, clipped and short clips, duplicates, leaks, balance, events."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from earmark.datasets.clips import Clip, Dataset
from earmark.datasets.measurements import Duplicates, Measurement, find_duplicates, measure
from earmark.datasets.media_files import absolute
from earmark.datasets.tables import read_events
from earmark.events.timeline import Event
from earmark.util.types import Progress

EVENTS_TABLE = "events.csv"  # what the table is called that lies beside a dataset's
ROUNDING = 0.05  # seconds by which an event may end behind its recording

Events = Mapping[str, Sequence[Event]]

SILENT = 10 ** (-60 / 20)  # the peak under which a clip is silent: -60 dBFS
CLIPPED = 0.001  # the share of samples in runs at full scale from which a clip is clipped
SHORT_SECONDS = 0.25
SHORT_SHARE = 0.1  # of the median length
THREADS = 2


@dataclass(frozen=True)
class EventReport:
    """What a check of events found."""

    counts: Mapping[str, int]  # events of each label, the most frequent first
    seconds: Mapping[str, float]  # of each label, how long its events last together
    unlisted: tuple[str, ...]  # recordings that the dataset table lacks, as the table of events writes them
    outside: tuple[tuple[str, float], ...]
    """Recordings with an event that ends behind them, and the end of the last such event, in seconds."""

    @property
    def serious(self) -> bool:
        """Whether something must be mended."""
        return bool(self.unlisted or self.outside)


def check_events(table: Path, dataset: Dataset, measured: Sequence[Measurement]) -> EventReport:
    """Compare a table of events with the clips of the dataset that it lies beside, as they were measured.

    Raises DatasetError: the table cannot be read, or an event ends before it begins or has no label.
    """
    events = read_events(table)
    names = {name: absolute(table.parent / name) for name in events}
    listed = {absolute(clip.path) for clip in (*dataset.clips, *dataset.missing)}
    to_their_ends = (one for one in measured if not one.error and one.clip.end is None)
    lengths = {absolute(one.clip.path): one.clip.start + one.seconds for one in to_their_ends}
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


@dataclass(frozen=True)
class CheckReport:
    """What a check found."""

    dataset: Dataset
    measured: tuple[Measurement, ...]
    copies: tuple[Duplicates, ...]
    events: EventReport | None = None  # of the table of events, where there is one

    @cached_property
    def readable(self) -> tuple[Measurement, ...]:
        """The clips that could be decoded."""
        return tuple(one for one in self.measured if not one.error)

    @cached_property
    def unreadable(self) -> tuple[Measurement, ...]:
        """The clips that could not be decoded."""
        return tuple(one for one in self.measured if one.error)

    @cached_property
    def silent(self) -> tuple[Measurement, ...]:
        """Clips in which nothing is to be heard."""
        return tuple(one for one in self.readable if one.peak < SILENT)

    @cached_property
    def clipped(self) -> tuple[Measurement, ...]:
        """Clips recorded too loud, the worst first."""
        found = [one for one in self.readable if one.clipped > CLIPPED]
        return tuple(sorted(found, key=lambda one: -one.clipped))

    @cached_property
    def median(self) -> float:
        """The median length in seconds."""
        return statistics.median(one.seconds for one in self.readable) if self.readable else 0.0

    @cached_property
    def short(self) -> tuple[Measurement, ...]:
        """Clips too short to learn much from, the shortest first."""
        limit = max(SHORT_SECONDS, SHORT_SHARE * self.median)
        return tuple(sorted((one for one in self.readable if one.seconds < limit), key=lambda one: one.seconds))

    @cached_property
    def counts(self) -> dict[str, int]:
        """Clips a label, the most frequent first."""
        counted = Counter(label for clip in self.dataset.clips for label in clip.labels)
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def split_sources(self) -> dict[str, list[int]]:
        """Sources whose clips stand in several folds, which makes figures too good."""
        folds: dict[str, set[int]] = defaultdict(set)
        for clip in self.dataset.clips:
            if clip.source and clip.fold is not None:
                folds[clip.source].add(clip.fold)
        return {source: sorted(found) for source, found in sorted(folds.items()) if len(found) > 1}

    @cached_property
    def leaks(self) -> tuple[Duplicates, ...]:
        """Copies that a split would put on both sides."""
        return tuple(group for group in self.copies if group.leak)

    @property
    def serious(self) -> bool:
        """Whether something must be mended before figures mean anything."""
        broken = self.events is not None and self.events.serious
        return bool(self.unreadable or self.leaks or self.split_sources or broken)


def check_dataset(dataset: Dataset, on_progress: Progress | None = None, events: Path | None = None) -> CheckReport:
    """Decode every clip of a dataset and look for what would spoil training or its figures.

    `events` is the table of when labels sound that belongs to it, see `tables`; `on_progress` hears how many clips are
    done, and of how many.

    Raises DatasetError: the table of events cannot be read.
    """
    measured = _measure_all(dataset.clips, on_progress)
    audible = [one for one in measured if not one.error and one.peak >= SILENT]
    found = None if events is None else check_events(events, dataset, measured)
    return CheckReport(dataset, tuple(measured), tuple(find_duplicates(audible)), found)


def _measure_all(clips: Sequence[Clip], on_progress: Progress | None) -> list[Measurement]:
    measured = []
    pool = ThreadPoolExecutor(THREADS)
    try:
        for one in pool.map(measure, clips):
            measured.append(one)
            if on_progress:
                on_progress(len(measured), len(clips))
    finally:
        pool.shutdown(cancel_futures=True)
    return measured
