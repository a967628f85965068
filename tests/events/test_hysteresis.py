"""The automaton in its two uses: events told as they come are those told in the end."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earmark.events.hysteresis import EventFinder, EventRules, EventTracker, joined, runs, stretches

ON, OFF = np.array([0.7, 0.5], np.float32), np.array([0.4, 0.5], np.float32)
STEP = 0.1


def announced(scores, rules, sizes=(1,)):
    """(column, onset, offset, best) of all that was told, by when it ended."""
    tracker = EventTracker(ON, OFF, STEP, rules)
    first, turn, turns = 0, 0, []
    while first < len(scores):
        turns += tracker.add(scores[first : first + sizes[turn % len(sizes)]])
        first, turn = first + sizes[turn % len(sizes)], turn + 1
    turns += tracker.finish()
    begun = [t.column for t in turns if t.begins]
    ended = [t for t in turns if not t.begins]
    assert sorted(begun) == sorted(t.column for t in ended)
    return [(t.column, round(t.onset, 3), round(t.offset, 3), round(t.best, 4)) for t in ended]


SCORES = st.lists(st.tuples(*[st.sampled_from([0.1, 0.45, 0.6, 0.9])] * 2), max_size=60).map(
    lambda rows: np.array(rows, np.float32).reshape(-1, 2)
)


@given(SCORES, st.lists(st.integers(1, 7), min_size=1, max_size=3), st.sampled_from([0.0, 0.2, 0.5]))
def test_what_is_told_is_what_is_found_in_the_end(scores, sizes, gap):
    rules = EventRules(shortest=0.2, longest_gap=gap)
    finder = EventFinder(("0", "1"), ON, OFF, STEP, rules)
    finder.add(scores)
    found = [(int(e.label), e.onset, e.offset, e.score) for e in finder.events(np.inf)]
    assert sorted(announced(scores, rules, sizes)) == sorted(found)


def one(values):
    scores = np.zeros((len(values), 2), np.float32)
    scores[:, 0] = values
    return scores


def turns_of(values, rules):
    """At which step each turn of the first label is told."""
    tracker = EventTracker(ON, OFF, STEP, rules)
    return [(i, turn.begins) for i, row in enumerate(one(values)) for turn in tracker.add(row[None])]


def test_a_sound_is_told_once_it_has_lasted():
    assert turns_of([0, 0.9, 0, 0, 0], EventRules(shortest=0.2, longest_gap=0)) == []
    assert turns_of([0, 0.9, 0.9, 0, 0], EventRules(shortest=0.2, longest_gap=0))[0] == (2, True)
    assert turns_of([0, 0.5, 0.5, 0.9, 0], EventRules(shortest=0.2, longest_gap=0))[0] == (3, True)


def test_its_end_is_told_when_nothing_can_join_it():
    rules = EventRules(shortest=0.2, longest_gap=0.35)
    assert turns_of([0.9, 0.9, 0.9, 0, 0, 0, 0, 0], rules) == [(2, True), (6, False)]
    assert turns_of([0.9, 0.9, 0.9, 0, 0, 0, 0.9, 0.9, 0, 0], rules) == [(2, True)]


def test_what_rises_within_the_gap_is_waited_for():
    rules = EventRules(shortest=0.2, longest_gap=0.2)
    assert turns_of([0.9, 0.9, 0.9, 0, 0.5, 0.5, 0.5, 0.5, 0.9, 0, 0, 0], rules) == [(2, True), (11, False)]
    assert turns_of([0.9, 0.9, 0.9, 0, 0.5, 0.5, 0.5, 0.5, 0, 0, 0], rules) == [(2, True), (8, False)]


def test_it_keeps_nothing_of_what_is_over():
    tracker = EventTracker(ON, OFF, STEP, EventRules())
    tracker.add(np.tile(one([0.9, 0.9, 0.9, 0, 0, 0, 0, 0, 0, 0]), (100, 1)))
    tracker.add(one([0] * 10))
    assert tracker.hysteresis.open == {}
    assert tracker.announced == set()
    assert tracker.hysteresis.steps == 1010


def test_what_is_no_number_is_no_sound():
    assert turns_of([np.nan] * 5, EventRules()) == []


def found_in_parts(scores, rules, sizes):
    finder = EventFinder(("0", "1"), ON, OFF, STEP, rules)
    first = turn = 0
    while first < len(scores):
        finder.add(scores[first : first + sizes[turn % len(sizes)]])
        first, turn = first + sizes[turn % len(sizes)], turn + 1
    return finder.events(np.inf)


@given(SCORES, st.lists(st.integers(1, 7), min_size=1, max_size=3), st.sampled_from([0.0, 0.2, 0.5]))
def test_events_do_not_depend_on_the_parts_that_scores_come_in(scores, sizes, gap):
    rules = EventRules(shortest=0.2, longest_gap=gap)
    assert found_in_parts(scores, rules, sizes) == found_in_parts(scores, rules, [100])


@given(SCORES, st.sampled_from([0, 2, 5]))
def test_scores_that_are_all_there_give_the_same_events(scores, gap):
    events = found_in_parts(scores, EventRules(shortest=0.0, longest_gap=gap * STEP + 0.05), [100])
    spans = joined(stretches(scores[:, 0], ON[0], OFF[0]), gap)
    expected = [(max(0.0, round((a - 0.5) * STEP, 3)), round((b - 0.5) * STEP, 3)) for a, b in spans.tolist()]
    assert [(e.onset, e.offset) for e in events if e.label == "0"] == expected


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_where_a_mask_holds(mask):
    marked = np.zeros(len(mask), bool)
    spans = runs(np.array(mask, bool)).tolist()
    for first, last in spans:
        marked[first:last] = True
    assert marked.tolist() == mask
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))
