"""The recordings of an archive: below a folder, below a URL that fsspec reads, or in a list; and when each began."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from earmark import media
from earmark.datasets import media_files
from earmark.errors import EarmarkError, MediaError, MissingExtraError
from earmark.media.opening import open_container
from earmark.util.folders import folders_below, is_inside
from earmark.util.text import encodable

SUFFIXES = frozenset(suffix.removeprefix(".") for suffix in media_files.SUFFIXES)
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
class Listing:
    """What was found: recordings by name, and a line for each folder or name that had to be left out."""

    recordings: list[Recording]
    left_out: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)  # names of those that links out of the folder lead to


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


def below(root: str) -> Listing:
    """All recordings below a folder or URL; hidden files and folders are not looked at.

    Links are followed, also out of the folder; one that several links lead to is gone through once.
    """
    found = Listing([])
    recordings = _below_url(root) if is_url(root) else _below_folder(Path(root), found)
    found.recordings.extend(sorted(recordings, key=lambda recording: recording.name))
    return found


def listed(file: Path) -> Listing:
    """The recordings that a list names, one path or URL a line, each once; paths are taken from the current folder."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise EarmarkError(f"--list {file}", f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise EarmarkError(f"--list {file}", "is no text in UTF-8") from error
    names = dict.fromkeys(line.strip() for line in lines if line.strip())
    # A path's dots are taken out, its links are not followed: it stays what the user calls it.
    paths = dict.fromkeys(name if is_url(name) else os.path.abspath(name) for name in names)  # noqa: PTH100
    return Listing([_named(name) for name in sorted(paths)])


def _named(name: str) -> Recording:
    if is_url(name):
        return _described(name)
    try:
        about = Path(name).stat()
    except OSError:
        return Recording(name)  # labelling it will say what is wrong
    return Recording(name, about.st_size, about.st_mtime)


def _described(url: str) -> Recording:
    system, path = open_folder(url)
    try:
        return _from_info(url, system.info(path))
    except (OSError, ValueError):
        return Recording(url)


def _below_url(url: str) -> Iterator[Recording]:
    system, path = open_folder(url)
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


def _below_folder(root: Path, found: Listing) -> Iterator[Recording]:
    if not root.is_dir():
        raise EarmarkError(root, "is no folder", "give the folder that holds the recordings, or --list FILE")
    real_root = os.path.realpath(root)
    for folder, shown in folders_below(str(root), lambda folder, why: found.left_out.append(_line(folder, why))):
        outside = not is_inside(os.path.realpath(folder), real_root)
        for entry, recording in _recordings(root, shown, found.left_out):
            if outside or (entry.is_symlink() and not is_inside(os.path.realpath(entry.path), real_root)):
                found.elsewhere.append(recording.name)
            yield recording


def _recordings(
    root: Path, entries: Iterable[os.DirEntry[str]], left_out: list[str]
) -> Iterator[tuple[os.DirEntry[str], Recording]]:
    for entry in entries:
        if not _is_recording(entry.name) or entry.is_dir():
            continue
        name = os.path.relpath(entry.path, root).replace(os.sep, "/")
        if encodable(name) != name:
            left_out.append(_line(entry.path, "its name is no text in UTF-8: rename it; it is left out"))
            continue
        try:
            about = entry.stat()
        except OSError:  # a link to nothing: labelling it will say so
            yield entry, Recording(name)
            continue
        if stat.S_ISREG(about.st_mode):
            yield entry, Recording(name, about.st_size, about.st_mtime)


def _line(place: str, what: str) -> str:
    return f"{place.encode(errors='backslashreplace').decode()}: {what}"


