"""A published dataset, fetched: download, verify, unpack, verify again, and only then give it its name.

An archive comes from elsewhere: nothing leaves the folder that it is unpacked into, nothing but files comes out.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import stat
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from earmark.datasets import catalogue, layouts, media_files
from earmark.datasets.catalogue import PUBLISHED, PublishedDataset
from earmark.errors import DatasetError, EarmarkWarning
from earmark.util.download import Download, no_progress
from earmark.util.types import Progress

LEAST = 4096  # bytes that a file, or a folder, takes on a disk however little it holds

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, ValueError)

MORE = 1 << 30  # bytes by which an unpacked dataset may be larger than it was when it was measured

Stage = Callable[[str], Progress]  # called with what begins (`download` or `unpack`), gives what to call as it goes on


class DamagedArchiveError(DatasetError):
    """An archive whose bytes are not what was packed."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    ordinary: bool  # a file, rather than a link or a device
    content: IO[bytes] | None
    done: int  # bytes of the archive that lie behind it


def unpack(archive: Path, into: Path, most: int, on_progress: Progress = no_progress) -> None:
    """Unpack a .zip or .tar.gz archive, checking the checksums it holds.

    At most `most` bytes may come out of it, counted as `LEAST` for each part of a name at least.
    `on_progress` is called with the bytes of the archive that are done, and all.

    Raises DamagedArchiveError: the archive is damaged, or no archive.
    Raises DatasetError: it holds a path out of the folder, or a link, or more than it may; or the disk is full.
    """
    into.mkdir(parents=True, exist_ok=True)
    total = archive.stat().st_size
    try:
        for member in (_zip_members if archive.suffix == ".zip" else _tar_members)(archive):
            most -= _extract(archive, member, into, most)
            on_progress(member.done, total)
    except _BROKEN as error:
        raise DamagedArchiveError(archive, f"is damaged ({error})") from error
    except OSError as error:
        # gzip reports damage as an OSError without a number of its own.
        if error.errno is None:
            raise DamagedArchiveError(archive, f"is damaged ({error})") from error
        raise DatasetError(into, f"cannot unpack {archive.name} here ({error.strerror})") from error


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


def _extract(archive: Path, member: _Member, into: Path, most: int) -> int:
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
    if least > most:
        raise _too_large(archive)
    target = into.joinpath(*parts)
    if member.content is None:
        target.mkdir(parents=True, exist_ok=True)
        return least
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("wb") as file:
        while block := member.content.read(1 << 20):
            written += len(block)
            if written > most:
                raise _too_large(archive)
            file.write(block)
    return max(written, least)


def _too_large(archive: Path) -> DatasetError:
    return DatasetError(archive, "holds far more than the dataset that it should be", "do not use it")


def no_stages(stage: str) -> Progress:
    """Show no progress."""
    return no_progress


def published_dataset(name: str) -> PublishedDataset:
    """The known dataset of that name."""
    try:
        return PUBLISHED[name.lower()]
    except KeyError:
        raise DatasetError(name, "is no dataset that can be fetched", f"choose {', '.join(PUBLISHED)}") from None


def fetch_dataset(dataset: PublishedDataset, target: Path, *, url: str = "", stage: Stage = no_stages) -> Path:
    """Fetch a dataset into a folder, unless it is there: from its publisher, or from a mirror, which is verified alike.

    The archive is kept beside the folder until all is well, so that a run that breaks off costs nothing:
    the next goes on where it stopped. Damaged bytes are removed and fetched once more.

    Raises DatasetError: it cannot be fetched, is damaged twice, or something else lies in the folder.
    Raises MissingExtraError: httpx is not installed.
    """
    if (target / dataset.table).is_file():
        return target
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DatasetError(target, f"exists and is not {dataset.name}", "choose another folder with --out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(target.parent, f"cannot be made ({error.strerror})", "choose another folder") from error
    given = target.parent / dataset.archive
    if given.is_file():  # the user fetched it: it is taken, and stays whatever it is
        try:
            return _unpacked(dataset, target, given, stage)
        except DamagedArchiveError as error:
            warnings.warn(f"{error}; it is left alone, and fetched anew", EarmarkWarning, stacklevel=2)
    own = target.parent / f".earmark-{dataset.archive}"
    download = Download(url or dataset.url, own, spare=dataset.unpacked_bytes)
    for attempt in (1, 2):
        if not own.exists():
            download.on_progress = stage("download")
            download.run()
        try:
            _unpacked(dataset, target, own, stage)
            break
        except DamagedArchiveError as error:
            download.discard()
            if attempt == 2:
                remedy = f"the file was removed; see whether {dataset.home} has moved, or give a mirror with --url"
                raise DatasetError(download.url, f"{error.reason}, twice", remedy) from error
            warnings.warn(f"{error}; it is fetched once more", EarmarkWarning, stacklevel=2)
    download.discard()
    return target


def _unpacked(dataset: PublishedDataset, target: Path, archive: Path, stage: Stage) -> Path:
    """The dataset's folder, made of an archive; whole or not at all."""
    _verify_archive(dataset, archive)
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()  # anew: a link is not followed
    except OSError as error:
        raise DatasetError(temporary, f"cannot be made ({error.strerror})", "remove it") from error
    try:
        unpack(archive, temporary, dataset.unpacked_bytes + MORE, stage("unpack"))
        root = _root(dataset, archive, temporary)
        _verify_content(dataset, archive, root)
        if target.exists():
            target.rmdir()
        root.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _verify_archive(dataset: PublishedDataset, archive: Path) -> None:
    if not dataset.md5:
        return
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != dataset.md5:
        raise DamagedArchiveError(archive, f"its MD5 is {digest} and should be {dataset.md5}")


def _root(dataset: PublishedDataset, archive: Path, unpacked: Path) -> Path:
    """Where the dataset is in what was unpacked: a git archive's folder is named after its branch."""
    tables = sorted(unpacked.glob(f"*/{dataset.table.as_posix()}"))
    if (unpacked / dataset.table).is_file():
        return unpacked
    if not tables:
        raise DamagedArchiveError(archive, f"holds no {dataset.table.as_posix()}")
    return tables[0].parents[len(dataset.table.parts) - 1]


def _verify_content(dataset: PublishedDataset, archive: Path, root: Path) -> None:
    """Every row of the table must have its recording, and all of them must be there."""
    found = sum(1 for _ in media_files.walk(root / "audio"))
    if found != dataset.audio_files:
        raise DamagedArchiveError(archive, f"holds {found} recordings, not {dataset.audio_files}")
    try:
        read = layouts.load(dataset.layout, root, missing="error")
    except DatasetError as error:
        raise DamagedArchiveError(archive, f"holds what does not fit together: {error.reason}") from error
    if len(read.clips) != dataset.audio_files:
        raise DamagedArchiveError(archive, f"lists {len(read.clips)} clips, not {dataset.audio_files}")


def target_folder(dataset: PublishedDataset, out: Path | None, data_dir: Path | None) -> Path:
    """Where `get` puts a dataset: as given, or under its name in the data folder."""
    return out or catalogue.installed_folder(dataset, data_dir) or catalogue.data_folder(data_dir) / dataset.name
