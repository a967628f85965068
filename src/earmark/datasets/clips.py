"""Clips and datasets, several datasets as one, and which clips a licence lets everybody use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from earmark.errors import DatasetError

_FREE = re.compile(r"CC0|CC[ -]BY|Public Domain|GPL|MPL|ODbL|Free Art|Pixabay|Apache|\bMIT\b|BSD", re.IGNORECASE)
_NOT = re.compile(r"\bNC\b|non-?commercial|sampling|not stated|not known", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clip:
    """A labelled excerpt of a recording."""

    path: Path
    start: float = 0.0
    """Seconds into the recording."""
    end: float | None = None
    """Seconds into the recording; None: to its end."""
    labels: tuple[str, ...] = ()
    fold: int | None = None
    source: str = ""
    """The original recording: clips of one source never stand on both sides of a split."""
    split: str | None = None
    """The side that the dataset's publisher put the clip on, such as train or test."""


def source_of(clip: Clip) -> str:
    """The clip's source; a clip without one is its own."""
    return clip.source or str(clip.path)


@dataclass(frozen=True)
class Dataset:
    """A table of clips."""

    name: str
    clips: tuple[Clip, ...]
    licence: str = ""
    exclusive: bool = True
    """Whether labels exclude each other: each clip has one."""
    sources: str = ""
    """Who names the sources, such as `freesound`. Datasets that share it share recordings,
    and `combine` then keeps their clips of one recording together."""
    missing: tuple[Clip, ...] = ()
    """Rows of the dataset's table whose files are not there; `clips` is without them."""

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({label for clip in self.clips for label in clip.labels}))

    def where(self, predicate: Callable[[Clip], bool]) -> Dataset:
        """The dataset with only those clips for which `predicate` holds."""
        return self.with_clips(clip for clip in self.clips if predicate(clip))

    def map(self, change: Callable[[Clip], Clip]) -> Dataset:
        """The dataset with each clip changed."""
        return self.with_clips(change(clip) for clip in self.clips)

    def with_clips(self, clips: Iterable[Clip]) -> Dataset:
        """The dataset with other clips."""
        return replace(self, clips=tuple(clips))


def combine(datasets: Sequence[Dataset]) -> Dataset:
    """All clips of several datasets.

    Sources are prefixed, so that those of two datasets are not taken for one recording: by whoever names
    them (`Dataset.sources`) where that is known, or else by the dataset. ESC-50 and UrbanSound8K both hold
    clips of Freesound's recording 100032, and these stay together.

    Labels exclude each other only if they do in each dataset and no clip has several. Folds are kept as they
    are, and mean little once datasets with folds of their own are joined: split by source then.
    """
    prefixes = _prefixes(datasets)
    clips = tuple(
        replace(clip, source=f"{prefix}:{clip.source}") if clip.source else clip
        for dataset, prefix in zip(datasets, prefixes, strict=True)
        for clip in dataset.clips
    )
    return Dataset(
        name="+".join(dataset.name for dataset in datasets),
        clips=clips,
        licence="; ".join(dict.fromkeys(dataset.licence for dataset in datasets if dataset.licence)),
        exclusive=all(dataset.exclusive for dataset in datasets) and all(len(clip.labels) <= 1 for clip in clips),
        missing=tuple(clip for dataset in datasets for clip in dataset.missing),
    )


def _prefixes(datasets: Sequence[Dataset]) -> list[str]:
    """A prefix a dataset; two of one name and nothing else in common get different ones."""
    taken = {dataset.sources for dataset in datasets if dataset.sources}
    prefixes = []
    for dataset in datasets:
        prefix = dataset.sources or _free(dataset.name or "dataset", taken)
        taken.add(prefix)
        prefixes.append(prefix)
    return prefixes


def _free(name: str, taken: set[str]) -> str:
    number, prefix = 1, name
    while prefix in taken:
        number += 1
        prefix = f"{name}-{number}"
    return prefix


def allows_commercial_use(licence: str) -> bool:
    """Whether a licence, as tables name it, is known to allow commercial use.

    What stands in brackets tells who gives it, and does not count; of one that is not named, nothing is known.

    >>> allows_commercial_use("CC BY 3.0 (someone)"), allows_commercial_use("CC BY-NC 3.0"), allows_commercial_use("")
    (True, False, False)
    """
    named = licence.split("(")[0]
    return bool(_FREE.search(named)) and not _NOT.search(named)


def of_use(subject: object, clips: Iterable[tuple[Clip, str]], use: str) -> list[Clip]:
    """The clips, given with their licences, that may be used so.

    Raises DatasetError: the use is none of those known, or no clip is left.
    """
    if use not in ("any", "commercial"):
        raise DatasetError(subject, f"use={use!r} is no choice", "choose any or commercial")
    kept = [clip for clip, licence in clips if use == "any" or allows_commercial_use(licence)]
    if not kept:
        raise DatasetError(subject, "has no clip whose licence is known to allow commercial use", "leave out use")
    return kept
