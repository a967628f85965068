"""The thresholds between which a word lives, chosen on sentences that did not train."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation.words import WordCounts, count
from earmark.events.hysteresis import runs
from earmark.models.model import Threshold
from earmark.speech.energy import FLOOR_DB, STEP
from earmark.speech.segmentation import Word, WordRules, find_words
from earmark.training.words.pieces import BACKGROUND

ON = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
OFF_SHARES = (0.4, 0.6, 0.8, 1.0)  # of `on`
TOLERANCE = 0.05  # seconds


def choose(scores: NDArray[np.float32], marks: NDArray[np.uint8]) -> Threshold:
    """The thresholds with the best sum of boundary F1 and word-token F1 at 50 ms.

    Edges are those of the scores alone, not refined by energy.

    Args:
        scores: probability of speech [sentences, frames].
        marks: BACKGROUND, or something else within a word [sentences, frames].
    """
    truths = [spans(one != BACKGROUND) for one in marks]
    pairs = [Threshold(on, round(on * share, 3)) for on, share in product(ON, OFF_SHARES)]
    return max(pairs, key=lambda threshold: _value(scores, truths, threshold))


def spans(mask: NDArray[np.bool_]) -> list[Word]:
    """A word for each run of frames."""
    return [Word(first * STEP, last * STEP) for first, last in runs(mask).tolist()]


def _value(scores: NDArray[np.float32], truths: list[list[Word]], threshold: Threshold) -> float:
    flat = np.full(scores.shape[1], FLOOR_DB, np.float32)
    total = WordCounts()
    for row, truth in zip(scores, truths, strict=True):
        found = [Word(*edges) for edges in find_words(row, flat, threshold, WordRules())]
        total += count(found, truth, TOLERANCE)
    return total.boundary_f1 + total.token_f1
