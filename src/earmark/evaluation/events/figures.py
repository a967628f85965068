"""What is counted of each label, and the figures made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

from earmark.events.timeline import Event

Events = Mapping[str, Sequence[Event]]
"""The events of each recording, by its name; a recording without events may be missing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was there and what was found: segments or events, of one label or of all.

    Attributes:
        truth: how many there are.
        found: how many were found.
        hits: how many of these are right.
        substitutions: how many of the others stand where one of another label should; of one label, none.
    """

    truth: int = 0
    found: int = 0
    hits: int = 0
    substitutions: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 0 where nothing was found, NaN where nothing was there either."""
        return self.hits / self.found if self.found else (0.0 if self.truth else nan)

    @property
    def recall(self) -> float:
        """Share of what is there that was found; NaN where nothing is."""
        return self.hits / self.truth if self.truth else nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where nothing is there."""
        return 2 * self.hits / (self.truth + self.found) if self.truth else nan

    @property
    def error_rate(self) -> float:
        """Substitutions, deletions and insertions for each that is there; may exceed 1; NaN where nothing is."""
        wrong = self.truth + self.found - 2 * self.hits - self.substitutions
        return wrong / self.truth if self.truth else nan

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.truth + other.truth,
            self.found + other.found,
            self.hits + other.hits,
            self.substitutions + other.substitutions,
        )


@dataclass(frozen=True, slots=True)
class Mean:
    """Plain means over labels, each in 0..1 but the error rate; NaN without a label."""

    precision: float
    recall: float
    f1: float
    error_rate: float


@dataclass(frozen=True)
class Figures:
    """How well events were found.

    Attributes:
        micro: all labels counted together: frequent labels weigh more.
        labels: each label by itself.
    """

    micro: Counts
    labels: Mapping[str, Counts]

    @property
    def macro(self) -> Mean:
        """Means over the labels that occur in the truth: each weighs the same."""
        there = [counts for counts in self.labels.values() if counts.truth]
        return Mean(
            _mean(counts.precision for counts in there),
            _mean(counts.recall for counts in there),
            _mean(counts.f1 for counts in there),
            _mean(counts.error_rate for counts in there),
        )


def labels_of(*tables: Events) -> tuple[str, ...]:
    """The labels that occur, sorted."""
    return tuple(sorted({event.label for table in tables for events in table.values() for event in events}))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else nan
