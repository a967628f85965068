"""The dataset table: one CSV that says all about a dataset, read and written.

| column | meaning | |
|---|---|---|
| path | the recording, relative to the table or absolute | required |
| start, end | seconds into the recording; empty: from its beginning, to its end | |
| labels | separated by `;`; empty: none of the labels occurs | required |
| fold | a whole number | |
| source | the original recording; by default the path | |
| split | such as train or test | |
| licence | of the recording: `use: commercial` goes by it | |
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from earmark.datasets import licences, media_files, rows
from earmark.datasets.clip import Clip, Dataset
from earmark.errors import DatasetError, EarmarkWarning

COLUMNS = ("path", "start", "end", "labels", "fold", "source", "split")
LICENCE = "licence"  # a column that is read, and not written


def read(
    root: Path,
    *,
    missing: str = "error",
    exclusive: bool | None = None,
    licence: str = "",
    split: str | Sequence[str] | None = None,
    use: str = "any",
) -> Dataset:
    """Read a dataset table.

    Args:
        root: The CSV file.
        missing: `error` refuses a table without some of its files; `skip` warns and leaves them out.
        exclusive: Whether labels exclude each other; by default, whether every clip has exactly one.
        licence: What the model card says of the data.
        split: Only the clips of these splits.
        use: `commercial`: only clips whose `licence` allows it.
    """
    named = [(_clip(row), row.text(LICENCE)) for row in rows.read(root, ("path", "labels"))]
    listed = licences.of_use(root, named, use) if named else []
    if split is not None:
        listed = _of_split(root, listed, {split} if isinstance(split, str) else set(split))
    if not listed:
        raise DatasetError(root, "lists no clips")
    _warn_of_columns(root)
    there = {path: path.is_file() for path in {clip.path for clip in listed}}
    clips, absent = media_files.partition(listed, (there[clip.path] for clip in listed))
    media_files.refuse_or_warn(root, absent, len(clips), missing)
    if exclusive is None:
        exclusive = all(len(clip.labels) == 1 for clip in clips)
    return Dataset(root.stem, clips, licence, exclusive, missing=absent)


def write(dataset: Dataset, path: Path) -> None:
    """Write a dataset table; paths below its folder become relative, so that both can be moved together."""
    home = path.resolve().parent
    lines = [_line(path, clip, home) for clip in dataset.clips]
    rows.write(path, COLUMNS, lines)


def _of_split(root: Path, clips: Sequence[Clip], wanted: set[str]) -> list[Clip]:
    there = {clip.split for clip in clips if clip.split is not None}
    for name in sorted(wanted - there):
        known = f"choose among {', '.join(sorted(there))}" if there else "it names none in its column split"
        raise DatasetError(root, f"has no split {name}", known)
    return [clip for clip in clips if clip.split in wanted]


def _clip(row: rows.Row) -> Clip:
    name = row.values.get("path", "")
    if not name.strip():
        row.fail("path", "is empty")
    start, end = row.number("start") or 0.0, row.number("end")
    if end is not None and end <= start:
        row.fail("end", f"{end:g} is not after start, {start:g}")
    labels = tuple(label.strip() for label in row.text("labels").split(";") if label.strip())
    return Clip(
        path=row.table.parent / name,
        start=start,
        end=end,
        labels=labels,
        fold=row.integer("fold"),
        source=row.text("source") or name,
        split=row.text("split") or None,
    )


def _line(table: Path, clip: Clip, home: Path) -> tuple[str, ...]:
    path = Path(os.path.normpath(clip.path.absolute()))
    name = path.relative_to(home) if path.is_relative_to(home) else path
    for label in clip.labels:
        if not label or ";" in label or label != label.strip():
            raise DatasetError(table, f"the label {label!r} of {clip.path} cannot stand in a table", "rename it")
    return (
        name.as_posix(),
        repr(clip.start) if clip.start else "",
        "" if clip.end is None else repr(clip.end),
        ";".join(clip.labels),
        "" if clip.fold is None else str(clip.fold),
        clip.source,
        clip.split or "",
    )


def _warn_of_columns(table: Path) -> None:
    unknown = [name for name in rows.header(table) if name and name not in (*COLUMNS, LICENCE)]
    if unknown:
        message = f"{table}: columns {', '.join(unknown)} mean nothing here; known are {', '.join((*COLUMNS, LICENCE))}"
        warnings.warn(message, EarmarkWarning, stacklevel=3)
