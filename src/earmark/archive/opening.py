"""The recordings of an index, where they lie now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from earmark import media
from earmark.archive.recordings import is_url
from earmark.archive.remote import opened
from earmark.errors import EarmarkError, MediaError


class Archive:
    """Where an index's recordings are."""

    def __init__(self, root: str) -> None:
        """See `root`; the error tells what to do where an archive has moved.

        Args:
            root: the folder or URL that the names are below; empty where each is named in full.

        Raises:
            EarmarkError: there is no such folder.
        """
        if root and not is_url(root) and not Path(root).is_dir():
            raise EarmarkError(root, "is no folder", "say where the recordings are now: --root DIR")
        self.root = root

    def place(self, recording: str) -> str:
        """Its path or URL."""
        if not self.root or is_url(recording):
            return recording
        return f"{self.root}/{recording}" if is_url(self.root) else str(Path(self.root) / recording)

    @contextmanager
    def opened(self, recording: str) -> Iterator[media.Source]:
        """What `media` reads.

        Raises:
            EarmarkError: what reads such URLs is not installed.
            MediaError: it is not there.
        """
        place = self.place(recording)
        if not is_url(place):
            yield place
            return
        try:
            file = opened(place)
        except OSError as error:
            raise MediaError(place, f"cannot be read ({error})") from error
        with file as source:
            yield source
