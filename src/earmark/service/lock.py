"""One server at a time for a folder."""

from __future__ import annotations

import fcntl
from pathlib import Path

from earmark.errors import EarmarkError


class FolderLock:
    """Held by this process until `release`, or its end.

    Raises:
        EarmarkError: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "lock").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise EarmarkError(folder, "is in use by another server", "stop it, or choose another --folder") from error

    def release(self) -> None:
        """Let others have it."""
        self._file.close()
