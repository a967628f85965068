import json
import math
from dataclasses import replace

import kaldi_native_fbank as knf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librosa_answers import COEFFICIENTS, FILE, SETTINGS, kept, noise_and_chirp
from scipy.signal import ShortTimeFFT, get_window

from earmark.features.frontend import POWER_FLOOR, FrontEnd, resize
from earmark.util.fields import from_json_values


@pytest.fixture(scope="module")
def answers():
    """What librosa says."""
    return np.load(FILE)


def power_of(samples, about):
    """By SciPy [frames, bins]."""
    stft = ShortTimeFFT(get_window("hann", about.n_fft), about.hop, about.rate)
    return np.abs(stft.stft(samples.astype(np.float64), p0=0, p1=about.frames(len(samples)))).T ** 2


def mel(hz):
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000, 6.4)


def hz(mel):
    return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def log_mel_of(samples, about):
    """Band by band, as Slaney has them."""
    power, bins = power_of(samples, about), np.arange(about.n_fft // 2 + 1) * about.rate / about.n_fft
    corners = [hz(value) for value in np.linspace(mel(about.fmin), mel(about.highest), about.bands + 2)]
    bands = [
        power @ np.interp(bins, (low, middle, high), (0, 1, 0)) * 2 / (high - low)
        for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False)
    ]
    return 10 * np.log10(np.maximum(np.stack(bands, axis=1), 1e-10))


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_log_mel_agrees_with_librosa(number, answers):
    samples = noise_and_chirp(SETTINGS[number].rate)
    found = SETTINGS[number].features(samples)
    np.testing.assert_allclose(found[kept(len(found))], answers[f"log_mel {number}"], atol=1e-3)
    np.testing.assert_allclose(found, log_mel_of(samples, SETTINGS[number]), atol=1e-3)


@pytest.mark.parametrize("about", SETTINGS)
def test_filters_are_those_that_kaldi_native_fbank_has_for_librosa(about):
    frames = knf.FrameExtractionOptions(
        samp_freq=about.rate, frame_length_ms=1000 * about.n_fft / about.rate, round_to_power_of_two=False
    )
    bands = knf.MelBanksOptions(num_bins=about.bands, low_freq=about.fmin, high_freq=about.highest, is_librosa=True)
    theirs = knf.MelBanks(bands, frames).get_matrix()
    np.testing.assert_allclose(about._filters(), theirs, atol=1e-4 * theirs.max())


@pytest.mark.parametrize("about", SETTINGS)
def test_linear_agrees_with_scipy(about):
    about = FrontEnd(kind="linear", rate=about.rate, n_fft=about.n_fft, hop=about.hop)
    samples = noise_and_chirp(about.rate)
    expected = 10 * np.log10(np.maximum(power_of(samples, about), 1e-10))
    loud = expected > expected.max() - 80  # a bin at the bottom of the noise has lost digits in single precision
    assert loud.mean() > 0.999
    np.testing.assert_allclose(about.features(samples)[loud], expected[loud], atol=3e-3)


@pytest.mark.parametrize("deltas", [0, 1, 2])
@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_mfcc_agrees_with_librosa(number, deltas, answers):
    about = replace(SETTINGS[number], kind="mfcc", coefficients=COEFFICIENTS, deltas=deltas)
    found = about.features(noise_and_chirp(about.rate))
    assert found.shape[1] == about.size == COEFFICIENTS * (1 + deltas)
    np.testing.assert_allclose(found[kept(len(found))], answers[f"mfcc {number}"][:, : about.size], atol=1e-3)


@settings(max_examples=15)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 48000]),
    half=st.integers(64, 600),
    share=st.floats(0.1, 1.0),
    bands=st.integers(1, 80),
    low=st.floats(0, 500),
    high=st.floats(0.5, 1.0),
)
def test_any_log_mel_is_as_defined(rate, half, share, bands, low, high):
    about = FrontEnd(
        rate=rate, n_fft=2 * half, hop=max(1, int(2 * half * share)), bands=bands, fmin=low, fmax=rate / 2 * high
    )
    samples = noise_and_chirp(rate, 0.2)
    np.testing.assert_allclose(about.features(samples), log_mel_of(samples, about), atol=1e-3)


def cut(samples, places):
    return np.split(samples, sorted(place % (len(samples) + 1) for place in places))


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["log_mel", "linear", "mfcc"]),
    hop=st.sampled_from([64, 100, 256]),
    length=st.integers(0, 6000),
    places=st.lists(st.integers(0, 6000), max_size=12),
)
def test_blocks_give_the_same_features_as_the_whole(kind, hop, length, places):
    about = FrontEnd(kind=kind, rate=8000, n_fft=256, hop=hop, bands=20, coefficients=5)
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    parts = list(about.stream(cut(samples, places)))
    streamed = np.concatenate([np.empty((0, about.size), np.float32), *parts])
    np.testing.assert_allclose(streamed, about.features(samples), atol=1e-4)


def test_blocks_of_one_sample():
    about = FrontEnd(rate=8000, n_fft=128, hop=50, bands=12)
    samples = noise_and_chirp(8000, 0.1)
    streamed = np.concatenate(list(about.stream(samples[i : i + 1] for i in range(len(samples)))))
    np.testing.assert_allclose(streamed, about.features(samples), atol=1e-4)


