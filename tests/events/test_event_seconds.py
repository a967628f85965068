import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import EarmarkError
from earmark.events.scores import Scores
from earmark.events.seconds import seconds
from earmark.events.timeline import Event, Timeline

TIMES = st.integers(0, 4000).map(lambda ms: ms / 100)


def timeline_of(duration, *events):
    return Timeline("a.wav", duration, "sounds").with_events(events)


def labels_of(view):
    return [[label for label, _ in window.labels] for window in view.windows]


def places(onset, offset, duration=4.0, every=1.0):
    """The windows in which one event is."""
    view = seconds(timeline_of(duration, Event(onset, offset, "dog", 0.9)), every)
    return [place for place, window in enumerate(view.windows) if window.labels]


@pytest.mark.parametrize(
    ("onset", "offset", "where"),
    [
        (0.0, 4.0, [0, 1, 2, 3]),
        (1.0, 2.0, [1]),
        (1.2, 1.3, [1]),  # shorter than half of the second: all of it lies there
        (0.95, 1.25, [1]),  # most of it lies there
        (0.9, 1.1, [0, 1]),  # half and half
        (0.6, 1.4, [0, 1]),
        (0.6, 1.45, [1]),
        (0.5, 3.5, [0, 1, 2, 3]),  # half of the first and of the last second
        (0.51, 3.49, [1, 2]),
        (0.9, 2.1, [1]),  # merely reaches over
        (2.0, 2.0, [1, 2]),  # a moment that somebody drew, on the border
        (2.5, 2.5, [2]),
    ],
)
def test_a_label_belongs_where_it_fills_half_or_lies_by_half(onset, offset, where):
    assert places(onset, offset) == where


def test_windows_follow_each_other_to_the_end():
    view = seconds(timeline_of(3.4))
    assert [(w.start, w.end) for w in view.windows] == [(0, 1), (1, 2), (2, 3), (3, 3.4)]
    assert (view.recording, view.duration, view.model, view.every) == ("a.wav", 3.4, "sounds", 1.0)
    assert [(w.start, w.end) for w in seconds(timeline_of(3.4), 2.5).windows] == [(0, 2.5), (2.5, 3.4)]
    assert [(w.start, w.end) for w in seconds(timeline_of(0.3)).windows] == [(0, 0.3)]
    assert seconds(timeline_of(0.0)).windows == ()


def test_a_rest_too_short_to_be_a_window_belongs_to_the_last():
    """As of a clip of ten seconds whose encoder added some samples."""
    assert [w.end for w in seconds(timeline_of(3.07)).windows] == [1, 2, 3.07]
    assert [w.end for w in seconds(timeline_of(3.2)).windows] == [1, 2, 3, 3.2]
    assert [w.end for w in seconds(timeline_of(0.05)).windows] == [0.05]


def test_half_of_the_last_window_is_half_of_what_there_is():
    assert places(2.9, 3.25, duration=3.4) == [3]
    assert places(0.0, 3.15, duration=3.4) == [0, 1, 2]


def test_the_best_score_counts_and_comes_first():
    events = Event(0.0, 2.0, "rain", 0.6), Event(0.1, 0.4, "dog", 0.7), Event(0.6, 0.9, "dog", 0.9)
    view = seconds(timeline_of(2.0, *events, Event(1.0, 2.0, "ant", 0.6)))
    assert view.windows[0].labels == (("dog", 0.9), ("rain", 0.6))
    assert view.windows[1].labels == (("ant", 0.6), ("rain", 0.6))


def test_scores_are_those_of_the_second_itself():
    values = np.zeros((40, 2), np.float32)
    values[:, 1] = np.repeat([0.5, 0.9, 0.6, 0.7], 10)
    values[15, 0] = 1.0
    scores = Scores(("dog", "rain"), 0.1, values)
    view = seconds(timeline_of(4.0, Event(0.5, 3.6, "rain", 0.9), Event(1.2, 1.8, "cat", 0.4)), scores=scores)
    assert [w.labels for w in view.windows] == [
        (("rain", 0.5),),
        (("rain", 0.9), ("cat", 0.4)),  # a label of which there are no scores keeps its own
        (("rain", 0.6),),
        (("rain", 0.7),),
    ]
    nothing = Scores(("dog", "rain"), 0.1, values[:0])
    assert seconds(timeline_of(1.0, Event(0, 1, "rain", 0.9)), scores=nothing).windows[0].labels == (("rain", 0.9),)


def test_scores_of_long_steps():
    scores = Scores(("rain",), 3.0, np.array([[0.3], [0.8]], np.float32))
    view = seconds(timeline_of(5.0, Event(0, 5, "rain", 0.8)), scores=scores)
    assert [w.labels[0][1] for w in view.windows] == pytest.approx([0.3, 0.3, 0.8, 0.8, 0.8])


@pytest.mark.parametrize("every", [0.0, -1.0, 0.0005, float("nan"), float("inf")])
def test_lengths_that_no_window_can_have(every):
    with pytest.raises(EarmarkError, match="no length of a window"):
        seconds(timeline_of(1.0), every)


@given(TIMES, TIMES, st.floats(0.01, 50.0))
def test_every_event_is_somewhere_and_nowhere_else(first, second, every):
    onset, offset = sorted((first, second))
    view = seconds(timeline_of(40.0, Event(onset, offset, "dog", 0.9)), every)
    starts = [w.start for w in view.windows]
    assert starts[0] == 0
    assert [w.end for w in view.windows] == [*starts[1:], 40.0]
    with_it = [w for w in view.windows if w.labels]
    assert with_it
    for window in view.windows:
        overlap = min(window.end, offset) - max(window.start, onset)
        half = min(window.end - window.start, offset - onset) / 2
        if abs(overlap - half) > 1e-5:
            assert bool(window.labels) == (overlap >= half)


@given(
    st.lists(st.tuples(TIMES, TIMES, st.sampled_from(["dog", "rain"])), max_size=10), st.sampled_from([0.5, 1.0, 3.0])
)
def test_labels_do_not_know_of_each_other(drawn, every):
    events = [Event(min(a, b), max(a, b), label, 0.5) for a, b, label in drawn]
    both = labels_of(seconds(timeline_of(40.0, *events), every))
    for wanted in ("dog", "rain"):
        alone = labels_of(seconds(timeline_of(40.0, *(e for e in events if e.label == wanted)), every))
        assert [wanted in labels for labels in both] == [bool(labels) for labels in alone]
