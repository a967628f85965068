"""The smoothest strong path through the candidates of many frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.speech.pitch.candidates import NONE, Candidates
from earmark.speech.pitch.settings import PitchSettings

Array = NDArray[np.float32]

LONGEST = 400  # frames of an island that are taken in one piece
CONTEXT = 50  # frames either side of a piece that was cut from a longer island; a path has long settled by then
TOGETHER = 30_000  # frames that are worked on at a time


@dataclass(frozen=True)
class Pieces:
    """Runs of rows [pieces]: from `start` to `stop`, of which `keep_from` to `keep_to` is wanted."""

    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    keep_from: NDArray[np.intp]
    keep_to: NDArray[np.intp]

    def batches(self) -> Iterator[Pieces]:
        """Pieces of like length together, about `TOGETHER` frames at a time."""
        order = np.argsort(self.start - self.stop, kind="stable")
        while len(order):
            longest = self.stop[order[0]] - self.start[order[0]]
            now, order = np.split(order, [max(1, TOGETHER // longest)])
            yield Pieces(self.start[now], self.stop[now], self.keep_from[now], self.keep_to[now])


def best_path(frames: NDArray[np.intp], candidates: Candidates, unvoiced: Array, settings: PitchSettings) -> Array:
    """F0 of each row, Hz, 0 where unvoiced: the path of greatest strength less its jumps and changes.

    Dynamic programming (Viterbi) with the costs of Boersma (1993). Rows whose frame numbers `frames` follow each
    other are an island, with nothing voiced around it; so islands are independent, and many are worked on at once.

    Args:
        frames: frame number of each row, rising [rows].
        candidates: of each row.
        unvoiced: strength of each row's being unvoiced [rows].
        settings: what jumps and changes cost.
    """
    f0 = np.zeros(len(frames), np.float32)
    for pieces in cut(frames).batches():
        _walk(pieces, candidates, unvoiced, settings, f0)
    return f0


def cut(frames: NDArray[np.intp]) -> Pieces:
    """Islands of consecutive frames, long ones in several pieces that overlap."""
    ends = np.append(np.flatnonzero(np.diff(frames) != 1) + 1, len(frames)) if len(frames) else np.zeros(0, np.intp)
    starts = np.insert(ends[:-1], 0, 0) if len(frames) else ends
    parts = -(-(ends - starts) // LONGEST)
    island = np.repeat(np.arange(len(starts)), parts)
    number = np.arange(len(island)) - np.repeat(np.cumsum(parts) - parts, parts)
    keep_from = starts[island] + number * LONGEST
    keep_to = np.minimum(keep_from + LONGEST, ends[island])
    start, stop = np.maximum(keep_from - CONTEXT, starts[island]), np.minimum(keep_to + CONTEXT, ends[island])
    return Pieces(start, stop, keep_from, keep_to)


def _walk(pieces: Pieces, candidates: Candidates, unvoiced: Array, settings: PitchSettings, f0: Array) -> None:
    """Write the best path of each piece into `f0`; arrays are [time, pieces, state], the last state unvoiced."""
    length = int((pieces.stop - pieces.start).max())
    time = np.arange(length)[:, None]
    rows = np.minimum(pieces.start + time, pieces.stop - 1)
    inside = (pieces.start + time < pieces.stop)[..., None]
    octaves = candidates.octaves[rows]
    strengths = np.concatenate([candidates.strengths[rows], unvoiced[rows, None]], axis=2)
    silence = np.array([NONE] * octaves.shape[2] + [0], np.float32)
    states = _viterbi(octaves, np.where(inside, strengths, silence), settings)
    hz = np.concatenate([np.exp2(octaves), np.zeros((*rows.shape, 1), np.float32)], axis=2)
    found = np.take_along_axis(hz, states[..., None], axis=2)[..., 0]
    wanted = (rows >= pieces.keep_from) & (rows < pieces.keep_to) & inside[..., 0]
    f0[rows[wanted]] = found[wanted]


def _viterbi(octaves: Array, strengths: Array, settings: PitchSettings) -> NDArray[np.intp]:
    """Best states [time, pieces] given candidates [time, pieces, K] and strengths [time, pieces, K + 1]."""
    length, count, states = strengths.shape
    cost = np.full((length, count, states, states), settings.change, np.float32)
    jumps = np.abs(octaves[:-1, :, :, None] - octaves[1:, :, None, :])
    cost[1:, :, :-1, :-1] = settings.jump * jumps
    cost[:, :, -1, -1] = 0
    total = strengths[0] - cost[0, :, -1]  # before an island nothing is voiced
    back = np.empty((length, count, states), np.int8)
    for t in range(1, length):
        ways = total[:, :, None] - cost[t]
        back[t] = ways.argmax(axis=1)
        total = ways.max(axis=1) + strengths[t]
    state = (total - cost[0, :, -1]).argmax(axis=1)  # nor behind it
    best = np.empty((length, count), np.intp)
    each = np.arange(count)
    for t in range(length - 1, -1, -1):
        best[t] = state
        state = back[t, each, state].astype(np.intp)
    return best
