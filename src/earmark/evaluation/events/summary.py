"""All figures of how well a model finds events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from earmark.evaluation.events.answers import Answers
from earmark.evaluation.events.collars import event_based
from earmark.evaluation.events.figures import Counts, Events, Figures, Mean, labels_of
from earmark.evaluation.events.psds import DISTINCT, EXACT, psds
from earmark.evaluation.events.segments import segment_based
from earmark.events.timeline import Event

RESOLUTION = 1.0  # seconds of a segment
COLLARS = (0.5, 0.2)  # seconds
OFFSET_SHARE = 0.2  # of an event's length, by which its offset may differ where that is more than the collar


def summary(answers: Answers) -> dict[str, Any]:
    """Figures by name, JSON: None where one is not defined.

    `segments` and `events` have precision, recall, F1 and error rate: `micro` counts all labels together, `macro` is
    the mean over the labels that occur in the truth. `false_events_an_hour`: events found of which nothing is there.
    """
    truth, found, durations = answers.truth, answers.found, answers.durations
    segments = segment_based(truth, found, durations, RESOLUTION, answers.labels)
    events = {collar: event_based(truth, found, collar, OFFSET_SHARE, answers.labels) for collar in COLLARS}
    hours = sum(durations.values()) / 3600
    wrong = false_events(truth, found)
    return {
        "recordings": len(durations),
        "hours": round(hours, 4),
        "unreadable": len(answers.unreadable),
        "segments": {"seconds": RESOLUTION, **_averages(segments)},
        "events": [
            {"collar": collar, "offset_share": OFFSET_SHARE, **_averages(figures)} for collar, figures in events.items()
        ],
        "psds": {
            "exact": _number(psds(truth, answers.swept, durations, EXACT).value),
            "distinct": _number(psds(truth, answers.swept, durations, DISTINCT).value),
        },
        "false_events_an_hour": round(wrong.total() / hours, 2),
        "labels": [
            {
                "label": label,
                "events": events[COLLARS[0]].labels[label].truth,
                "found": events[COLLARS[0]].labels[label].found,
                "false_events_an_hour": round(wrong[label] / hours, 2),
                "segments": _named(segments.labels[label]),
                **{key(collar): _named(figures.labels[label]) for collar, figures in events.items()},
            }
            for label in labels_of(truth, found)
        ],
    }


def key(collar: float) -> str:
    """The name of the figures of a label with such a collar."""
    return f"events_{1000 * collar:.0f}_ms"


def false_events(truth: Events, found: Events) -> Counter[str]:
    """How many events of each label were found where nothing of it is, not even for a moment."""
    wrong: Counter[str] = Counter()
    for name, events in found.items():
        wrong.update(event.label for event in events if not _touches(event, truth.get(name, ())))
    return wrong


def _touches(event: Event, others: Sequence[Event]) -> bool:
    return any(e.label == event.label and e.onset < event.offset and event.onset < e.offset for e in others)


def _averages(figures: Figures) -> Mapping[str, Any]:
    return {"micro": _named(figures.micro), "macro": _named(figures.macro)}


def _named(figures: Counts | Mean) -> dict[str, float | None]:
    return {name: _number(getattr(figures, name)) for name in ("precision", "recall", "f1", "error_rate")}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
