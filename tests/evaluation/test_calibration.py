"""x"""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from earmark.evaluation.clip_metrics import brier, confidences, reliability, sounds_through
from earmark.events.timeline import Event

answers = st.lists(
    st.tuples(st.floats(0, 1) | st.sampled_from([i / 15 for i in range(16)]), st.booleans()), min_size=1, max_size=60
)


@given(answers, st.integers(2, 20))
def test_bins_agree_with_scikit_learn(pairs, bins):
    confidence, right = np.array([c for c, _ in pairs]), np.array([r for _, r in pairs])
    found = reliability(confidence, right, bins)
    hits, mean = calibration_curve(right, confidence, n_bins=bins)
    filled = found.clips > 0
    np.testing.assert_allclose(found.accuracy[filled], hits)
    np.testing.assert_allclose(found.confidence[filled], mean)
    assert np.isnan(found.accuracy[~filled]).all()
    assert found.clips.sum() == len(pairs)
    assert 0 <= found.error <= 1


@given(answers)
def test_the_error_is_the_mean_distance_by_its_definition(pairs):
    confidence, right = np.array([c for c, _ in pairs]), np.array([r for _, r in pairs])
    edges = np.linspace(0, 1, 16)
    total = 0.0
    for low, high in pairwise(edges):  # (low, high], and 0 in the first
        inside = (confidence > low) & (confidence <= high) | (low == 0) & (confidence == 0)
        if inside.any():
            total += inside.sum() * abs(confidence[inside].mean() - right[inside].mean())
    assert reliability(confidence, right).error == pytest.approx(total / len(pairs))


def test_known_errors():
    sure = np.full(10, 1.0)
    assert reliability(sure, np.ones(10, bool)).error == 0
    assert reliability(sure, np.arange(10) < 7).error == pytest.approx(0.3)
    fair = np.random.default_rng(0).random(100_000)
    assert reliability(fair, np.random.default_rng(1).random(100_000) < fair).error < 0.01


def test_no_answers():
    none = reliability(np.empty(0), np.empty(0, bool))
    assert np.isnan(none.error)
    assert json.loads(json.dumps(none.summary(), allow_nan=False)) == {"ece": None, "bins": []}
    assert np.isnan(brier(np.empty((0, 3)), np.empty((0, 3), bool)))


def test_the_summary_tells_of_filled_bins():
    summary = reliability(np.array([0.5, 0.5, 0.99], np.float32), np.array([True, False, True])).summary()
    json.dumps(summary, allow_nan=False)
    assert summary["ece"] == pytest.approx(0.0033, abs=1e-4)
    assert [(b["clips"], b["accuracy"]) for b in summary["bins"]] == [(2, 0.5), (1, 1.0)]
    assert summary["bins"][1] == {"from": 0.9333, "to": 1.0, "clips": 1, "confidence": 0.99, "accuracy": 1.0}


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_the_brier_score_of_two_labels_is_twice_that_of_one(pairs):
    score, truth = np.array([s for s, _ in pairs]), np.array([t for _, t in pairs])
    expected = 2 * np.mean((score - truth) ** 2)
    assert brier(np.stack([score, 1 - score], 1), np.stack([truth, ~truth], 1)) == pytest.approx(expected)


def test_the_brier_score_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, truth = rng.dirichlet(np.ones(4), 50), rng.integers(4, size=50)
    expected = metrics.brier_score_loss(truth, scores, labels=range(4), scale_by_half=False)
    assert brier(scores, np.eye(4, dtype=bool)[truth]) == pytest.approx(expected)


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
