"""One run at a time for an index."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from earmark.errors import EarmarkError

LOCK = "lock"


@contextmanager
def locked(index: Path) -> Iterator[None]:
    """Hold an index as long as the block lasts; the end of this process, however it comes, lets it go.

    Raises:
        EarmarkError: another process holds it, or it cannot be written.
    """
    try:
        index.mkdir(parents=True, exist_ok=True)
        file = (index / LOCK).open("w")
    except OSError as error:
        raise EarmarkError(index, f"cannot be written ({error.strerror})", "choose another --out") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EarmarkError(
                index, "is being written by another `earmark index`", "wait for it, or choose another --out"
            ) from error
        except OSError as error:
            why = f"cannot be locked ({error.strerror}): its file system does not know how to"
            raise EarmarkError(index, why, "choose another --out") from error
        yield