def open_folder(url: str) -> tuple[Any, str]:
    """The file system of a URL (`fsspec.AbstractFileSystem`), and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(url, "archive") from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:  # fsspec says which package reads this kind
        raise EarmarkError(url, f"needs a package that is not installed here ({error})") from error
    except ValueError as error:
        raise EarmarkError(url, f"is no URL that can be read ({error})") from error
    return system, str(path)


class Archive:
    """Where an index's recordings are: below a folder or URL, or, where that is empty, each named in full."""

    def __init__(self, root: str) -> None:
        if not is_there(root):
            raise EarmarkError(root, "is no folder", "say where the recordings are now: --root DIR")
        self.root = root

    @contextmanager
    def opened(self, recording: str) -> Iterator[media.Source]:
        """What `media` reads; MediaError where it is not there."""
        place = place_of(recording, self.root)
        with ExitStack() as stack:
            try:
                source = stack.enter_context(source_of(place))
            except OSError as error:
                raise MediaError(place, f"cannot be read ({error})") from error
            yield source

    def cut(self, recording: str, spans: Iterable[tuple[float, float, Path]]) -> None:
        """Write spans (onset, offset, path) of a recording that are not there yet, in one pass over it."""
        missing = [span for span in spans if not span[2].is_file()]
        if missing:
            with self.opened(recording) as source:
                for _ in media.write_spans(source, missing):
                    pass


@contextmanager
def source_of(place: str) -> Iterator[str | BinaryIO]:
    """The path itself, or an open file where it is a URL: what was read is kept in blocks, so that going back is free.

    Raises as `open_folder` does, and OSError where it is not there or cannot be read.
    """
    if not is_url(place):
        yield place
        return
    system, path = open_folder(place)
    with system.open(path, "rb") as file:
        yield file


_NAME = re.compile(
    r"(?<!\d)(?P<year>\d{4})[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)[T_\-. ]{0,3}"
    r"(?P<hour>\d\d)[-_.:h]?(?P<minute>\d\d)[-_.:m]?(?P<second>\d\d)(?:[.,](?!3g[p2]$)(?P<fraction>\d{1,6}))?(?!\d)",
    re.IGNORECASE,
)
_AUDIOMOTH = re.compile(r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d\d)/(\d\d)/(\d{4})")
_CLOCKS_START = (1904, 1970)  # MP4's and Unix's: a device whose clock was never set says that


def date_from_name(name: str) -> datetime | None:
    """The date and time in a file's name: 20260511_053000, 2026-05-11T05-30-00, SITE_20260511_053000.wav and so on.

    No time zone: it is whatever the recorder's clock showed. None where the name holds no whole date and time.
    """
    for found in _NAME.finditer(PurePosixPath(name).name):
        parts = [int(found[key]) for key in ("year", "month", "day", "hour", "minute", "second")]
        moment = _moment(*parts, int((found["fraction"] or "0").ljust(6, "0")))
        if moment is not None:
            return moment
    return None


def date_from_header(source: str | BinaryIO) -> datetime | None:
    """The date and time in a recording's header, as it stands there; None where there is none. A file is begun anew.

    MP4, MOV and Matroska say `creation_time`, in UTC as a rule; Broadcast WAV has a date and a time of day (EBU Tech
    3285); AudioMoth recorders write a comment.
    """
    try:
        with open_container(source, tried=True) as container:
            return date_from_metadata(container.metadata)
    except MediaError:
        return None


def date_from_metadata(metadata: Mapping[str, str]) -> datetime | None:
    """The same from the header's fields, by FFmpeg's names."""
    fields = {key.lower(): value.strip() for key, value in metadata.items()}
    created, day = fields.get("creation_time", ""), fields.get("date", "")
    for text in (created, f"{day}T{created}", day):
        moment = _iso(text)
        if moment is not None:
            return moment
    found = _AUDIOMOTH.search(fields.get("comment", ""))
    if found is None:
        return None
    hour, minute, second, day_, month, year = map(int, found.groups())
    return _moment(year, month, day_, hour, minute, second)


def _iso(text: str) -> datetime | None:
    if ":" not in text:  # a date alone, as music has it, says when it was published
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _believed(moment.replace(tzinfo=None))


def _moment(*parts: int) -> datetime | None:
    try:
        return _believed(datetime(*parts))  # type: ignore[arg-type]
    except ValueError:
        return None


def _believed(moment: datetime) -> datetime | None:
    first_day = (moment.month, moment.day) == (1, 1) and moment.year in _CLOCKS_START
    return None if first_day or not 1900 <= moment.year <= datetime.now(UTC).year + 1 else moment
