"""Whether scores mean what they say: of answers given with a score of 0.8, four in five should be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.events.timeline import Event

BINS = 15  # as in Guo et al.


@dataclass(frozen=True)
class Reliability:
    """Answers by the score that they were given with, in bins of equal width from 0 to 1.

    Attributes
    ----------
    edges
        Of the bins, float64 [bins + 1]; a score on an edge lies in the lower bin.
    clips
        Answers in each, int64 [bins].
    confidence
        Their mean score, float64 [bins]; NaN in an empty bin.
    accuracy
        Share of them that is right, float64 [bins]; NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    clips: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over all answers; NaN without any."""
        if not self.clips.any():
            return float("nan")
        filled = self.clips > 0
        return float(np.average(np.abs(self.confidence - self.accuracy)[filled], weights=self.clips[filled]))

    def summary(self) -> dict[str, Any]:
        """For JSON: the error, and each bin that is not empty."""
        error = self.error
        bins = [
            {
                "from": round(float(self.edges[i]), 4),
                "to": round(float(self.edges[i + 1]), 4),
                "clips": int(self.clips[i]),
                "confidence": round(float(self.confidence[i]), 4),
                "accuracy": round(float(self.accuracy[i]), 4),
            }
            for i in np.flatnonzero(self.clips)
        ]
        return {"ece": None if np.isnan(error) else round(error, 4), "bins": bins}


def reliability(confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Answers sorted into bins by their score (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).

    Parameters
    ----------
    confidence
        Score of each answer, 0 to 1 [answers].
    right
        Whether it is right [answers].
    bins
        How many.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence)
    clips = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        mean = np.bincount(place, confidence, bins) / clips
        hits = np.bincount(place, right, bins) / clips
    return Reliability(edges, clips, mean, hits)


def brier(scores: NDArray[np.floating[Any]], truth: NDArray[np.bool_]) -> float:
    """Mean over clips of the squared distance of scores and truth, both [clips, labels]; 0 is best, 2 is worst.

    Brier, Monthly Weather Review 78, 1950, for labels that exclude each other; NaN without a clip.
    """
    if not len(scores):
        return float("nan")
    return float(((scores.astype(float) - truth) ** 2).sum(1).mean())


def sounds_through(event: Event, truth: Sequence[Event]) -> bool:
    """Whether an event's label sounds through half of it.

    >>> sounds_through(Event(1.0, 3.0, "dog", 0.9), [Event(2.0, 5.0, "dog", 1.0)])
    True
    """
    both = (min(t.offset, event.offset) - max(t.onset, event.onset) for t in truth if t.label == event.label)
    return sum(max(0.0, one) for one in both) >= event.duration / 2


def confidences(
    found: Mapping[str, Sequence[Event]], truth: Mapping[str, Sequence[Event]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The score of each event and whether it is right, [events] both, of recordings by name.

    An event is right where its label sounds through half of it.
    """
    told = [(event.score, sounds_through(event, truth.get(name, ()))) for name, own in found.items() for event in own]
    return np.array([score for score, _ in told], float), np.array([right for _, right in told], bool)
