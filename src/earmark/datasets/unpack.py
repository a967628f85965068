"""Unpack an archive that came from elsewhere: nothing leaves the folder, nothing but files comes out."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from earmark.datasets.download import OnProgress, nothing
from earmark.errors import DatasetError

LEAST = 4096
"""Bytes that a file, or a folder, takes on a disk however little it holds."""

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, ValueError)


class DamagedArchiveError(DatasetError):
    """An archive whose bytes are not what was packed."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    ordinary: bool
    """A file, rather than a link or a device."""
    content: IO[bytes] | None
    done: int
    """Bytes of the archive that lie behind it."""


def unpack(archive: Path, into: Path, on_progress: OnProgress = nothing, most: int | None = None) -> None:
    """Unpack a .zip or .tar.gz archive, checking the checksums it holds.

    Args:
        archive: what is unpacked.
        into: a folder, made where it is not there.
        on_progress: called with the bytes of the archive that are done, and all.
        most: bytes that may come out of it, `LEAST` for each part of a name at least; None: any number.

    Raises:
        DamagedArchiveError: the archive is damaged, or no archive.
        DatasetError: the archive holds a path out of the folder, or a link, or more than it may; or the disk is full.
    """
    into.mkdir(parents=True, exist_ok=True)
    total = archive.stat().st_size
    left = most
    try:
        for member in _members(archive):
            taken = _extract(archive, member, into, left)
            left = None if left is None else left - taken
            on_progress(member.done, total)
    except _BROKEN as error:
        raise DamagedArchiveError(archive, f"is damaged ({error})") from error
    except OSError as error:
        # gzip reports damage as an OSError without a number of its own.
        if error.errno is None:
            raise DamagedArchiveError(archive, f"is damaged ({error})") from error
        raise DatasetError(into, f"cannot unpack {archive.name} here ({error.strerror})") from error


def _members(archive: Path) -> Iterator[_Member]:
    if archive.suffix == ".zip":
        yield from _zip_members(archive)
    else:
        yield from _tar_members(archive)


def _zip_members(archive: Path) -> Iterator[_Member]:
    done = 0
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            done += info.compress_size
            ordinary = stat.S_IFMT(info.external_attr >> 16) in {0, stat.S_IFREG, stat.S_IFDIR}
            if info.is_dir() or not ordinary:
                yield _Member(info.filename, ordinary, None, done)
                continue
            with file.open(info) as content:
                yield _Member(info.filename, ordinary, content, done)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as raw, gzip.GzipFile(fileobj=raw) as plain:
        with tarfile.open(fileobj=plain, mode="r:") as file:
            for info in file:
                content = file.extractfile(info) if info.isreg() else None
                yield _Member(info.name, info.isreg() or info.isdir(), content, raw.tell())
        while plain.read(1 << 20):  # To the very end, where the checksum stands.
            pass


def _extract(archive: Path, member: _Member, into: Path, most: int | None) -> int:
    """Write a file of the archive; the bytes that it takes of `most`."""
    name = PurePosixPath(member.name)
    parts = [part for part in name.parts if part != "."]
    if name.is_absolute() or ".." in parts or "\\" in member.name or ":" in member.name:
        raise DatasetError(archive, f"holds a path that leads out of it, {member.name!r}", "do not use it")
    if not member.ordinary:
        raise DatasetError(archive, f"holds a link or device, {member.name!r}", "do not use it")
    if not parts or parts[0] == "__MACOSX" or parts[-1].startswith("._"):
        return 0
    least = LEAST * len(parts)
    if most is not None and least > most:
        raise _too_much(archive)
    target = into.joinpath(*parts)
    if member.content is None:
        target.mkdir(parents=True, exist_ok=True)
        return least
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("wb") as file:
        while block := member.content.read(1 << 20):
            written += len(block)
            if most is not None and written > most:
                raise _too_much(archive)
            file.write(block)
    return max(written, least)


def _too_much(archive: Path) -> DatasetError:
    return DatasetError(archive, "holds far more than the dataset that it should be", "do not use it")
