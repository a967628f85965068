"""Where words begin and end: two small networks look at the energy and the scores on both sides.

One tells a pause between two words from the closure of a stop consonant within one, by what is before and after as well
as by its length. The other tells how far a word's edge is from where the scores cross their thresholds: a listener
hears weak consonants (f, s, h, a final t) down to some 35 dB below the word's peak, or to the noise.

Both are perceptrons of one hidden layer, taught by `earmark.training.words.boundaries`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from earmark.events.scores import probabilities
from earmark.speech.energy import Levels, Span

WITHIN, BEYOND = 16, 24  # frames into the word and out of it that tell where its edge is
BESIDE = 6  # frames on either side of a gap's ends that tell what it is
LONGEST_GAP = 40  # frames: longer is a pause in any case
REACH = 2  # frames on either side of an edge that count with it where the likeliest is looked for
QUIETEST = -100.0  # dB re full scale
FLOOR_REACH = 30  # blocks of `FLOOR_BLOCK` frames on either side in which the background's level is looked for
FLOOR_BLOCK = 5
FLOOR_RANK = 3  # so many blocks may be quieter than what counts as background: a click of silence is none

PART = 30_000  # frames whose spans are looked at together, so that memory does not grow with the recording
AROUND = BEYOND + (FLOOR_REACH + 1) * FLOOR_BLOCK  # frames beside a span that tell of it

TOGETHER = 1000  # blocks that are looked at at a time, so that memory does not grow by 60 times

Side = Literal[0, 1]
"""0: onset; 1: offset."""


@dataclass(frozen=True)
class Evidence:
    """What is known of frames: a classifier's scores [frames], levels [frames] and levels in bands [frames, bands]."""

    scores: NDArray[np.float32]
    levels: Levels
    bands: NDArray[np.float32]
    above: NDArray[np.float32] = field(init=False)
    """Levels, then those of the bands, over the background's [frames, 1 + bands]."""

    def __post_init__(self) -> None:
        count = min(len(self.scores), len(self.levels), len(self.bands))
        loud = [np.maximum(np.asarray(a[:count], np.float32), QUIETEST) for a in (self.levels, self.bands)]
        object.__setattr__(self, "scores", np.asarray(self.scores[:count], np.float32))
        object.__setattr__(self, "levels", loud[0])
        object.__setattr__(self, "bands", loud[1])
        both = np.concatenate([loud[0][:, None], loud[1]], axis=1)
        object.__setattr__(self, "above", both - background(both))


