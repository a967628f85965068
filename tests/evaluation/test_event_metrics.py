"""Segment-based and event-based figures: known cases, and those of sed_eval."""

import math

import numpy as np
import pytest
from event_making import DURATION, LABELS, random_found, random_truth, sed_eval_events, sed_eval_segments
from hypothesis import given
from hypothesis import strategies as st

from earmark.evaluation.event_metrics import event_based, maximum_matching, segment_based
from earmark.events.timeline import Event, joined


def events(*spans, label="dog"):
    return [Event(onset, offset, label, 1.0) for onset, offset in spans]


def assert_agree(ours, theirs, labels):
    """Micro, macro and each label; where theirs is undefined, so is ours."""
    for name, (figures, counts) in {
        "overall": (theirs["overall"], ours.micro),
        "macro": (theirs["class_wise_average"], ours.macro),
        **{label: (theirs["class_wise"][label], ours.labels[label]) for label in labels},
    }.items():
        expected = (*(figures["f_measure"][key] for key in ("precision", "recall", "f_measure")),)
        got = (counts.precision, counts.recall, counts.f1)
        assert np.allclose(got, expected, atol=1e-6, equal_nan=True), name
        assert counts.error_rate == pytest.approx(figures["error_rate"]["error_rate"], abs=1e-6, nan_ok=True), name


def both(seed, **how):
    """Truth and what was found, in which every label occurs."""
    random = np.random.default_rng(seed)
    truth = random_truth(random)
    truth["r0"] += [Event(1.0 + i, 2.0 + i, label, 1.0) for i, label in enumerate(LABELS)]
    return truth, random_found(random, truth, **how)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("resolution", [1.0, 0.1])
def test_segments_agree_with_sed_eval(seed, resolution):
    truth, found = both(seed, lost=(0.1, 0.9)[seed % 2])
    durations = dict.fromkeys(truth, DURATION + 0.3) | {"r1": 12.5}
    theirs = sed_eval_segments(truth, found, durations, resolution=resolution)
    assert_agree(segment_based(truth, found, durations, resolution, LABELS), theirs, LABELS)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("collar", "share"), [(0.2, 0.2), (0.5, 0.2), (0.2, 0.5), (2.0, 0.0)])
def test_events_agree_with_sed_eval(seed, collar, share):
    truth, found = both(seed, lost=(0.1, 0.9)[seed % 2])
    theirs = sed_eval_events(truth, found, collar=collar, share=share)
    assert_agree(event_based(truth, found, collar, share, LABELS), theirs, LABELS)


@pytest.mark.parametrize("seed", range(12))
def test_crowded_events_agree_with_sed_eval(seed):
    """So many within each other's collars that pairs must be sought, in hundredths, where collars are met exactly."""
    random = np.random.default_rng(seed)

    def crowd(n):
        onset, length = random.integers(0, 300, n) / 100, random.integers(5, 100, n) / 100
        return [Event(a, a + b, str(random.choice(LABELS)), 1.0) for a, b in zip(onset, length, strict=True)]

    truth, found = {"a": crowd(60), "b": crowd(9)}, {"a": crowd(50), "b": []}
    assert_agree(event_based(truth, found, 0.25, 0.2, LABELS), sed_eval_events(truth, found, collar=0.25), LABELS)


def test_a_label_is_active_in_every_segment_that_it_touches():
    truth, found = {"a": events((0.9, 2.0))}, {"a": events((1.2, 3.5))}
    counts = segment_based(truth, found, {"a": 10.0}).micro
    assert (counts.truth, counts.found, counts.hits) == (2, 3, 1)
    assert counts.f1 == pytest.approx(2 / 5)
    assert counts.error_rate == pytest.approx(3 / 2)
    counts = segment_based(truth, found, {"a": 10.0}, resolution=0.25).micro
    assert (counts.truth, counts.found, counts.hits) == (5, 10, 4)


def test_one_label_for_another_is_one_error_not_two():
    truth, found = {"a": events((1, 2))}, {"a": events((1, 2), label="cat")}
    for figures in (segment_based(truth, found, {"a": 5.0}), event_based(truth, found)):
        assert (figures.micro.substitutions, figures.micro.error_rate) == (1, 1.0)
        assert figures.labels["dog"].error_rate == 1.0


@pytest.mark.parametrize(
    ("found", "hits"),
    [((1.19, 3.0), 1), ((1.21, 3.0), 0), ((1.0, 3.39), 1), ((1.0, 3.41), 0), ((1.0, 2.61), 1)],
)
def test_the_collar_of_an_offset_grows_with_the_event(found, hits):
    assert event_based({"a": events((1, 3))}, {"a": events(found)}, 0.2, 0.2).micro.hits == hits


def test_each_event_counts_once():
    truth, found = {"a": events((1, 2), (1.15, 2.1))}, {"a": events((1.1, 2.05))}
    assert event_based(truth, found).micro.hits == 1
    found = {"a": events((0.9, 2.0), (1.1, 2.1))}  # the second fits both, the first only the first
    assert event_based(truth, found).micro.hits == 2
    assert event_based({"b": events((1, 2))}, {"a": events((1, 2))}).micro.hits == 0, "in another recording"


def test_a_label_that_is_missed_counts_as_nothing_and_one_that_never_occurs_not_at_all():
    truth = {"a": [*events((1, 2)), *events((1, 2), label="cat")]}
    found = {"a": [*events((1, 2)), *events((5, 6), label="rain")]}
    for figures in (segment_based(truth, found, {"a": 10.0}), event_based(truth, found)):
        assert figures.macro.f1 == 0.5
        assert (figures.labels["cat"].precision, figures.labels["cat"].f1) == (0, 0)
        assert figures.labels["rain"].precision == 0
        assert math.isnan(figures.labels["rain"].f1)
        assert figures.micro.precision == 0.5


def test_nothing_at_all():
    for figures in (segment_based({}, {}, {"a": 10.0}), event_based({}, {})):
        assert math.isnan(figures.micro.f1)
        assert math.isnan(figures.macro.f1)


def test_only_labels_that_count():
    truth, found = {"a": events((1, 2))}, {"a": [*events((1, 2)), *events((1, 2), label="cat")]}
    for figures in (segment_based(truth, found, {"a": 5.0}, labels=["dog"]), event_based(truth, found, labels=["dog"])):
        assert figures.micro.precision == 1
        assert list(figures.labels) == ["dog"]


def test_overlapping_events_of_one_label_are_joined():
    listed = [*events((1, 3), (2, 5), (5, 6), (6, 7)), *events((2, 6), label="cat")]
    assert [(e.onset, e.offset, e.label) for e in joined(reversed(listed))] == [
        (1, 5, "dog"), (2, 6, "cat"), (5, 6, "dog"), (6, 7, "dog"),
    ]  # fmt: skip
    assert joined([Event(1, 9, "dog", 0.2), Event(2, 3, "dog", 0.8)]) == [Event(1, 9, "dog", 0.8)]


graphs = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), unique=True, max_size=5), max_size=8)


@given(graphs)
def test_a_matching_is_as_large_as_can_be(graph):
    import networkx as nx

    matched = maximum_matching(graph)
    assert all(right in graph[left] for right, left in matched.items())
    assert len(set(matched.values())) == len(matched)
    edges = [(("left", a), ("right", b)) for a, rights in graph.items() for b in rights]
    assert len(matched) == len(nx.max_weight_matching(nx.Graph(edges), maxcardinality=True))
