import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes_making import bursts, hiss

from earmark.synthesis.soundscapes import audibility
from earmark.synthesis.soundscapes.layers import measure_sound

RATE = 16_000


def spans(samples, rate=RATE):
    found = audibility.spans(measure_sound(samples, rate).active)
    return [(first * audibility.FRAME, last * audibility.FRAME) for first, last in found]


lengths = st.lists(st.tuples(st.floats(0.55, 1.5), st.floats(0.05, 1.0)), min_size=1, max_size=4)


@settings(max_examples=15)
@given(lengths, st.floats(-45, -20), st.sampled_from([16_000, 22_050, 44_100]))
def test_bursts_are_found_where_they_are(parts, floor, rate):
    """Over noise up to 20 dB below them."""
    truth, at = [], 0.0
    for silence, sound in parts:
        truth.append((at + silence, at + silence + sound))
        at = truth[-1][1]
    samples = bursts(1000.0, truth, at + 0.6, rate)
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    found = spans(samples + noise * np.float32(0.3 / np.sqrt(2) * 10 ** (floor / 20)), rate)
    seconds = audibility.frame_length(rate) / rate / audibility.FRAME  # frames are not quite 10 ms at each rate
    np.testing.assert_allclose(np.array(found) * seconds, truth, atol=0.02)


def test_barks_half_a_second_apart_are_several_and_others_one():
    assert len(spans(bursts(500, ((0.1, 0.3), (0.85, 1.0))))) == 2
    assert len(spans(bursts(500, ((0.1, 0.3), (0.75, 1.0))))) == 1


def test_a_steady_sound_sounds_throughout_and_silence_never():
    assert spans(hiss(1)) == [(0.0, 3.0)]
    assert spans(np.zeros(RATE, np.float32)) == []
    assert spans(np.zeros(0, np.float32)) == []


def test_silence_that_was_added_is_no_noise_floor():
    """As ESC-50's clips are padded to five seconds."""
    padded = np.concatenate([hiss(2, 1.0), np.zeros(4 * RATE, np.float32)])
    assert spans(padded) == [(0.0, 1.0)]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_bands_hold_all_power_and_tones_stand_in_their_own(rate):
    noise = hiss(3, 2.0, rate, 1.0)
    assert audibility.spectra(noise, rate).sum(axis=1).mean() == pytest.approx(1.0, abs=0.03)
    tone = audibility.spectra(bursts(1170, ((0, 2),), rate=rate), rate)[5:-5]
    assert tone.shape[1] == sum(edge < rate / 2 for edge in audibility.BARK)
    assert set(tone.argmax(axis=1)) == {audibility.BARK.index(1080)}
    np.testing.assert_allclose(tone.sum(axis=1), 0.3**2 / 2, rtol=0.05)


def test_frames_of_spectra_and_of_powers_are_the_same():
    for length in (1, 159, 160, 161, 16_001):
        samples = hiss(4)[:length]
        assert len(audibility.spectra(samples, RATE)) == len(audibility.powers(samples, RATE)) == -(-length // 160)


def test_curve_a():
    """Values of IEC 61672-1, table 3."""
    hertz = np.array([31.62, 100.0, 199.5, 1000.0, 2511.9, 10_000.0])
    np.testing.assert_allclose(audibility.a_weighting(hertz), [-39.4, -19.1, -10.9, 0.0, 1.3, -2.5], atol=0.05)


def test_loudness_is_that_of_the_louder_half_and_of_what_sounds():
    loud, soft = bursts(1000, ((0.5, 1.0),)), bursts(1000, ((1.0, 1.5),), level=0.1)
    sound = measure_sound(loud + soft, RATE)
    level = audibility.loudness(audibility.spectra(sound.samples, RATE), sound.active, RATE)
    assert 10 * np.log10(level / 0.045) == pytest.approx(0.0, abs=1.0)


def test_a_rumble_counts_little_but_counts():
    rumble = measure_sound(bursts(30, ((0, 2),)), RATE)
    level = audibility.loudness(audibility.spectra(rumble.samples, RATE), rumble.active, RATE)
    assert 10 * np.log10(level / 0.045) == pytest.approx(audibility.WEIGHT_FLOOR, abs=2.0)


def test_what_others_cover_is_not_heard():
    noise = audibility.spectra(hiss(5, 2.0, level=0.1), RATE)
    tone = audibility.spectra(bursts(1000, ((0, 2),), level=1.0), RATE)
    in_band = noise[:, 8].mean() / tone[:, 8].mean()
    for decibels, heard in ((0.0, True), (-3.0, True), (-12.0, False), (-30.0, False)):
        share = audibility.audible(tone * np.float32(in_band * 10 ** (decibels / 10)), noise, RATE).mean()
        assert share > 0.9 if heard else share < 0.1


def test_a_soft_sound_in_a_band_of_its_own_is_heard_unless_it_is_faint():
    rumble = audibility.spectra(bursts(150, ((0, 2),), level=1.0), RATE)
    for level, heard in ((0.01, True), (0.0003, False)):
        bird = audibility.spectra(bursts(4000, ((0, 2),), level=level), RATE)
        assert (audibility.audible(bird, rumble, RATE)[10:-10].mean() > 0.9) == heard


def test_glimpses_of_a_long_sound_do_not_count_and_short_sounds_do():
    active, audible = np.ones(300, bool), np.zeros(300, bool)
    audible[100:105] = True
    assert audibility.audible_spans(active, audible) == []
    audible[100:120] = True
    assert audibility.audible_spans(active, audible) == [(100, 120)]
    click = np.zeros(300, bool)
    click[100:103] = True
    assert audibility.audible_spans(click, audible) == [(100, 103)]
