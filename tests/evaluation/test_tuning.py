"""Thresholds raised by quiet recordings, where it is known what is best; windows as long as events."""

from dataclasses import replace

import numpy as np
from model_making import LOW_HIGH

from earmark.evaluation.tuning import raised, windows_by_length
from earmark.events.timeline import Event
from earmark.models.model import Threshold

ABOUT = replace(LOW_HIGH, thresholds={"low": Threshold(0.3, 0.1)})
SECOND = round(1 / ABOUT.step)


def scores(*stretches):
    """So many seconds of each score."""
    return np.concatenate([np.full(seconds * SECOND, score, np.float32) for seconds, score in stretches])


def test_a_threshold_rises_above_what_is_false_and_stays_below_what_is_true():
    known = {"a": scores((10, 0.05), (10, 0.9), (10, 0.05)), "quiet": scores((30, 0.6), (30, 0.05))}
    threshold = raised(known, {"a": [Event(10.0, 20.0, "low", 1.0)]}, "low", ABOUT)
    assert 0.6 < threshold.on < 0.9
    assert threshold.off == 0.1


def test_what_would_miss_more_than_it_spares_is_left():
    """Two seconds of hum score as much as ten seconds of the sound."""
    known = {"a": scores((10, 0.05), (10, 0.6), (10, 0.05)), "quiet": scores((2, 0.6), (30, 0.05))}
    truth = {"a": [Event(10.0, 20.0, "low", 1.0)]}
    assert raised(known, truth, "low", ABOUT) == Threshold(0.3, 0.1)
    known["quiet"] = scores((30, 0.6), (30, 0.05))
    assert raised(known, truth, "low", ABOUT).on > 0.6


def test_events_of_other_labels_do_not_count():
    known = {"quiet": scores((30, 0.6), (30, 0.05))}
    assert raised(known, {"quiet": [Event(0.0, 30.0, "high", 1.0)]}, "low", ABOUT).on > 0.6


def event(label, seconds):
    return Event(1.0, 1.0 + seconds, label, 1.0)


def test_a_third_of_the_mean_length_over_all_recordings():
    recordings = [[event("dog", 0.6), event("rain", 60.0)], [], [event("dog", 1.8)]]
    assert windows_by_length(recordings) == {"dog": 0.4, "rain": 10.0}


def test_nothing_is_known_of_no_recordings():
    assert windows_by_length([]) == {}
