"""Check a dataset before training on it: broken, silent, clipped and short clips, copies, leaks, balance."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from earmark.datasets import copies, strong
from earmark.datasets.clip import Clip, Dataset
from earmark.datasets.copies import Copies
from earmark.datasets.measure import Measured, measure
from earmark.datasets.strong import EventReport

SILENT = 10 ** (-60 / 20)
"""The peak under which a clip is silent: -60 dBFS."""
CLIPPED = 0.001
"""The share of samples in runs at full scale from which a clip is clipped."""
SHORT_SECONDS = 0.25
SHORT_SHARE = 0.1
"""Of the median length."""
THREADS = 2

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """What a check found."""

    dataset: Dataset
    measured: tuple[Measured, ...]
    copies: tuple[Copies, ...]
    events: EventReport | None = None
    """Of the table of events, where there is one."""

    @cached_property
    def readable(self) -> tuple[Measured, ...]:
        """The clips that could be decoded."""
        return tuple(one for one in self.measured if not one.error)

    @cached_property
    def unreadable(self) -> tuple[Measured, ...]:
        """The clips that could not be decoded."""
        return tuple(one for one in self.measured if one.error)

    @cached_property
    def silent(self) -> tuple[Measured, ...]:
        """Clips in which nothing is to be heard."""
        return tuple(one for one in self.readable if one.peak < SILENT)

    @cached_property
    def clipped(self) -> tuple[Measured, ...]:
        """Clips recorded too loud, the worst first."""
        found = [one for one in self.readable if one.clipped > CLIPPED]
        return tuple(sorted(found, key=lambda one: -one.clipped))

    @cached_property
    def median(self) -> float:
        """The median length in seconds."""
        return statistics.median(one.seconds for one in self.readable) if self.readable else 0.0

    @cached_property
    def short(self) -> tuple[Measured, ...]:
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
    def leaks(self) -> tuple[Copies, ...]:
        """Copies that a split would put on both sides."""
        return tuple(group for group in self.copies if group.leak)

    @property
    def serious(self) -> bool:
        """Whether something must be mended before figures mean anything."""
        broken = self.events is not None and self.events.serious
        return bool(self.unreadable or self.leaks or self.split_sources or broken)


def check(
    dataset: Dataset, on_progress: OnProgress | None = None, threads: int = THREADS, events: Path | None = None
) -> Report:
    """Decode every clip of a dataset and look for what would spoil training or its figures.

    Args:
        dataset: whose clips.
        on_progress: hears how many clips are done, and of how many.
        threads: that decode.
        events: the table of when labels sound that belongs to it, see `annotations`.

    Raises:
        DatasetError: the table of events cannot be read.
    """
    measured = _measure_all(dataset.clips, on_progress, threads)
    audible = [one for one in measured if not one.error and one.peak >= SILENT]
    found = None if events is None else strong.check(events, dataset, measured)
    return Report(dataset, tuple(measured), tuple(copies.find(audible)), found)


def _measure_all(clips: Sequence[Clip], on_progress: OnProgress | None, threads: int) -> list[Measured]:
    measured = []
    pool = ThreadPoolExecutor(threads)
    try:
        for one in pool.map(measure, clips):
            measured.append(one)
            if on_progress:
                on_progress(len(measured), len(clips))
    finally:
        pool.shutdown(cancel_futures=True)
    return measured
