"""One recording of an archive: labelled, and its embeddings taken, or why they could not be."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from earmark import media
from earmark.archive import dates
from earmark.archive.highest import Highest, Seconds
from earmark.archive.opening import source_of
from earmark.archive.recordings import Recording, place_of
from earmark.archive.vectors import Bytes, PerSecond
from earmark.errors import EarmarkError, EarmarkWarning
from earmark.events.hysteresis import EventRules
from earmark.events.timeline import Event
from earmark.models.embedding import embedded
from earmark.models.labelling import label
from earmark.models.model import Model
from earmark.util.types import Progress

TIMEOUT = 600.0  # seconds that a recording may take, beside its own length


class TookTooLongError(EarmarkError):
    """A recording that took longer than it may."""


@dataclass(frozen=True)
class Heard:
    """What came of a recording: its length in seconds, when it began, its events and seconds; or why nothing did.

    `vectors` are its embeddings [seconds, dimensions], if they were asked for.
    """

    recording: Recording
    duration: float | None = None
    started: datetime | None = None
    events: tuple[Event, ...] = ()
    seconds: Seconds | None = None
    error: str | None = None
    damage: str | None = None
    """What was wrong with it where it could be read all the same."""
    vectors: Bytes | None = field(default=None, compare=False)


def hear(
    recording: Recording,
    root: str,
    model: Model | None,
    rules: EventRules,
    timeout: float = TIMEOUT,
    moving: Callable[[], object] | None = None,
    embedder: Model | None = None,
) -> Heard:
    """Label a recording, and take its embeddings; whatever is wrong with it stands in `error`.

    Args:
        recording: its name is below `root`.
        root: a folder or URL; empty where the name is a whole path or URL.
        model: what to label with; None: only embeddings are wanted.
        rules: how scores become events.
        timeout: the seconds that it may take beside its own length. A read that never returns is not stopped by this.
        moving: called each time that something has come of it, some seconds of sound at a time.
        embedder: what gives embeddings, if they are wanted: if it is `model`, in the same pass.
    """
    place = place_of(recording.name, root)
    try:
        with _damage(place) as damage:
            progress = _bound(place, timeout, moving)
            heard = Heard(recording)
            if model is not None:
                heard = _labelled(heard, place, model, rules, progress, embedder if embedder is model else None)
            if embedder is not None and embedder is not model:
                heard = _embedded(heard, place, embedder, progress)
    except EarmarkError as error:
        return Heard(recording, error="; ".join(filter(None, (error.reason, error.remedy))))
    except Exception as error:  # a decoder's surprise in one of a million must not end the others
        return Heard(recording, error=f"cannot be labelled ({type(error).__name__}: {error})"[:500])
    return replace(heard, damage="; ".join(dict.fromkeys(damage)) or None)


def _labelled(
    heard: Heard, place: str, model: Model, rules: EventRules, progress: Progress, embedder: Model | None
) -> Heard:
    highest = Highest(model.description.step, len(model.labels))
    vectors = PerSecond(embedder.description.step, embedder.dimensions) if embedder else None
    add = vectors.add if vectors else None
    with source_of(place) as source:
        timeline = label(source, model, rules=rules, progress=progress, hear=highest.add, embed=add)
        started = dates.from_name(heard.recording.name) or dates.from_header(source)
    seconds, rows = highest.seconds(timeline.duration), vectors.rows(timeline.duration) if vectors else None
    return Heard(heard.recording, timeline.duration, started, timeline.events, seconds, vectors=rows)


def _embedded(heard: Heard, place: str, embedder: Model, progress: Progress) -> Heard:
    vectors = PerSecond(embedder.description.step, embedder.dimensions)
    last = 0.0

    def note(done: float, length: float | None) -> None:
        nonlocal last
        last = done
        progress(done, length)

    with source_of(place) as source, media.open_recording(source) as opened:
        for part in embedded(opened, embedder, note):
            vectors.add(part)
    return replace(heard, duration=heard.duration or round(last, 3), vectors=vectors.rows(last))


@contextmanager
def _damage(place: str) -> Iterator[list[str]]:
    """What is warned of in the meantime, without the recording's name."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EarmarkWarning)
        yield lines
        told = [str(one.message) for one in caught if issubclass(one.category, EarmarkWarning)]
    lines += [text.removeprefix(f"{place}: ") for text in told]


def _bound(place: str, timeout: float, moving: Callable[[], object] | None) -> Progress:
    began = time.monotonic()

    def check(done: float, length: float | None) -> None:
        if moving:
            moving()
        if time.monotonic() - began > timeout + max(done, length or 0.0):
            raise TookTooLongError(place, f"took longer than {timeout:g} s beside its own length", "see --timeout")

    return check
