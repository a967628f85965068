"""What a run of `earmark index` did."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from earmark.archive.planning import Plan
from earmark.archive.working import Done


@dataclass
class Report:
    """Counts of recordings, seconds of sound and of work, bytes; (name, why) of bad and of damaged recordings.

    Attributes:
        found: recordings that are there; of these
        todo: were new, changed, to be tried again, or without embeddings when the run began, and
        heard: have been tried since, the bad ones among them; of these
        labelled: were labelled;
        unchanged: were done before; of these
        bad_before: could not be read then;
        changed: were done before, and have changed.
        gone: are in the index and were not found; these
        pruned: had their rows dropped.
        todo_bytes: of the recordings that are to be done; `size` of those that are.
        embedded: have had their embeddings taken, in the same pass or in one of their own.
        index_bytes: of the index's labels on disk, at the end; `embedding_bytes` of its embeddings.
    """

    found: int
    todo: int
    todo_bytes: int
    unchanged: int
    bad_before: int
    changed: int
    gone: int
    pruned: int
    heard: int = 0
    labelled: int = 0
    embedded: int = 0
    size: int = 0
    seconds: float = 0.0
    bad: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    took: float = 0.0
    index_bytes: int = 0
    embedding_bytes: int = 0
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
        self.heard += done.recordings
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
        """Of sound, heard."""
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
