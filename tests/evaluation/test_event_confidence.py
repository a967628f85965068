"""Scores of events, and which of them are right."""

from earmark.evaluation.events.confidence import confidences, sounds_through
from earmark.events.timeline import Event


def test_an_event_is_right_where_its_label_sounds_through_half_of_it():
    truth = [Event(1.0, 2.0, "dog", 1.0), Event(2.5, 3.0, "dog", 1.0), Event(0.0, 9.0, "siren", 1.0)]
    assert sounds_through(Event(1.0, 4.0, "dog", 1.0), truth)
    assert not sounds_through(Event(1.0, 4.2, "dog", 1.0), truth)
    assert not sounds_through(Event(4.0, 5.0, "animal", 1.0), truth)


def test_every_event_counts_and_recordings_without_truth_have_none_right():
    found = {"a": [Event(0, 1, "dog", 0.8), Event(2, 3, "cat", 0.4)], "b": [Event(0, 1, "dog", 0.6)], "c": []}
    scores, right = confidences(found, {"a": [Event(0.4, 3, "dog", 1.0)]})
    assert scores.tolist() == [0.8, 0.4, 0.6]
    assert right.tolist() == [True, False, False]
    assert [len(one) for one in confidences({}, {})] == [0, 0]
