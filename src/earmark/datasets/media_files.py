"""Recordings on disk: which files are media, which rows of a table lack theirs, which source a file is cut from."""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from earmark.datasets.clips import Clip
from earmark.errors import DatasetError, EarmarkWarning
from earmark.util.folders import folders_below
from earmark.util.text import visible

# The first of several copies with one stem is taken, so what decodes fastest and without loss comes first.
SUFFIXES: tuple[str, ...] = (
    ".wav", ".flac", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".wv", ".ape", ".tta", ".opus",
    ".ogg", ".oga", ".m4a", ".aac", ".mp3", ".mp2", ".wma", ".ac3", ".eac3", ".amr", ".mka", ".spx", ".mp4",
    ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ogv", ".ts", ".mts", ".m2ts", ".flv",
    ".wmv", ".3gp", ".3g2", ".wave", ".snd", ".voc", ".mpga", ".m4b", ".dts", ".asf", ".mxf", ".vob", ".rf64", ".bwf",
    ".bw64",
)  # fmt: skip
"""File name endings of recordings, audio or video."""

_RANK = {suffix: rank for rank, suffix in enumerate(SUFFIXES)}


def is_media(path: Path) -> bool:
    """Whether the name is that of a recording; hidden files never are."""
    return not path.name.startswith(".") and path.suffix.lower() in _RANK


def absolute(path: Path) -> Path:
    """What tells a file from all others, however its path is written; links stay."""
    return Path(os.path.normpath(path.absolute()))


def walk(folder: Path) -> Iterator[Path]:
    """The recordings below a folder, in order of names; hidden files and folders, pipes and devices are passed over.

    Links to folders are followed, each folder once. A folder that cannot be read is warned of.
    """

    def warn(place: str, why: str) -> None:
        warnings.warn(f"{visible(place)}: {why}", EarmarkWarning, stacklevel=4)

    for here, entries in folders_below(str(folder), warn):
        paths = (Path(here, entry.name) for entry in entries)
        yield from (path for path in paths if is_media(path) and not _is_pipe(path))


def _is_pipe(path: Path) -> bool:
    """Whether reading may never end, or never begin; a link to nothing is no pipe, and whoever opens it is told."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def by_stem(folder: Path) -> dict[str, Path]:
    """The recordings in one folder by name without ending: a table may say .wav where the file is .flac."""
    if not folder.is_dir():
        return {}
    files = [path for path in folder.iterdir() if is_media(path)]
    files.sort(key=lambda path: -_RANK[path.suffix.lower()])
    return {path.stem: path for path in files}


def partition(clips: Iterable[Clip], there: Iterable[bool]) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Clips whose file is there, and clips whose file is not."""
    pairs = list(zip(clips, there, strict=True))
    return tuple(clip for clip, yes in pairs if yes), tuple(clip for clip, yes in pairs if not yes)


def refuse_or_warn(root: Path, missing: tuple[Clip, ...], present: int, policy: str) -> None:
    """Rows without a file: `error` refuses them, `skip` warns. No file at all is always an error."""
    if policy not in {"error", "skip"}:
        raise DatasetError(root, f"missing={policy!r} is no choice", "choose error or skip")
    if not missing:
        return
    rows = "1 row lacks its file" if len(missing) == 1 else f"{len(missing)} rows lack their files"
    what = f"{rows} of {len(missing) + present}, such as {missing[0].path.name}"
    if not present:
        raise DatasetError(root, f"none of the {len(missing)} recordings is there", "fetch them again")
    if policy == "error":
        raise DatasetError(root, what, "fetch them again, or go on without them: option missing=skip")
    warnings.warn(f"{root}: {what}; they are left out", EarmarkWarning, stacklevel=3)


def compile_rule(root: Path, rule: str) -> re.Pattern[str]:
    """A regular expression with groups, whose matched groups name the source."""
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise DatasetError(root, f"source={rule!r} is not a regular expression ({error})") from error
    if not pattern.groups:
        raise DatasetError(root, f"source={rule!r} has no group", "put ( ) around what names the source")
    return pattern


def by_rule(root: Path, path: Path, rule: re.Pattern[str]) -> str:
    """What the groups of `rule` match in the path below `root`, joined by `-`."""
    name = path.relative_to(root).as_posix()
    found = rule.search(name)
    if found is None:
        raise DatasetError(path, f"the source rule {rule.pattern!r} does not fit {name}", "widen the rule")
    return "-".join(group for group in found.groups() if group)


def thin(root: Path, clips: Sequence[Clip], limit: int) -> list[Clip]:
    """At most `limit` clips of each source, taken evenly from its clips in order.

    Raises DatasetError: the limit leaves nothing; `root` names the dataset.
    """
    if limit < 1:
        raise DatasetError(root, f"limit_per_source={limit} leaves nothing", "give 1 or more")
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.source].append(clip)
    return [clip for group in groups.values() for clip in _evenly(group, limit)]


def _evenly(group: list[Clip], limit: int) -> list[Clip]:
    if len(group) <= limit:
        return group
    return [group[number * len(group) // limit] for number in range(limit)]
