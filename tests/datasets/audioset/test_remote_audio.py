import io
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import CODECS, Track, sine, write

from earmark import media
from earmark.datasets.audioset import videos
from earmark.datasets.audioset.ledger import ClipError, Outcome
from earmark.datasets.audioset.videos import RangeFile, cut_span

RATE = 48_000
SECONDS = 11.0


@dataclass
class Part:
    body: bytes
    headers: dict[str, str]
    status: int = 206

    def read(self):
        return self.body

    def close(self):
        pass


def on_a_server(content, asked=None):
    def ask(first, last):
        (asked if asked is not None else []).append(first)
        body = content[first : last + 1]
        return Part(body, {"Content-Range": f"bytes {first}-{first + len(body) - 1}/{len(content)}"})

    return RangeFile("clip", ask)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 0.1, (1, round(SECONDS * RATE)))


# WebM counts in milliseconds, so a span's place is right to half of one; the others count samples.
@pytest.mark.parametrize(
    ("name", "rate", "slack"),
    [
        ("s16.wav", 44_100, 0),
        ("flac", 44_100, 0),
        ("aac.m4a", 44_100, 0),
        ("opus.ogg", 44_100, 0),
        ("mp3", 48_000, 0),
        ("opus.webm", 48_000, 24),
    ],
)
def test_a_span_is_what_decoding_from_the_start_gives(noise, name, rate, slack):
    container, codec, _ = CODECS[name]
    content = write(None, container, Track(noise, RATE, codec))
    samples = cut_span(on_a_server(content), 9.0, 9.5, rate)
    whole = media.read(content, rate)
    assert len(samples) == rate // 2
    starts = range(9 * rate - slack, 9 * rate + slack + 1)
    errors = [np.abs(whole[start:][: len(samples)] - samples).max() for start in starts]
    assert min(errors) < 5e-3


def test_only_the_blocks_around_the_span_are_asked_for(noise, monkeypatch):
    monkeypatch.setattr(videos, "BLOCK", 1 << 13)
    asked = []
    content = write(None, "ipod", Track(noise, RATE, "aac"))
    cut_span(on_a_server(content, asked), 9.0, 10.0, RATE)
    assert len(set(asked)) == len(asked) < len(content) / (1 << 13) / 2


@pytest.mark.parametrize(
    ("content", "outcome", "message"),
    [
        (lambda: b"no sound at all " * 1000, Outcome.DAMAGED, "is not a recording"),
        (lambda: write(None, "wav", Track(sine(5.5))), Outcome.DAMAGED, "holds 0.50 s of the 2.00 s from 5 s on"),
        (lambda: write(None, "wav", Track(sine(4.0))), Outcome.EMPTY, "no sound at 5 s or later"),
        (lambda: write(None, "wav", Track(sine(7.0, level=0.0))), Outcome.EMPTY, "every sample is zero"),
        (lambda: write(None, "matroska", video=7.0), Outcome.EMPTY, "video without sound"),
    ],
    ids=["noise", "short", "over", "silent", "pictures"],
)
def test_what_is_no_clip_is_told(content, outcome, message):
    with pytest.raises(ClipError, match=message) as told:
        cut_span(on_a_server(content()), 5.0, 7.0, 16_000)
    assert told.value.outcome is outcome
    assert not told.value.again


def test_a_connection_that_breaks_off_is_not_taken_for_the_end(noise):
    content = write(None, "flac", Track(noise, RATE, "flac"))
    served = on_a_server(content)

    def ask(first, last):
        if first:
            raise ClipError(Outcome.REFUSED, "the connection failed", again=True)
        return served._ask(first, last)

    with pytest.raises(ClipError, match="the connection failed"):
        cut_span(RangeFile("clip", ask), 0.0, 10.0, RATE)


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(-50, 400), st.integers(0, 2), st.integers(0, 99))))
def test_a_range_file_reads_like_a_file(content, moves):
    block, videos.BLOCK = videos.BLOCK, 32
    try:
        ours, theirs = on_a_server(content or b"x"), io.BytesIO(content or b"x")
        for offset, whence, count in moves:
            target = max(0, offset) if whence == 0 else offset
            assert ours.seek(target, whence) == theirs.seek(target, whence)
            here = ours.read(count)
            assert theirs.read(len(here)) == here
            assert here or not count or not theirs.read(1)
            theirs.seek(ours.tell())
    finally:
        videos.BLOCK = block
