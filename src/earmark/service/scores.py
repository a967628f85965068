"""What a job found, kept so that other thresholds need no second hearing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from earmark.events.boundaries import FrameLevels
from earmark.events.hysteresis import EventRules
from earmark.events.scores import log_odds, probabilities
from earmark.events.timeline import Timeline
from earmark.models.labelling import RecordedScores
from earmark.models.model import Description
from earmark.util.atomic import atomic_write, settle
from earmark.util.types import Array


def timeline(
    recorded: RecordedScores, name: str, sensitivity: float = 0.5, thresholds: Mapping[str, float] | None = None
) -> Timeline:
    """The events, as `earmark.label` finds them; `thresholds` say where those of a label begin instead of the model's.

    Where they end moves with it.
    """
    on, off = _moved(recorded.about, thresholds or {})
    events = recorded.events(EventRules(sensitivity=sensitivity), on, off)
    return Timeline(name, round(recorded.duration, 3), recorded.about.name).with_events(events)


def by_window(recorded: RecordedScores, labels: Sequence[str], every: float = 1.0) -> Array:
    """The best score of each label in each window of `every` seconds [windows, labels], from 0 to the end."""
    columns = [recorded.about.labels.index(label) for label in labels]
    windows = max(1, math.ceil(recorded.duration / every - 1e-6))
    if not len(recorded.scores):
        return np.zeros((windows, len(columns)), np.float32)
    times = np.arange(len(recorded.scores)) * recorded.about.step
    firsts = np.searchsorted(times, np.arange(windows) * every - 1e-6)
    return np.maximum.reduceat(recorded.scores[:, columns], np.minimum(firsts, len(times) - 1), axis=0)


def save(recorded: RecordedScores, path: Path) -> None:
    """Write to an `.npz` file, whole or not at all; scores keep three digits."""
    head = {"duration": recorded.duration, "frame_seconds": recorded.levels.frame_seconds}
    levels = np.concatenate([np.empty(0, np.int8), *recorded.levels.parts])
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez(
            file,
            head=np.array(json.dumps(head)),
            about=np.array(recorded.about.to_json()),
            scores=recorded.scores.astype(np.float16),
            levels=levels,
        )
        file.flush()
        settle(part)


def load(path: Path) -> RecordedScores:
    """Read what `save` wrote."""
    with np.load(path) as kept:
        head = json.loads(str(kept["head"]))
        levels = FrameLevels(head["frame_seconds"])
        levels.parts.append(kept["levels"])
        about = Description.from_json(str(kept["about"]))
        return RecordedScores(about, kept["scores"].astype(np.float32), levels, head["duration"])


def _moved(about: Description, thresholds: Mapping[str, float]) -> tuple[Array, Array]:
    """Thresholds [labels] of the model, some of them moved: those that end an event by as much log-odds."""
    on, off = about.on, about.off
    for label, value in thresholds.items():
        if label in about.labels:
            place = about.labels.index(label)
            new = np.array([value], np.float32)
            shift = log_odds(new, False) - log_odds(on[place : place + 1], False)
            off[place] = probabilities(log_odds(off[place : place + 1], False) + shift, False)[0]
            on[place] = value
    return on, off
