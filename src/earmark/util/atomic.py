"""Files that are there complete or not at all, written past nobody else's."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from earmark.errors import EarmarkError

_SPECIAL = (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
_SAFE = sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))
"""Follow no link, wait for no pipe, change no line ends: what the system knows of these."""
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | _SAFE


def settle(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk itself: a power cut does not undo it."""
    try:
        handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    except PermissionError:
        if os.name == "posix":
            raise
        return  # Windows opens no folder
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or what an account may have of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to: it becomes `path` once the block ends well, and is gone otherwise.

    Nobody sees half of a file, and a kill leaves the one that was there before. The name in between is drawn at random
    and made anew, so that it is nobody else's file, no link to one, and short: `path` may have the longest name that
    the file system knows. A device or a pipe, such as `/dev/stdout`, cannot be replaced and is written to as it is.
    OSError where the folder does not take a file, or `path` is a folder.
    """
    if _is_special(path):
        yield path
        return
    part = _new_file(path.parent)
    try:
        yield part
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """Write text as a file, and the folder for it: nobody sees half of it. EarmarkError where that cannot be."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The same for bytes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})") from error


def open_own(path: Path, flags: int = 0) -> BinaryIO:
    """Open for writing what has the same name from run to run: a lock, half a download. Made where it is missing.

    Its content stays as it is, unless `flags`, those of `os.open`, say otherwise. OSError where it cannot be opened, or
    is a link, a pipe or the like that somebody laid there: nothing is followed.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | _SAFE | flags, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileExistsError(errno.EEXIST, "is no ordinary file", str(path))
    return os.fdopen(handle, "wb")


def _is_special(path: Path) -> bool:
    """Whether a name stands for something that a rename would destroy; root may do that to `/dev/null`."""
    with suppress(OSError):
        return stat.S_IFMT(path.stat().st_mode) in _SPECIAL or path.absolute().parent == Path("/dev")
    return False


def _new_file(folder: Path) -> Path:
    while True:
        part = folder / f".{secrets.token_hex(6)}.part"
        with suppress(FileExistsError):
            os.close(os.open(part, _NEW, 0o666))
            return part
