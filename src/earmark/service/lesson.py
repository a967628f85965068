"""A sound that a person marked in a recording, learned: a linear head on the embeddings that its job keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.archive.classifier import Head, fitted
from earmark.archive.similarity import direction
from earmark.archive.vectors import Vectors, directions, packed, unit
from earmark.events.timeline import Event
from earmark.service.alike import Embeddings, means_around
from earmark.util.types import Array

SPACING = 0.48  # seconds between those moments of an event that teach
MARGIN = 1.0  # seconds beside an event that are neither the sound nor something else: a head sees the mean of a second
LEAST = 30  # seconds that are something else
MOST = 1200  # seconds of the recording that teach what else occurs, at random
PARTS = 5  # of examples and others, each judged by what the rest taught
FALSE = 0.005  # of the held-out seconds of something else may be marked


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was learned."""

    head: Head  # of the sound
    centre: Array  # what its vectors are apart from [dimensions]
    examples: int  # events that taught
    found: int | None  # of them that are marked by what the others taught; None: there is one only
    others: int  # seconds of something else that taught
    false: float  # share of them that is marked by what the rest taught

    @property
    def figures(self) -> dict[str, Any]:
        """For the model's card."""
        return {key: getattr(self, key) for key in ("examples", "found", "others", "false")}


def learn(
    kept: Embeddings, events: Sequence[Event], width: int, background: Array, rng: np.random.Generator
) -> Lesson | None:
    """Learn a sound from its events in a recording: all else there is something else, and so is the background.

    Parameters
    ----------
    kept
        The recording's embeddings.
    events
        All of the sound, at least one.
    width
        Steps of a second.
    background
        Embeddings of seconds that are something else [seconds, dimensions], or none.
    rng
        Chooses among many.

    Returns
    -------
    Lesson | None
        None where fewer than `LEAST` seconds are something else, or the recording is too short for a step.
    """
    if not len(kept.rows):
        return None
    means = means_around(kept.rows, width)
    examples = [means[_moments(event, kept.step, len(means))] for event in events]
    own = _others(kept, events, len(means))
    own = np.sort(rng.permutation(own)[:MOST])
    others = np.concatenate([means[own], packed(background)])
    if len(others) < LEAST:
        return None
    part = np.concatenate([np.arange(len(own)) * PARTS // max(1, len(own)), rng.permutation(len(background)) % PARTS])
    centre = directions(others).mean(axis=0)
    head = _fitted(examples, others, centre)
    marked, false = _held_out(examples, others, part, centre)
    kinds = [kind for kind in (false[: len(own)], false[len(own) :]) if len(kind)]
    level = max(0.0, *(float(np.quantile(kind, 1 - FALSE)) for kind in kinds))
    return Lesson(
        Head(head.weights, head.bias - level),
        centre,
        len(events),
        None if len(events) < 2 else int((marked > level).sum()),
        len(others),
        float((false > level).mean()),
    )


def _moments(event: Event, step: float, steps: int) -> NDArray[np.int64]:
    """The steps of an event that teach: its middle, or several evenly spread over it."""
    count = max(1, round(event.duration / SPACING))
    times = event.onset + event.duration * (np.arange(count) + 0.5) / count
    return np.unique(np.minimum(np.round(times / step), steps - 1).astype(np.int64))


def _others(kept: Embeddings, events: Sequence[Event], steps: int) -> NDArray[np.int64]:
    """Steps, one a second, that are beside all events."""
    times = np.arange(0.5, kept.duration, 1.0)
    free = np.ones(len(times), bool)
    for event in events:
        free &= (times < event.onset - MARGIN) | (times > event.offset + MARGIN)
    return np.unique(np.minimum(np.round(times[free] / kept.step), steps - 1).astype(np.int64))


def _fitted(examples: Sequence[Vectors], others: Vectors, centre: Array) -> Head:
    vectors = unit(directions(np.concatenate([*examples, others])) - centre)
    holds = np.arange(len(vectors)) < len(vectors) - len(others)
    return fitted(direction(examples, [], centre), vectors, holds)


def _held_out(
    examples: Sequence[Vectors], others: Vectors, part: NDArray[np.int64], centre: Array
) -> tuple[Array, Array]:
    """Log-odds of each example, at its best moment, and of each other second: by heads that they did not teach."""
    best, false = np.full(len(examples), -np.inf, np.float32), np.empty(len(others), np.float32)
    for this in range(PARTS):
        taught = [rows for place, rows in enumerate(examples) if place % PARTS != this] or examples
        head = _fitted(taught, others[part != this], centre)
        false[part == this] = head(others[part == this], centre)
        for place in range(this, len(examples), PARTS):
            best[place] = head(examples[place], centre).max()
    return best, false
