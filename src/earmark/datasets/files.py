"""Files found by a pattern, all with the same labels: such as all spoken phrases of a package as `speech`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from earmark.datasets import media_files, sources
from earmark.datasets.clip import Clip, Dataset
from earmark.errors import DatasetError
from earmark.media import open_recording


def read(
    root: Path,
    *,
    labels: Sequence[str],
    pattern: str = "**/*",
    exclude: str | Sequence[str] = (),
    source: str | None = None,
    limit_per_source: int | None = None,
    cut: tuple[float, float] | None = None,
    name: str = "",
    licence: str = "",
) -> Dataset:
    """Read the recordings below `root` that fit a pattern.

    Args:
        root: The folder.
        labels: The labels of every clip; empty for recordings in which none of the labels occurs.
        pattern: A glob below `root`; `**` stands for any depth of folders.
        exclude: Patterns of paths below `root` that are left out; `*` also stands for `/` here.
        source: A regular expression, searched in the path below `root`, whose groups name the source;
            by default every file is its own source, named by its stem.
        limit_per_source: The most clips of one source, taken evenly from its files in order.
        cut: Length and spacing, seconds, of the excerpts that stand for each long recording, which is then their
            source; whole files by default.
        name: The dataset's name; the folder's by default.
        licence: What the model card says of the data.
    """
    if cut is not None and not (
        isinstance(cut, Sequence) and len(cut) == 2 and all(isinstance(one, int | float) and one > 0 for one in cut)
    ):
        raise DatasetError(root, f"cut={cut!r} is no length and spacing", "give two numbers of seconds, such as 5,20")
    rule = sources.compile_rule(root, source) if source else None
    wanted = (labels,) if isinstance(labels, str) else tuple(labels)
    clips = [
        Clip(path, labels=wanted, source=sources.by_rule(root, path, rule) if rule else path.stem)
        for path in _find(root, pattern, (exclude,) if isinstance(exclude, str) else tuple(exclude))
    ]
    if not clips:
        raise DatasetError(root, f"no recording fits {pattern}", "correct pattern or exclude")
    if cut is not None:
        clips = [piece for clip in clips for piece in _cut(clip, *cut)]
    if limit_per_source is not None:
        clips = sources.thin(root, clips, limit_per_source)
    return Dataset(name or root.resolve().name, tuple(clips), licence, exclusive=len(wanted) == 1)


def _find(root: Path, pattern: str, exclude: Sequence[str]) -> list[Path]:
    below = PurePath(pattern)
    if not below.parts or below.anchor:  # such as "", "." and "/x", for each of which glob fails in a way of its own
        raise DatasetError(root, f"pattern={pattern!r} is no pattern (it names nothing below the folder)")
    try:
        found = sorted(root.glob(pattern))
    except ValueError as error:
        raise DatasetError(root, f"pattern={pattern!r} is no pattern ({error})") from error
    return [path for path in found if path.is_file() and _wanted(path.relative_to(root), exclude)]


def _wanted(path: Path, exclude: Sequence[str]) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    excluded = any(fnmatchcase(path.as_posix(), pattern) for pattern in exclude)
    return media_files.is_media(path) and not hidden and not excluded


def _cut(clip: Clip, length: float, every: float) -> list[Clip]:
    """Excerpts of a recording, as many as it holds; the whole of one that is too short for any."""
    with open_recording(clip.path) as recording:
        duration = recording.duration or 0.0
    count = int((duration - length) // every) + 1 if duration >= length else 0
    pieces = [replace(clip, start=every * i, end=every * i + length) for i in range(count)]
    return pieces or [clip]
