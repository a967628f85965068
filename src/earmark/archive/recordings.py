"""The recordings of an archive: below a folder, below a URL, or in a list."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from earmark.archive.remote import opened_folder
from earmark.errors import EarmarkError

_SUFFIXES = """
    3g2 3gp aac ac3 aif aifc aiff amr ape asf au avi caf dts eac3 flac flv m2ts m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg
    mpg mpga mts mxf oga ogg ogv opus snd spx ts tta vob voc w64 wav wave webm wma wmv wv
"""
SUFFIXES = frozenset(_SUFFIXES.split())
"""What recordings' names end in, without the dot, in lower case."""

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_MODIFIED = ("mtime", "LastModified", "last_modified", "updated", "created")  # what fsspec's file systems call it


@dataclass(frozen=True, slots=True)
class Recording:
    """One that was found: its name below the root, or in full; its bytes, 0 where unknown; when it was modified."""

    name: str
    size: int = 0
    modified: float | None = None

    @property
    def there(self) -> bool:
        """Whether anything was learnt of it: of a file on a disk that is not mounted nothing is."""
        return self.size > 0 or self.modified is not None


@dataclass(frozen=True)
class Found:
    """What was found: recordings by name, and a line for each folder or name that had to be left out."""

    recordings: list[Recording]
    left_out: list[str] = field(default_factory=list)


def is_url(place: str) -> bool:
    """Whether this is `s3://...` and the like, and no path."""
    return bool(_URL.match(place))


def place_of(name: str, root: str) -> str:
    """Where a recording is that an index knows by this name: a whole path or URL."""
    return f"{root}/{name}" if root else name


def is_there(root: str) -> bool:
    """Whether this process sees the folder that recordings are below; of a URL, only a try would tell."""
    return not root or is_url(root) or Path(root).is_dir()


def root_of(place: str) -> str:
    """How an index names the folder or URL that its recordings are below."""
    return place.rstrip("/") if is_url(place) else str(Path(place).resolve())


def below(root: str) -> Found:
    """All recordings below a folder or URL; hidden files and folders are not looked at.

    A folder that several links lead to is gone through once.

    Raises:
        EarmarkError: there is no such folder, or what reads such URLs is not installed.
    """
    left_out: list[str] = []
    recordings = _below_url(root) if is_url(root) else _below_folder(Path(root), left_out)
    return Found(sorted(recordings, key=lambda recording: recording.name), left_out)


def listed(file: Path) -> Found:
    """The recordings that a list names, one path or URL a line, each once; paths are taken from the current folder.

    Raises:
        EarmarkError: the list cannot be read.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise EarmarkError(f"--list {file}", f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise EarmarkError(f"--list {file}", "is no text in UTF-8") from error
    names = dict.fromkeys(line.strip() for line in lines if line.strip())
    # A path's dots are taken out, its links are not followed: it stays what the user calls it.
    whole = dict.fromkeys(name if is_url(name) else os.path.abspath(name) for name in names)  # noqa: PTH100
    return Found([_named(name) for name in sorted(whole)])


def _named(name: str) -> Recording:
    if is_url(name):
        return _described(name)
    try:
        about = Path(name).stat()
    except OSError:
        return Recording(name)  # labelling it will say what is wrong
    return Recording(name, about.st_size, about.st_mtime)


def _described(url: str) -> Recording:
    system, path = opened_folder(url)
    try:
        return _from_info(url, system.info(path))
    except (OSError, ValueError):
        return Recording(url)


def _below_url(url: str) -> Iterator[Recording]:
    system, path = opened_folder(url)
    try:
        files = system.find(path, detail=True)
    except OSError as error:
        raise EarmarkError(url, f"cannot be read ({error})") from error
    if not files:
        raise EarmarkError(url, "holds nothing, or is not there")
    base = path.rstrip("/") + "/"
    for place, info in files.items():
        name = place.removeprefix(base)
        if _is_recording(name):
            yield _from_info(name, info)


def _is_recording(name: str) -> bool:
    parts = name.split("/")
    _, dot, suffix = parts[-1].rpartition(".")
    return bool(dot) and suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in parts)


def _from_info(name: str, info: dict[str, Any]) -> Recording:
    times = (info[key] for key in _MODIFIED if info.get(key) is not None)
    return Recording(name, int(info.get("size") or 0), _seconds(next(times, None)))


def _seconds(time: object) -> float | None:
    """A time as file systems give it, in seconds since the epoch."""
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            return None
    if isinstance(time, date) and not isinstance(time, datetime):
        time = datetime(time.year, time.month, time.day)
    if isinstance(time, datetime):  # without a zone in UTC: the same wherever it is asked
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return float(time) if isinstance(time, int | float) else None


def _below_folder(root: Path, left_out: list[str]) -> Iterator[Recording]:
    if not root.is_dir():
        raise EarmarkError(root, "is no folder", "give the folder that holds the recordings, or --list FILE")
    seen: set[tuple[int, int]] = set()
    folders, links = [str(root)], list[str]()
    while folders or links:  # folders first, so that what is named by links, too, has its own name
        folder = folders.pop() if folders else links.pop(0)
        try:
            about = os.stat(folder)  # noqa: PTH116 - a Path for each of a million costs more than the look
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as entries:
                shown = sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)
        except OSError as error:
            left_out.append(_line(folder, f"cannot be read ({error.strerror}); what is in it is left out"))
            continue
        folders += reversed([e.path for e in shown if e.is_dir(follow_symlinks=False)])
        links += [e.path for e in shown if e.is_symlink() and e.is_dir()]
        yield from _recordings(root, shown, left_out)


def _recordings(root: Path, entries: Iterable[os.DirEntry[str]], left_out: list[str]) -> Iterator[Recording]:
    for entry in entries:
        if not _is_recording(entry.name) or entry.is_dir():
            continue
        name = os.path.relpath(entry.path, root).replace(os.sep, "/")
        if not _is_text(name):
            left_out.append(_line(entry.path, "its name is no text in UTF-8: rename it; it is left out"))
            continue
        try:
            about = entry.stat()
        except OSError:  # a link to nothing: labelling it will say so
            yield Recording(name)
            continue
        if stat.S_ISREG(about.st_mode):
            yield Recording(name, about.st_size, about.st_mtime)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line(place: str, what: str) -> str:
    return f"{place.encode(errors='backslashreplace').decode()}: {what}"
