import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.augment.waveform import WAVEFORM, Noise, NoiseDraw, Pitch, Shift, Speed, Trim, coloured_noise
from earmark.errors import MissingExtraError

RATE = 22_050
STRETCHED = ["pitch_up", "pitch_down", "slow", "fast"]
TONES = {"half_tone_down": -1, "half_tone_up": 1, "whole_tone_down": -2, "whole_tone_up": 2}  # semitones
DRAWN = [name for name, change in WAVEFORM.items() if hasattr(change, "draw") and name not in TONES]


def rng(seed=0):
    return np.random.default_rng(seed)


def tone(frequency, seconds, rate=RATE, onset=0.0, offset=np.inf, level=0.5):
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * time) * (time >= onset) * (time < offset)).astype(np.float32)


def noise(seconds, level=0.1, seed=0):
    return (level * rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def frequency_of(samples, rate=RATE):
    """Of the strongest sine, by a transform padded to a resolution of hundredths of a Hz."""
    size = 1 << 21
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    return spectrum.argmax() * rate / size


def rms(samples):
    return float(np.sqrt(np.mean(np.asarray(samples, np.float64) ** 2)))


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
@pytest.mark.parametrize("semitones", [-4.0, -1.0, 2.0, 3.5])
def test_pitch_moves_a_tone_and_leaves_it_where_it_was(rate, semitones):
    samples = tone(440, 3, rate, onset=1.0, offset=2.0)
    changed = Pitch(0, 0).apply(samples, rate, semitones)
    assert len(changed) == len(samples)
    loud = np.flatnonzero(np.abs(changed) > 0.15) / rate
    assert (loud[0], loud[-1]) == (pytest.approx(1.0, abs=0.005), pytest.approx(2.0, abs=0.005))
    inside = changed[round(1.1 * rate) : round(1.9 * rate)]
    assert frequency_of(inside, rate) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.005)
    assert rms(inside) == pytest.approx(rms(samples[round(1.1 * rate) : round(1.9 * rate)]), rel=0.05)


