"""What a model hears in a recording, kept so that events can be read from it at any thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark import media
from earmark.edges import Levels
from earmark.labelling import CountedBlocks, scored
from earmark.model import Description, Model
from earmark.timeline import Array, Event, EventFinder, EventRules, Scores, log_odds, probabilities

THRESHOLDS = probabilities(np.linspace(-7, 7, 50, dtype=np.float32), exclusive=False)
"""Where operating points lie: even on the scale of log-odds, from 0.0009 to 0.9991."""


@dataclass(frozen=True)
class Heard:
    """A model's scores of one recording, 0.4 MB a minute for a hundred labels at 0.06 s.

    Attributes:
        about: the model.
        scores: as events are made of, each the mean over the model's window, float32 [steps, labels].
        levels: of the recording, by which events' edges are moved.
        duration: seconds.
    """

    about: Description
    scores: Array
    levels: Levels
    duration: float

    def events(self, rules: EventRules | None = None, on: Array | None = None, off: Array | None = None) -> list[Event]:
        """The events at the model's thresholds, as `label` finds them, or at others.

        Args:
            rules: which events are joined, and which are too short; how sensitive the model's thresholds are.
            on: thresholds [labels] at which events begin, in place of the model's.
            off: thresholds [labels] below which they end.
        """
        about, rules = self.about, rules or EventRules()
        on = rules.shift(about.on) if on is None else on
        off = rules.shift(about.off) if off is None else off
        finder = EventFinder(about.labels, on, off, about.step, rules)
        finder.add(self.scores)
        return self.levels.tighten(finder.events(self.duration), about.reach)

    def sweep(self, rules: EventRules | None = None) -> list[list[Event]]:
        """The events at each of `THRESHOLDS`; those below which events end keep their distance in log-odds."""
        about = self.about
        apart = log_odds(about.off, False) - log_odds(about.on, False)
        ons = [np.full(len(about.labels), threshold, np.float32) for threshold in THRESHOLDS]
        return [self.events(rules, on, probabilities(log_odds(on, False) + apart, False)) for on in ons]


def hear(model: Model, source: media.Source, track: int = 0) -> Heard:
    """Score a recording as `label` does.

    Raises:
        MediaError: the recording cannot be read.
    """
    about = model.description
    levels = Levels(about.front_end.hop / about.front_end.rate)
    with media.open_recording(source, track) as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, None)
        scores = Scores.joined(about.labels, about.step, scored(model, blocks, levels))
    return Heard(about, scores.values, levels, blocks.seconds)
