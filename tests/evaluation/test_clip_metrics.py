import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from earmark.evaluation.clip_metrics import (
    accuracy,
    average_precision,
    best_threshold,
    confusion_matrix,
    macro_f1,
    per_class,
)

answers = st.integers(2, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=40),
    )
)


@given(answers)
def test_figures_agree_with_scikit_learn(case):
    classes, pairs = case
    truth, guess = np.array(pairs, np.int64).T
    matrix = confusion_matrix(truth, guess, classes)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(truth, guess, labels=range(classes)))
    assert accuracy(matrix) == pytest.approx(metrics.accuracy_score(truth, guess))
    present = sorted(set(truth.tolist()))
    expected = metrics.f1_score(truth, guess, labels=present, average="macro", zero_division=0)
    assert macro_f1(matrix) == pytest.approx(expected)
    each = metrics.precision_recall_fscore_support(truth, guess, labels=range(classes), zero_division=0)
    found = per_class(matrix, tuple("abcdef"[:classes]))
    np.testing.assert_allclose([(c.precision, c.recall, c.f1, c.clips) for c in found], np.transpose(each))


def test_no_clips():
    matrix = confusion_matrix(np.empty(0, np.int64), np.empty(0, np.int64), 3)
    assert accuracy(matrix) == 0
    assert macro_f1(matrix) == 0


marks = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0]), st.booleans()), min_size=1)


@given(marks)
def test_average_precision_agrees_with_scikit_learn_also_on_ties(case):
    scores, truth = np.array([s for s, _ in case], np.float32), np.array([t for _, t in case])
    if truth.any():
        assert average_precision(scores, truth) == pytest.approx(metrics.average_precision_score(truth, scores))
    else:
        assert np.isnan(average_precision(scores, truth))


@given(st.integers(1, 60), st.integers(0, 1000))
def test_average_precision_agrees_on_random_scores(clips, seed):
    rng = np.random.default_rng(seed)
    scores, truth = rng.random(clips), rng.random(clips) < 0.3
    truth[0] = True
    assert average_precision(scores, truth) == pytest.approx(metrics.average_precision_score(truth, scores))


@given(marks, st.sampled_from([0.5, 1.0, 2.0]))
def test_no_threshold_is_better_than_the_best(case, beta):
    scores, truth = np.array([s for s, _ in case]), np.array([t for _, t in case])
    best = best_threshold(scores, truth, beta)
    if truth.all() or not truth.any():
        assert best == 0.5
        return

    def f(threshold):
        return metrics.fbeta_score(truth, scores >= threshold, beta=beta, zero_division=0)

    assert f(best) == pytest.approx(max(map(f, set(scores))))


def test_a_threshold_stands_halfway():
    scores, truth = np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, True, False, False])
    assert best_threshold(scores, truth) == pytest.approx(0.6)


def test_beta_weighs_false_marks():
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    truth = np.array([True, False, False, True, True])
    assert best_threshold(scores, truth, beta=0.2) > 0.8
    assert best_threshold(scores, truth, beta=2.0) < 0.5
