"""Whatever somebody gives us to listen to: a path, an address, bytes, a file object, or samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from numpy.typing import ArrayLike

from earmark.errors import ArgumentError
from earmark.media.opening import Source, name_of, rewindable
from earmark.media.recording import Recording
from earmark.media.samples import NAME, WavOfSamples, checked, checked_rate, is_samples

Given = Source | ArrayLike
"""A path, an address (http, https), the bytes of a file, a binary file object, or samples."""


def is_address(source: object) -> bool:
    """Whether a source is an address that begins with http:// or https://."""
    return isinstance(source, str) and re.match(r"https?://", source, re.IGNORECASE) is not None


@dataclass(frozen=True, eq=False)
class Sound:
    """What a recording is opened from, any number of times where it can be read again.

    Attributes
    ----------
    source
        Path, address (http:// or https://), the bytes of a file, a binary file object, or samples: [samples] or
        [samples, channels].
    sample_rate
        Hz, of samples; of all else None, as it says so itself.
    track
        Which of the audio tracks, from 0.

    Raises
    ------
    ArgumentError
        Samples have no rate, or what is no samples has one.
    MediaError
        The samples are none.
    """

    source: Any
    sample_rate: float | None = None
    track: int = 0

    def __post_init__(self) -> None:
        if is_samples(self.source):
            object.__setattr__(self, "sample_rate", checked_rate(self.sample_rate))
            object.__setattr__(self, "source", checked(self.source))
        elif self.sample_rate is not None:
            reason = "is given, but what is to be read has a rate of its own"
            raise ArgumentError("sample_rate", self.sample_rate, reason, "leave it out")

    @property
    def name(self) -> str:
        """What messages and results call it."""
        return NAME if is_samples(self.source) else name_of(self.source)

    @property
    def rereadable(self) -> bool:
        """Whether it can be opened again, as far as can be told without doing so; an address would be fetched anew."""
        if is_samples(self.source):
            return True
        if hasattr(self.source, "read"):
            return not getattr(self.source, "closed", False) and rewindable(self.source)
        return is_address(self.source) or rewindable(self.source)

    @contextmanager
    def open(self) -> Iterator[Recording]:
        """The recording, closed when the block ends; an address is fetched into a temporary file for so long.

        Raises
        ------
        MediaError
            It cannot be fetched, or is no recording: see `open_recording`.
        """
        if is_samples(self.source):
            file: Any = WavOfSamples(self.source, int(self.sample_rate or 0))
        elif is_address(self.source):
            from earmark.media.web import fetched  # which takes a while to import

            file = fetched(self.source)
        else:
            with Recording(self.source, self.track) as recording:
                yield recording
            return
        with file, Recording(cast("Source", file), self.track, self.name) as recording:
            yield recording

    def __getstate__(self) -> dict[str, Any]:
        """Without a file object, which belongs to its own process."""
        kept = None if hasattr(self.source, "read") else self.source
        return {"source": kept, "sample_rate": self.sample_rate, "track": self.track}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
