import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from earmark.evaluation.clip_metrics import interval, of_accuracies, wilson, within


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_is_that_of_students_t(values, level):
    low, high = interval(values, level)
    if np.std(values) < 1e-9:
        assert (low, high) == pytest.approx((values[0], values[0]), abs=1e-6)
        return
    expected = stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
    assert (low, high) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_known_interval():
    """By the tables: 2.776 standard errors for five values."""
    values = [0.8275, 0.815, 0.8225, 0.845, 0.77]
    low, high = interval(values)
    assert (high - low) / 2 == pytest.approx(2.776 * np.std(values, ddof=1) / 5**0.5, rel=1e-3)
    assert (high + low) / 2 == pytest.approx(0.816)


def test_one_division_has_no_spread():
    assert interval([0.8]) is None
    assert interval([]) is None
    assert of_accuracies([], []) is None


@given(st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_scipy(hits, misses, level):
    found = wilson(hits, hits + misses, level)
    if hits + misses == 0:
        assert found == (0, 1)
        return
    peer = stats.binomtest(hits, hits + misses).proportion_ci(level, "wilson")
    assert found == pytest.approx((peer.low, peer.high), abs=1e-9)
    assert 0 <= found[0] <= hits / (hits + misses) <= found[1] <= 1 or hits == 0 or misses == 0


def test_one_division_is_told_by_its_clips_and_several_by_their_spread():
    assert of_accuracies([0.75], [40]) == wilson(30, 40)
    assert of_accuracies([0.7, 0.8], [40, 40]) == within(interval([0.7, 0.8]))


def test_shares_lie_between_0_and_1():
    assert of_accuracies([0.9, 1.0, 1.0], [10] * 3)[1] == 1
    assert within((-0.1, 0.4)) == (0, 0.4)
    assert within(None) is None
