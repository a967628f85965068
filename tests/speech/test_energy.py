import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.speech.energy import BAND_EDGES, FLOOR_DB, BandMeter, LevelMeter, edges, levels
from earmark.util.streams import tee

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


def test_edges_are_where_the_level_passes_35_db_below_the_peak():
    silence = np.zeros(RATE // 2, np.float32)
    word = np.concatenate([tone(0.1, 0.003), tone(0.3, 0.1), tone(0.2, 0.0013)])  # 30 dB below the peak, 38 dB
    found = edges(levels(np.concatenate([silence, word, silence]), RATE))
    assert found is not None
    first, behind = found
    assert first == pytest.approx(50, abs=1)
    assert behind == pytest.approx(90, abs=1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_tone_is_in_its_band_at_its_level(rate):
    for band, hz in enumerate((300, 1200, 3000, 5500)):
        meter = BandMeter(rate)
        if hz < rate / 2:
            meter.add(np.sin(2 * np.pi * hz * np.arange(rate) / rate).astype(np.float32))
            found = meter.finish()[5:-5].astype(np.float32)
            assert found[:, band] == pytest.approx(10 * np.log10(0.5), abs=0.3)
            assert (np.delete(found, band, axis=1) < -25).all()
    assert len(BAND_EDGES) == 5


@given(st.lists(st.integers(0, 700), max_size=8), st.integers(0, 2000))
def test_blocks_do_not_matter(cuts, length):
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    blocks = np.split(samples, sorted(min(cut, length) for cut in cuts))
    loudness, bands, at_once = LevelMeter(RATE), BandMeter(RATE), BandMeter(RATE)
    passed = list(tee(blocks, loudness.add, bands.add))
    at_once.add(samples)
    assert np.array_equal(np.concatenate(passed), samples)
    found = loudness.finish(), bands.finish()
    assert np.array_equal(found[0], levels(samples, RATE))
    assert np.allclose(found[1], at_once.finish(), atol=0.1)
    assert len(found[0]) == len(found[1])
