"""From scores to words, on scores made by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from earmark.models.model import Threshold
from earmark.speech.energy import FLOOR_DB, STEP
from earmark.speech.segmentation import Word, WordRules, Words, find_words

USUAL = Threshold(0.6, 0.4)


def scores(*stretches):
    """(frames, score) one after the other."""
    return np.concatenate([np.full(frames, score, np.float32) for frames, score in stretches])


def found(values, contour=None, rules=None, threshold=USUAL, **options):
    quiet = np.full(len(values), FLOOR_DB, np.float32) if contour is None else contour
    return find_words(values, quiet, threshold, rules or WordRules(), **options)


def test_words_lie_between_the_thresholds():
    values = scores((50, 0.1), (5, 0.5), (30, 0.9), (5, 0.5), (50, 0.1), (20, 0.5), (20, 0.0))
    assert found(values) == [(0.5, 0.9)]  # what never reaches the upper threshold is no word


def test_short_pauses_lie_within_a_word():
    values = scores((20, 0.0), (20, 1.0), (8, 0.0), (20, 1.0), (20, 0.0))
    assert found(values, rules=WordRules(pause=0.08)) == [(0.2, 0.4), (0.48, 0.68)]
    assert found(values, rules=WordRules(pause=0.09)) == [(0.2, 0.68)]


def test_short_words_are_dropped():
    values = scores((20, 0.0), (7, 1.0), (20, 0.0), (30, 1.0), (20, 0.0))
    assert len(found(values, rules=WordRules(min_word=0.07))) == 2
    assert found(values, rules=WordRules(min_word=0.08)) == [(0.47, 0.77)]


def test_a_single_frame_says_nothing():
    assert found(scores((20, 0.0), (1, 1.0), (20, 0.0)), rules=WordRules(min_word=0.0)) == []
    assert len(found(scores((20, 0.0), (20, 1.0), (1, 0.0), (20, 1.0), (5, 0.0)), rules=WordRules(pause=0.0))) == 1


def test_energy_moves_edges_where_it_can_be_seen():
    values = scores((50, 0.0), (50, 1.0), (50, 0.0))
    clear = np.full(150, -80.0, np.float32)
    clear[46:97] = -20.0
    assert found(values, clear) == [(0.455, 0.965)]  # a frame is centred at its time
    noisy = np.maximum(clear, -40.0)
    assert found(values, noisy) == [(0.5, 1.0)]


def test_energy_moves_no_edge_far_or_into_another_word():
    values = scores((50, 0.0), (30, 1.0), (10, 0.0), (30, 1.0), (50, 0.0))
    loud = np.full(170, -80.0, np.float32)
    loud[44:126] = -20.0  # the energy sees no pause between the words, and a little more at the ends
    assert found(values, loud) == [(0.435, 0.8), (0.9, 1.255)]
    loud[30:140] = -20.0  # much more, which the scores know to be something else
    assert found(values, loud) == [(0.5, 0.8), (0.9, 1.2)]


def test_no_word_ends_behind_the_recording():
    assert found(scores((10, 0.0), (30, 1.0)), duration=0.395) == [(0.1, 0.395)]


def test_sensitivity_moves_the_thresholds():
    values = scores((30, 0.05), (30, 0.5), (30, 0.05))
    assert found(values) == []
    assert len(found(values, rules=WordRules(sensitivity=0.6))) == 1


@given(
    arrays.arrays(np.float32, st.integers(0, 300), elements=st.floats(0, 1, width=32)),
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.3),
    st.floats(0, 0.3),
)
def test_words_are_in_order_and_do_not_overlap(values, seed, pause, min_word):
    contour = np.random.default_rng(seed).uniform(-100, 0, len(values)).astype(np.float32)
    duration = len(values) * STEP
    words = found(values, contour, WordRules(pause, min_word), duration=duration)
    times = [time for word in words for time in word]
    assert times == sorted(times)
    assert all(0 <= onset < offset <= duration + 1e-9 for onset, offset in words)


def test_words_as_a_timeline():
    words = Words("a.wav", 2.0, "gru").with_words([Word(1.0, 1.5), Word(0.2, 0.6, text="yes")])
    events = words.as_timeline().events
    assert [(e.onset, e.label) for e in events] == [(0.2, "yes"), (1.0, "2")]


def test_stretches_of_fluent_speech_are_no_words():
    head = Words("a.wav", 9.0, "gru")
    assert not head.fluent
    assert not head.with_words([Word(0, 0.6), Word(1, 1.9)]).fluent
    assert head.with_words([Word(0, 1.6), Word(2, 3.5)]).fluent
    assert not head.with_words([Word(0, 1.6, text="a"), Word(2, 3.5, text="b")]).fluent