def background(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The background's level around each frame, dB [frames, bands]: of blocks of 50 ms within 1.5 s a quiet one."""
    count, bands = levels.shape
    if count == 0:
        return levels
    blocks = np.pad(levels, ((0, -count % FLOOR_BLOCK), (0, 0)), mode="edge").reshape(-1, FLOOR_BLOCK, bands).mean(1)
    padded = np.pad(blocks, ((FLOOR_REACH, FLOOR_REACH), (0, 0)), mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * FLOOR_REACH + 1, axis=0)
    parts = [near[at : at + TOGETHER] for at in range(0, len(near), TOGETHER)]
    quiet = [np.partition(part, FLOOR_RANK, axis=-1)[..., FLOOR_RANK] for part in parts]
    return np.asarray(np.repeat(np.concatenate(quiet), FLOOR_BLOCK, axis=0)[:count], np.float32)


def parts(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Spans in order, those of some `PART` frames at a time: none is judged by, or moved into, one of another part."""
    part: list[Span] = []
    for span in spans:
        if part and span[0] - part[0][0] > PART and span[0] - part[-1][1] > max(LONGEST_GAP, 2 * BEYOND):
            yield part
            part = []
        part.append(span)
    if part:
        yield part


def around(spans: Sequence[Span]) -> slice:
    """The frames that tell of these spans, in blocks as `background` has them."""
    first, last = max(0, spans[0][0] - AROUND), spans[-1][1] + AROUND
    return slice(first // FLOOR_BLOCK * FLOOR_BLOCK, -(-last // FLOOR_BLOCK) * FLOOR_BLOCK)


def edge_features(known: Evidence, span: Span, side: Side) -> NDArray[np.float32]:
    """What tells how far a word's edge is from where it seems to be [features]; onsets are seen backwards in time."""
    first, last = span
    start, stop = (first - BEYOND, first + WITHIN) if side == 0 else (last - WITHIN, last + BEYOND)
    peak, peaks = known.levels[first:last].max(), known.bands[first:last].max(axis=0)
    rows = np.concatenate(
        [
            2 * _cut(known.scores, start, stop, 0.0)[:, None] - 1,
            np.clip(_cut(known.levels, start, stop, QUIETEST) - peak, -60, 10)[:, None] / 20,
            np.clip(_cut(known.above, start, stop, 0.0), -5, 40) / 20,
            np.clip(_cut(known.bands, start, stop, QUIETEST) - peaks, -60, 10) / 20,
        ],
        axis=1,
    )
    middle = min(max((start + stop) // 2, 0), len(known.levels) - 1)
    noise = np.clip(known.levels[middle] - known.above[middle, 0] - peak, -60, 0) / 20
    rows = rows[::-1] if side == 0 else rows
    return np.append(rows.ravel(), [noise, (last - first) / 50]).astype(np.float32)


def gap_features(known: Evidence, left: Span, right: Span) -> NDArray[np.float32]:
    """What tells whether the gap between two spans is a pause [features]: its length, what is in it and beside it."""
    gap = slice(left[1], right[0])
    loudest = [known.levels[a:b].max() for a, b in (left, right)]
    peak = max(loudest)
    peaks = np.maximum(known.bands[left[0] : left[1]].max(axis=0), known.bands[right[0] : right[1]].max(axis=0))
    inside, above = known.levels[gap], known.above[gap]
    length = right[0] - left[1]
    figures = [length / 10, min(length, 30) ** 0.5 / 5, (left[1] - left[0]) / 50, (right[1] - right[0]) / 50]
    figures += [known.scores[gap].mean(), known.scores[gap].min(), (inside.min() - peak) / 20, above[:, 0].mean() / 20]
    figures += [(inside.mean() - above[:, 0].mean() - peak) / 20, (loudest[0] - loudest[1]) / 20]
    around = [_around(known, at, peak, peaks) for at in (left[1], right[0])]
    bands = [above[:, 1:].mean(axis=0) / 20, (known.bands[gap].mean(axis=0) - peaks) / 20]
    return np.concatenate([figures, *bands, *around]).astype(np.float32)


def _around(known: Evidence, at: int, peak: float, peaks: NDArray[np.float32]) -> NDArray[np.float32]:
    start, stop = at - BESIDE, at + BESIDE
    parts = (
        np.clip(_cut(known.levels, start, stop, QUIETEST) - peak, -60, 10) / 20,
        np.clip(_cut(known.above[:, 0], start, stop, 0.0), -5, 40) / 20,
        np.clip(_cut(known.bands, start, stop, QUIETEST) - peaks, -60, 10).ravel() / 20,
        2 * _cut(known.scores, start, stop, 0.0) - 1,
    )
    return np.concatenate(parts)


def _cut(values: NDArray[np.float32], start: int, stop: int, beyond: float) -> NDArray[np.float32]:
    """Frames `start` to `stop`, with a value for those beyond the recording."""
    inner = values[max(start, 0) : max(stop, 0)]
    before = min(max(0, -start), stop - start)
    pads = [(before, stop - start - before - len(inner)), *[(0, 0)] * (values.ndim - 1)]
    return np.pad(inner, pads, constant_values=beyond)


@dataclass(frozen=True)
class Perceptron:
    """One hidden layer of rectified units; the answers [rows, classes] are probabilities."""

    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of the classes for each row of features."""
        answers = np.maximum(features @ self.hidden + self.hidden_bias, 0) @ self.output + self.output_bias
        return probabilities(answers, exclusive=True)


@dataclass(frozen=True)
class Boundaries:
    """The two networks."""

    gaps: Perceptron
    """Closure, pause."""
    edges: Perceptron
    """How many frames further out the edge is, from `-WITHIN` on."""

    def words(self, known: Evidence, spans: list[Span]) -> list[Span]:
        """Spans in order, those that only a closure divides as one."""
        found = spans[:1]
        for span in spans[1:]:
            near = span[0] - found[-1][1] <= LONGEST_GAP
            if near and self.gaps(gap_features(known, found[-1], span)[None])[0, 1] < 0.5:
                found[-1] = found[-1][0], span[1]
            else:
                found.append(span)
        return found

    def moved(self, known: Evidence, spans: list[Span]) -> list[Span]:
        """Spans with their edges where they most likely are; none reaches into another or beyond the recording."""
        if not spans:
            return []
        rows = np.stack([edge_features(known, span, side) for span in spans for side in (0, 1)])
        right = np.ones(2 * REACH + 1)
        shifts = np.array([np.convolve(row, right, "same").argmax() for row in self.edges(rows)]) - WITHIN
        found: list[Span] = []
        for (first, last), (before, after) in zip(spans, shifts.reshape(-1, 2).tolist(), strict=True):
            onset, offset = max(0, first - before), min(len(known.levels), last + after)
            if found and onset < found[-1][1]:
                middle = (onset + found[-1][1]) // 2
                found[-1] = found[-1][0], max(middle, found[-1][0] + 1)
                onset = found[-1][1]
            found.append((onset, max(offset, onset + 1)))
        return found


def weights(name: str) -> dict[str, NDArray[np.float32]]:
    """Those of networks that come with the package, in a file such as `boundaries.npz`."""
    with (resources.files("earmark.speech") / name).open("rb") as file, np.load(file) as arrays:
        return {key: np.asarray(arrays[key], np.float32) for key in arrays.files}


@cache
def boundaries() -> Boundaries:
    """The networks that come with the package."""
    kept = weights("boundaries.npz")
    parts = ("hidden", "hidden_bias", "output", "output_bias")
    return Boundaries(*(Perceptron(*(kept[f"{name}_{part}"] for part in parts)) for name in ("gaps", "edges")))
