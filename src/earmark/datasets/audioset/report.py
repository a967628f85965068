"""What an acquisition has come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.datasets.audioset.ledger import Row
from earmark.datasets.audioset.outcomes import Outcome
from earmark.datasets.audioset.segment import Segment
from earmark.errors import DatasetError


@dataclass(frozen=True)
class Report:
    """What is in place, and what became of the rest.

    Attributes:
        table: the dataset table of all clips in place.
        quota: clips wanted of each class.
        outcomes: for each class how many of its candidates came to what; those that were not needed are not counted.
        messages: how often what was said of the clips that are not there, by outcome.
        fetched: clips that this run fetched.
        recognised: clips whose files lay in place without a row, from a run that was killed.
        attempts: how often this run asked for a clip.
    """

    table: Path
    quota: int
    outcomes: dict[str, dict[Outcome, int]]
    messages: dict[Outcome, dict[str, int]]
    fetched: int = 0
    recognised: int = 0
    attempts: int = 0

    @property
    def in_place(self) -> dict[str, int]:
        """Clips of each class."""
        return {label: found.get(Outcome.DONE, 0) for label, found in self.outcomes.items()}

    @property
    def lacking(self) -> dict[str, int]:
        """Clips that classes lack for want of candidates, or because the run was stopped; classes that lack none
        are left out.
        """
        return {label: self.quota - found for label, found in self.in_place.items() if found < self.quota}


class RefusedError(DatasetError):
    """A run that came to a full stop, because the server kept turning it away; `report` says what was had."""

    def __init__(self, subject: object, reason: str, remedy: str, report: Report) -> None:
        """See `Report`."""
        super().__init__(subject, reason, remedy)
        self.report = report


def summed_up(
    table: Path, candidates: Mapping[str, Sequence[Segment]], quota: int, rows: Mapping[str, Row], **counts: int
) -> Report:
    """The report of these rows; `counts` are the fields of the same names."""
    outcomes: dict[str, dict[Outcome, int]] = {}
    for label, segments in candidates.items():
        names = {segment.name for segment in segments}
        outcomes[label] = dict(Counter(rows[name].outcome for name in names if name in rows))
    asked = {segment.name for segments in candidates.values() for segment in segments}
    said = Counter((row.outcome, row.message) for row in rows.values() if row.name in asked)
    messages: dict[Outcome, dict[str, int]] = {}
    for (outcome, message), times in said.most_common():
        if outcome is not Outcome.DONE:
            messages.setdefault(outcome, {})[message] = times
    return Report(table, quota, outcomes, messages, **counts)
