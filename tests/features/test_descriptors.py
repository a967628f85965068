import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librosa_answers import CASES, FILE, SUMMARIES, clicks, kept, sound

from earmark.features.descriptors import (
    FIRST,
    POWER_FLOOR,
    frame_descriptors,
    onset_strength,
    summarise,
    summary_size,
    tempo,
)
from earmark.features.frontend import concatenate, frames_of, hann, mel_filters

FRONT_END = SUMMARIES[0]
RATE, N_FFT, HOP = FRONT_END.rate, FRONT_END.n_fft, FRONT_END.hop


def table_of(samples, about=FRONT_END):
    return concatenate(about.frame_stream([samples.astype(np.float32)]), about.frame_size)


def summary_names(coefficients):
    """What each value of a summary is."""
    pitches = [f"chroma_{name}" for name in ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")]
    single = ["zero_crossing_rate", "centroid", "bandwidth", "roll_off", *pitches]
    single += [f"mfcc_{number}" for number in range(coefficients)]
    return [f"{name}_mean" for name in single] + [f"{name}_std" for name in single] + ["tempo"]


def summary_of(table, about=FRONT_END):
    values = summarise(table, about.hop / about.rate, about.coefficients)
    return dict(zip(summary_names(about.coefficients), values, strict=True))


def tone(frequency, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE)


@pytest.fixture(scope="module")
def answers():
    """What librosa says."""
    return np.load(FILE)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_librosa(case, answers):
    name, about = CASES[case]
    table = table_of(sound(name, about.rate), about)
    frames, coefficients, onsets = (answers[f"{case}: {what}"] for what in ("frames", "coefficients", "onsets"))
    assert_frames_as_librosa(table, frames, answers[f"{case}: heard"], about)
    summary = summary_of(table, about)
    for what, expected in zip(("mean", "std"), coefficients, strict=True):
        found = [summary[f"mfcc_{i}_{what}"] for i in range(about.coefficients)]
        np.testing.assert_allclose(found, expected, atol=0.01)
    found = onset_strength(table[:, FIRST:].astype(np.float64))
    np.testing.assert_allclose(found[kept(len(table))], onsets, atol=1e-2)
    assert summary["tempo"] == pytest.approx(float(answers[f"{case}: tempo"]), rel=1e-6)


def assert_frames_as_librosa(table, expected, heard, about):
    """Frame by frame, where there is more than silence: of rounding errors nothing can be said."""
    places = kept(len(table))
    found, bin_width, edge = table[places], about.rate / about.n_fft, about.n_fft // 2
    inside = (places * about.hop > edge) & (places * about.hop < (len(table) - 1) * about.hop - edge)
    assert min(inside.sum(), heard.sum()) >= 10
    np.testing.assert_allclose(found[inside, 0], expected[inside, 0], atol=1e-7)  # frames that are not padded
    np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=1.01 / about.n_fft)
    np.testing.assert_allclose(found[heard, 1], expected[heard, 1], atol=0.05)
    np.testing.assert_allclose(found[heard, 2], expected[heard, 2], atol=0.5)
    np.testing.assert_allclose(found[heard, 3], expected[heard, 3], atol=1.01 * bin_width)
    assert (np.abs(found[heard, 3] - expected[heard, 3]) > 0.01 * bin_width).mean() <= 0.01
    np.testing.assert_allclose(found[heard, 4:FIRST], expected[heard, 4:], atol=1e-4)


def test_known_answers():
    table = table_of(tone(440))[5:-5]
    summary = summary_of(table)
    assert summary["zero_crossing_rate_mean"] == pytest.approx(2 * 440 / RATE, rel=0.01)
    assert summary["centroid_mean"] == pytest.approx(440, rel=0.05)
    assert summary["roll_off_mean"] == pytest.approx(440, abs=2 * RATE / N_FFT)
    assert np.argmax(table[:, 4:FIRST].mean(0)) == 9  # A


def test_white_noise_is_spread_evenly():
    summary = summary_of(table_of(np.random.default_rng(0).normal(0, 0.1, 3 * RATE)))
    assert summary["zero_crossing_rate_mean"] == pytest.approx(0.5, abs=0.01)
    assert summary["centroid_mean"] == pytest.approx(RATE / 4, rel=0.02)
    assert summary["bandwidth_mean"] == pytest.approx(RATE / 2 / np.sqrt(12), rel=0.02)  # of a uniform distribution
    assert summary["roll_off_mean"] == pytest.approx(0.85 * RATE / 2, rel=0.02)


