"""Fetch a published dataset: download, verify, unpack, verify again, and only then give it its name."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

from earmark.datasets import folders, layouts, media_files
from earmark.datasets.download import Download, OnProgress, nothing
from earmark.datasets.known import KNOWN, Known
from earmark.datasets.unpack import DamagedArchiveError, unpack
from earmark.errors import DatasetError, EarmarkWarning

MORE = 1 << 30
"""Bytes by which an unpacked dataset may be larger than it was when it was measured."""

Stage = Callable[[str], OnProgress]
"""Called with what begins (`download` or `unpack`), gives what to call as it goes on."""


def silent(stage: str) -> OnProgress:
    """Show no progress."""
    return nothing


def known(name: str) -> Known:
    """The known dataset of that name."""
    try:
        return KNOWN[name.lower()]
    except KeyError:
        raise DatasetError(name, "is no dataset that can be fetched", f"choose {', '.join(KNOWN)}") from None


def get(dataset: Known, target: Path, *, url: str = "", stage: Stage = silent) -> Path:
    """Fetch a dataset into a folder, unless it is there.

    The archive is kept beside the folder until all is well, so that a run that breaks off costs nothing:
    the next goes on where it stopped. Damaged bytes are removed and fetched once more.

    Args:
        dataset: What to fetch.
        target: The dataset's folder to be.
        url: Where to fetch the archive from; its publisher's address by default. A mirror is verified alike.
        stage: Shows progress.

    Raises:
        DatasetError: it cannot be fetched, is damaged twice, or something else lies in the folder.
        MissingExtraError: httpx is not installed.
    """
    if (target / dataset.table).is_file():
        return target
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DatasetError(target, f"exists and is not {dataset.name}", "choose another folder with --out")
    _make_folder(target.parent)
    given = target.parent / dataset.archive
    if given.is_file():  # the user fetched it: it is taken, and stays whatever it is
        try:
            return _unpacked(dataset, target, given, stage)
        except DamagedArchiveError as error:
            warnings.warn(f"{error}; it is left alone, and fetched anew", EarmarkWarning, stacklevel=2)
    own = target.parent / f".earmark-{dataset.archive}"
    download = Download(url or dataset.url, own, spare=dataset.unpacked_bytes)
    try:
        _attempt(dataset, target, download, stage)
    except DamagedArchiveError as error:
        download.discard()
        warnings.warn(f"{error}; it is fetched once more", EarmarkWarning, stacklevel=2)
        _last_attempt(dataset, target, download, stage)
    download.discard()
    return target


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(folder, f"cannot be made ({error.strerror})", "choose another folder") from error


def _last_attempt(dataset: Known, target: Path, download: Download, stage: Stage) -> None:
    try:
        _attempt(dataset, target, download, stage)
    except DamagedArchiveError as error:
        download.discard()
        remedy = f"the file was removed; see whether {dataset.home} has moved, or give a mirror with --url"
        raise DatasetError(download.url, f"{error.reason}, twice", remedy) from error


def _attempt(dataset: Known, target: Path, download: Download, stage: Stage) -> None:
    if not download.target.exists():
        download.on_progress = stage("download")
        download.run()
    _unpacked(dataset, target, download.target, stage)


def _unpacked(dataset: Known, target: Path, archive: Path, stage: Stage) -> Path:
    """The dataset's folder, made of an archive; whole or not at all."""
    _verify_archive(dataset, archive)
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()  # anew: a link is not followed
    except OSError as error:
        raise DatasetError(temporary, f"cannot be made ({error.strerror})", "remove it") from error
    try:
        unpack(archive, temporary, stage("unpack"), dataset.unpacked_bytes + MORE)
        root = _root(dataset, archive, temporary)
        _verify_content(dataset, archive, root)
        if target.exists():
            target.rmdir()
        root.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _verify_archive(dataset: Known, archive: Path) -> None:
    if not dataset.md5:
        return
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != dataset.md5:
        raise DamagedArchiveError(archive, f"its MD5 is {digest} and should be {dataset.md5}")


def _root(dataset: Known, archive: Path, unpacked: Path) -> Path:
    """Where the dataset is in what was unpacked: a git archive's folder is named after its branch."""
    tables = sorted(unpacked.glob(f"*/{dataset.table.as_posix()}"))
    if (unpacked / dataset.table).is_file():
        return unpacked
    if not tables:
        raise DamagedArchiveError(archive, f"holds no {dataset.table.as_posix()}")
    return tables[0].parents[len(dataset.table.parts) - 1]


def _verify_content(dataset: Known, archive: Path, root: Path) -> None:
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


def target_folder(dataset: Known, out: Path | None, data_dir: Path | None) -> Path:
    """Where `get` puts a dataset: as given, or under its name in the data folder."""
    return out or folders.place(dataset, data_dir) or folders.data_folder(data_dir) / dataset.name
