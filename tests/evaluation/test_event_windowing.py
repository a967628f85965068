from earmark.evaluation.events.windowing import windows_by_length
from earmark.events.timeline import Event


def event(label, seconds):
    return Event(1.0, 1.0 + seconds, label, 1.0)


def test_a_third_of_the_mean_length_over_all_recordings():
    recordings = [[event("dog", 0.6), event("rain", 60.0)], [], [event("dog", 1.8)]]
    assert windows_by_length(recordings) == {"dog": 0.4, "rain": 10.0}


def test_nothing_is_known_of_no_recordings():
    assert windows_by_length([]) == {}
