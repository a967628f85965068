"""What a run of `earmark index` has to do, and what it did.

Which recordings are new or have changed, which rows no longer hold, and what goes together.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from earmark.archive import layout
from earmark.archive.recordings import Recording
from earmark.archive.workers import Done
from earmark.errors import EarmarkError

PARTS = 32  # batches for each worker, if they are not too small or large for that: the last ones end nearly together
LEAST_BYTES = 1_000_000  # in a batch: less takes longer to hand out and to write; small ones are merged at the end
LEAST_BYTES_LAST = 250_000  # in one of the last, where several workers are to end together
MOST_BYTES = 4_000_000_000  # in a batch: a kill costs the batches in flight
MOST_BYTES_EMBEDDED = 1_000_000_000  # in a batch that keeps embeddings: of 139 h of Opus at 16 kbit/s they are 190 MB
MOST_RECORDINGS = 1000

_COLUMNS = ["recording", "bytes", "modified", "error", "version"]


@dataclass(frozen=True, slots=True)
class Row:
    """What an index says of a recording, and which batch says it."""

    batch: Path
    size: int
    modified: float | None
    bad: bool
    version: str

    @property
    def described(self) -> bool:
        """Whether its size or time was known: some servers never tell them."""
        return self.size > 0 or self.modified is not None


@dataclass
class Plan:
    """What a run has to do."""

    todo: list[Recording] = field(default_factory=list)
    drop: dict[Path, set[str]] = field(default_factory=lambda: defaultdict(set))  # by batch, whose rows are to go
    unchanged: int = 0  # have rows that hold; of these
    bad_before: int = 0  # could not be read
    changed: int = 0  # of `todo`, were there before in another state
    gone: list[str] = field(default_factory=list)  # were not found, also where a list or a link names them still


def known_rows(index: Path) -> dict[str, Row]:
    """All recordings of an index by name, some 300 bytes of memory each."""
    known = {}
    for batch in layout.batches(index):
        file = batch / "recordings.parquet"
        try:
            table = layout.read_table(file, _COLUMNS)
        except (OSError, ValueError) as error:
            raise EarmarkError(file, "is damaged or not there", f"delete {batch} and index again") from error
        for name, size, modified, why, version in zip(*(table[c].to_pylist() for c in _COLUMNS), strict=True):
            known[name] = Row(batch, size, modified, why is not None, version)
    return known


def plan(found: Sequence[Recording], known: dict[str, Row], version: str, retry_bad: bool, prune: bool) -> Plan:
    """Compare what was found with what an index knows, made by the model of a `version`: see `indexing.Settings`."""
    made = Plan()
    for recording in found:
        row = known.get(recording.name)
        now = recording.size, recording.modified, version
        same = row is not None and (row.size, row.modified, row.version) == now
        if row is not None and same and not (row.bad and retry_bad):
            made.unchanged += 1
            made.bad_before += row.bad
            continue
        if row is not None and not row.bad and row.described and not recording.there:
            made.gone.append(recording.name)
            continue
        made.todo.append(recording)
        if row is not None:
            made.changed += not same
            made.drop[row.batch].add(recording.name)
    made.gone = sorted({*made.gone, *(known.keys() - {recording.name for recording in found})})
    if prune:
        for name in made.gone:
            made.drop[known[name].batch].add(name)
    return made


def batched(
    todo: Sequence[Recording], workers: int, most: int = MOST_RECORDINGS, most_bytes: int = MOST_BYTES
) -> Iterator[tuple[Recording, ...]]:
    """Cut the work into batches of about as many bytes, the largest recordings first, at most `most` in each.

    With several workers the last ones get smaller and smaller: each is half of a worker's share of what is left
    ("factoring", Hummel, Schonberg and Flynn 1992).
    """
    left = sum(recording.size for recording in todo)
    usual = min(max(left / (PARTS * workers), LEAST_BYTES), most_bytes)
    batch: list[Recording] = []
    size, enough = 0, usual
    for recording in sorted(todo, key=lambda recording: (-recording.size, recording.name)):
        if batch and (len(batch) == most or size + recording.size > enough):
            yield tuple(batch)
            batch, size = [], 0
        if not batch and workers > 1:
            enough = min(usual, max(left / (2 * workers), LEAST_BYTES_LAST))
        batch.append(recording)
        size += recording.size
        left -= recording.size
    if batch:
        yield tuple(batch)


@dataclass
class Report:
    """Counts of recordings, seconds of sound and of work, bytes; (name, why) of bad and of damaged recordings."""

    found: int  # are there; of these
    todo: int  # were new, changed, to be tried again, or without embeddings when the run began
    todo_bytes: int
    unchanged: int  # were done before; of these
    bad_before: int  # could not be read then
    changed: int  # were done before, and have changed
    gone: int  # are in the index and were not found; these
    pruned: int  # had their rows dropped
    processed: int = 0  # of `todo`, have been tried since, the bad ones among them
    labelled: int = 0
    embedded: int = 0  # have had their embeddings taken, in the same pass or in one of their own
    size: int = 0  # bytes of those processed
    seconds: float = 0.0
    bad: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    took: float = 0.0
    index_bytes: int = 0  # of the labels on disk, at the end
    embedding_bytes: int = 0  # of the embeddings
    _began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, plan: Plan, later: Plan, found: int, prune: bool) -> Report:
        """Before anything is done: `plan` is that of labels, `later` that of embeddings."""
        gone = len(plan.gone)
        todo = {recording.name: recording for recording in (*plan.todo, *later.todo)}
        return cls(
            found=found,
            todo=len(todo),
            todo_bytes=sum(recording.size for recording in todo.values()),
            unchanged=plan.unchanged,
            bad_before=plan.bad_before,
            changed=plan.changed,
            gone=gone,
            pruned=gone if prune else 0,
        )

    def add(self, done: Done) -> None:
        """Count a batch."""
        self.processed += done.recordings
        self.labelled += done.recordings if done.wanted != "embeddings" else 0
        self.embedded += done.recordings if done.wanted != "labels" else 0
        self.size += done.size
        self.seconds += done.seconds
        self.bad += done.bad
        self.damaged += done.damaged
        self.took = time.monotonic() - self._began

    def ended(self, index_bytes: int) -> Report:
        """The same when all is done."""
        self.took = time.monotonic() - self._began
        self.index_bytes = index_bytes
        return self

    @property
    def hours(self) -> float:
        """Of sound."""
        return self.seconds / 3600

    @property
    def rate(self) -> float:
        """Hours of sound a second."""
        return self.hours / self.took if self.took else 0.0

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "found": self.found,
            "labelled": self.labelled,
            "embedded": self.embedded,
            "hours": round(self.hours, 4),
            "seconds": round(self.took, 3),
            "hours_per_second": round(self.rate, 5),
            "unchanged": self.unchanged,
            "changed": self.changed,
            "gone": self.gone,
            "pruned": self.pruned,
            "bad": [{"recording": name, "error": why} for name, why in self.bad],
            "bad_before": self.bad_before,
            "damaged": [{"recording": name, "warning": what} for name, what in self.damaged],
            "bytes": self.index_bytes,
            "embedding_bytes": self.embedding_bytes,
        }
