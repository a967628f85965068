"""One recording of an archive: labelled, or why it could not be."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from earmark.archive import dates
from earmark.archive.highest import Highest, Seconds
from earmark.archive.opening import source_of
from earmark.archive.recordings import Recording, place_of
from earmark.errors import EarmarkError, EarmarkWarning
from earmark.labelling import label
from earmark.model import Model
from earmark.timeline import Event, EventRules

TIMEOUT = 600.0  # seconds that a recording may take, beside its own length


class TookTooLongError(EarmarkError):
    """A recording that took longer than it may."""


@dataclass(frozen=True)
class Heard:
    """What came of a recording: its length in seconds, when it began, its events and seconds; or why nothing did."""

    recording: Recording
    duration: float | None = None
    started: datetime | None = None
    events: tuple[Event, ...] = ()
    seconds: Seconds | None = None
    error: str | None = None
    damage: str | None = None
    """What was wrong with it where it could be read all the same."""


def hear(
    recording: Recording,
    root: str,
    model: Model,
    rules: EventRules,
    timeout: float = TIMEOUT,
    moving: Callable[[], object] | None = None,
) -> Heard:
    """Label a recording; whatever is wrong with it stands in `error`.

    Args:
        recording: its name is below `root`.
        root: a folder or URL; empty where the name is a whole path or URL.
        model: what to label with.
        rules: how scores become events.
        timeout: the seconds that it may take beside its own length. A read that never returns is not stopped by this.
        moving: called each time that something has come of it, some seconds of sound at a time.
    """
    place = place_of(recording.name, root)
    highest = Highest(model.description.step, len(model.labels))
    try:
        with source_of(place) as source, _damage(place) as damage:
            progress = _bound(place, timeout, moving)
            timeline = label(source, model, rules=rules, progress=progress, hear=highest.add)
            started = dates.from_name(recording.name) or dates.from_header(source)
    except EarmarkError as error:
        return Heard(recording, error="; ".join(filter(None, (error.reason, error.remedy))))
    except Exception as error:  # a decoder's surprise in one of a million must not end the others
        return Heard(recording, error=f"cannot be labelled ({type(error).__name__}: {error})"[:500])
    seconds = highest.seconds(timeline.duration)
    return Heard(recording, timeline.duration, started, timeline.events, seconds, damage="; ".join(damage) or None)


@contextmanager
def _damage(place: str) -> Iterator[list[str]]:
    """What is warned of in the meantime, without the recording's name."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EarmarkWarning)
        yield lines
        told = [str(one.message) for one in caught if issubclass(one.category, EarmarkWarning)]
    lines += [text.removeprefix(f"{place}: ") for text in told]


def _bound(place: str, timeout: float, moving: Callable[[], object] | None) -> Callable[[float, float | None], None]:
    began = time.monotonic()

    def check(done: float, length: float | None) -> None:
        if moving:
            moving()
        if time.monotonic() - began > timeout + max(done, length or 0.0):
            raise TookTooLongError(place, f"took longer than {timeout:g} s beside its own length", "see --timeout")

    return check
