"""Segment-based figures: time is cut into short segments, and each label sounds in a segment or does not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation.events.figures import Counts, Events, Figures, labels_of
from earmark.events.timeline import Event


def segment_based(
    truth: Events,
    found: Events,
    durations: Mapping[str, float],
    resolution: float = 1.0,
    labels: Sequence[str] | None = None,
) -> Figures:
    """Precision, recall, F1 and error rate over segments.

    A label is active in every segment that one of its events touches. After Mesaros, Heittola and Virtanen, "Metrics
    for Polyphonic Sound Event Detection", Applied Sciences 6 (2016), and their toolbox sed_eval, with whose figures
    these agree. Theirs are undefined for a label of which nothing was found; here its precision and F1 are 0, as by the
    toolbox's `zero_score`.

    Args:
        truth: what sounds in each recording.
        found: what was found in each.
        durations: seconds of each recording that is measured; what lies beyond does not count.
        resolution: seconds of a segment; the last one of a recording may be shorter.
        labels: those that count; by default, all that occur.
    """
    chosen = labels_of(truth, found) if labels is None else tuple(labels)
    hits, there, said = (np.zeros(len(chosen), np.int64) for _ in range(3))
    substituted = 0
    for name, duration in durations.items():
        segments = math.ceil(duration / resolution)
        actual = active(truth.get(name, ()), chosen, segments, resolution)
        guess = active(found.get(name, ()), chosen, segments, resolution)
        both = actual & guess
        hits, there, said = hits + both.sum(0), there + actual.sum(0), said + guess.sum(0)
        substituted += int((np.minimum(actual.sum(1), guess.sum(1)) - both.sum(1)).sum())
    micro = Counts(int(there.sum()), int(said.sum()), int(hits.sum()), substituted)
    each = {label: Counts(int(there[i]), int(said[i]), int(hits[i])) for i, label in enumerate(chosen)}
    return Figures(micro, each)


def active(events: Iterable[Event], labels: Sequence[str], segments: int, resolution: float) -> NDArray[np.bool_]:
    """Which labels are active in which segments of a recording [segments, labels]."""
    column = {label: i for i, label in enumerate(labels)}
    grid = np.zeros((segments, len(labels)), bool)
    for event in events:
        if event.label in column:
            first, last = math.floor(event.onset / resolution), math.ceil(event.offset / resolution)
            grid[max(0, first) : max(0, last), column[event.label]] = True
    return grid
