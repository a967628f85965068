"""Thresholds: those that are known to be best, and events as a timeline makes them."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.evaluation.event_metrics import event_based, segment_based
from earmark.evaluation.thresholds import OFTEN, PAIRS, Line, Objective, best_thresholds, shared
from earmark.events.hysteresis import EventFinder, EventRules
from earmark.events.timeline import Event
from earmark.models.model import Threshold

LABELS = ("dog", "rain", "never")
STEP = 0.1


def scenes(seed, recordings=2, steps=300):
    """Scores that wander, and are higher while something sounds; of the last label nothing ever does."""
    random = np.random.default_rng(seed)
    scores, truth = {}, {}
    for name in map(str, range(recordings)):
        length = int(random.integers(steps // 2, steps))
        odds = 1.5 * random.standard_normal((length, len(LABELS))) - 3
        truth[name] = []
        for column, label in enumerate(LABELS[:2]):
            for _ in range(random.integers(0, 4)):
                first = int(random.integers(0, length - 10))
                last = min(length, first + int(random.integers(5, 80)))
                odds[first:last, column] += 3 + column
                truth[name].append(Event(first * STEP, last * STEP, label, 1.0))
        odds = np.stack([np.convolve(one, np.ones(5) / 5, "same") for one in odds.T], axis=1)
        scores[name] = (1 / (1 + np.exp(-odds))).astype(np.float32)
    truth["0"].append(Event(5.0, 9.0, "dog", 1.0))
    truth["1"].append(Event(5.0, 9.0, "rain", 1.0))
    return scores, truth


def events_of(scores, on, off, rules):
    """Those of each label in each recording, as `EventFinder` makes them."""
    found = {}
    for name, values in scores.items():
        levels = (np.full(len(LABELS), level, np.float32) for level in (on, off))
        finder = EventFinder(LABELS, *levels, STEP, rules)
        finder.add(values)
        found[name] = finder.events(len(values) * STEP)
    return found


@cache
def tried(seed, rules):
    """What each pair of thresholds finds in some scenes; pairs that find the same are one."""
    scores, _ = scenes(seed)
    return list({str(found): found for on, off in PAIRS for found in [events_of(scores, on, off, rules)]}.values())


def only(found, label):
    return {name: [event for event in events if event.label == label] for name, events in found.items()}


def value(truth, found, durations, by, labels):
    counted = []
    if by.segments is not None:
        counted.append(segment_based(truth, found, durations, by.segments, labels).micro)
    if by.collar is not None:
        counted.append(event_based(truth, found, by.collar, by.share, labels).micro)
    return sum(map(by.f, counted)) / len(counted)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "by",
    [Objective(), Objective(0.5, beta=0.5), Objective(None, 0.5), Objective(None, 2.0, share=0.5), Objective(1.0, 0.5)],
)
def test_nothing_that_is_tried_does_better(seed, by):
    scores, truth = scenes(seed)
    rules = EventRules(shortest=0.3, longest_gap=0.5)
    chosen = best_thresholds(scores, truth, LABELS, STEP, rules, by)
    durations = {name: len(values) * STEP for name, values in scores.items()}
    for label in LABELS[:2]:
        found = only(events_of(scores, chosen[label].on, chosen[label].off, rules), label)
        reached = value(truth, found, durations, by, [label])
        best = max(value(truth, only(other, label), durations, by, [label]) for other in tried(seed, rules))
        assert reached == pytest.approx(best)
        assert chosen[label].off <= chosen[label].on


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("by", [Objective(), Objective(None, 0.5, beta=0.5), Objective(1.0, 0.5)])
def test_no_pair_for_all_labels_does_better(seed, by):
    scores, truth = scenes(seed)
    rules = EventRules()
    durations = {name: len(values) * STEP for name, values in scores.items()}
    chosen = best_thresholds(scores, truth, LABELS, STEP, rules, by, shared=[LABELS])
    (pair,) = {(one.on, one.off) for one in chosen.values()}
    assert set(chosen) == set(LABELS)
    reached = value(truth, events_of(scores, *pair, rules), durations, by, LABELS)
    assert reached == pytest.approx(max(value(truth, found, durations, by, LABELS) for found in tried(seed, rules)))


def test_groups_choose_by_themselves():
    scores, truth = scenes(1)
    own = best_thresholds(scores, truth, LABELS, STEP)
    chosen = best_thresholds(scores, truth, LABELS, STEP, shared=[["dog", "never"], []])
    assert chosen["rain"] == own["rain"]
    assert chosen["dog"] == chosen["never"]
    assert sorted(chosen) == sorted(LABELS)


def test_labels_that_never_occur_keep_the_usual_thresholds():
    scores, truth = scenes(0)
    assert best_thresholds(scores, truth, LABELS, STEP)["never"] == Threshold()
    usual = Threshold(0.9, 0.8)
    assert best_thresholds(scores, {}, LABELS, STEP, usual=usual) == dict.fromkeys(LABELS, usual)


def test_thresholds_stand_in_the_middle_of_what_does_equally_well():
    """Scores of 0.8 where it sounds and 0.1 elsewhere: anything between is right."""
    values = np.full((200, 1), 0.1, np.float32)
    values[50:101] = 0.8
    truth = {"a": [Event(5.0, 10.0, "dog", 1.0)]}
    chosen = best_thresholds({"a": values}, truth, ("dog",), STEP)["dog"]
    assert 0.2 < chosen.on < 0.7
    assert chosen.off > 0.1


def test_false_marks_weigh_more_with_a_smaller_beta():
    """Half of the sound scores 0.9, the rest no more than what is not the sound."""
    values = np.full((1000, 1), 0.5, np.float32)
    values[100:200] = 0.9
    values[400:] = 0.2
    truth = {"a": [Event(10.0, 20.0, "dog", 1.0), Event(30.0, 40.0, "dog", 1.0)]}
    off = [
        best_thresholds({"a": values}, truth, ("dog",), STEP, by=Objective(beta=beta))["dog"].off for beta in (0.5, 2.0)
    ]
    assert off[0] > 0.5 > off[1]


def test_a_sound_that_scores_give_no_hint_of_is_left_alone():
    scores = {"a": np.zeros((100, 1), np.float32)}
    assert best_thresholds(scores, {"a": [Event(1.0, 2.0, "dog", 1.0)]}, ("dog",), STEP)["dog"].on > 0.99


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.3, 0.6, 0.95]), max_size=40), min_size=1, max_size=3),
    st.sampled_from(PAIRS),
    st.sampled_from([0.0, 0.2, 0.35]),
    st.sampled_from([0.0, 0.1, 0.5]),
)
def test_events_are_those_of_a_timeline(columns, pair, shortest, gap):
    rules = EventRules(shortest=shortest, longest_gap=gap)
    scores = {str(i): np.array(column, np.float32) for i, column in enumerate(columns)}
    line = Line.of(scores, STEP, rules)
    stretches = line.stretches(*pair)
    spans = line.spans(stretches) if len(stretches) else None
    found = [(i, a, b) for i, a, b in zip(spans.recording, spans.onset, spans.offset, strict=True)] if spans else []
    wide = {name: np.repeat(column[:, None], 3, 1) for name, column in scores.items()}
    expected = only(events_of(wide, *pair, rules), "dog")
    assert found == [(int(name), e.onset, e.offset) for name, events in expected.items() for e in events]


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
