"""The events of what was heard, at many operating points."""

from __future__ import annotations

import numpy as np

from earmark.events.scores import log_odds, probabilities
from earmark.events.timeline import Event
from earmark.models.recorded_scores import Heard

THRESHOLDS = probabilities(np.linspace(-7, 7, 50, dtype=np.float32), exclusive=False)
"""Where operating points lie: even on the scale of log-odds, from 0.0009 to 0.9991."""


def sweep(heard: Heard) -> list[list[Event]]:
    """The events at each of `THRESHOLDS`; those below which events end keep their distance in log-odds."""
    about = heard.about
    apart = log_odds(about.off, False) - log_odds(about.on, False)
    ons = [np.full(len(about.labels), threshold, np.float32) for threshold in THRESHOLDS]
    return [heard.events(None, on, probabilities(log_odds(on, False) + apart, False)) for on in ons]
