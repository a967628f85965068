"""PSDS: known cases, and the scores of psds_eval."""

import math
from dataclasses import replace

import numpy as np
import pytest
from event_making import DURATION, LABELS, official_psds, random_found, random_truth

from earmark.evaluation.psds import DISTINCT, EXACT, Scenario, psds
from earmark.events.timeline import Event

HOUR = 3600.0


def sweep(seed, points=8, **size):
    """Truth, and what a detector finds that is the less sure the more it finds."""
    random = np.random.default_rng(seed)
    truth = random_truth(random, **size)
    found = [random_found(random, truth, blur=0.3, lost=lost, wrong=0.4) for lost in np.linspace(0.9, 0, points)]
    return truth, found, dict.fromkeys(truth, DURATION)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "scenario",
    [
        replace(EXACT, most_errors=2000),
        replace(DISTINCT, most_errors=2000),
        Scenario(),
        Scenario(detection=0.5, truth=0.3, cross_trigger=0.1, cross_cost=1.0, spread_cost=0.5, most_errors=5000),
    ],
    ids=["exact", "distinct", "usual", "other"],
)
def test_agrees_with_psds_eval(seed, scenario):
    truth, found, durations = sweep(seed, points=3)
    ours = psds(truth, found, durations, scenario).value
    assert ours == pytest.approx(official_psds(truth, found, durations, scenario), abs=1e-6)
    assert 0 <= ours <= 1


@pytest.mark.parametrize(
    ("seed", "scenario", "value"),
    [
        (100, replace(EXACT, most_errors=2000), 0.3967734925927356),
        (101, replace(DISTINCT, most_errors=2000), 0.5778470122603391),
        (102, Scenario(most_errors=1500), 0.7116666666666667),
    ],
)
def test_scores_of_psds_eval_as_it_was_published(seed, scenario, value):
    """psds_eval 0.5.3 with pandas 1.5 and NumPy 1.26, for which it was written."""
    assert psds(*sweep(seed), scenario).value == pytest.approx(value, abs=1e-9)


def test_what_is_found_exactly_scores_one_and_nothing_zero():
    truth, _, durations = sweep(3)
    for scenario in (EXACT, DISTINCT):
        assert psds(truth, [truth], durations, scenario).value == pytest.approx(1)
        assert psds(truth, [{}], durations, scenario).value == 0


def one(onset, offset, label="dog"):
    return {"a": [Event(onset, offset, label, 1.0)]}


@pytest.mark.parametrize(
    ("found", "value"),
    [((10, 17), 1.0), ((10, 16.9), 0.0), ((8, 18), 1.0), ((5.6, 20), 0.0), ((10, 20 / 0.7 - 10 / 0.7 + 10), 1.0)],
)
def test_seven_tenths_must_be_covered_and_to_the_point(found, value):
    assert psds(one(10, 20), [one(*found)], {"a": HOUR}, EXACT).value == pytest.approx(value)


def test_the_curve_is_a_staircase_from_the_best_points():
    """One false alarm an hour for half the events, two for all; a point that is worse in both ways does not count."""
    truth = {"a": [Event(0, 1, "dog", 1.0), Event(10, 11, "dog", 1.0)]}
    alarms = [Event(100 + 10 * i, 101 + 10 * i, "dog", 1.0) for i in range(3)]
    points = [
        {"a": [*truth["a"][:1], *alarms[:1]]},
        {"a": [*truth["a"], *alarms[:2]]},
        {"a": [*truth["a"][:1], *alarms]},
    ]
    scenario = Scenario(most_errors=4)
    score = psds(truth, points, {"a": HOUR}, scenario)
    assert score.value == pytest.approx((0 + 0.5 + 1 + 1) / 4)
    assert dict(zip(score.errors, score.found, strict=True)) == {0: 0, 1: 0.5, 2: 1, 3: 1, 4: 1}
    assert psds(truth, points[::-1], {"a": HOUR}, scenario).value == score.value
    assert psds(truth, points, {"a": HOUR / 2}, scenario).value == pytest.approx((0 + 0 + 0.5 + 0.5) / 4)


def test_one_label_for_another_costs_more_than_a_false_alarm():
    truth = {"a": [Event(0, 1, "dog", 1.0), Event(10, 11, "cat", 1.0)]}
    mistaken = {"a": [*truth["a"], Event(10, 11, "dog", 1.0)]}
    elsewhere = {"a": [*truth["a"], Event(20, 21, "dog", 1.0)]}
    scenario = Scenario(cross_cost=0.5, most_errors=3600)
    scores = [psds(truth, [found], {"a": HOUR}, scenario).value for found in (mistaken, elsewhere)]
    assert scores[0] < scores[1] < 1
    assert psds(truth, [mistaken], {"a": HOUR}, EXACT).value == psds(truth, [elsewhere], {"a": HOUR}, EXACT).value


def test_labels_that_are_found_unequally_well_cost():
    truth = {"a": [Event(0, 1, "dog", 1.0), Event(10, 11, "cat", 1.0)]}
    found = {"a": truth["a"][:1]}
    assert psds(truth, [found], {"a": HOUR}, Scenario()).value == pytest.approx(0.5)
    assert psds(truth, [found], {"a": HOUR}, Scenario(spread_cost=0.5)).value == pytest.approx(0.25)
    assert psds(truth, [found], {"a": HOUR}, Scenario(spread_cost=1)).value == pytest.approx(0)


def test_recordings_are_kept_apart_and_overlaps_are_joined():
    truth = {"a": [Event(8, 10, "dog", 1.0)], "b": [Event(0, 2, "dog", 1.0)]}
    crossing = {"a": [Event(8, 12, "dog", 1.0)]}
    assert psds(truth, [crossing], {"a": 10, "b": 10}, Scenario()).value == pytest.approx(0.5)
    doubled = {name: events * 2 for name, events in truth.items()}
    assert psds(doubled, [doubled], {"a": 10, "b": 10}, EXACT).value == pytest.approx(1)


def test_without_truth_there_is_no_score():
    assert math.isnan(psds({}, [one(0, 1)], {"a": HOUR}).value)
    assert math.isnan(psds(one(0, 1), [], {"a": HOUR}).value)
    assert math.isnan(psds(one(0, 1), [one(0, 1)], {"a": HOUR}, labels=["cat"]).value)
    assert math.isnan(psds(one(20, 21), [one(20, 21)], {"a": 10}).value), "beyond the end"
    assert psds(one(0, 1), [one(0, 1)], {"a": HOUR}, labels=LABELS).value == pytest.approx(1)