@pytest.mark.parametrize("pitch", range(12))
def test_each_semitone_has_its_name(pitch):
    for octave in (0, 1, 2):
        summary = summary_of(table_of(tone(261.626 * 2 ** (octave + pitch / 12), 0.5))[5:-5])
        strengths = {name: value for name, value in summary.items() if name.startswith("chroma") and "mean" in name}
        assert list(strengths.values()).index(max(strengths.values())) == pitch
        assert max(strengths.values()) == pytest.approx(1)


@pytest.mark.parametrize("bpm", [75, 96, 120, 150])
def test_tempo_of_clicks(bpm):
    found = tempo(onset_strength(table_of(clicks(bpm, 10.0, RATE))[:, FIRST:].astype(np.float64)), HOP / RATE)
    assert min(abs(found / bpm - factor) for factor in (0.5, 1, 2)) < 0.04  # a frame is 4 % of the fastest period


def test_mean_and_spread_are_over_time():
    table = np.zeros((4, FIRST + 8), np.float32)
    table[:, 1] = [100, 200, 300, 400]
    table[:, FIRST:] = np.array([-10.0, -10.0, -30.0, -30.0])[:, None]
    summary = dict(zip(summary_names(3), summarise(table, 0.02, 3), strict=True))
    assert summary["centroid_mean"] == 250
    assert summary["centroid_std"] == pytest.approx(np.std([100, 200, 300, 400]))
    assert summary["mfcc_0_mean"] == pytest.approx(-20 * np.sqrt(8))  # equal bands: all in the first coefficient
    assert summary["mfcc_0_std"] == pytest.approx(10 * np.sqrt(8))
    assert summary["mfcc_1_mean"] == pytest.approx(0, abs=1e-5)


def test_names_are_distinct_and_as_many_as_values():
    for coefficients in (1, 13, 40):
        names = summary_names(coefficients)
        assert len(set(names)) == len(names) == summary_size(coefficients)


def test_silence_and_single_frames():
    for samples in (np.zeros(RATE), np.zeros(1), np.full(1, 0.5)):
        summary = summarise(table_of(samples), HOP / RATE, 13)
        assert summary.shape == (summary_size(13),) == (len(summary_names(13)),)
        assert summary.dtype == np.float32
        assert np.isfinite(summary).all()
    table = table_of(np.zeros(RATE))
    assert not table[:, :FIRST].any()
    np.testing.assert_allclose(table[:, FIRST:], 10 * np.log10(POWER_FLOOR))
    assert summarise(table, HOP / RATE, 13)[-1] == 0  # no onsets, no tempo


def test_frames_know_nothing_of_each_other():
    samples = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    filters = mel_filters(RATE, N_FFT, 40, 0.0, RATE / 2)
    frames = np.concatenate(list(frames_of([samples], N_FFT, HOP)))
    power = (np.abs(np.fft.rfft(frames * hann(N_FFT, N_FFT, symmetric=False))) ** 2).astype(np.float32)
    together = frame_descriptors(frames, power, filters, RATE)
    assert together.shape == (len(frames), FIRST + 40)
    assert together.dtype == np.float32
    for i in range(len(frames)):
        alone = frame_descriptors(frames[i : i + 1], power[i : i + 1], filters, RATE)
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-4, atol=1e-4)


@settings(max_examples=40)
@given(st.integers(1, 12_000), st.floats(-12, 2), st.sampled_from(["noise", "constant", "click"]), st.integers(0, 100))
def test_never_anything_but_numbers(length, exponent, kind, seed):
    rng = np.random.default_rng(seed)
    samples = {
        "noise": rng.uniform(-1, 1, length),
        "constant": np.ones(length),
        "click": np.eye(1, length, int(rng.integers(length)))[0],
    }[kind]
    summary = summarise(table_of(10**exponent * samples), HOP / RATE, 20)
    assert np.isfinite(summary).all()
    assert 0 <= summary[0] <= 1
    assert (summary[4:FIRST] <= 1 + 1e-6).all()
    assert 0 <= summary[-1] < 320
