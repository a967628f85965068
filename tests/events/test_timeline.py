import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.events.hysteresis import EventFinder, EventRules
from earmark.events.scores import log_odds, pooled, probabilities, smooth
from earmark.events.timeline import Event, Timeline, most_specific

OPEN = EventRules(shortest=0.0, longest_gap=0.0)


def random_scores(steps, labels, exclusive, seed=0):
    logits = np.random.default_rng(seed).normal(0, 3, (steps, labels)).astype(np.float32)
    return probabilities(logits, exclusive)


def parts_of(scores, places):
    return np.split(scores, sorted(place % (len(scores) + 1) for place in places))


def naive_smooth(scores, width, exclusive):
    logits, half = log_odds(scores, exclusive).astype(np.float64), width // 2
    means = [logits[max(0, i - half) : i + half + 1].mean(axis=0) for i in range(len(scores))]
    return probabilities(np.array(means), exclusive)


@settings(max_examples=25)
@given(
    steps=st.integers(1, 60),
    half=st.integers(0, 12),
    exclusive=st.booleans(),
    at_once=st.integers(1, 20),
    places=st.lists(st.integers(0, 60), max_size=6),
)
def test_smoothing_is_a_mean_of_log_odds(steps, half, exclusive, at_once, places):
    scores = random_scores(steps, 3, exclusive, steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("earmark.events.scores.SMOOTHED_AT_ONCE", at_once)
        found = np.concatenate(list(smooth(parts_of(scores, places), 2 * half + 1, 3, exclusive)))
    np.testing.assert_allclose(found, naive_smooth(scores, 2 * half + 1, exclusive), atol=1e-5)


def test_labels_may_have_windows_of_their_own():
    scores = random_scores(50, 3, False, 1)
    found = np.concatenate(list(smooth(parts_of(scores, [7, 31]), np.array([1, 5, 21]), 3, False)))
    for column, width in enumerate((1, 5, 21)):
        own = scores[:, column : column + 1]
        np.testing.assert_allclose(found[:, column : column + 1], naive_smooth(own, width, False), atol=1e-5)


def test_smoothing_nothing():
    assert list(smooth([], 5, 2, False)) == []


@pytest.mark.parametrize("exclusive", [False, True])
def test_certain_scores_stay_finite(exclusive):
    scores = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    found = np.concatenate(list(smooth([scores], 3, 2, exclusive)))
    assert np.isfinite(found).all()
    assert found[0].tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert np.isfinite(pooled([scores], 2, exclusive)).all()


@pytest.mark.parametrize("exclusive", [False, True])
def test_whole_is_the_mean_of_log_odds(exclusive):
    scores = random_scores(31, 4, exclusive)
    expected = probabilities(log_odds(scores, exclusive).mean(axis=0), exclusive)
    np.testing.assert_allclose(pooled(np.split(scores, [3, 3, 20]), 4, exclusive), expected, atol=1e-6)


@pytest.mark.parametrize("exclusive", [False, True])
def test_whole_of_steady_scores_is_those(exclusive):
    steady = np.tile(np.float32([0.7, 0.2, 0.1]), (9, 1))
    np.testing.assert_allclose(pooled([steady], 3, exclusive), [0.7, 0.2, 0.1], atol=1e-6)


def test_whole_of_nothing():
    assert pooled([], 3, False).tolist() == [0, 0, 0]


def naive_events(scores, on, off, step, rules, duration):
    """One label, one step after another."""
    runs, start = [], None
    for i, score in enumerate([*scores, -1.0]):
        if start is None and score >= off:
            start = i
        elif start is not None and score < off:
            if max(scores[start:i]) >= on:
                runs.append([start, i, max(scores[start:i])])
            start = None
    joined = []
    for run in runs:
        if joined and (run[0] - joined[-1][1]) * step <= rules.longest_gap + 1e-9:
            joined[-1] = [joined[-1][0], run[1], max(joined[-1][2], run[2])]
        else:
            joined.append(run)
    events = [(max(0.0, (a - 0.5) * step), min(duration, (b - 0.5) * step), s) for a, b, s in joined]
    return [(round(a, 3), round(b, 3), round(s, 4)) for a, b, s in events if round(b - a, 3) >= rules.shortest]


def test_scores_weighed_by_themselves():
    scores = np.array([[0.9, 0.2, 0.0], [0.1, 0.2, 0.0], [0.0, 0.2, 0.0]], np.float32)
    found = pooled(np.split(scores, [1, 1]), 3, False, "linear_softmax")
    np.testing.assert_allclose(found, [0.82, 0.2, 0.0], atol=1e-6)
    assert pooled([], 3, False, "linear_softmax").tolist() == [0, 0, 0]


def test_a_length_is_judged_before_it_is_rounded():
    rules = EventRules(shortest=0.375, longest_gap=0)
    half = np.array([0.5], np.float32)
    finder = EventFinder(("a",), half, half, 0.125, rules)
    finder.add(np.array([[0], [0], [1], [1], [1]], np.float32))
    (event,) = finder.events(10.0)
    assert (event.onset, event.offset) == (0.188, 0.562)


levels = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


@given(
    scores=st.lists(levels, max_size=60),
    thresholds=st.tuples(levels, levels),
    places=st.lists(st.integers(0, 60), max_size=6),
    gap=st.integers(0, 5),
    shortest=st.integers(0, 5),
    late=st.floats(0, 1),
)
def test_events_equal_those_found_step_by_step(scores, thresholds, places, gap, shortest, late):
    off, on = sorted(thresholds)
    step = 0.125
    rules = EventRules(shortest=shortest * step, longest_gap=gap * step)
    duration = max(0.0, (len(scores) - late) * step)
    column = np.array(scores, np.float32).reshape(-1, 1)
    finder = EventFinder(("dog",), np.float32([on]), np.float32([off]), step, rules)
    for part in parts_of(column, places):
        finder.add(part)
    found = [(e.onset, e.offset, e.score) for e in finder.events(duration)]
    exact = [float(s) for s in column[:, 0]]
    assert found == naive_events(exact, float(np.float32(on)), float(np.float32(off)), step, rules, duration)


def events_of(scores, on=0.5, off=0.25, step=1.0, rules=OPEN, duration=1000.0):
    scores = np.array(scores, np.float32)
    columns = scores.reshape(len(scores), -1)
    labels = tuple("abc"[: columns.shape[1]])
    full = np.ones(len(labels), np.float32)
    finder = EventFinder(labels, full * on, full * off, step, rules)
    finder.add(columns)
    return finder.events(duration)


def test_an_event_begins_with_on_and_lasts_until_off():
    assert events_of([0, 0.3, 0.3, 0.5, 0.3, 0.25, 0.2]) == [Event(0.5, 5.5, "a", 0.5)]
    assert events_of([0, 0.3, 0.49, 0.3, 0]) == []


def test_off_above_on_counts_as_on():
    assert events_of([0, 0.6, 0.5, 0.4], on=0.5, off=0.9) == [Event(0.5, 2.5, "a", 0.6)]


def test_gaps_are_closed_and_short_events_dropped():
    scores = [0.9, 0.9, 0, 0, 0.8, 0.8, 0, 0, 0, 0.7, 0]
    assert events_of(scores, rules=EventRules(shortest=0, longest_gap=2)) == [
        Event(0, 5.5, "a", 0.9),
        Event(8.5, 9.5, "a", 0.7),
    ]
    assert events_of(scores, rules=EventRules(shortest=2, longest_gap=2)) == [Event(0, 5.5, "a", 0.9)]


def test_an_event_exactly_as_long_as_the_shortest_stays():
    rules = EventRules(shortest=0.2, longest_gap=0)
    for first in range(1, 40):
        scores = np.zeros(45)
        scores[first : first + 2] = 0.9
        assert len(events_of(scores, step=0.1, rules=rules)) == 1


def test_quiet_stretches_do_not_bridge_gaps():
    scores = [0.9, 0, 0.3, 0, 0.9]
    assert len(events_of(scores, rules=EventRules(shortest=0, longest_gap=1))) == 2


def test_no_event_ends_after_the_recording():
    assert events_of([0.9] * 10, step=0.1, duration=0.93) == [Event(0, 0.93, "a", 0.9)]


def test_labels_are_independent_and_events_in_order():
    found = events_of([[0, 0.9], [0.8, 0.9], [0.8, 0], [0, 0.7]])
    assert [(e.label, e.onset, e.offset) for e in found] == [("b", 0, 1.5), ("a", 0.5, 2.5), ("b", 2.5, 3.5)]


def test_nothing_added():
    assert EventFinder(("a",), np.ones(1), np.ones(1), 0.1, EventRules()).events(3.0) == []


thresholds = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5)


