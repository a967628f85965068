"""x"""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from earmark.evaluation.word_metrics import WordCounts, WordErrors, count, errors, frames_of
from earmark.speech.segmentation import Word


def words(*spans):
    return [Word(onset, offset) for onset, offset in spans]


@st.composite
def segmentations(draw):
    """Words one after the other, in steps of 10 ms: so close that one may match several."""
    steps = draw(st.lists(st.integers(0, 6), min_size=0, max_size=16))
    times = np.cumsum(steps[: len(steps) // 2 * 2]) * 0.01
    return words(*times.reshape(-1, 2).tolist())


def most_pairs(first, second, near):
    """The size of a maximum matching, by the Hungarian method."""
    near = np.array([[near(a, b) for b in second] for a in first], np.int64).reshape(len(first), len(second))
    rows, columns = linear_sum_assignment(near, maximize=True)
    return int(near[rows, columns].sum())


@given(segmentations(), segmentations(), st.sampled_from([0.0, 0.02, 0.05]))
def test_matching_is_maximal(found, truth, tolerance):
    def close(a, b):
        return abs(a - b) <= tolerance + 1e-6

    counts = count(found, truth, tolerance)
    onsets = most_pairs(found, truth, lambda a, b: close(a.onset, b.onset))
    offsets = most_pairs(found, truth, lambda a, b: close(a.offset, b.offset))
    assert counts.boundaries == onsets + offsets
    assert counts.tokens == most_pairs(found, truth, lambda a, b: close(a.onset, b.onset) and close(a.offset, b.offset))


@given(segmentations(), segmentations())
def test_finding_and_truth_can_change_places(found, truth):
    there, back = count(found, truth, 0.05), count(truth, found, 0.05)
    assert (there.boundaries, there.tokens) == (back.boundaries, back.tokens)
    assert there.boundary_precision == back.boundary_recall
    assert there.boundary_f1 == pytest.approx(back.boundary_f1)


@given(segmentations())
def test_the_truth_itself_is_perfect(truth):
    counts = count(truth, truth, 0.02)
    assert counts.boundary_f1 == counts.token_f1 == counts.r_value == 1
    assert counts.over_segmentation == 0


def test_known_counts():
    truth = words((0.5, 1.0), (1.2, 1.6), (2.0, 2.4))
    found = words((0.53, 1.01), (1.2, 2.39))  # the last two found as one
    near, far = count(found, truth, 0.02), count(found, truth, 0.05)
    assert (near.boundaries, near.tokens) == (3, 0)
    assert (far.boundaries, far.tokens) == (4, 1)
    assert (far.boundary_precision, far.boundary_recall) == pytest.approx((1, 4 / 6))
    assert (far.token_precision, far.token_recall) == pytest.approx((1 / 2, 1 / 3))
    assert far.token_f1 == pytest.approx(2 / 5)


def test_a_tolerance_includes_its_limit_however_floats_round():
    assert count(words((0.35, 0.8)), words((0.30, 0.85)), 0.05).tokens == 1
    assert count(words((0.351, 0.8)), words((0.30, 0.85)), 0.05).tokens == 0


def test_onsets_do_not_match_offsets():
    assert count(words((1.0, 2.0)), words((0.0, 1.0), (2.0, 3.0)), 0.05).boundaries == 0


def test_r_value_of_the_paper():
    """Räsänen et al. 2009, section 3: hit rate 1 without over-segmentation is 1; all of it at twice the number less."""
    assert WordCounts(10, 10, 20, 10).r_value == pytest.approx(1)
    doubled = WordCounts(20, 10, 20, 10)
    assert doubled.over_segmentation == pytest.approx(1)
    assert doubled.r_value == pytest.approx(1 - (1 + 1 / np.sqrt(2)) / 2)
    missing = WordCounts(8, 10, 16, 8)  # all that is found is right, a fifth is missing
    assert missing.r_value == pytest.approx(1 - np.hypot(0.2, 0.2) / 2)


def test_nothing_found_and_nothing_there():
    empty = count([], [], 0.05)
    assert empty.boundary_f1 == empty.token_f1 == empty.r_value == 1
    missed, invented = count([], words((0, 1)), 0.05), count(words((0, 1)), [], 0.05)
    assert missed.token_f1 == invented.token_f1 == 0
    assert json.loads(json.dumps(invented.summary()))["over_segmentation"] == 1


def test_figures_of_a_corpus_are_those_of_its_sums():
    one = count(words((0, 1)), words((0, 1)), 0.05)
    other = count(words((0, 1), (2, 3), (4, 5)), words((6, 7)), 0.05)
    assert (one + other).token_precision == pytest.approx(1 / 4)
    assert WordCounts() + one == one


def test_frames_are_in_a_word_from_onset_to_offset():
    marked = frames_of(words((0.02, 0.05), (0.07, 0.08)), 0.1)
    assert np.flatnonzero(marked).tolist() == [2, 3, 4, 7]
    assert len(marked) == 11


def test_frames_of_a_word_that_outlasts_the_recording():
    assert frames_of(words((0.0, 9.0)), 0.095).tolist() == [True] * 10


@given(segmentations(), st.floats(0, 3))
def test_as_many_frames_as_words_last(found, spare):
    end = max((word.offset for word in found), default=0.0) + spare
    marked = frames_of(found, end)
    assert marked.sum() == round(sum(word.duration for word in found) / 0.01)


TRUTH = [(0.1, 0.5), (0.7, 1.0), (1.2, 1.6)]


def told(*found):
    counts = errors(words(*found), words(*TRUTH)).counts()
    return {kind: number for kind, number in counts.items() if number}


@st.composite
def sentences(draw):
    edges = sorted(draw(st.lists(st.integers(0, 300), max_size=16, unique=True)))
    return [Word(a / 100, b / 100) for a, b in zip(edges[::2], edges[1::2], strict=False)]


def test_every_kind():
    assert told(*TRUTH) == {"right": 3}
    assert told((0.14, 0.46), (0.7, 1.0), (1.2, 1.66)) == {"right": 2, "shifted": 1}
    assert told((0.1, 1.0), (1.2, 1.6)) == {"merged": 2, "right": 1}
    assert told((0.1, 0.28), (0.35, 0.5), (0.7, 1.0)) == {"split": 1, "right": 1, "missed": 1}
    assert told(*TRUTH, (1.8, 2.0)) == {"right": 3, "invented": 1}
    assert told() == {"missed": 3}


def test_a_word_run_together_with_part_of_another():
    assert told((0.1, 0.5), (0.7, 0.8), (0.9, 1.6)) == {"right": 1, "merged": 2}


def test_words_that_only_touch_do_not_overlap():
    assert told((0.5, 0.7)) == {"missed": 3, "invented": 1}


def test_counts_add_up():
    assert WordErrors(1, 2, 3, 4, 5, 6) + WordErrors(1, 1, 1, 1, 1, 1) == WordErrors(2, 3, 4, 5, 6, 7)


@given(sentences(), sentences())
def test_every_true_word_meets_one_fate(found, truth):
    kinds = errors(found, truth)
    assert sum(kinds.counts().values()) - kinds.invented == len(truth)
    assert kinds.invented <= len(found)
    assert kinds.right <= count(found, truth, 0.05).tokens


@given(sentences())
def test_the_truth_is_right(truth):
    assert errors(truth, truth) == WordErrors(right=len(truth))


def test_known_numbers_of_a_long_sentence():
    truth = [(float(t), t + 0.5) for t in np.arange(0, 50)]
    found = [*truth[:20], (20.0, 49.5)]
    assert errors(words(*found), words(*truth)) == WordErrors(right=20, merged=30)