def test_two_semitones_up_from_440_hz():
    changed = Pitch(2.0, 2.0)(tone(440, 2), RATE, rng())
    assert frequency_of(changed[RATE // 4 : -RATE // 4]) == pytest.approx(493.9, rel=0.005)


@pytest.mark.parametrize("speed", [0.70, 1.20, 1.0])
def test_speed_moves_clicks_to_their_times(speed):
    samples = np.zeros(3 * RATE, np.float32)
    at = np.array([0.5, 1.0, 1.5, 2.25])
    samples[np.round(at * RATE).astype(int)] = 0.9
    changed = Speed(speed)(samples, RATE, rng())
    assert len(changed) == round(len(samples) / speed)
    for second in at / speed:
        near = slice(round((second - 0.1) * RATE), round((second + 0.1) * RATE))
        loudest = np.abs(changed[near]).argmax() / RATE + near.start / RATE
        assert loudest == pytest.approx(second, abs=0.003)


@pytest.mark.parametrize("speed", [0.70, 1.20])
def test_speed_keeps_the_pitch(speed):
    changed = Speed(speed)(tone(440, 2), RATE, rng())
    assert frequency_of(changed[RATE // 4 : -RATE // 4]) == pytest.approx(440, rel=0.003)  # five cents


@pytest.mark.parametrize("name", STRETCHED)
def test_a_steady_sound_is_as_loud_at_its_ends(name):
    """Where the stretcher's windows would otherwise begin with less than a whole."""
    changed = WAVEFORM[name](tone(1000, 1), RATE, rng())
    ends = changed[: RATE // 50], changed[-RATE // 50 :]
    assert [rms(end) for end in ends] == [pytest.approx(0.354, rel=0.25)] * 2


@pytest.mark.parametrize("samples", [100, 500, 2000])
def test_clips_shorter_than_a_window_keep_their_sound(samples):
    clip = tone(2000, samples / RATE)
    for name in STRETCHED:
        assert rms(WAVEFORM[name](clip, RATE, rng())) == pytest.approx(rms(clip), rel=0.25), name
    assert frequency_of(Speed(0.7)(clip, RATE, rng())) == pytest.approx(2000, rel=0.02)


def test_trim_cuts_silence_off_both_ends():
    sound = noise(0.5)
    samples = np.concatenate([np.zeros(RATE), sound, 1e-5 * noise(2.0, 1.0)]).astype(np.float32)
    trimmed = Trim(50.0)(samples, RATE, rng())
    assert len(trimmed) == pytest.approx(len(sound), abs=2 * 0.01 * RATE)
    assert rms(trimmed) == pytest.approx(rms(sound), rel=0.05)
    assert len(Trim(90.0)(samples, RATE, rng())) > 2 * RATE  # by which the noise behind it is no silence


def test_trim_leaves_what_is_within():
    samples = np.concatenate([noise(0.5), np.zeros(RATE, np.float32), noise(0.5)])
    np.testing.assert_array_equal(Trim()(samples, RATE, rng()), samples)


def test_trim_cuts_out_long_silence_within_where_asked():
    gap, pause = np.zeros(RATE, np.float32), np.zeros(round(0.1 * RATE), np.float32)
    samples = np.concatenate([gap, noise(0.5), gap, noise(0.3), pause, noise(0.3), gap])
    trimmed = Trim(inner=True)(samples, RATE, rng())
    assert len(trimmed) / RATE == pytest.approx(0.5 + 0.3 + 0.1 + 0.3, abs=0.05)  # the pause stays
    assert np.sum(trimmed.astype(np.float64) ** 2) == pytest.approx(np.sum(samples.astype(np.float64) ** 2), rel=1e-3)


@pytest.mark.parametrize("inner", [False, True])
def test_trim_gives_a_silent_clip_back_whole(inner):
    samples = np.zeros(1000, np.float32)
    np.testing.assert_array_equal(Trim(inner=inner)(samples, RATE, rng()), samples)


def test_shift_moves_and_fills_with_zeros():
    samples = np.arange(1, 11, dtype=np.float32) / 10
    np.testing.assert_array_equal(Shift(0, 0).apply(samples, 0.3), [0, 0, 0, *samples[:7]])
    np.testing.assert_array_equal(Shift(0, 0).apply(samples, -0.3), [*samples[3:], 0, 0, 0])
    np.testing.assert_array_equal(Shift(0, 0).apply(samples, 0.0), samples)


@given(seed=st.integers(0, 2**32))
def test_shifts_go_their_way_by_a_tenth_to_a_half(seed):
    samples = np.ones(1000, np.float32)
    left = WAVEFORM["shift_left"](samples, RATE, rng(seed))
    right = WAVEFORM["shift_right"](samples, RATE, rng(seed))
    assert 100 <= np.count_nonzero(left == 0) <= 500
    assert left[0] == right[-1] == 1
    assert left[-1] == right[0] == 0


@pytest.mark.parametrize("snr", [0.0, 10.0, 25.0])
@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_stands_the_decibels_below_that_were_drawn(snr, slope):
    samples = tone(440, 2, level=0.1)
    added = Noise().apply(samples, RATE, NoiseDraw(snr, slope), rng()) - samples
    assert 20 * np.log10(rms(samples) / rms(added)) == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_falls_with_frequency_by_its_slope(slope):
    made = coloured_noise(1 << 18, RATE, slope, rng())
    power = np.abs(np.fft.rfft(made)) ** 2
    bins = np.fft.rfftfreq(1 << 18, 1 / RATE)
    octaves = [10 * np.log10(power[(bins >= f) & (bins < 2 * f)].mean()) for f in (100, 200, 400, 800, 1600, 3200)]
    np.testing.assert_allclose(np.diff(octaves), -10 * np.log10(2) * slope, atol=0.5)


@pytest.mark.parametrize("samples", [1, 2, 1000])
def test_a_silent_clip_gets_noise_at_the_floor(samples):
    noisy = Noise(floor=-60.0)(np.zeros(samples, np.float32), RATE, rng())
    assert 20 * np.log10(rms(noisy)) == pytest.approx(-60, abs=0.01)


def test_parameters_lie_in_their_range():
    for seed in range(50):
        assert 1 <= WAVEFORM["pitch_up"].draw(rng(seed)) <= 4
        assert -4 <= WAVEFORM["pitch_down"].draw(rng(seed)) <= -1
        snr, slope = WAVEFORM["noise"].draw(rng(seed))
        assert 5 <= snr <= 30
        assert 0 <= slope <= 2


@pytest.mark.parametrize("name", WAVEFORM)
def test_what_it_says_is_what_it_does(name):
    """`says` takes from the generator what a call takes first."""
    augmentation = WAVEFORM[name]
    assert augmentation.says(rng(3)) == augmentation.says(rng(3))
    if name in DRAWN:
        assert augmentation.says(rng(3)) != augmentation.says(rng(5))
    assert Shift(0.2, 0.2).says(rng()) == "20 % later"
    assert Pitch(-2, -2).says(rng()) == "-2.0 semitones"


@pytest.mark.parametrize(("name", "semitones"), TONES.items())
def test_half_and_whole_tones_are_right(name, semitones):
    moved = WAVEFORM[name](tone(440, 1.0), RATE, rng())
    assert frequency_of(moved) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.003)  # five cents
    assert len(moved) == RATE


@pytest.mark.parametrize("name", WAVEFORM)
def test_the_generator_alone_decides(name):
    samples = np.concatenate([np.zeros(500, np.float32), noise(0.3)])
    kept = samples.copy()
    one, again = (WAVEFORM[name](samples, RATE, rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(samples, kept)
    assert not np.shares_memory(one, samples)
    if name in DRAWN:
        other = WAVEFORM[name](samples, RATE, rng(8))
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", WAVEFORM)
@pytest.mark.parametrize("seconds", [0.01, 0.5])
@pytest.mark.parametrize("level", [1e-20, 1.0, 3.0])
def test_the_level_stays_within_what_it_was_or_full_scale(name, seconds, level):
    samples = (level * np.sign(noise(seconds))).astype(np.float32)  # as loud as can be
    changed = WAVEFORM[name](samples, RATE, rng())
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert np.abs(changed).max() <= max(1.0, level)


@given(
    name=st.sampled_from(sorted(WAVEFORM)),
    values=st.lists(st.floats(-1, 1, width=32), max_size=40),
    rate=st.sampled_from([1, 50, 8_000, 192_000]),
)
def test_the_shortest_clips(name, values, rate):
    samples = np.array(values, np.float32)
    changed = WAVEFORM[name](samples, rate, rng())
    assert changed.dtype == np.float32
    assert changed.ndim == 1
    assert np.isfinite(changed).all()
    assert bool(changed.size) == bool(samples.size)
    if name.startswith(("pitch", "shift", "noise")):
        assert len(changed) == len(samples)


def test_a_silent_clip_stays_silent_but_for_noise():
    for name, augmentation in WAVEFORM.items():
        changed = augmentation(np.zeros(5000, np.float32), RATE, rng())
        assert changed.any() == (name == "noise"), name


def test_without_the_stretcher_one_learns_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    with pytest.raises(MissingExtraError, match=r"earmark\[train\]"):
        WAVEFORM["slow"](noise(0.1), RATE, rng())
    WAVEFORM["noise"](noise(0.1), RATE, rng())


def test_importing_loads_nothing_heavy():
    code = "import sys, earmark.augment.waveform; assert not {'torch', 'python_stretch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
