"""Sounds of a recording that are like one of its events, by the embeddings that a job keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.archive.similarity import direction, scores
from earmark.archive.vectors import Vectors, packed
from earmark.util.atomic import atomic_write, settle
from earmark.util.types import Array

WINDOW = 1.0  # seconds of the mean that is compared, as an index's are
LEAST = 0.35  # cosine of the least like; sounds that have nothing in common have some 0


class KeptEmbeddings:
    """Takes embeddings [steps, dimensions] in parts, and keeps them in bytes: 2.4 kB a second by `sounds`."""

    def __init__(self, step: float, dimensions: int) -> None:
        self.step = step
        self._rows = [np.empty((0, dimensions), np.int8)]

    def add(self, embeddings: Array) -> None:
        """Take the next ones."""
        self._rows.append(packed(embeddings))

    def save(self, path: Path) -> None:
        """Write them to an `.npz` file, whole or not at all."""
        with atomic_write(path) as part, part.open("wb") as file:
            np.savez(file, step=np.array(self.step), rows=np.concatenate(self._rows))
            file.flush()
            settle(part)


@dataclass(frozen=True, slots=True)
class Alike:
    """A stretch that is like an event: seconds, and the cosine of its middle."""

    onset: float
    offset: float
    score: float


def load(path: Path) -> tuple[Vectors, float]:
    """What `KeptEmbeddings.save` wrote: [steps, dimensions], and seconds from one to the next."""
    with np.load(path) as kept:
        return kept["rows"], float(kept["step"])


def alike(rows: Vectors, step: float, onset: float, offset: float, duration: float, limit: int) -> list[Alike]:
    """The stretches that are most like one of the same recording and do not overlap, the best first.

    Each is as long as the example, which is left out.

    Args:
        rows: embeddings [steps, dimensions].
        step: seconds from one to the next.
        onset: of the example, seconds.
        offset: its end.
        duration: of the recording.
        limit: how many at most.
    """
    if not len(rows):
        return []
    means = _means(rows, max(1, round(WINDOW / step)))
    centre = means.mean(axis=0)
    within = slice(*np.clip([round(onset / step), max(round(onset / step) + 1, round(offset / step))], 0, len(rows)))
    example = packed(means[within] if len(means[within]) else means[-1:])
    like = scores(packed(means), direction([example], [], centre), centre)
    half = (offset - onset) / 2
    found = [(onset + offset) / 2]
    chosen: list[Alike] = []
    for place in np.argsort(-like, kind="stable").tolist():
        if len(chosen) == limit or like[place] < LEAST:
            break
        middle = min(max(place * step, half), max(half, duration - half))
        if all(abs(middle - other) >= max(2 * half, WINDOW) for other in found):
            found.append(middle)
            first, last = max(0.0, middle - half), min(duration, middle + half)
            chosen.append(Alike(round(first, 3), round(last, 3), round(float(like[place]), 4)))
    return chosen


def _means(rows: Vectors, width: int) -> Array:
    """Directions [steps, dimensions], each the mean of so many steps around it."""
    values = rows.astype(np.float32)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
    sums = np.cumsum(np.pad(values, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    at = np.arange(len(rows))
    first, last = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, len(rows))
    means = sums[last] - sums[first]
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9), np.float32)
