"""Small batches made into larger ones: a query that opens a thousand files is slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.archive import layout
from earmark.archive.batches import Run, replace

SMALL = 16_000_000  # bytes: a batch of fewer is merged
ENOUGH = 32_000_000  # bytes of what is merged into one: it must fit into memory, some ten times as large there


def merge(run: Run) -> None:
    """Merge the small batches of an index, in the order of their names.

    Raises:
        EarmarkError: the disk does not take it.
    """
    for group in _groups(run.index):
        if len(group) > 1:
            replace(run, group, lambda tables: tables)


def _groups(index: Path) -> Iterator[list[Path]]:
    group: list[Path] = []
    total = 0
    for batch in layout.batches(index):
        size = size_of(batch)
        if size >= SMALL:
            continue
        if total + size > ENOUGH:
            yield group
            group, total = [], 0
        group.append(batch)
        total += size
    yield group


def size_of(batch: Path) -> int:
    """Bytes of its tables on disk."""
    return sum(file.stat().st_size for file in batch.glob("*.parquet"))
