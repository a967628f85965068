import numpy as np

from earmark.evaluation.events.sharing import OFTEN, shared
from earmark.events.timeline import Event


def many(label, count, seconds):
    return [Event(0.0, seconds, label, 1.0)] * count


def test_rare_labels_share_with_those_that_last_as_long():
    recordings = [many("bark", 3, 0.5) + many("rain", 2, 40.0), many("rain", 1, 2.0) + many("wind", 2, 20.0)]
    assert shared(["bark", "knock", "rain", "wind"], recordings) == [["bark", "knock"], ["rain", "wind"]]


def test_frequent_labels_share_with_none():
    recordings = [many("word", OFTEN, 0.5), many("bark", OFTEN - 1, 0.5)]
    assert shared(["bark", "word"], recordings) == [["bark"]]


def test_nothing_known():
    assert shared(["bark"], []) == [["bark"]]
    assert shared([], []) == []


def test_times_may_be_numpys():
    recordings = [[Event(np.float64(0.0), np.float64(seconds), label, 1.0)] for label, seconds in (("a", 1), ("b", 20))]
    assert shared(["a", "b"], recordings) == [["a"], ["b"]]
