"""Samples stand on the media's own clock, whatever the timestamps do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import Track, impulses, sine, write

from earmark.errors import EarmarkWarning
from earmark.media import open_recording, read
from earmark.media.clock import Clock

RATE = 22_050
pytestmark = [pytest.mark.usefixtures("untried"), pytest.mark.filterwarnings("error::earmark.errors.EarmarkWarning")]


def peaks(samples, count=1) -> list[float]:
    """The seconds of the `count` loudest impulses."""
    magnitude = np.abs(samples)
    found = []
    for _ in range(count):
        at = int(magnitude.argmax())
        found.append(at / RATE)
        magnitude[max(0, at - 500) : at + 500] = 0
    return sorted(found)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "aac"),
        ("mp4", "libopus"),
        ("mov", "pcm_s16le"),
        ("matroska", "aac"),
        ("matroska", "pcm_s16le"),
        ("mpegts", "libmp3lame"),
    ],
)
@pytest.mark.parametrize("late", [0.0, 0.02, 1.5])
def test_audio_that_starts_late(container, codec, late):
    track = Track(impulses(1.0, [0.5]), codec=codec, at=((0, late),))
    samples = read(write(None, container, track, video=2.0), RATE)
    # MP4 rounds a late start to a millisecond, MPEG-TS does not tell the encoder's delay
    assert peaks(samples)[0] == pytest.approx(0.5 + late, abs=0.03 if container == "mpegts" else 0.001)


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("mov", "pcm_s16le")])
def test_audio_before_zero_is_cut(container, codec):
    track = Track(impulses(2.0, [0.5]), codec=codec, at=((0, -0.3),))
    samples = read(write(None, container, track, video=2.0), RATE)
    assert peaks(samples)[0] == pytest.approx(0.2, abs=0.001)


@pytest.mark.parametrize("container", ["matroska", "nut"])
def test_gaps_are_silence(container):
    at = ((0, 0.0), (48_000, 3.0), (96_000, 9.0))
    data = write(None, container, Track(impulses(3.0, [0.5, 1.5, 2.5]), at=at), video=12.0)
    samples = read(data, RATE)
    assert peaks(samples, 3) == pytest.approx([0.5, 3.5, 9.5], abs=0.001)
    assert len(samples) == 10 * RATE
    assert not samples[int(1.1 * RATE) : int(2.9 * RATE)].any()


def test_gaps_in_unsigned_samples_are_silence_too():
    at = ((0, 0.0), (48_000, 3.0))
    samples = read(write(None, "matroska", Track(sine(2.0), codec="pcm_u8", at=at)), RATE)
    assert np.abs(samples[int(1.1 * RATE) : int(2.9 * RATE)]).max() == 0


def test_small_jitter_is_ignored():
    at = tuple((first, first / 48_000 + (0.02 if first // 4800 % 2 else 0.0)) for first in range(0, 48_000, 4800))
    track = Track(sine(1.0), codec="pcm_f32le", at=at, frame=4800)
    samples = read(write(None, "matroska", track), 48_000)
    assert np.abs(samples - sine(1.0)[0]).max() < 1e-6


def test_a_recording_that_does_not_begin_at_zero():
    data = write(None, "mpegts", Track(sine(1.0), codec="libmp3lame", at=((0, 50.0),)))
    assert len(read(data, RATE)) < 1.2 * RATE
    data = write(None, "matroska", Track(impulses(2.0, [0.5]), at=((0, 50.0),)), video=0)
    with open_recording(data) as recording:
        assert recording.duration == pytest.approx(2.0, abs=0.01)
    assert peaks(read(data, RATE))[0] == pytest.approx(0.5, abs=0.001)


def test_a_timestamp_hours_away_is_not_believed():
    data = write(None, "matroska", Track(sine(2.0), at=((0, 0.0), (48_000, 100_000.0))))
    with pytest.warns(EarmarkWarning, match="jump of 99999 s"):
        assert len(read(data, RATE)) == 2 * RATE


def test_files_joined_end_to_end_go_on():
    parts = [write(None, "mpegts", Track(sine(2.0), codec="mp2")) for _ in range(3)]
    assert len(read(b"".join(parts), RATE)) == pytest.approx(6 * RATE, rel=0.02)


def placed(frames, rate=1000, end=None, lost=()):
    """Frames (timestamp, samples) through a clock: (silence, cut, number) each."""
    clock = Clock(rate, Fraction(1, rate), Fraction(0), end)
    out = []
    for number, (pts, samples) in enumerate(frames):
        out += clock.place(number, pts, samples, number in lost)
    return [tuple(p) for p in out + clock.rest()], clock


def test_clock_contiguous():
    out, clock = placed([(0, 100), (100, 100), (None, 100), (290, 100), (410, 100)])
    assert out == [(0, 0, number) for number in range(5)]
    assert clock.next == 500


def test_clock_one_wrong_timestamp_changes_nothing():
    for wrong in (5000, 90_000, -700, 0):
        out, clock = placed([(0, 100), (100, 100), (wrong, 100), (300, 100), (400, 100)])
        assert out == [(0, 0, number) for number in range(5)]
        assert clock.next == 500


def test_clock_jumps_that_last():
    assert placed([(0, 100), (1000, 100), (1100, 100)])[0] == [(0, 0, 0), (900, 0, 1), (0, 0, 2)]
    assert placed([(0, 100), (100, 100), (0, 100), (100, 100)])[1].next == 400  # begins anew: goes on
    assert placed([(0, 100), (40, 100), (140, 100)])[0] == [(0, 0, 0), (0, 60, 1), (0, 0, 2)]  # overlap
    assert placed([(-150, 100), (-50, 100), (50, 100)])[0] == [(0, 50, 1), (0, 0, 2)]
    assert placed([(7, 100), (107, 100)])[0] == [(7, 0, 0), (0, 0, 1)]


def test_clock_after_a_loss_believes_small_gaps():
    frames = [(0, 20), (40, 20), (60, 20)]
    assert placed(frames)[0] == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    out, clock = placed(frames, lost={1})
    assert out == [(0, 0, 0), (20, 0, 1), (0, 0, 2)]
    assert clock.lost == Fraction(20, 1000)


def test_clock_bounds_silence():
    far = [(0, 100), (10_000_000, 100), (10_000_100, 100)]
    for end in (None, 0.3, 1000.0):
        out, clock = placed(far, end=end)
        assert out == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
        assert clock.refused == pytest.approx(9_999.9)
    assert placed(far, end=10_001.0)[0][1][0] == 9_999_900


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**62), 2**62) | st.integers(0, 5000) | st.none(), st.integers(1, 200))))
def test_clock_never_goes_mad(frames):
    out, clock = placed(frames, end=5.0)
    total = sum(samples for _, samples in frames)
    assert [number for _, _, number in out] == sorted({number for _, _, number in out})
    assert all(silence >= 0 and 0 <= cut < frames[number][1] for silence, cut, number in out)
    assert clock.next <= total + 65_000 + 60_000 * len(frames)
    assert clock.next == sum(s + frames[n][1] - c for s, c, n in out)
