"""Which clip to ask for next, so that each class gets its number of clips and none gets more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from earmark.datasets.audioset.segment import Segment
from earmark.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip that may be asked for."""

    segment: Segment
    labels: tuple[str, ...]
    """The classes that it is a candidate of."""

    @property
    def path(self) -> str:
        """Where its file belongs: in the folder of the first of its classes."""
        return f"{self.labels[0]}/{self.segment.name}.flac"


def wanted_clips(candidates: Mapping[str, Sequence[Segment]]) -> dict[str, Wanted]:
    """The clips by name.

    Raises:
        DatasetError: a label cannot be the name of a folder, or cannot stand in a dataset table.
    """
    clips: dict[str, Wanted] = {}
    for label, segments in candidates.items():
        _check_label(label)
        for segment in segments:
            known = clips.get(segment.name)
            labels = () if known is None else known.labels
            if label not in labels:
                clips[segment.name] = Wanted(segment, (*labels, label))
    return clips


def _check_label(label: str) -> None:
    if not label or label != label.strip() or label.startswith(".") or set(label) & set("/\\;\0"):
        raise DatasetError(repr(label), "cannot be the name of a class and its folder", "rename it")


class Quota:
    """Hands out candidates, each once.

    A class has at most as many clips under way as it lacks. So those that are asked for do not depend on which worker
    is quicker, and a class is never overfull, unless a clip belongs to several.
    """

    def __init__(self, candidates: Mapping[str, Sequence[Segment]], quota: int, settled: Container[str]) -> None:
        """`quota`: clips a class; `settled`: names of clips that are in place, or failed for good."""
        self.in_place = Counter(dict.fromkeys(candidates, 0))
        """Clips of each class."""
        self._clips = wanted_clips(candidates)
        self._waiting = {label: iter([s.name for s in segments]) for label, segments in candidates.items()}
        self._lacking = Counter(dict.fromkeys(candidates, quota))
        self._settled = settled
        self._given: set[str] = set()

    def have(self, wanted: Wanted) -> None:
        """Count a clip that is in place already."""
        self._lacking.subtract(wanted.labels)
        self.in_place.update(wanted.labels)

    def next(self) -> Wanted | None:
        """The next clip to ask for, of the class that lacks most; None while no class can do with another."""
        for label, lacking in self._lacking.most_common():
            if lacking <= 0:
                break
            for name in self._waiting[label]:
                if name not in self._given and name not in self._settled:
                    self._given.add(name)
                    self._lacking.subtract(self._clips[name].labels)
                    return self._clips[name]
        return None

    def done(self, wanted: Wanted) -> None:
        """A clip that `next` gave is in place."""
        self.in_place.update(wanted.labels)

    def failed(self, wanted: Wanted) -> None:
        """A clip that `next` gave is not to be had: another may take its place."""
        self._lacking.update(wanted.labels)
