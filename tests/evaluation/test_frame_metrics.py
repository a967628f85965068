import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn import metrics

from earmark.evaluation import frame_metrics
from earmark.evaluation.frame_metrics import Confusion, confusion, curve, measure


def draw(seed, count=400, levels=None):
    """Scores that tell truth from background fairly well; few levels give many ties."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.4
    scores = np.clip(rng.normal(0.35 + 0.3 * truth, 0.2), 0, 1)
    return (np.round(scores * levels) / levels if levels else scores).astype(np.float32), truth


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [None, 10, 1])
def test_agrees_with_scikit_learn(seed, levels):
    scores, truth = draw(seed, levels=levels)
    figures = measure(scores, truth, 0.5)
    counts, marked = figures.confusion, scores >= 0.5
    assert [[counts.rejections, counts.alarms], [counts.misses, counts.hits]] == metrics.confusion_matrix(
        truth, marked
    ).tolist()
    assert counts.accuracy == pytest.approx(metrics.accuracy_score(truth, marked))
    assert counts.precision == pytest.approx(metrics.precision_score(truth, marked))
    assert counts.recall == pytest.approx(metrics.recall_score(truth, marked))
    assert counts.f1 == pytest.approx(metrics.f1_score(truth, marked))
    assert figures.area == pytest.approx(metrics.roc_auc_score(truth, scores))
    alarms, recalls, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    whole = curve(scores, truth)
    np.testing.assert_allclose(whole.alarm_rates, alarms)
    np.testing.assert_allclose(whole.recalls, recalls)
    np.testing.assert_allclose(whole.thresholds, thresholds)
    equal = brentq(lambda x: 1 - x - np.interp(x, alarms, recalls), 0, 1)
    assert figures.equal_error_rate == pytest.approx(equal, abs=1e-6)
    assert figures.least_cost == pytest.approx(min(0.75 * (1 - recalls) + 0.25 * alarms))


def test_cost_and_rates_of_known_counts():
    counts = Confusion(hits=80, alarms=30, misses=20, rejections=70)
    assert (counts.miss_rate, counts.alarm_rate) == pytest.approx((0.2, 0.3))
    assert counts.cost == pytest.approx(0.75 * 0.2 + 0.25 * 0.3)


def test_counts_of_recordings_add_up():
    first, second = draw(1), draw(2)
    both = confusion(np.append(first[0], second[0]) > 0.5, np.append(first[1], second[1]))
    assert confusion(first[0] > 0.5, first[1]) + confusion(second[0] > 0.5, second[1]) == both


def test_perfect_scores_and_reversed_ones():
    truth = np.array([False, False, True, True])
    perfect = measure(truth.astype(np.float32), truth, 0.5)
    assert (perfect.area, perfect.equal_error_rate, perfect.least_cost) == (1, 0, 0)
    wrong = measure((~truth).astype(np.float32), truth, 0.5)
    assert (wrong.area, wrong.equal_error_rate) == (0, 1)
    assert wrong.least_cost == pytest.approx(0.25)  # marking all is the best that is left


def test_frames_of_one_kind_have_no_curve():
    silent = np.zeros(5, np.bool_)
    figures = measure(np.full(5, 0.1, np.float32), silent, 0.5)
    assert figures.curve is None
    assert figures.confusion.accuracy == figures.confusion.f1 == 1
    assert json.loads(json.dumps(figures.summary()))["auc"] is None
    assert measure(np.zeros(0, np.float32), silent[:0], 0.5).confusion.frames == 0


def test_a_thinned_curve_keeps_ends_and_area():
    scores, truth = draw(5, 20000)
    whole, thin = curve(scores, truth), measure(scores, truth, 0.5).curve
    assert len(thin.recalls) <= frame_metrics.CURVE_POINTS
    assert (thin.recalls[0], thin.recalls[-1], thin.alarm_rates[0], thin.alarm_rates[-1]) == (0, 1, 0, 1)
    assert thin.area == pytest.approx(whole.area, abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_curve_is_monotone_and_bounds_hold(pairs):
    scores = np.array([score / 5 for score, _ in pairs], np.float32)
    truth = np.array([one for _, one in pairs])
    figures = measure(scores, truth, 0.5)
    if figures.curve is None:
        assert truth.all() or not truth.any()
        return
    assert (np.diff(figures.curve.recalls) >= 0).all()
    assert (np.diff(figures.curve.alarm_rates) >= 0).all()
    assert 0 <= figures.equal_error_rate <= 1
    assert figures.least_cost <= figures.confusion.cost + 1e-12
