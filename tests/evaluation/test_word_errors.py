import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earmark.evaluation.word_errors import WordErrors, errors
from earmark.evaluation.words import count
from earmark.speech.segmentation import Word

TRUTH = [(0.1, 0.5), (0.7, 1.0), (1.2, 1.6)]


def words(*spans):
    return [Word(onset, offset) for onset, offset in spans]


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