@given(thresholds, st.floats(0, 1), st.floats(0, 1))
def test_sensitivity_moves_thresholds_down(values, a, b):
    values = np.array(values, np.float32)
    less, more = (EventRules(sensitivity=s).shift(values) for s in sorted((a, b)))
    assert (more <= less + 1e-6).all()
    assert ((less > 0) & (less < 1)).all()


@given(thresholds)
def test_sensitivity_one_half_keeps_thresholds(values):
    np.testing.assert_allclose(EventRules().shift(np.array(values, np.float32)), values, atol=1e-5)


@given(thresholds, st.floats(0, 1), st.floats(0, 1))
def test_more_sensitivity_finds_more_and_stretches_nothing(values, a, b):
    """Of scores that rise and fall, so that events may begin anywhere; none is longer, or two in one's place."""
    scores = np.array(values, np.float32)[[*range(len(values)), *reversed(range(len(values)))]].repeat(4)[:, None]
    on, off = np.array([0.6], np.float32), np.array([0.3], np.float32)
    found = []
    for rules in (EventRules(sensitivity=s, shortest=0) for s in sorted((a, b))):
        finder = EventFinder(("a",), *rules.thresholds(on, off), 0.1, rules)
        finder.add(scores)
        found.append(finder.events(len(scores) * 0.1))
    for event in found[0]:
        (same,) = (one for one in found[1] if one.onset <= event.onset and event.offset <= one.offset)
        ends = EventRules(sensitivity=max(a, b)).thresholds(on, off)[1]
        assert same == event or ends[0] < off[0]