@pytest.mark.parametrize("kind", ["log_mel", "linear", "mfcc"])
@pytest.mark.parametrize("samples", [1, 440, 441, 442, 2205, 22050])
def test_number_of_frames(kind, samples):
    about = FrontEnd(kind=kind)
    features = about.features(np.zeros(samples, np.float32))
    assert features.shape == (1 + samples // 441, about.size)
    assert about.frames(samples) == len(features)
    assert features.dtype == np.float32


@pytest.mark.parametrize("kind", ["log_mel", "linear", "mfcc"])
def test_nothing_has_no_frames(kind):
    about = FrontEnd(kind=kind)
    assert about.features(np.empty(0, np.float32)).shape == (0, about.size)
    assert list(about.stream([])) == []
    assert about.frames(0) == 0


@pytest.mark.parametrize("kind", ["log_mel", "linear"])
def test_silence_is_at_the_floor(kind):
    np.testing.assert_allclose(FrontEnd(kind=kind).features(np.zeros(5000, np.float32)), -100.0, atol=1e-4)
    assert POWER_FLOOR == 1e-10


@pytest.mark.parametrize("frequency", [130.0, 440.0, 1000.0, 3000.0, 9000.0])
def test_a_sine_is_loudest_in_the_band_around_it(frequency):
    about = FrontEnd(n_fft=2048)
    time = np.arange(about.rate) / about.rate
    features = about.features(np.sin(2 * np.pi * frequency * time).astype(np.float32))
    nearest = np.abs(about.centres() - frequency).argmin()
    assert abs(features[10:-10].mean(axis=0).argmax() - nearest) <= 1


def test_level_of_a_full_scale_sine():
    # A sine at the centre of bin k gives |X[k]| = sum(window) / 2 = n_fft / 4.
    about = FrontEnd(kind="linear", rate=16000, n_fft=1024, hop=256)
    samples = np.sin(2 * np.pi * 64 * np.arange(16000) / 1024).astype(np.float32)
    middle = about.features(samples)[8:-8]
    np.testing.assert_allclose(middle[:, 64], 20 * np.log10(1024 / 4), atol=1e-3)
    np.testing.assert_allclose(middle[:, 63], 20 * np.log10(1024 / 8), atol=1e-3)  # Hann: half beside it
    assert middle[:, 80:].max() < -20


def test_ten_times_the_amplitude_is_20_db():
    about = FrontEnd()
    samples = noise_and_chirp(about.rate) / 10
    np.testing.assert_allclose(about.features(samples * 10) - about.features(samples), 20, atol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"hop": 0},
        {"hop": -1},
        {"n_fft": 1},
        {"n_fft": 1023},
        {"hop": 2048},
        {"bands": 0},
        {"fmin": -1.0},
        {"fmin": 5000.0, "fmax": 4000.0},
        {"fmax": 12000.0},
        {"kind": "mfcc", "coefficients": 0},
        {"kind": "mfcc", "coefficients": 65},
        {"kind": "mfcc", "deltas": 3},
        {"kind": "mfcc", "deltas": -1},
    ],
)
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        FrontEnd(**wrong)


def test_picture_has_low_frequencies_at_the_bottom():
    about = FrontEnd(image=(32, 48), image_range=(-80.0, 20.0))
    features = np.full((100, 64), -80.0, np.float32)
    features[:, :8] = 20.0
    features[:, 60:] = 300.0
    features[50:, 30] = -999.0
    picture = about.picture(features)
    assert picture.shape == (32, 48)
    assert picture.dtype == np.float32
    assert picture.min() == 0.0
    assert picture.max() == pytest.approx(1.0)
    np.testing.assert_allclose(picture[-2:], 1.0, atol=1e-6)
    np.testing.assert_allclose(picture[:1], 1.0, atol=1e-6)
    assert (picture[10:20] == 0).all()


def test_picture_is_linear_in_db():
    about = FrontEnd(image=(64, 10), image_range=(-80.0, 20.0))
    np.testing.assert_allclose(about.picture(np.full((10, 64), -30.0, np.float32)), 0.5, atol=1e-6)


def test_no_picture_without_a_size():
    with pytest.raises(ValueError, match="image size"):
        FrontEnd().picture(np.zeros((4, 64), np.float32))


sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(old=sizes, new=sizes)
def test_a_constant_image_stays_constant(old, new):
    resized = resize(np.full(old, 0.7, np.float32), new)
    assert resized.shape == new
    np.testing.assert_allclose(resized, 0.7, atol=1e-5)


@given(new=sizes, by=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 99))
def test_resizing_keeps_the_range_and_shrinking_the_middle(new, by, seed):
    old = new[0] * by[0], new[1] * by[1]
    image = np.random.default_rng(seed).random(old).astype(np.float32)
    resized = resize(image, new)
    assert image.min() - 1e-6 <= resized.min()
    assert resized.max() <= image.max() + 1e-6
    if by == (1, 1):
        np.testing.assert_allclose(resized, image, atol=1e-6)


@pytest.mark.parametrize("by", [2, 3, 5])
def test_shrinking_by_an_integer_keeps_the_mean(by):
    image = np.zeros((12 * by, 10 * by), np.float32)
    image[3 * by : 8 * by, 2 * by : 7 * by] = np.random.default_rng(by).random((5 * by, 5 * by))
    np.testing.assert_allclose(resize(image, (12, 10)).mean(), image.mean(), rtol=1e-3)


def test_a_ramp_stays_straight_when_it_grows():
    grown = resize(np.arange(8, dtype=np.float32)[None], (1, 16))[0]
    np.testing.assert_allclose(grown[1:-1], np.arange(1, 15) / 2 - 0.25, atol=1e-6)


@pytest.mark.parametrize(
    "about",
    [FrontEnd(), FrontEnd(kind="mfcc", fmax=8000.0, deltas=1), FrontEnd(image=(96, 64), image_range=(-60.0, 0.0))],
)
def test_round_trip_through_json(about):
    again = from_json_values(FrontEnd, json.loads(json.dumps(about.to_dict())))
    assert again == about
    assert hash(again) == hash(about)


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="colour"):
        from_json_values(FrontEnd, {**FrontEnd().to_dict(), "colour": "red"})
