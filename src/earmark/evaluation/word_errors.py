"""What goes wrong with words: lost, run together, cut apart, an edge elsewhere, or nobody spoke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from earmark.evaluation.words import TOKEN_TOLERANCE
from earmark.speech.segmentation import Word

_ROUNDING = 1e-6


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
        return WordErrors(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def counts(self) -> dict[str, int]:
        """By name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def errors(found: Sequence[Word], truth: Sequence[Word], tolerance: float = TOKEN_TOLERANCE) -> WordErrors:
    """What became of the words of one recording.

    Parameters
    ----------
    found
        Words that were found.
    truth
        Words that are there.
    tolerance
        By how much an edge of a word may be off, seconds.
    """
    here, there = _edges(found), _edges(truth)
    shared = np.minimum(there[:, None, 1], here[None, :, 1]) - np.maximum(there[:, None, 0], here[None, :, 0])
    touching = shared > _ROUNDING  # [true, found]
    alone = touching & (touching.sum(0) == 1)
    merged = (touching & (touching.sum(0) > 1)).any(1)
    parts = alone.sum(1)
    single = ~merged & (parts == 1)
    off = np.abs(there[:, None] - here[None]).max(2, initial=0.0) <= tolerance + _ROUNDING
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
