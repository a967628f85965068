"""Which labels share thresholds, as each of them occurs too rarely to have its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from earmark.evaluation.events.windowing import durations
from earmark.events.timeline import Event

OFTEN = 100  # events, from which a label's own thresholds are more than chance
LASTING = 15.0  # seconds: sounds of a greater mean length go on, as rain does; others happen, as barks do


def shared(labels: Iterable[str], recordings: Iterable[Sequence[Event]]) -> list[list[str]]:
    """Two groups that share thresholds: labels of sounds that happen, or never occurred, and of sounds that go on.

    Sounds that go on are told by long windows, whose scores fall and rise slowly: they want to be held longer once they
    have begun. Labels with a hundred events are in neither group.

    Args:
        labels: all of a model.
        recordings: the events of each.
    """
    lengths = durations(recordings)
    happening: list[str] = []
    lasting: list[str] = []
    for label in labels:
        own = lengths.get(label, [])
        if len(own) < OFTEN:
            (lasting if sum(own) > LASTING * len(own) else happening).append(label)
    return [group for group in (happening, lasting) if group]
