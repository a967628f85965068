"""One process at a time where several would spoil each other's work: a lock ends with its process, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from filelock import BaseFileLock


def lock_of(file: Path) -> BaseFileLock:
    """A lock to be held with `with`, which waits until no other process holds it.

    Its file is made where it is missing, in a folder that is there, and left as it is where it is not.
    """
    from filelock import FileLock

    return FileLock(file, thread_local=False, fallback_to_soft=False, preserve_lock_file=True)


@contextmanager
def alone(file: Path, used: EarmarkError, cannot: str, elsewhere: str) -> Iterator[None]:
    """Hold a lock as long as the block lasts, or say in one line why that cannot be.

    Parameters
    ----------
    file
        The lock's, made with its folder where they are not there.
    used
        Raised where another process holds it; where the file cannot be opened or locked, one of its kind.
    cannot
        What a folder cannot that does not take the file: `be written`.
    elsewhere
        What to do then.
    """
    lock = lock_of(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except TimeoutError as error:
        raise used from error
    except OSError as error:
        why = f"cannot {cannot} ({error.strerror})"
        if error.filename is None:  # it was opened
            why = f"cannot be locked ({error.strerror}): its file system does not know how to"
        raise type(used)(used.subject, why, elsewhere) from error
    try:
        yield
    finally:
        lock.release()
