"""Mozilla Common Voice (Ardila et al., 2020): sentences read by volunteers, one speaker a clip.

A release has a folder for each language, which holds `validated.tsv` and other tables, the recordings in `clips/`, and
since version 17 `clip_durations.tsv`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from earmark.datasets import media_files, sources
from earmark.datasets.clip import Clip, Dataset
from earmark.errors import DatasetError, EarmarkWarning, MediaError
from earmark.media import open_recording

TABLE = "validated.tsv"
DURATIONS = "clip_durations.tsv"


def read(
    root: Path,
    *,
    longer_than: float | str = 4.0,
    span: Sequence[float] | str | None = None,
    limit_per_source: int | None = None,
    labels: str | Sequence[str] = ("speech",),
    missing: str = "skip",
) -> Dataset:
    """Read one language of a release: its validated clips only. A clip's source is its speaker (`client_id`).

    Args:
        root: The language's folder, such as `cv-corpus-17.0/en`.
        longer_than: Only clips that last longer, seconds.
        span: Start and end in seconds, such as `1.5-3.5`: that part alone of every clip that reaches so far.
        limit_per_source: The most clips of one speaker, taken evenly from theirs in the table's order.
        labels: The labels of every clip.
        missing: What to do about rows without a recording: `skip` warns and leaves them out, `error` refuses them.
    """
    shortest, part = _seconds(root, "longer_than", longer_than), _span(root, span)
    wanted = (labels,) if isinstance(labels, str) else tuple(labels)
    files = media_files.by_stem(root / "clips")
    durations = _durations(root / DURATIONS)
    start, end = part or (0.0, None)
    listed = [
        Clip(files.get(_stem(name), root / "clips" / name), start, end, wanted, source=client)
        for client, name in _rows(root / TABLE, ("client_id", "path"))
        if durations.get(_stem(name), float("inf")) > shortest
    ]
    clips, absent = media_files.partition(listed, (clip.path.stem in files for clip in listed))
    media_files.refuse_or_warn(root, absent, len(clips), missing)
    kept = _long_enough(clips, durations, shortest, end or 0.0)
    if not kept:
        raise DatasetError(root, f"no validated clip lasts longer than {max(shortest, end or 0):g} s")
    if limit_per_source is not None:
        kept = sources.thin(root, kept, limit_per_source)
    exclusive = len(wanted) == 1
    return Dataset("common_voice", tuple(kept), "CC0 1.0", exclusive, sources="common_voice", missing=absent)


def _rows(table: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Some columns of a table. Nothing is quoted in it: tabs part values, line feeds part rows, quotes are text."""
    odd = 0
    try:
        # Sentences hold whatever people typed, so only a line feed ends a line, and bytes that are no text may stand.
        with table.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
            header = _values(next(file, ""))
            lacking = [column for column in columns if column not in header]
            if lacking:
                raise DatasetError(table, f"lacks the column {lacking[0]}", "fetch the release again")
            places = [header.index(column) for column in columns]
            for line in file:
                values = _values(line)
                if len(values) == len(header) and all(values[place] for place in places):
                    yield tuple(values[place] for place in places)
                else:
                    odd += bool(line.strip())
    except OSError as error:
        remedy = f"give the folder of one language, with {TABLE} and clips/"
        raise DatasetError(table, f"cannot be read ({error.strerror})", remedy) from error
    if odd:
        warnings.warn(f"{table}: {odd} broken lines are left out", EarmarkWarning, stacklevel=3)


def _values(line: str) -> list[str]:
    return [value.strip() for value in line.rstrip("\r\n").split("\t")]


def _stem(name: str) -> str:
    """A clip's name without ending: early releases leave it out, and clips may have been converted."""
    path = Path(name)
    return path.stem if media_files.is_media(path) else path.name


def _durations(table: Path) -> dict[str, float]:
    """Seconds of each clip, by its name without ending; empty for releases that do not say."""
    if not table.is_file():
        return {}
    found: dict[str, float] = {}
    for name, milliseconds in _rows(table, ("clip", "duration[ms]")):
        try:
            found[_stem(name)] = float(milliseconds) / 1000
        except ValueError as error:
            raise DatasetError(
                table, f"{milliseconds!r} of {name} is no duration", "fetch the release again"
            ) from error
    return found


def _long_enough(clips: Sequence[Clip], durations: dict[str, float], shortest: float, end: float) -> list[Clip]:
    def lasts(clip: Clip) -> float:
        known = durations.get(clip.path.stem)
        return _measured(clip.path) if known is None else known

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seconds = pool.map(lasts, clips)
        return [clip for clip, length in zip(clips, seconds, strict=True) if length > shortest and length >= end]


def _measured(path: Path) -> float:
    """How long a recording lasts by its own header; one that is broken lasts no time."""
    try:
        with open_recording(path) as recording:
            return recording.duration or 0.0
    except MediaError as error:
        warnings.warn(f"{error}; it is left out", EarmarkWarning, stacklevel=2)
        return 0.0


def _span(root: Path, span: Sequence[float] | str | None) -> tuple[float, float] | None:
    if span is None:
        return None
    values = span.replace(",", "-").split("-") if isinstance(span, str) else list(span)
    if len(values) != 2:
        raise DatasetError(root, f"span={span!r} is no span", "give start and end in seconds, such as 1.5-3.5")
    start, end = (_seconds(root, "span", value) for value in values)
    if start >= end:
        raise DatasetError(root, f"span={span!r} ends before it begins", "give start and end in seconds")
    return start, end


def _seconds(root: Path, option: str, value: float | str) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise DatasetError(root, f"{option}={value!r} is no number of seconds", f"give one, such as {option}=4")
    return seconds
