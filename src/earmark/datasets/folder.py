"""A folder per class: the layout of a user's own examples."""

from __future__ import annotations

import filecmp
import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from earmark.datasets import media_files, sources
from earmark.datasets.clip import Clip, Dataset
from earmark.errors import DatasetError, EarmarkWarning
from earmark.labels import normalise


def read(root: Path, *, source: str | None = None, licence: str = "", fewest: int = 2) -> Dataset:
    """Read a folder of folders: `dog/a.wav`, `dog/b.mp3`, `door bell/c.flac`, ...

    The first level is the label, put in canonical style (`Door Bell` is `door_bell`). Recordings may lie
    deeper: those of one folder inside a class (`dog/rex/1.wav`, `dog/rex/2.wav`) share a source, whichever
    class they stand in. Every other file is its own source. Hidden files and folders are passed over. A
    recording of the same name and content in several classes (`dog/park.wav`, `siren/park.wav`) is one clip
    with all of their labels.

    Args:
        root: The folder.
        source: Where clips were cut from longer recordings: a regular expression, searched in the path
            below `root`, whose groups name the recording, such as `/([^/]+)_take[0-9]+`.
        licence: What the model card says of the data.
        fewest: So many classes there must be.
    """
    rule = sources.compile_rule(root, source) if source else None
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
        return sources.by_rule(root, path, rule)
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
