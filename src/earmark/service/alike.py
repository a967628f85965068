"""Sounds of a recording that are like one of its events, by the embeddings that a job keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.archive.similarity import direction, scores
from earmark.archive.vectors import Vectors, directions, packed
from earmark.util.atomic import atomic_write, settle
from earmark.util.types import Array

SHORTEST, LONGEST = 1.0, 10.0  # seconds of the means that are compared; between them as long as the example
BLOCK = 4096  # steps that are floats at a time

LEAST = 0.5
"""Cosine of the least like.

Chosen on 40 made recordings, each of three sounds of four kinds from other sources, by the halves to choose by of DCASE
2016's office sounds and of cats and dogs, and by folds 1 and 2 of UrbanSound8K, from none of which `sounds` learned. Of
what is found from there on 84 % is of the example's kind, and of those of its kind 60 % are found; from 0.4 on it is
74 and 70 %, from 0.6 on 90 and 45 %. Stretches of other kinds have 0.04 at the median, 0.29 at the ninth decile.
"""


class KeptEmbeddings:
    """Takes embeddings [steps, dimensions] in parts, and keeps them in bytes: 2.4 kB a second by `sounds`."""

    def __init__(self, step: float, dimensions: int) -> None:
        self.step = step
        self._rows = [np.empty((0, dimensions), np.int8)]

    def add(self, embeddings: Array) -> None:
        """Take the next ones."""
        self._rows.append(packed(embeddings))

    def save(self, path: Path, duration: float) -> None:
        """Write them, and the recording's duration in seconds, to an `.npz` file, whole or not at all."""
        with atomic_write(path) as part, part.open("wb") as file:
            np.savez(file, rows=np.concatenate(self._rows), step=self.step, duration=round(duration, 3))
            file.flush()
            settle(part)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What `KeptEmbeddings.save` wrote: rows [steps, dimensions], seconds from one to the next, the whole's seconds."""

    rows: Vectors
    step: float
    duration: float

    @classmethod
    def load(cls, path: Path) -> Embeddings:
        """Read them from its file."""
        with np.load(path) as kept:
            return cls(kept["rows"], float(kept["step"]), float(kept["duration"]))


@dataclass(frozen=True, slots=True)
class LikeEvent:
    """A stretch that is like an event: seconds, and how like it is, as a cosine."""

    onset: float
    offset: float
    score: float


def alike(kept: Embeddings, onset: float, offset: float, limit: int) -> list[LikeEvent]:
    """The stretches that are most like one of the same recording and do not overlap, the best first.

    Each is as long as the example, which lasts from `onset` to `offset` within the recording, and is left out.
    """
    if not len(kept.rows):
        return []
    means = means_around(kept.rows, round(min(max(SHORTEST, offset - onset), LONGEST) / kept.step))
    centre = np.sum([directions(some).sum(axis=0) for some in _blocks(means)], axis=0) / len(means)
    first = min(round(onset / kept.step), len(means) - 1)
    example = kept.rows[first : max(first + 1, round(offset / kept.step))]
    wanted = direction([example], [], centre)
    like = np.concatenate([scores(some, wanted, centre) for some in _blocks(means)])
    half = (offset - onset) / 2
    middles = [onset + half]
    found: list[LikeEvent] = []
    for place in np.argsort(-like, kind="stable").tolist():
        if len(found) == limit or like[place] < LEAST:
            break
        middle = min(max(place * kept.step, half), kept.duration - half)
        if all(abs(middle - other) >= max(2 * half, SHORTEST) for other in middles):
            middles.append(middle)
            found.append(LikeEvent(round(middle - half, 3), round(middle + half, 3), round(float(like[place]), 4)))
    return found


def _blocks(rows: Vectors) -> Iterator[Vectors]:
    return (rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK))


def means_around(rows: Vectors, width: int) -> Vectors:
    """Each step's mean [steps, dimensions] with those around it, so many together."""
    from scipy.ndimage import uniform_filter1d  # slow to import: the service starts without it

    beside, parts = width // 2, []
    for first in range(0, len(rows), BLOCK):
        before = min(beside, first)
        around = directions(rows[first - before : first + BLOCK + beside])
        parts.append(packed(uniform_filter1d(around, 2 * beside + 1, axis=0, mode="nearest")[before:][:BLOCK]))
    return np.concatenate(parts)
