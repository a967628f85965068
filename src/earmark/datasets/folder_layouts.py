"""Recordings in folders: a folder per class, as of a user's own examples, or all files that fit a pattern."""

from __future__ import annotations

import filecmp
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from earmark.datasets import media_files
from earmark.datasets.clips import Clip, Dataset
from earmark.errors import DatasetError, EarmarkWarning
from earmark.labels import normalise
from earmark.media import open_recording


def read_folder(root: Path, *, source: str | None = None, licence: str = "", fewest: int = 2) -> Dataset:
    """Read a folder of folders: `dog/a.wav`, `dog/b.mp3`, `door bell/c.flac`, ...

    The first level is the label, put in canonical style (`Door Bell` is `door_bell`). Recordings may lie
    deeper: those of one folder inside a class (`dog/rex/1.wav`, `dog/rex/2.wav`) share a source, whichever
    class they stand in. Every other file is its own source. Hidden files and folders are passed over. A
    recording of the same name and content in several classes (`dog/park.wav`, `siren/park.wav`) is one clip
    with all of their labels.

    Parameters
    ----------
    root
        The folder.
    source
        Where clips were cut from longer recordings: a regular expression, searched in the path below `root`, whose
        groups name the recording, such as `/([^/]+)_take[0-9]+`.
    licence
        What the model card says of the data.
    fewest
        So many classes there must be.
    """
    rule = media_files.compile_rule(root, source) if source else None
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = {folder: list(media_files.walk(folder)) for folder in classes}
    _warn_of_odd_ones(root, [folder for folder in classes if not files[folder]])
    clips = _united(
        Clip(path, labels=(normalise(folder.name),), source=_source(root, folder, path, rule))
        for folder in classes
        for path in files[folder]
    )
    exclusive = all(len(clip.labels) == 1 for clip in clips)
    dataset = Dataset(normalise(root.resolve().name) or "folder", clips, licence, exclusive)
    _check_classes(root, dataset.labels, fewest)
    return dataset


def _united(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    """The clips, those of the same recording as one with the labels of all."""
    united: list[Clip] = []
    named: dict[str, list[int]] = {}
    for clip in clips:
        alike = [i for i in named.get(clip.path.name, []) if _same(united[i].path, clip.path)]
        if alike and clip.labels[0] not in united[alike[0]].labels:
            first = united[alike[0]]
            united[alike[0]] = replace(first, labels=(*first.labels, *clip.labels))
        else:
            named.setdefault(clip.path.name, []).append(len(united))
            united.append(clip)
    return tuple(united)


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False) and one.stat().st_size > 0
    except OSError:  # reading it for training says what is wrong with it
        return False


def _source(root: Path, folder: Path, path: Path, rule: re.Pattern[str] | None) -> str:
    if rule:
        return media_files.by_rule(root, path, rule)
    inner = path.relative_to(folder).parts
    return inner[0] if len(inner) > 1 else path.stem


def _check_classes(root: Path, labels: tuple[str, ...], fewest: int) -> None:
    if not labels:
        raise DatasetError(root, "holds no folders with recordings", "put each class in a folder named after it")
    if len(labels) < fewest:
        remedy = "add a folder of other sounds beside it, or read it with the layout files"
        raise DatasetError(root, f"holds only one class, {labels[0]}", remedy)


def _warn_of_odd_ones(root: Path, empty: list[Path]) -> None:
    for folder in empty:
        warnings.warn(f"{folder}: holds no recordings; the class is left out", EarmarkWarning, stacklevel=3)
    loose = sum(media_files.is_media(path) for path in root.iterdir() if path.is_file())
    if loose:
        message = f"{root}: {loose} recordings lie in no class folder; they are left out"
        warnings.warn(message, EarmarkWarning, stacklevel=3)


def read_files(
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

    Parameters
    ----------
    root
        The folder.
    labels
        The labels of every clip; empty for recordings in which none of the labels occurs.
    pattern
        A glob below `root`; `**` stands for any depth of folders.
    exclude
        Patterns of paths below `root` that are left out; `*` also stands for `/` here.
    source
        A regular expression, searched in the path below `root`, whose groups name the source; by default every file is
        its own source, named by its stem.
    limit_per_source
        The most clips of one source, taken evenly from its files in order.
    cut
        Length and spacing, seconds, of the excerpts that stand for each long recording, which is then their source;
        whole files by default.
    name
        The dataset's name; the folder's by default.
    licence
        What the model card says of the data.
    """
    if cut is not None and not (
        isinstance(cut, Sequence) and len(cut) == 2 and all(isinstance(one, int | float) and one > 0 for one in cut)
    ):
        raise DatasetError(root, f"cut={cut!r} is no length and spacing", "give two numbers of seconds, such as 5,20")
    rule = media_files.compile_rule(root, source) if source else None
    wanted = (labels,) if isinstance(labels, str) else tuple(labels)
    clips = [
        Clip(path, labels=wanted, source=media_files.by_rule(root, path, rule) if rule else path.stem)
        for path in _find(root, pattern, (exclude,) if isinstance(exclude, str) else tuple(exclude))
    ]
    if not clips:
        raise DatasetError(root, f"no recording fits {pattern}", "correct pattern or exclude")
    if cut is not None:
        clips = [piece for clip in clips for piece in _cut(clip, *cut)]
    if limit_per_source is not None:
        clips = media_files.thin(root, clips, limit_per_source)
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