def test_with_events_puts_them_in_order():
    line = Timeline("a.wav", 9.0, "m").with_events([Event(3, 4, "b", 1), Event(1, 2, "c", 1), Event(1, 2, "a", 1)])
    assert [e.label for e in line.events] == ["a", "c", "b"]


PARENTS = {"dog": "animal", "crow": "bird", "bird": "animal"}


def test_a_parent_is_told_only_where_no_child_is():
    events = [Event(0, 2, "animal", 0.6), Event(5, 9, "animal", 0.6), Event(5.2, 8.7, "dog", 0.9)]
    assert most_specific(events, PARENTS) == [events[0], events[2]]


def test_what_lasts_beside_a_child_stays():
    events = [Event(0, 10, "animal", 0.6), Event(3, 4, "crow", 0.9), Event(3.9, 5, "dog", 0.7)]
    assert most_specific(events, PARENTS) == [
        Event(0, 3, "animal", 0.6), Event(5, 10, "animal", 0.6), *events[1:]
    ]  # fmt: skip


def test_grandparents_and_strangers():
    events = [Event(0, 2, "animal", 0.6), Event(0, 2, "bird", 0.6), Event(0, 2, "crow", 0.6), Event(0, 2, "car", 0.6)]
    assert most_specific(events, PARENTS) == events[2:]
    assert most_specific(events, {}) == events


def test_a_finder_leaves_parents_out():
    on = np.array([0.5, 0.5], np.float32)
    finder = EventFinder(("animal", "dog"), on, on / 2, 0.1, EventRules(), PARENTS)
    scores = np.zeros((100, 2), np.float32)
    scores[20:40, 0], scores[60:80] = 0.8, 0.8
    finder.add(scores)
    assert [(e.label, e.onset) for e in finder.events(10.0)] == [("animal", 1.95), ("dog", 5.95)]
