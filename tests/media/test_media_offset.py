"""A constant offset is taken out, and recordings without one stay as they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import Track, write

from earmark.media import read
from earmark.media.offset import OffsetRemover, RunningOffsetRemover

RATE = 8_000


LOW = 1_000  # Hz: for many small pieces


def noise(seconds=8.0, level=0.05, seed=0, rate=RATE):
    return np.random.default_rng(seed).normal(0, level, round(seconds * rate)).astype(np.float32)


def cleared(samples, pieces=(RATE,), rate=RATE):
    remover, out, at, turn = OffsetRemover(rate), [], 0, 0
    while at < len(samples):
        out.append(remover.push(samples[at : at + pieces[turn % len(pieces)]]))
        at, turn = at + pieces[turn % len(pieces)], turn + 1
    return np.concatenate([*out, remover.finish()])


@pytest.mark.parametrize(
    "samples",
    [
        noise(),
        noise() + np.float32(0.0004),
        noise(level=0.2) + np.float32(0.004),  # a fiftieth of its level
        0.3 * np.sin(np.arange(8 * RATE) * 2 * np.pi * 10 / RATE).astype(np.float32),  # deeper than sound goes
        noise(0.1, level=0.5),
        np.zeros(RATE, np.float32),
        noise(0.0),
    ],
)
def test_recordings_without_an_offset_stay_as_they_are(samples):
    assert np.array_equal(cleared(samples), samples)


@pytest.mark.parametrize("offset", [0.02, -0.05, 0.2, 0.8])
@pytest.mark.parametrize("level", [0.001, 0.05, 0.2])
def test_an_offset_is_taken_out(offset, level):
    samples = noise(level=level)
    assert np.abs(cleared(samples + np.float32(offset)) - samples).max() < 0.1 * level


def test_a_small_offset_counts_in_a_quiet_recording():
    samples = noise(level=0.005)
    assert np.abs(cleared(samples + np.float32(0.003)) - samples).max() < 0.0005


def test_an_offset_that_drifts():
    drift = np.linspace(0.02, 0.1, 8 * RATE)
    assert np.abs(cleared((noise() + drift).astype(np.float32)) - noise()).max() < 0.02


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=5), st.sampled_from([0.0, 0.007, 0.1]))
def test_the_same_whatever_the_pieces(pieces, offset):
    samples = noise(7.3, rate=LOW) + np.float32(offset)
    samples[3_750:] += np.float32(0.05)
    assert np.array_equal(cleared(samples, pieces, LOW), cleared(samples, rate=LOW))


@pytest.mark.parametrize("length", [1, 100, 800, 801, 20_000, 20_800])
def test_any_length(length):
    samples = noise()[:length] + np.float32(0.3)
    assert len(cleared(samples)) == length
    if length >= 800:
        assert abs(cleared(samples).mean()) < 0.002


def test_spans_are_those_of_the_whole():
    samples = noise(20.0)
    samples[80_000:] += 0.1
    data = write(None, "wav", Track(samples[None].astype(np.float64), RATE, codec="pcm_f32le"))
    whole = read(data, 6_000)
    for start, end in ((9.0, 9.5), (10.2, 11.0), (15.0, 16.0)):
        assert np.array_equal(read(data, 6_000, start=start, end=end), whole[round(start * 6_000) : round(end * 6_000)])
    assert abs(whole[90_000:].mean()) < 0.001


def test_no_numbers_do_not_spread():
    samples = noise() + np.float32(0.1)
    samples[30_000] = np.nan
    assert np.isnan(cleared(samples)).sum() == 1


def running(samples, pieces=(RATE,), rate=RATE):
    remover, out, at, turn = RunningOffsetRemover(rate), [], 0, 0
    while at < len(samples):
        piece = samples[at : at + pieces[turn % len(pieces)]]
        out.append(remover.push(piece))
        assert len(out[-1]) == len(piece), "what is live does not wait"
        at, turn = at + len(piece), turn + 1
    return np.concatenate(out)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=5), st.sampled_from([0.0, 0.007, 0.1]))
def test_live_the_same_whatever_the_pieces(pieces, offset):
    samples = noise(7.3, rate=LOW) + np.float32(offset)
    assert np.array_equal(running(samples, pieces, LOW), running(samples, rate=LOW))


def test_live_an_offset_goes_within_a_second_and_nothing_else_changes():
    assert np.array_equal(running(noise()), noise())
    cleared_ = running(noise() + np.float32(0.1))
    assert np.abs(cleared_ - noise())[RATE:].max() < 0.02
    assert np.abs(cleared_ - noise())[6 * RATE :].max() < 0.002
