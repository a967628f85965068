"""Damaged, cut off and strange recordings: what can be had, and one line about the rest."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import CODECS, Track, sine, write

from earmark.errors import EarmarkWarning, MediaError
from earmark.media import read

RATE = 22_050
SECONDS = 1.0
LIMIT = 30 * RATE  # what that may at most become: damaged rates and gaps, but no hours of nothing
STREAMS = ["mp2.ts", "aac.ts"]  # without an encoder's delay or a length in a header


@pytest.fixture(scope="session")
def encoded() -> dict[str, bytes]:
    noise = np.random.default_rng(0).normal(size=(2, round(48_000 * SECONDS))) * 0.1
    files = {name: write(None, c, Track(noise, codec=codec)) for name, (c, codec, _) in CODECS.items()}
    return files | {name: write(None, "mpegts", Track(noise, codec=name[:-3])) for name in STREAMS}


@pytest.fixture(scope="session")
def movie(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("movie") / "a.mp4"
    return write(path, "mp4", Track(sine(10.0), codec="aac"), video=10.0, options={"movflags": "faststart"})


def reading(data: bytes) -> tuple[np.ndarray | None, list[str]]:
    """The samples, or None for a MediaError, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            samples = read(data, RATE)
        except MediaError:
            return None, []
    assert all(issubclass(warning.category, EarmarkWarning) for warning in caught)
    assert len(caught) <= 1
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert np.abs(samples).max(initial=0) <= 16
    assert len(samples) <= LIMIT
    return samples, [str(warning.message) for warning in caught]


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("name", CODECS)
def test_whole_files_warn_of_nothing(encoded, name):
    samples, said = reading(encoded[name])
    assert said == []
    assert abs(len(samples) - SECONDS * RATE) < 0.03 * RATE


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("name", ["s16.wav", "flac", "mp3", "aac.mkv", "opus.webm", "flac.mkv", "mp3.mkv"])
def test_files_that_end_early_say_so(encoded, name):
    data = encoded[name]
    samples, said = reading(data[: len(data) // 2])
    assert 0.33 * SECONDS * RATE < len(samples) < 0.67 * SECONDS * RATE
    assert len(said) == 1
    assert f"ends early: {len(samples) / RATE:.1f} s of the {SECONDS} s its header claims" in said[0]


def test_a_movie_that_ends_early(movie):
    samples, said = reading(movie[: len(movie) // 2])
    assert 2 * RATE < len(samples) < 8 * RATE
    assert "of the 10.0 s its header claims" in said[0]


def test_a_cut_off_recording_still_gives_a_span(encoded):
    data = encoded["s16.wav"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read(data[: len(data) // 2], RATE, start=0.1, end=0.4)) == round(0.4 * RATE) - round(0.1 * RATE)


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("name", ["flac", "aac.mp4", "flac.mkv", "mp3"])
def test_damage_in_the_middle_is_silence_and_the_rest_stays_in_place(name):
    container, codec, _ = CODECS[name]
    noise = np.random.default_rng(3).normal(size=(1, RATE * 6)) * 0.05  # so that bytes are even in time
    data = bytearray(write(None, container, Track(noise, RATE, codec=codec)))
    whole = read(bytes(data), RATE)
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\xaa" * 3000
    heard, said = reading(bytes(data))
    assert len(said) == 1
    assert "damaged: " in said[0]
    early, late = slice(RATE, 2 * RATE), slice(5 * RATE, round(5.9 * RATE))
    assert np.abs(heard[early] - whole[early]).max() < 1e-3
    if name != "mp3":  # a bare MP3 has no timestamps to tell how much is missing
        assert abs(len(heard) - len(whole)) < 0.03 * RATE
        lag = np.correlate(heard[late], whole[late], "same").argmax() - len(whole[late]) // 2
        assert abs(lag) <= (2 if container != "matroska" else 45)  # Matroska counts in milliseconds


@pytest.mark.parametrize(
    ("codec", "container"), [("pcm_f32le", "wav"), ("pcm_f64le", "wav"), ("pcm_f32le", "matroska")]
)
def test_what_is_no_number_or_no_sound(codec, container):
    samples = sine(1.0)
    samples[0, [1000, 2000]] = np.nan, -np.inf
    samples[0, 30_000:30_003] = 1e30
    heard, said = reading(write(None, container, Track(samples, codec=codec)))
    assert len(said) == 1
    assert "2 samples that are no numbers set to 0" in said[0]
    assert "3 samples far beyond full scale clipped" in said[0]
    clean = sine(1.0, RATE)[0]
    assert np.abs(heard - clean)[2000:13_000].max() < 0.01


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("part", [0.0005, 0.01, 0.1, 0.35, 0.8, 0.999])
def test_cut_anywhere(encoded, name, part):
    data = encoded[name]
    samples, _ = reading(data[: int(len(data) * part)])
    assert samples is None or len(samples) <= (SECONDS + 0.1) * RATE


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(CODECS) + STREAMS))
def test_any_damage_is_a_result_or_a_media_error(encoded, data, name):
    copy = bytearray(encoded[name])
    headers = st.integers(0, 400)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(headers | st.integers(0, len(copy) - 1)) % len(copy)
        new = data.draw(st.binary(min_size=1, max_size=40))
        copy[at : at + len(new)] = new
    copy = copy[: data.draw(st.integers(1, len(copy)) | st.just(len(copy)))]
    reading(bytes(copy))


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_damage_to_a_movie(movie, data):
    copy = bytearray(movie)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, 6000) | st.integers(0, len(copy) - 1))
        copy[at] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EarmarkWarning)
        with contextlib.suppress(MediaError):
            read(io.BytesIO(bytes(copy)), RATE)
