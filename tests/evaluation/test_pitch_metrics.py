"""Figures for fundamental frequency, on frames that can be counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.evaluation.pitch_metrics import (
    at_times,
    false_voicing,
    figures,
    fine_error,
    frame_error,
    gross_error,
    mean_error,
    missed_voicing,
)

REFERENCE = np.array([0.0, 0.0, 100.0, 100.0, 100.0, 200.0, 200.0, 200.0])
ESTIMATE = np.array([0.0, 90.0, 0.0, 100.0, 121.0, 200.0, 161.0, 100.0])


def test_every_figure_by_hand():
    assert gross_error(REFERENCE, ESTIMATE) == pytest.approx(2 / 5)  # 121 for 100, and 100 for 200
    assert missed_voicing(REFERENCE, ESTIMATE) == pytest.approx(1 / 6)
    assert false_voicing(REFERENCE, ESTIMATE) == pytest.approx(1 / 2)
    assert frame_error(REFERENCE, ESTIMATE) == pytest.approx(4 / 8)
    cents = np.array([0, 0, 1200 * math.log2(161 / 200)])
    assert fine_error(REFERENCE, ESTIMATE) == pytest.approx((cents.mean(), cents.std()))
    assert mean_error(REFERENCE, ESTIMATE) == pytest.approx((90 + 100 + 121 + 200 + 161 + 100) / 6 / 150 - 1)


def test_exactly_a_fifth_is_no_gross_error():
    assert gross_error(np.array([100.0, 100.0]), np.array([120.0, 80.0])) == 0


def test_all_figures_together():
    found = figures(REFERENCE, ESTIMATE)
    assert (found.gross, found.frame_error, found.frames) == pytest.approx((0.4, 0.5, 8))


def test_nothing_to_count_is_not_a_number():
    nothing = np.zeros(3)
    assert math.isnan(gross_error(nothing, nothing))
    assert math.isnan(mean_error(REFERENCE, np.zeros(8)))
    assert math.isnan(missed_voicing(nothing, nothing))
    assert frame_error(nothing, nothing) == 0
    assert math.isnan(figures(np.zeros(0), np.zeros(0)).frame_error)


@given(st.lists(st.sampled_from([0.0, 80.0, 100.0, 220.0]), min_size=1, max_size=20))
def test_a_reference_makes_no_errors_with_itself(values):
    track = np.array(values)
    assert frame_error(track, track) == 0
    if track.any():
        assert (gross_error(track, track), missed_voicing(track, track), mean_error(track, track)) == (0, 0, 0)


def test_a_track_at_other_times():
    track = np.array([100.0, 110.0, 0.0, 200.0])
    found = at_times(track, 0.0, 0.01, np.array([0.0, 0.005, 0.014, 0.016, 0.024, 0.026, 0.034, 0.05, -0.004, -0.02]))
    assert found == pytest.approx([100, 105, 110, 0, 0, 200, 200, 0, 100, 0])


def test_a_track_that_starts_late():
    assert at_times(np.array([50.0, 60.0]), 1.0, 0.5, np.array([0.0, 1.25, 1.5])) == pytest.approx([0, 55, 60])
    assert at_times(np.zeros(0), 0.0, 0.01, np.array([0.0])) == pytest.approx([0])
