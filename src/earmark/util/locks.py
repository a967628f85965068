"""One process at a time where several would spoil each other's work."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from earmark.errors import EarmarkError
from earmark.util.atomic import open_own


@contextmanager
def alone(file: Path, used: EarmarkError, cannot: str, elsewhere: str) -> Iterator[None]:
    """Hold a lock as long as the block lasts; the end of this process, however it comes, lets it go.

    Args:
        file: the lock, made with its folder where they are not there.
        used: raised where another process holds it.
        cannot: what a folder cannot that does not take the file: `be written`.
        elsewhere: what to do then.

    Raises:
        EarmarkError: `used`, or one of its kind about the same where the file cannot be opened or locked.
    """

    def unusable(why: str) -> EarmarkError:
        return type(used)(used.subject, why, elsewhere)

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = open_own(file)
    except OSError as error:
        raise unusable(f"cannot {cannot} ({error.strerror})") from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise used from error
        except OSError as error:
            raise unusable(f"cannot be locked ({error.strerror}): its file system does not know how to") from error
        yield
