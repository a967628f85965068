"""What a tracker finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 0.01  # seconds from one frame to the next


@dataclass(frozen=True)
class SpeakerF0:
    """A voice's fundamental frequency over its voiced frames: Hz, and the seconds that were voiced."""

    mean: float
    median: float
    std: float
    voiced_seconds: float


@dataclass(frozen=True)
class Pitch:
    """Fundamental frequency, Hz, float32 [frames], around times `i * STEP`; 0 where nothing is voiced."""

    f0: NDArray[np.float32]

    def within(self, onset: float, offset: float) -> NDArray[np.float32]:
        """F0 of the voiced frames between two times in seconds."""
        frames = self.f0[max(0, round(onset / STEP)) : max(0, round(offset / STEP) + 1)]
        return frames[frames > 0]

    def speaker(self, spans: Iterable[tuple[float, float]]) -> SpeakerF0 | None:
        """Statistics over the voiced frames of some spans (onset, offset); None where nothing is voiced."""
        voiced = np.concatenate([np.empty(0, np.float32), *(self.within(a, b) for a, b in spans)])
        if len(voiced) == 0:
            return None
        return SpeakerF0(
            round(float(voiced.mean()), 1),
            round(float(np.median(voiced)), 1),
            round(float(voiced.std()), 1),
            round(len(voiced) * STEP, 2),
        )
