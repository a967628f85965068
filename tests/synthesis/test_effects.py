import numpy as np
import pytest

from earmark.synthesis import effects
from earmark.synthesis.music import rendering

RATE = 16_000


def decay_of(response):
    """Seconds in which Schroeder's backward integral falls by 60 dB, from its slope between -5 and -25 dB."""
    energy = np.cumsum(response[:0:-1].astype(float) ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0])
    first, last = np.argmax(level < -5), np.argmax(level < -25)
    return 60 / 20 * (last - first) / RATE


@pytest.mark.parametrize("decay", [0.3, 0.8, 1.5])
def test_a_room_dies_away_as_asked(decay):
    response = effects.room_response(RATE, decay, decay, -60.0, np.random.default_rng(0))
    assert response[0] == 1
    late = np.concatenate([[0.0], response[round(0.05 * RATE) :]])
    assert decay_of(late) == pytest.approx(decay, rel=0.15)


def test_a_room_has_the_direct_sound_asked_for():
    response = effects.room_response(RATE, 0.5, 0.3, 6.0, np.random.default_rng(1)).astype(float)
    assert 10 * np.log10(1 / np.sum(response[1:] ** 2)) == pytest.approx(6.0, abs=0.01)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_noise_falls_by_its_colour(colour, slope):
    made = effects.draw_noise(RATE * 20, RATE, colour, np.random.default_rng(0)).astype(float)
    assert np.mean(made**2) == pytest.approx(1.0, rel=1e-3)
    power = np.abs(np.fft.rfft(made)) ** 2
    hertz = np.fft.rfftfreq(len(made), 1 / RATE)
    octaves = [10 * np.log10(power[(hertz >= low) & (hertz < 2 * low)].mean()) for low in (125, 250, 500, 1000, 2000)]
    assert np.diff(octaves).mean() == pytest.approx(slope, abs=0.3)


def test_hum_stands_at_multiples_of_the_mains():
    made = effects.draw_noise(RATE * 4, RATE, "hum", np.random.default_rng(2))
    peak = np.argmax(np.abs(np.fft.rfft(made))) / 4
    assert min(abs(peak - 50 * n) for n in range(1, 13)) < 2 or min(abs(peak - 60 * n) for n in range(1, 13)) < 2


def test_the_noise_is_as_far_below_as_asked():
    tone = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE).astype(np.float32)
    wanted = effects.Effects(None, 0.0, (), None, None, "white", -1.0)
    quiet = effects.apply_effects(tone, RATE, wanted, np.random.default_rng(0)).astype(float)
    noisy = effects.Effects(None, 0.0, (), None, 20.0, "white", -1.0)
    heard = effects.apply_effects(tone, RATE, noisy, np.random.default_rng(0)).astype(float)
    scale = np.dot(heard, quiet) / np.dot(quiet, quiet)
    ratio = 10 * np.log10(np.mean((scale * quiet) ** 2) / np.mean((heard - scale * quiet) ** 2))
    assert ratio == pytest.approx(20.0, abs=0.3)
    assert 20 * np.log10(np.abs(heard).max()) == pytest.approx(-1.0, abs=0.01)


def test_tilt_resonances_and_band_change_tones_as_they_say():
    def level(hertz, **more):
        tone = np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE).astype(np.float32)
        plain = {"room": None, "tilt": 0.0, "bumps": (), "band": None, "snr": None, "colour": "white", "peak": 0.0}
        made = effects._filtered(tone, RATE, effects.Effects(**plain | more))[RATE // 2 : -RATE // 2]
        return 10 * np.log10(np.mean(made.astype(float) ** 2) * 2)

    assert level(1000, tilt=3.0) == pytest.approx(0, abs=0.1)
    assert level(4000, tilt=3.0) == pytest.approx(6, abs=0.1)
    assert level(800, bumps=((800.0, 0.3, 7.0),)) == pytest.approx(7, abs=0.1)
    assert level(3200, bumps=((800.0, 0.3, 7.0),)) == pytest.approx(0, abs=0.1)
    assert level(100, band=(100.0, 6000.0)) == pytest.approx(-3, abs=0.1)
    assert level(1000, band=(100.0, 6000.0)) == pytest.approx(0, abs=0.1)


def test_every_draw_can_be_applied():
    silence = np.zeros(RATE, np.float32)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        made = effects.apply_effects(silence, RATE, effects.draw_effects(RATE, rng), rng)
        assert len(made) == RATE
        assert np.isfinite(made).all()
        assert np.abs(made).max() <= 1


def test_a_part_is_heard_where_its_energy_is():
    samples = np.zeros(3 * RATE, np.float32)
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    samples[RATE // 2 : RATE] = tone[: RATE // 2]
    samples[RATE + 1600 : RATE + 3200] = tone[:1600]  # after a gap that is no end
    samples[2 * RATE : 2 * RATE + 3200] = 0.1 * tone[:3200]
    samples[int(2.7 * RATE) :] = 0.01 * tone[: int(0.3 * RATE)]  # 40 dB below
    assert rendering.sounding_spans(samples, RATE) == [
        pytest.approx((0.5, 1.2), abs=0.01),
        pytest.approx((2.0, 2.2), abs=0.01),
    ]
    assert rendering.sounding_spans(np.zeros(RATE, np.float32), RATE) == []


def test_parts_are_brought_to_their_levels():
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal(RATE).astype(np.float32) * gain for gain in (0.01, 3.0))
    levels = [rendering.level(one, RATE, [(0.0, 1.0)]) for one in (first, second)]
    mixed = rendering.mix([first, second, first], [*levels, 0.0], [0.0, -6.0, 0.0], RATE)
    expected = first / levels[0] + second / levels[1] * 10 ** (-6 / 20)
    assert np.allclose(mixed, expected, atol=1e-4)
