"""Windows for each label, as long as its events are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from earmark.events.timeline import Event

SHARE = 1 / 3  # of an event's length
LONGEST = 10.0  # seconds


def windows_by_length(recordings: Iterable[Sequence[Event]]) -> dict[str, float]:
    """Seconds over which scores of each label are averaged: a third of the mean length of its events, ten at most.

    A bark is over before a long window is full of it; whether rain falls is told better by ten seconds than by one. A
    third of the mean is what Lin et al. filter scores with (Specialized decision surface and disentangled feature for
    weakly-supervised polyphonic sound event detection, IEEE/ACM TASLP 28, 2020).

    Args:
        recordings: the events of each, with labels.
    """
    lengths = sorted(durations(recordings).items())
    return {label: round(min(LONGEST, SHARE * sum(own) / len(own)), 3) for label, own in lengths}


def durations(recordings: Iterable[Sequence[Event]]) -> dict[str, list[float]]:
    """How many seconds each event of each label lasts."""
    lengths: dict[str, list[float]] = defaultdict(list)
    for events in recordings:
        for event in events:
            lengths[event.label].append(event.duration)
    return lengths
