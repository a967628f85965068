"""The recordings of an index, where they lie now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from earmark import media
from earmark.archive.recordings import is_there, is_url, place_of
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
        if not is_there(root):
            raise EarmarkError(root, "is no folder", "say where the recordings are now: --root DIR")
        self.root = root

    @contextmanager
    def opened(self, recording: str) -> Iterator[media.Source]:
        """What `media` reads.

        Raises:
            EarmarkError: what reads such URLs is not installed.
            MediaError: it is not there.
        """
        place = place_of(recording, self.root)
        with ExitStack() as stack:
            try:
                source = stack.enter_context(source_of(place))
            except OSError as error:
                raise MediaError(place, f"cannot be read ({error})") from error
            yield source


@contextmanager
def source_of(place: str) -> Iterator[str | BinaryIO]:
    """The path itself, or an open file where it is a URL. Raises as `remote.opened` does."""
    if not is_url(place):
        yield place
        return
    with opened(place) as file:
        yield file
