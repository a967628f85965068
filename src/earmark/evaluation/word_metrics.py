"""Words found, compared with those of a ground truth: their boundaries, the words themselves, and what went wrong.

Figures of several recordings come from the sums of their counts, not from means of ratios. Ratios of nothing to nothing
are 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation.frame_metrics import f1, ratio
from earmark.speech.energy import STEP
from earmark.speech.segmentation import Word

TOLERANCES = (0.02, 0.05)
"""Seconds by which a boundary may be off, each of which is measured."""
TOKEN_TOLERANCE = 0.05
_ROUNDING = 1e-6  # times are written in milliseconds, and floats hold them inexactly
_DIGITS = 5
Times = tuple[float, ...]
"""Onset and offset, or one of them, seconds."""


@dataclass(frozen=True, slots=True)
class WordCounts:
    """Words counted at one tolerance; counts of several recordings add up."""

    found: int = 0
    """Words."""
    true: int = 0
    """Words."""
    boundaries: int = 0
    """Onsets and offsets that are right."""
    tokens: int = 0
    """Words of which both boundaries are right."""

    def __add__(self, other: WordCounts) -> WordCounts:
        return WordCounts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def boundary_precision(self) -> float:
        """Share of the boundaries found that are right."""
        return ratio(self.boundaries, 2 * self.found)

    @property
    def boundary_recall(self) -> float:
        """Share of the true boundaries that are found."""
        return ratio(self.boundaries, 2 * self.true)

    @property
    def boundary_f1(self) -> float:
        """The harmonic mean of both."""
        return f1(self.boundaries, 2 * self.found, 2 * self.true)

    @property
    def over_segmentation(self) -> float:
        """How many more words are found than there are, as a share of these."""
        return ratio(self.found, self.true) - 1 if self.true or not self.found else float(self.found)

    @property
    def r_value(self) -> float:
        """1 for a perfect segmentation, and less for one that gains recall by many boundaries.

        Räsänen, Laine and Altosaar, "An improved speech segmentation quality measure: the R-value", Interspeech 2009.
        """
        recall, over = self.boundary_recall, self.over_segmentation
        from_target = np.hypot(1 - recall, over)
        from_line = (recall - 1 - over) / np.sqrt(2)
        return float(1 - (abs(from_target) + abs(from_line)) / 2)

    @property
    def token_precision(self) -> float:
        """Share of the words found that are right."""
        return ratio(self.tokens, self.found)

    @property
    def token_recall(self) -> float:
        """Share of the true words that are found."""
        return ratio(self.tokens, self.true)

    @property
    def token_f1(self) -> float:
        """The harmonic mean of both."""
        return f1(self.tokens, self.found, self.true)

    def summary(self) -> dict[str, Any]:
        """Figures and counts for JSON."""
        parts = ("precision", "recall", "f1")
        figures = [f"{what}_{part}" for what in ("boundary", "token") for part in parts]
        return asdict(self) | {k: round(getattr(self, k), _DIGITS) for k in (*figures, "over_segmentation", "r_value")}


def count(found: Sequence[Word], truth: Sequence[Word], tolerance: float = TOKEN_TOLERANCE) -> WordCounts:
    """Compare the words of one recording.

    An onset counts for at most one onset, an offset for at most one offset, a word for at most one word, and as many as
    possible count. Words of one list must not overlap each other. A boundary may be off by `tolerance` seconds, and so
    may both of a word.
    """
    here, there = _spans(found), _spans(truth)
    boundaries = sum(_pairs(_times(here, side), _times(there, side), tolerance) for side in (0, 1))
    return WordCounts(len(here), len(there), boundaries, _pairs(here, there, tolerance))


def frames_of(words: Sequence[Word], duration: float) -> NDArray[np.bool_]:
    """Which frames lie in a word [frames]: frame i is centred at i * STEP, the last one at `duration` or before.

    A frame is in a word from its onset on, and before its offset. All times are seconds.
    """
    marked = np.zeros(int(duration / STEP + _ROUNDING) + 1, np.bool_)
    for word in words:
        first, last = (max(0, int(np.ceil(time / STEP - _ROUNDING))) for time in (word.onset, word.offset))
        marked[first:last] = True
    return marked


def _spans(words: Sequence[Word]) -> list[Times]:
    return sorted((word.onset, word.offset) for word in words)


def _times(spans: Sequence[Times], side: int) -> list[Times]:
    return sorted((span[side],) for span in spans)


def _pairs(first: Sequence[Times], second: Sequence[Times], tolerance: float) -> int:
    """The most pairs of which all times are within the tolerance, each used once.

    All times rise in both lists. So crossed pairs could be uncrossed, and of the next two either both belong together,
    or the one that is too early has no partner left.
    """
    pairs = i = j = 0
    while i < len(first) and j < len(second):
        apart = max((a - b for a, b in zip(first[i], second[j], strict=True)), key=abs)
        if abs(apart) <= tolerance + _ROUNDING:
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return pairs


@dataclass(frozen=True, slots=True)
class WordErrors:
    """True words by what became of them, and words found where there are none; counts of recordings add up.

    A word that was both run together and cut apart counts as run together.
    """

    right: int = 0
    """Found alone, both edges near enough."""
    shifted: int = 0
    """Found alone, an edge is elsewhere."""
    merged: int = 0
    """Found as one with another word."""
    split: int = 0
    """Found as several words."""
    missed: int = 0
    """Not found."""
    invented: int = 0
    """Words found where nobody speaks."""

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def counts(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


def errors(found: Sequence[Word], truth: Sequence[Word]) -> WordErrors:
    """What became of the words of one recording, whose edges may be off by `TOKEN_TOLERANCE`."""
    here, there = _edges(found), _edges(truth)
    shared = np.minimum(there[:, None, 1], here[None, :, 1]) - np.maximum(there[:, None, 0], here[None, :, 0])
    touching = shared > _ROUNDING  # [true, found]
    alone = touching & (touching.sum(0) == 1)
    merged = (touching & (touching.sum(0) > 1)).any(1)
    parts = alone.sum(1)
    single = ~merged & (parts == 1)
    off = np.abs(there[:, None] - here[None]).max(2, initial=0.0) <= TOKEN_TOLERANCE + _ROUNDING
    right = single & (alone & off).any(1)
    return WordErrors(
        right=int(right.sum()),
        shifted=int((single & ~right).sum()),
        merged=int(merged.sum()),
        split=int((~merged & (parts > 1)).sum()),
        missed=int((touching.sum(1) == 0).sum()),
        invented=int((touching.sum(0) == 0).sum()),
    )


def _edges(words: Sequence[Word]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([(word.onset, word.offset) for word in words], np.float64).reshape(-1, 2)
