"""What a job found, kept so that other thresholds need no second hearing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.edges import Levels
from earmark.model import Description
from earmark.timeline import Array, EventFinder, EventRules, Timeline, log_odds, probabilities
from earmark.whole import written_whole


@dataclass(frozen=True)
class Found:
    """Scores of one recording, with all that makes events of them.

    Attributes:
        recording: its name.
        duration: its length, seconds.
        about: the model.
        scores: float32 [steps, labels], each the mean over the model's window.
        levels: the level of each frame, by which edges are moved in.
    """

    recording: str
    duration: float
    about: Description
    scores: Array
    levels: Levels

    def timeline(self, sensitivity: float = 0.5, thresholds: Mapping[str, float] | None = None) -> Timeline:
        """The events, as `earmark.label` finds them.

        Args:
            sensitivity: see `EventRules`.
            thresholds: where events of a label begin, instead of the model's; where they end moves with it.
        """
        rules = EventRules(sensitivity=sensitivity)
        on, off = _moved(self.about, thresholds or {})
        finder = EventFinder(self.about.labels, rules.shift(on), rules.shift(off), self.about.step, rules)
        finder.add(self.scores)
        events = self.levels.tighten(finder.events(self.duration), self.about.reach)
        return Timeline(self.recording, round(self.duration, 3), self.about.name).with_events(events)

    def save(self, path: Path) -> None:
        """Write to an `.npz` file, whole or not at all."""
        head = {"recording": self.recording, "duration": self.duration, "frame_seconds": self.levels.frame_seconds}
        levels = np.concatenate([np.empty(0, np.int8), *self.levels.parts])
        with written_whole(path) as part, part.open("wb") as file:
            np.savez(
                file,
                head=np.array(json.dumps(head)),
                about=np.array(self.about.to_json()),
                scores=self.scores.astype(np.float16),
                levels=levels,
            )

    @classmethod
    def load(cls, path: Path) -> Found:
        """Read what `save` wrote; scores have three digits."""
        with np.load(path) as kept:
            head = json.loads(str(kept["head"]))
            levels = Levels(head["frame_seconds"])
            levels.parts.append(kept["levels"])
            about = Description.from_json(str(kept["about"]))
            return cls(head["recording"], head["duration"], about, kept["scores"].astype(np.float32), levels)


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
