"""Events by the score that they are told with, and whether they are right: what calibration is measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from earmark.events.timeline import Event


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
