"""One recording of an archive: labelled, and its embeddings taken, or why they could not be."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.archive import recordings
from earmark.archive.embeddings import MeanPerSecond, by_second
from earmark.archive.layout import LEAST_SCORE
from earmark.archive.recordings import Recording, place_of, source_of
from earmark.archive.vectors import Vectors
from earmark.errors import EarmarkError, EarmarkWarning
from earmark.events.hysteresis import EventRules
from earmark.events.timeline import Event
from earmark.models.embedding import embedded
from earmark.models.labelling import label
from earmark.models.model import Model
from earmark.util.types import Array, Progress

TIMEOUT = 600.0  # seconds that a recording may take, beside its own length


@dataclass(frozen=True)
class Analysis:
    """What came of a recording: its length in seconds, when it began, its events and seconds; or why nothing did.

    `vectors` are its embeddings [seconds, dimensions], if they were asked for.
    """

    recording: Recording
    duration: float | None = None
    started: datetime | None = None
    events: tuple[Event, ...] = ()
    seconds: SecondScores | None = None
    error: str | None = None
    damage: str | None = None
    """What was wrong with it where it could be read all the same."""
    vectors: Vectors | None = field(default=None, compare=False)


def analyse(
    recording: Recording,
    root: str,
    model: Model | None,
    rules: EventRules,
    timeout: float = TIMEOUT,
    moving: Callable[[], object] | None = None,
    embedder: Model | None = None,
) -> Analysis:
    """Label a recording by `model`, and take its embeddings by `embedder`: where these are one, in one pass.

    Whatever is wrong with it stands in `error`. It may take `timeout` seconds beside its own length, though a read that
    never returns is not stopped by this; `moving` is called each time that something has come of it.
    """
    place = place_of(recording.name, root)
    try:
        with _damage(place) as damage:
            progress = _bound(place, timeout, moving)
            analysis = Analysis(recording)
            if model is not None:
                analysis = _labelled(analysis, place, model, rules, progress, embedder if embedder is model else None)
            if embedder is not None and embedder is not model:
                analysis = _embedded(analysis, place, embedder, progress)
    except EarmarkError as error:
        return Analysis(recording, error="; ".join(filter(None, (error.reason, error.remedy))))
    except Exception as error:  # a decoder's surprise in one of a million must not end the others
        return Analysis(recording, error=f"cannot be labelled ({type(error).__name__}: {error})"[:500])
    return replace(analysis, damage="; ".join(dict.fromkeys(damage)) or None)


def _labelled(
    analysis: Analysis, place: str, model: Model, rules: EventRules, progress: Progress, embedder: Model | None
) -> Analysis:
    highest = MaxPerSecond(model.description.step, len(model.labels))
    vectors = MeanPerSecond(embedder.description.step, embedder.dimensions) if embedder else None
    add = vectors.add if vectors else None
    with source_of(place) as source:
        timeline = label(source, model, rules=rules, progress=progress, on_scores=highest.add, on_embeddings=add)
        started = recordings.date_from_name(analysis.recording.name) or recordings.date_from_header(source)
    seconds, rows = highest.seconds(timeline.duration), vectors.rows(timeline.duration) if vectors else None
    return Analysis(analysis.recording, timeline.duration, started, timeline.events, seconds, vectors=rows)


def _embedded(analysis: Analysis, place: str, embedder: Model, progress: Progress) -> Analysis:
    vectors = MeanPerSecond(embedder.description.step, embedder.dimensions)
    last = 0.0

    def note(done: float, length: float | None) -> None:
        nonlocal last
        last = done
        progress(done, length)

    with source_of(place) as source, media.open_recording(source) as opened:
        for part in embedded(opened, embedder, note):
            vectors.add(part)
    return replace(analysis, duration=analysis.duration or round(last, 3), vectors=vectors.rows(last))


@contextmanager
def _damage(place: str) -> Iterator[list[str]]:
    """What is warned of in the meantime, without the recording's name."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EarmarkWarning)
        yield lines
        messages = [str(one.message) for one in caught if issubclass(one.category, EarmarkWarning)]
    lines += [text.removeprefix(f"{place}: ") for text in messages]


def _bound(place: str, timeout: float, moving: Callable[[], object] | None) -> Progress:
    began = time.monotonic()

    def check(done: float, length: float | None) -> None:
        if moving:
            moving()
        if time.monotonic() - began > timeout + max(done, length or 0.0):
            raise EarmarkError(place, f"took longer than {timeout:g} s beside its own length", "see --timeout")

    return check


DIGITS = 3  # of a score: more tell nothing, and take twice the room


@dataclass(frozen=True)
class SecondScores:
    """Those that reach LEAST_SCORE, in order of time: which second, which label, and how high; three arrays [rows]."""

    second: NDArray[np.int32]
    label: NDArray[np.int32]
    score: Array


class MaxPerSecond:
    """Takes scores [steps, labels] in parts; score i speaks for the time from `i * step` seconds on."""

    def __init__(self, step: float, labels: int) -> None:
        self.step, self.labels = step, labels
        self.steps = 0
        self._second = 0  # the last one that scores have come for, and its highest so far
        self._best = np.zeros(labels, np.float32)
        self._rows: list[SecondScores] = []

    def add(self, scores: Array) -> None:
        """Take the next ones."""
        if not len(scores):
            return
        seconds, starts = by_second(self.steps, len(scores), self.step)
        best, which = np.maximum.reduceat(scores, starts), seconds[starts]
        if which[0] == self._second:
            best[0] = np.maximum(best[0], self._best)
        else:
            self._keep(np.array([self._second]), self._best[None])
        self._keep(which[:-1], best[:-1])
        self._second, self._best = int(which[-1]), best[-1]
        self.steps += len(scores)

    def seconds(self, duration: float) -> SecondScores:
        """Of all that was added, none beyond a recording that lasts `duration` seconds."""
        self._keep(np.array([self._second]), self._best[None])
        self._best = np.zeros(self.labels, np.float32)
        columns = [
            np.concatenate(parts) for parts in zip(*((r.second, r.label, r.score) for r in self._rows), strict=True)
        ]
        last = max(math.ceil(duration) - 1, 0)
        within = columns[0] <= last
        return SecondScores(*(column[within] for column in columns))

    def _keep(self, which: NDArray[np.signedinteger], best: Array) -> None:
        row, label = np.nonzero(best >= LEAST_SCORE)
        score = np.round(best[row, label], DIGITS).astype(np.float32)
        self._rows.append(SecondScores(which[row].astype(np.int32), label.astype(np.int32), score))
