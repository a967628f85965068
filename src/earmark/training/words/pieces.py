"""Recordings of speech cut into the pieces that sentences are made of, each with its exact edges."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets import Clip
from earmark.errors import MediaError
from earmark.events.hysteresis import joined, runs
from earmark.speech import energy

BACKGROUND, SPEECH, UNSURE = 0, 1, 2
LONGEST_CLOSURE = 15  # frames: no stop consonant is silent for longer (150 ms), so what is silent longer is a pause
SHORTEST_PAUSE = 10  # frames: in words spoken together, what is silent for less is a stop consonant (100 ms)
SHORTEST_PIECE = 5  # frames
QUIET_DB = 40.0  # a recording whose background is louder than this below its peak has no edges that can be trusted
MARGIN = 8  # frames of natural onset and decay that are kept beside a piece

Samples = NDArray[np.float32]
Marks = NDArray[np.uint8]


@dataclass(frozen=True)
class Piece:
    """A word, or words spoken together.

    Attributes:
        samples: mono, with the natural decay on either side.
        marks: BACKGROUND, SPEECH or UNSURE [frames] of 10 ms; samples hold a whole number of frames.
    """

    samples: Samples
    marks: Marks


def read_pieces(clips: Sequence[Clip], one_word: Sequence[bool], rate: int) -> Iterator[tuple[Clip, list[Piece]]]:
    """The pieces of each clip that can be read and whose background is quiet enough."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for clip, pieces in zip(clips, pool.map(lambda c, o: _read(c, o, rate), clips, one_word), strict=True):
            if pieces:
                yield clip, pieces


def _read(clip: Clip, one_word: bool, rate: int) -> list[Piece]:
    try:
        samples = media.read(clip.path, rate, start=clip.start, end=clip.end)
    except MediaError:
        return []
    return cut(samples, rate, one_word)


def cut(samples: Samples, rate: int, one_word: bool = False) -> list[Piece]:
    """The pieces of a recording: what is loud, between silences that are too long to lie within a word.

    Each lasts as long as it is within 35 dB of its own peak. Its silences are speech where the recording is known to
    hold one word, and otherwise unsure, as they may be a stop consonant or a pause between words.
    """
    hop = round(rate * energy.STEP)
    levels = _aligned_levels(samples, hop)
    whole = energy.edges(levels)
    if whole is None or _noisy(levels, whole) or (not one_word and _never_quiet(levels)):
        return []
    loud = levels >= levels.max() - energy.EDGE_DB
    spans: list[energy.Span] = list(map(tuple, joined(runs(loud), LONGEST_CLOSURE).tolist()))
    pieces = []
    for number, (first, last) in enumerate(spans):
        before = spans[number - 1][1] if number else 0
        after = spans[number + 1][0] if number + 1 < len(spans) else len(levels)
        piece = _piece(samples, levels, (first, last), (before, after), hop, one_word)
        if piece is not None:
            pieces.append(piece)
    return pieces


def _aligned_levels(samples: Samples, hop: int) -> energy.Levels:
    """Levels of frames that lie end to end from the first sample."""
    return energy.levels(np.concatenate([np.zeros(hop - hop // 2, np.float32), samples]), 100 * hop)[1:]


def _noisy(levels: energy.Levels, span: energy.Span) -> bool:
    outside = np.concatenate([levels[: max(0, span[0] - 3)], levels[span[1] + 3 :]])
    return len(outside) >= 5 and float(np.median(outside)) > levels.max() - QUIET_DB


def _never_quiet(levels: energy.Levels) -> bool:
    """Whether hardly a frame is below a word's edge: the background is as loud, or the recording is cut too close."""
    return bool(np.percentile(levels, 5) > levels.max() - energy.EDGE_DB)


def _piece(
    samples: Samples,
    levels: energy.Levels,
    span: energy.Span,
    room: energy.Span,
    hop: int,
    one_word: bool,
) -> Piece | None:
    start = (span[0] + room[0]) // 2 if room[0] else 0
    end = (span[1] + room[1] + 1) // 2 if room[1] < len(levels) else len(levels)
    inner = energy.edges(levels[start:end])
    if inner is None or inner[1] - inner[0] < SHORTEST_PIECE:
        return None
    first, last = start + inner[0], start + inner[1]
    start, end = max(start, first - MARGIN), min(end, last + MARGIN)
    marks = np.zeros(end - start, np.uint8)
    marks[first - start : last - start] = _inside(levels[first:last], one_word)
    return Piece(_faded(_frames(samples, start, end, hop), first - start, end - last, hop), marks)


def _inside(levels: energy.Levels, one_word: bool) -> Marks:
    marks = np.full(len(levels), SPEECH, np.uint8)
    if not one_word:
        for first, last in runs(levels < levels.max() - energy.EDGE_DB):
            if last - first >= SHORTEST_PAUSE:
                marks[first:last] = UNSURE
    return marks


def _frames(samples: Samples, start: int, end: int, hop: int) -> Samples:
    part = samples[start * hop : end * hop]
    return np.pad(part, (0, (end - start) * hop - len(part)))


def _faded(samples: Samples, before: int, after: int, hop: int) -> Samples:
    """The margins faded, so that the recording's own background does not start and stop with the word."""
    faded = samples.copy()
    if before:
        faded[: before * hop] *= np.linspace(0, 1, before * hop, dtype=np.float32)
    if after:
        faded[-after * hop :] *= np.linspace(1, 0, after * hop, dtype=np.float32)
    return faded
