"""Bytes as they come from microphones and browsers, as samples."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_making import container, pcm
from media_files import Track, write

from earmark.errors import EarmarkError, MediaError
from earmark.live.sources import WEBM, AsItComes, Pcm, decoded, saved
from earmark.media import read

WANTED = 22_050


def sine(rate, seconds=1.0, hz=440.0, level=0.3):
    return (level * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


class Pipe:
    """Gives at most so many bytes at a time, and counts them."""

    def __init__(self, data, most=300):
        self.data, self.most, self.given = data, most, 0

    def read(self, size):
        part = self.data[self.given : self.given + min(size, self.most)]
        self.given += len(part)
        return part


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_at_any_rate_stays_that_tone(rate):
    source = Pcm(rate, WANTED)
    data = pcm(sine(rate))
    blocks = [source.hear(data[first : first + 333]) for first in range(0, len(data), 333)]
    found = np.concatenate([*blocks, source.finish()])
    assert found.dtype == np.float32
    assert abs(len(found) - WANTED) <= 1
    np.testing.assert_allclose(found[2000:-2000], sine(WANTED)[2000 : len(found) - 2000], atol=2e-4)


def test_no_alias_is_made():
    source = Pcm(48_000, WANTED)
    found = np.concatenate([source.hear(pcm(sine(48_000, hz=15_000.0))), source.finish()])
    assert np.abs(found[2000:-2000]).max() < 0.003


@settings(max_examples=20)
@given(st.lists(st.integers(1, 999), min_size=1, max_size=5))
def test_blocks_may_end_anywhere(sizes):
    data, source, at, parts = pcm(sine(16_000, 0.1)), Pcm(16_000, WANTED), 0, []
    while at < len(data):
        parts.append(source.hear(data[at : at + sizes[len(parts) % len(sizes)]]))
        at += sizes[(len(parts) - 1) % len(sizes)]
    whole = Pcm(16_000, WANTED)
    wanted = np.concatenate([whole.hear(data), whole.finish()])
    np.testing.assert_allclose(np.concatenate([*parts, source.finish()]), wanted, atol=1e-5)


def test_what_is_given_is_not_held_back():
    source = Pcm(48_000, WANTED)
    given_ = sum(len(source.hear(b"\0" * 1920)) for _ in range(50))
    assert given_ > WANTED - 100


def test_nothing_gives_nothing():
    source = Pcm(16_000, WANTED)
    assert len(source.hear(b"")) == len(source.hear(b"\1")) == len(source.finish()) == 0


@pytest.mark.parametrize("rate", [0, -1, 7_999, 96_001])
def test_a_rate_that_no_microphone_has(rate):
    with pytest.raises(MediaError, match="8000 to 96000"):
        Pcm(rate, WANTED)


def test_a_browsers_stream_is_decoded_as_it_comes():
    data = container(sine(48_000, 4.0))
    pipe, heard = Pipe(data), []
    for samples in decoded(pipe, WANTED, "stream", WEBM):
        heard.append(samples)
        seconds = sum(map(len, heard)) / WANTED
        assert pipe.given / len(data) * 4.0 < seconds + 0.5
    whole = np.concatenate(heard)
    assert len(whole) / WANTED == pytest.approx(4.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(whole[WANTED : 2 * WANTED]))
    assert int(np.argmax(spectrum)) == 440


def test_any_container_from_a_pipe():
    data = container(sine(44_100, 1.0), "wav", "pcm_s16le", 44_100)
    stream = AsItComes(io.BufferedReader(io.BytesIO(data)))
    whole = np.concatenate(list(decoded(stream, WANTED, "standard input")))
    assert len(whole) == pytest.approx(WANTED, abs=50)


def broken():
    webm = container(sine(48_000, 1.0))
    rng = np.random.default_rng(0)
    return {
        "nothing": b"",
        "noise": rng.bytes(5000),
        "text": b"hello " * 1000,
        "another container": container(sine(48_000), "wav", "pcm_s16le"),
        "another codec": container(sine(48_000), "matroska", "flac"),
        "a header alone": webm[:200],
    }


@pytest.mark.parametrize("turned", [1.0, -1.0, 0.3])
def test_channels_are_mixed_as_those_of_a_recording(turned):
    sound = sine(44_100, 2.0)
    data = write(None, "wav", Track(np.stack([sound, turned * sound]), 44_100))
    heard = np.concatenate(list(decoded(Pipe(data), WANTED, "standard input")))
    np.testing.assert_allclose(heard, read(data, WANTED), atol=1e-5)
    assert np.std(heard) > 0.6 * np.std(sound)


@pytest.mark.parametrize("kind", ["nothing", "noise", "text", "another container", "another codec", "a header alone"])
def test_a_broken_stream_is_one_clear_error(kind):
    with pytest.raises(MediaError) as error:
        list(decoded(Pipe(broken()[kind]), WANTED, "the stream", WEBM))
    assert str(error.value).startswith("the stream: ")
    assert "\n" not in str(error.value)


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_a_damaged_stream_is_heard_or_refused(seed):
    rng = np.random.default_rng(seed)
    data = bytearray(DAMAGED)
    for place in rng.integers(0, len(data), 20):
        data[place] = rng.integers(256)
    heard = 0
    try:
        for samples in decoded(Pipe(bytes(data[: rng.integers(len(data))])), WANTED, "the stream", WEBM):
            assert np.isfinite(samples).all()
            heard += len(samples)
    except MediaError:
        pass
    assert heard < 3 * WANTED


DAMAGED = container(sine(48_000, 1.0))


def test_what_is_heard_is_kept(tmp_path):
    blocks = np.array_split(sine(WANTED), 7)
    path = tmp_path / "kept.wav"
    passed = list(saved(blocks, path, WANTED))
    np.testing.assert_array_equal(np.concatenate(passed), sine(WANTED))
    np.testing.assert_allclose(read(path, WANTED), sine(WANTED), atol=1e-4)


def test_what_was_kept_is_whole_wherever_it_stops(tmp_path):
    going = saved(iter(np.array_split(sine(WANTED), 7)), tmp_path / "kept.wav", WANTED)
    next(going)
    next(going)
    going.close()
    assert len(read(tmp_path / "kept.wav", WANTED)) == 2 * WANTED // 7


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(EarmarkError, match="--save"):
        next(saved([sine(WANTED)], tmp_path / "none" / "a.wav", WANTED))


def test_what_was_kept_before_is_not_written_over(tmp_path):
    (tmp_path / "kept.wav").write_bytes(b"yesterday's evening")
    (tmp_path / "link.wav").symlink_to(tmp_path / "kept.wav")
    for name in ("kept.wav", "link.wav"):
        with pytest.raises(EarmarkError, match="File exists"):
            next(saved([sine(WANTED)], tmp_path / name, WANTED))
    assert (tmp_path / "kept.wav").read_bytes() == b"yesterday's evening"
