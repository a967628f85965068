import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.speech.energy import FLOOR_DB, Contour, edges, levels

RATE = 16000


def tone(seconds, amplitude):
    return (amplitude * np.sin(2 * np.pi * 500 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_a_tone_has_the_level_of_its_amplitude():
    found = levels(tone(1.0, 0.1), RATE)
    assert len(found) == 101  # frame i is centred at i * 10 ms
    assert found[1:-1] == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.01)


def test_silence_is_at_the_floor_and_has_no_edges():
    assert (levels(np.zeros(RATE, np.float32), RATE) == FLOOR_DB).all()
    assert edges(levels(np.zeros(RATE, np.float32), RATE)) is None
    assert edges(levels(np.empty(0, np.float32), RATE)) is None


def test_edges_are_where_the_level_passes_25_db_below_the_peak():
    silence = np.zeros(RATE // 2, np.float32)
    word = np.concatenate([tone(0.1, 0.01), tone(0.3, 0.1), tone(0.2, 0.004)])  # the end is 28 dB below the peak
    found = edges(levels(np.concatenate([silence, word, silence]), RATE))
    assert found is not None
    first, behind = found
    assert first == pytest.approx(50, abs=1)
    assert behind == pytest.approx(90, abs=1)


@given(st.lists(st.integers(0, 700), max_size=8), st.integers(0, 2000))
def test_blocks_do_not_matter(cuts, length):
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    contour = Contour(RATE)
    passed = list(contour.hear(np.split(samples, sorted(min(cut, length) for cut in cuts))))
    assert np.array_equal(np.concatenate(passed), samples)
    assert np.array_equal(contour.finish(), levels(samples, RATE))
