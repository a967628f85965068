"""What every format has, and the few things that several of them need."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TextIO, TypeVar, runtime_checkable

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.events.timeline import Event, Timeline


class Found(Protocol):
    """What was found in one recording: its timeline, its words, the labels of each second."""

    @property
    def recording(self) -> str:
        """The recording's name."""

    def to_dict(self) -> dict[str, Any]:
        """What its JSON file holds."""


R = TypeVar("R", bound=Found)


class Format(ABC, Generic[R]):
    """A way to write what was found to a text stream opened with `newline=""` and `encoding="utf-8"`."""

    name: str
    suffix: str

    @abstractmethod
    def write(self, found: R, file: TextIO, /) -> None:
        """Write what was found in one recording."""

    def text(self, found: R) -> str:
        """What `write` writes, its line ends as they are in a file."""
        file = io.StringIO(newline="")
        self.write(found, file)
        return file.getvalue()

    def write_many(self, several: Iterable[R], file: TextIO, /) -> None:
        """Write several recordings into one file, if the format has a way to tell them apart; else only the first, and
        then EarmarkError.
        """
        rest = iter(several)
        for found in rest:
            self.write(found, file)
            break
        for _ in rest:
            raise EarmarkError(f"format {self.name}", "holds one recording a file", "write to a folder with --out DIR")


@runtime_checkable
class Reader(Protocol):
    """A format that can also be read, so that people can bring labels of their own."""

    suffix: str

    def read(self, file: TextIO) -> Timeline:
        """The one timeline in a stream; EarmarkError if that is not what it holds."""


def number(value: float, digits: int = 3) -> str:
    """A number in its shortest form with at most so many digits after the point.

    >>> number(1.24), number(3.0), number(0.1234567, digits=6)
    ('1.24', '3', '0.123457')
    """
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def stream_name(file: TextIO) -> str:
    """What to call a stream in an error."""
    return str(getattr(file, "name", "labels"))


def event(onset: object, offset: object, label: str, score: object, where: str) -> Event:
    """An event from what a file says; EarmarkError about `where`, file and line, if that is none."""
    from earmark.events.timeline import Event

    try:
        times = [float(str(value).replace(",", ".")) for value in (onset, offset, score)]
    except ValueError as error:
        raise EarmarkError(where, str(error), "onset, offset and score are plain numbers") from error
    if not 0 <= times[0] <= times[1] < float("inf"):
        raise EarmarkError(where, f"an event cannot last from {onset} to {offset}", "give seconds, onset first")
    if not 0 <= times[2] <= 1:
        raise EarmarkError(where, f"{score} is no score", "a score is between 0 and 1")
    return Event(times[0], times[1], label, times[2])


def make_timeline(recording: str, duration: float, model: str, events: Iterable[Event]) -> Timeline:
    """A timeline with its events in order; it lasts at least until the last one ends."""
    from earmark.events.timeline import Timeline

    listed = list(events)
    longest = max([duration, *(e.offset for e in listed)])
    return Timeline(recording, longest, model).with_events(listed)
