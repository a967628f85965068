"""Files that get their names when they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from earmark import media
from earmark.datasets.audioset.cutting import Samples
from earmark.datasets.audioset.quota import Wanted
from earmark.datasets.audioset.settings import Settings
from earmark.errors import EarmarkError, MediaError
from earmark.media.writing import write_samples

PARTS = ".parts"


class Placing:
    """The folder that is filled."""

    def __init__(self, out: Path, settings: Settings) -> None:
        """`out` is there already."""
        self._out = out
        self._settings = settings

    def clean(self) -> None:
        """Remove what is half written, and nothing that has another name, or lies elsewhere behind a link."""
        parts = self._out / PARTS
        if not parts.is_symlink():
            for half in parts.glob("*"):
                if half.suffix in (".flac", ".part") and half.is_file():
                    half.unlink()
            with suppress(OSError):  # it is not there, or not empty
                parts.rmdir()

    def place(self, wanted: Wanted, samples: Samples) -> None:
        """Write a clip, and give it its name when all of it is on the disk.

        Raises:
            EarmarkError: it cannot be written.
        """
        part = self._out / PARTS / f"{wanted.segment.name}.flac"
        path = self._out / wanted.path
        write_samples(part, [samples], self._settings.rate)
        try:
            with part.open("rb") as file:
                os.fsync(file.fileno())
            path.parent.mkdir(exist_ok=True)
            part.replace(path)
        except OSError as error:
            raise EarmarkError(path, f"cannot be written ({error.strerror})") from error

    def is_there(self, path: str) -> bool:
        """Whether a file is in place."""
        return (self._out / path).is_file()

    def files(self) -> Iterator[tuple[str, str]]:
        """Clips that lie in place, whoever put them there: name and path."""
        for file in sorted(self._out.glob("*/*.flac")):
            yield file.stem, file.relative_to(self._out).as_posix()

    def is_whole(self, wanted: Wanted) -> bool:
        """Whether a file in place has the rate and the length of its clip; it is decoded."""
        seconds = wanted.segment.end - wanted.segment.start
        rate = self._settings.rate
        try:
            with media.open_recording(self._out / wanted.path) as recording:
                samples = sum(len(block) for block in recording.blocks(rate))
                return recording.track.rate == rate and samples >= self._settings.shortest * seconds * rate
        except MediaError:
            return False

    def remove(self, path: str) -> None:
        """Remove a file that is not whole."""
        (self._out / path).unlink(missing_ok=True)
