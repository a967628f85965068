"""No sound is lost where channels are mixed, and nothing changes where none would be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import Track, write

from earmark.media import open_recording, read
from earmark.media.mixing import ChannelMixer

RATE = 16_000


def noise(seconds=2.0, seed=0, rate=RATE, level=0.1):
    return np.random.default_rng(seed).normal(0, level, round(seconds * rate)).astype(np.float32)


def mixed(samples, pieces=(RATE,), position=0, rate=RATE):
    mixer, out, at, turn = ChannelMixer(len(samples), rate, position), [], 0, 0
    while at < samples.shape[1]:
        out.append(mixer.push(samples[:, at : at + pieces[turn % len(pieces)]]))
        at, turn = at + pieces[turn % len(pieces)], turn + 1
    return np.concatenate([*out, mixer.finish()])


def plain(samples):
    part = np.float32(1 / len(samples))
    total = samples[0] * part
    for channel in samples[1:]:
        total = total + channel * part
    return total


@pytest.mark.parametrize(
    "samples",
    [
        np.stack([noise(), noise()]),
        np.stack([noise(), 0.3 * noise()]),
        np.stack([noise(), noise(seed=1)]),  # nothing in common
        np.stack([noise(), 0 * noise()]),
        np.stack([noise(), -0.3 * noise()]),  # opposite, but most of it is heard
        np.stack([noise(seed=i) for i in range(6)]),
        np.zeros((2, RATE), np.float32),
        np.full((2, RATE), [[0.5], [-0.5]], np.float32),  # constant offsets are no sound
        np.stack([noise() + np.float32(0.2), noise() - np.float32(0.2)]),
    ],
)
def test_the_plain_mean_wherever_it_loses_nothing(samples):
    assert np.array_equal(mixed(samples), plain(samples))


def test_opposite_channels_are_heard_as_if_they_were_alike():
    sound = noise()
    assert np.array_equal(mixed(np.stack([sound, -sound])), sound)
    assert np.array_equal(mixed(np.stack([sound, -sound]) + np.float32(0.5)), sound + np.float32(0.5))
    quieter = mixed(np.stack([sound, -0.7 * sound]))
    assert np.std(quieter) == pytest.approx(np.std(sound), rel=1e-3)


def test_what_the_channels_share_is_kept_too():
    opposite, shared = noise(), noise(seed=1, level=0.03)
    both = mixed(np.stack([shared + opposite, shared - opposite]))
    assert np.dot(both, opposite) / np.dot(opposite, opposite) == pytest.approx(1, abs=0.02)
    assert np.dot(both, shared) / np.dot(shared, shared) == pytest.approx(1, abs=0.2)


def test_a_stretch_in_opposite_phase_is_heard_without_clicks():
    sound = np.sin(np.arange(3 * RATE) * 2 * np.pi * 440 / RATE).astype(np.float32)
    turned = np.interp(np.arange(3 * RATE), [16_000, 17_600, 30_000, 31_600], [1, -1, -1, 1])
    heard = mixed(np.stack([sound, (turned * sound).astype(np.float32)]))
    assert np.array_equal(heard[:14_400], sound[:14_400])
    assert np.abs(np.diff(heard, 2)).max() <= 1.1 * np.abs(np.diff(sound, 2)).max()
    for begin in range(0, 3 * RATE - 1600, 400):  # at no moment is it lost
        assert np.std(heard[begin : begin + 1600]) > 0.4 * np.std(sound)


def test_a_short_sound_in_opposite_phase_is_heard_whole():
    bang = np.zeros(RATE, np.float32)
    bang[7_000:7_300] = noise()[:300]
    assert np.array_equal(mixed(np.stack([bang, -bang])), bang)


def test_a_pair_within_surround_sound():
    front, centre = noise(), noise(seed=1)
    samples = np.zeros((6, len(front)), np.float32)
    samples[0], samples[1], samples[2] = front, -front, centre
    assert np.abs(mixed(samples) - (2 * front + centre) / 6).max() < 1e-6


def test_more_than_two_channels_that_cancel_together():
    one, other = noise(), noise(seed=1)
    heard = mixed(np.stack([one + other, -one, -other]))
    assert np.std(heard) > 0.5 * np.std(one)


def test_a_channel_against_many_stands_back():
    sound = noise()
    assert np.abs(mixed(np.stack([-sound, sound, sound, sound])) - sound).max() < 1e-6


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 2_250), min_size=1, max_size=5), st.integers(0, 3))
def test_the_same_whatever_the_pieces(pieces, kind):
    rate = 4_000
    sound = noise(1.7, seed=kind, rate=rate)
    samples = np.stack([sound, sound if kind else -sound, noise(1.7, seed=9, rate=rate)])[: 2 + kind % 2]
    samples[1, 1_250:3_581] *= -1
    samples[1, 5_000:5_125] *= np.float32(-0.8)
    assert np.array_equal(mixed(samples, pieces, rate=rate), mixed(samples, rate=rate))


@pytest.mark.parametrize("position", [1600, 1700, 16_123])
def test_from_any_position_on_the_same(position):
    samples = np.stack([noise(), noise()])
    samples[1, 9_000:25_000] *= -1
    later = mixed(samples[:, position:], position=position)
    assert np.array_equal(later[3_200:], mixed(samples)[position + 3_200 :])


@pytest.mark.parametrize(("layout", "channels"), [("stereo", 2), ("5.1", 6), ("10 channels", 10)])
def test_files_of_any_layout(layout, channels):
    samples = np.zeros((channels, 10 * RATE))
    samples[0] = noise(10.0)
    samples[1] = samples[0] * np.where(np.arange(10 * RATE) // (2 * RATE) % 2, -1, 1)
    data = write(None, "wav", Track(samples, RATE, codec="pcm_f32le", layout=layout))
    heard = read(data, RATE)
    assert np.std(heard[33_000:60_000]) == pytest.approx(2 / channels * 0.1, rel=0.02)
    assert np.array_equal(
        read(data, 11_025, start=8.2, end=9.1), read(data, 11_025)[round(8.2 * 11_025) : round(9.1 * 11_025)]
    )
    with open_recording(data) as recording:
        assert np.array_equal(np.concatenate(list(recording.blocks(RATE, 0.3))), heard)


def test_no_numbers_do_not_spread():
    samples = np.stack([noise(), -noise()])
    samples[0, 10_000] = np.nan
    heard = mixed(samples)
    assert np.isnan(heard).sum() <= 1
    assert np.std(heard[:9_000]) > 0.09
