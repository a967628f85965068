"""Event-based figures: an event is found where one of its label begins and ends when it should, within a collar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from earmark.evaluation.events.figures import Counts, Events, Figures, labels_of
from earmark.evaluation.events.matching import maximum_matching
from earmark.events.timeline import Event

ROUNDING = 1e-6  # seconds more than the collar in a first choice, so that the comparison itself decides what is within


def event_based(
    truth: Events,
    found: Events,
    collar: float = 0.2,
    share: float = 0.2,
    labels: Sequence[str] | None = None,
) -> Figures:
    """Precision, recall, F1 and error rate over events.

    An event is found where another of its label begins within `collar` of its onset and ends within `collar`, or
    `share` of its length where that is more, of its offset. Each counts once: as many pairs are formed as can be. After
    Mesaros, Heittola and Virtanen, "Metrics for Polyphonic Sound Event Detection", Applied Sciences 6 (2016), and their
    toolbox sed_eval with optimal matching, with whose figures these agree; as in `segment_based`, a label of which
    nothing was found has a precision and F1 of 0. DCASE's task 4 uses 0.2 and 0.2.

    Args:
        truth: what sounds in each recording.
        found: what was found in each.
        collar: seconds.
        share: of an event's length, 0 to 1.
        labels: those that count; by default, all that occur.
    """
    chosen = dict.fromkeys(labels_of(truth, found) if labels is None else labels)
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    substituted = 0
    for name in dict.fromkeys((*truth, *found)):
        actual = [event for event in truth.get(name, ()) if event.label in chosen]
        guess = [event for event in found.get(name, ()) if event.label in chosen]
        pairs, others = _compare(actual, guess, collar, share)
        there.update(event.label for event in actual)
        said.update(event.label for event in guess)
        hits.update(actual[i].label for i in pairs)
        substituted += others
    each = {label: Counts(there[label], said[label], hits[label]) for label in chosen}
    return Figures(Counts(there.total(), said.total(), hits.total(), substituted), each)


def _compare(truth: Sequence[Event], found: Sequence[Event], collar: float, share: float) -> tuple[dict[int, int], int]:
    """For each event that was found, which one found it; and how many of the rest stand in for one of another label."""
    near = _near(truth, found, collar, share)
    graph: dict[int, list[int]] = {}
    for i, candidates in enumerate(near):
        for k in candidates:
            if found[k].label == truth[i].label:
                graph.setdefault(k, []).append(i)
    pairs = maximum_matching(graph)
    used = set(pairs.values())
    substituted = 0
    for i, candidates in enumerate(near):
        left = next((k for k in candidates if k not in used), None) if i not in pairs else None
        if left is not None:
            used.add(left)
            substituted += 1
    return pairs, substituted


def _near(truth: Sequence[Event], found: Sequence[Event], collar: float, share: float) -> list[list[int]]:
    """For each event, those found that begin and end when it does, whatever their label; in the order given."""
    onset, offset = (np.array([getattr(event, edge) for event in found]) for edge in ("onset", "offset"))
    order = np.argsort(onset, kind="stable")
    ordered = onset[order]
    near = []
    for event in truth:
        reach = collar + ROUNDING
        first, last = np.searchsorted(ordered, (event.onset - reach, event.onset + reach))
        some = np.sort(order[first:last])
        late = np.maximum(collar, share * (event.offset - event.onset))
        fits = (np.abs(event.onset - onset[some]) <= collar) & (np.abs(event.offset - offset[some]) <= late)
        near.append(some[fits].tolist())
    return near
