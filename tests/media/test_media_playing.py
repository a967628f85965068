import os
import signal
import subprocess
import sys
import time
from queue import Queue
from threading import Event

import numpy as np
import pytest
from media_files import Track, sine, write
from voice_making import WORDS, write_voice

from earmark import media
from earmark.errors import EarmarkError, MediaError
from earmark.media import playing
from earmark.media.recording import Passage

RATE = 16_000


@pytest.fixture
def recording(tmp_path):
    return write_voice(tmp_path / "voice.wav", *WORDS)


@pytest.fixture
def heard(monkeypatch):
    """Plays on the null device; a list of what it took, bytes of float32."""
    import miniaudio

    monkeypatch.setenv(playing.VARIABLE, "null")
    monkeypatch.setattr(playing, "DRAIN", 0.1)
    taken = []

    class Tapped(miniaudio.PlaybackDevice):
        def start(self, feed):
            def tapped():
                wanted = yield b""
                while True:
                    try:
                        piece = feed.send(wanted)
                    except StopIteration:
                        return
                    taken.append(np.frombuffer(piece, np.float32))
                    wanted = yield piece

            through = tapped()
            next(through)
            super().start(through)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", Tapped)
    return taken


def joined(pieces):
    return np.concatenate([np.empty(0, np.float32), *pieces])


def test_the_device_takes_every_sample_of_a_middle_span(recording, heard):
    media.play_spans(recording, [(0.6, 1.3)])
    played, there = joined(heard), media.read(recording, RATE, start=0.6, end=1.3)
    assert len(played) >= len(there) + playing.DRAIN * RATE
    inside = slice(80, len(there) - 80)  # within the fades
    assert np.array_equal(played[: len(there)][inside], there[inside])
    assert not played[len(there) :].any()


@pytest.mark.parametrize(("onset", "offset"), [(0.0, 0.4), (2.7, 3.0)])
def test_a_span_at_the_beginning_or_the_end(recording, heard, onset, offset):
    media.play_spans(recording, [(onset, offset)])
    played, there = joined(heard), media.read(recording, RATE, start=onset, end=offset)
    assert np.array_equal(played[80 : len(there) - 80], there[80:-80])
    assert not played[len(there) :].any()


@pytest.mark.parametrize("span", [(-1, 1), (2, 1), (float("nan"), 1)])
def test_what_is_no_span(recording, span):
    with media.open_recording(recording) as opened, pytest.raises(ValueError, match=r"a span runs from|NaN"):
        list(playing.sound(opened, [span], RATE))


def test_spans_with_a_gap_between(recording, heard):
    media.play_spans(recording, [(0.5, 0.6), (0.2, 0.25)], gap=0.1)
    played = joined(heard)
    assert np.array_equal(played[80:1520], media.read(recording, RATE, start=0.505, end=0.595))
    assert not played[1600:3200].any()
    assert np.array_equal(played[3280:3920], media.read(recording, RATE, start=0.205, end=0.245))


def test_nothing_to_play_asks_for_no_device(recording, monkeypatch):
    monkeypatch.setenv(playing.VARIABLE, "no such thing")
    media.play_spans(recording, [])


def test_video_plays_too(tmp_path, heard):
    write(tmp_path / "a.mp4", "mp4", Track(sine(1.0), 48_000, "aac"), video=1.0)
    media.play_spans(tmp_path / "a.mp4", [(0.2, 0.4)])
    assert np.abs(joined(heard)[:9600]).max() == pytest.approx(0.3, rel=0.1)


def test_fades_begin_and_end_in_silence(recording):
    with media.open_recording(recording) as opened:
        faded = joined(playing.sound(opened, [(0.6, 0.8)], RATE))
    there = media.read(recording, RATE, start=0.6, end=0.8)
    gain = faded[np.abs(there) > 0.01] / there[np.abs(there) > 0.01]
    assert np.all((gain >= 0) & (gain <= 1))
    assert np.abs(faded[[0, -1]]).max() < 0.02 < np.abs(there).max()
    assert np.array_equal(faded[80:-80], there[80:-80])


def test_a_span_to_the_end_and_one_beyond_it(recording):
    with media.open_recording(recording) as opened:
        assert sum(map(len, playing.sound(opened, [(2.5, np.inf)], RATE))) == RATE // 2
        assert sum(map(len, playing.sound(opened, [(2.5, 9.0)], RATE))) == RATE // 2
        assert sum(map(len, playing.sound(opened, [(7.0, 9.0)], RATE))) == 0


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_a_passage_reads_what_the_recording_holds(tmp_path, suffix):
    codec = {"wav": "pcm_s16le", "mp3": "libmp3lame"}[suffix]
    noise = np.random.default_rng(1).normal(0, 0.1, (1, 45 * 8_000))
    write(tmp_path / f"a.{suffix}", suffix, Track(noise, 8_000, codec))
    spans = [(0.0, 0.1), (9.9, 10.1), (9.8, 10.0), (3.0, 31.0), (30.9, 31.5), (0.5, 0.6), (44.0, 60.0), (50, 60)]
    whole = media.read(tmp_path / f"a.{suffix}", 8_000)
    with media.open_recording(tmp_path / f"a.{suffix}") as opened:
        passage = Passage(opened, 8_000)
        for onset, offset in spans:
            piece = joined(passage.span(onset, offset))
            assert np.array_equal(piece, whole[round(onset * 8_000) : round(offset * 8_000)])
        with pytest.raises(ValueError, match="a span runs"):
            next(passage.span(2.0, 1.0))


def test_words_with_margins_need_one_pass(tmp_path, monkeypatch):
    path = write_voice(tmp_path / "long.wav", seconds=60.0)
    passes = []
    blocks = media.Recording.blocks
    monkeypatch.setattr(media.Recording, "blocks", lambda self, rate: passes.append(1) or blocks(self, rate))
    with media.open_recording(path) as opened:
        spans = [(0.3 * n, 0.3 * n + 0.5) for n in range(190)]
        passage = Passage(opened, RATE)
        lengths = [len(joined(passage.span(*span))) for span in spans]
    assert set(lengths) == {8000}
    assert len(passes) == 1


def test_the_feed_gives_silence_where_nothing_waits_and_says_when_all_is_taken():
    waiting, over = Queue(), Event()
    feed = playing._feed(waiting, over)
    next(feed)
    assert feed.send(10) == b""
    waiting.put(np.arange(7, dtype=np.float32))
    waiting.put(np.arange(7, 9, dtype=np.float32))
    taken = [np.frombuffer(feed.send(4), np.float32), np.frombuffer(feed.send(4), np.float32)]
    assert np.array_equal(np.concatenate(taken), np.arange(8))
    waiting.put(None)
    assert not over.is_set()
    assert np.array_equal(np.frombuffer(feed.send(4), np.float32), [8])
    with pytest.raises(StopIteration):
        feed.send(4)
    assert over.is_set()


def test_no_sound_system_of_that_name(recording, monkeypatch):
    monkeypatch.setenv(playing.VARIABLE, "gramophone")
    with pytest.raises(EarmarkError, match=r"gramophone: is no sound system; choose one of .*alsa"):
        media.play_spans(recording, [(0, 0.1)])


def test_no_sound_device_is_told_without_noise(recording, monkeypatch, capfd):
    import miniaudio

    def none(*_, backends, **__):
        os.write(2, b"ALSA lib confmisc.c:855: cannot find card\n")
        assert miniaudio.Backend.NULL not in backends
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.delenv(playing.VARIABLE, raising=False)
    monkeypatch.setattr(miniaudio, "PlaybackDevice", none)
    with pytest.raises(EarmarkError, match="sound: this machine has no sound device") as error:
        media.play_spans(recording, [(0, 0.1)])
    assert error.value.remedy
    assert capfd.readouterr().err == ""


def test_a_device_that_does_not_start(recording, monkeypatch):
    import miniaudio

    def refuse(self, feed):
        raise miniaudio.MiniaudioError("failed to start audio device", -1)

    monkeypatch.setenv(playing.VARIABLE, "null")
    monkeypatch.setattr(miniaudio.PlaybackDevice, "start", refuse)
    with pytest.raises(EarmarkError, match="sound: the sound device does not start; "):
        media.play_spans(recording, [(0, 0.1)])


def test_a_device_that_takes_nothing_any_more(recording, monkeypatch):
    import miniaudio

    monkeypatch.setenv(playing.VARIABLE, "null")
    monkeypatch.setattr(playing, "PATIENCE", 0.05)
    monkeypatch.setattr(playing, "PIECE", 512)  # all that waits would be heard within half a second
    monkeypatch.setattr(miniaudio.PlaybackDevice, "start", lambda self, feed: None)
    for offset in (0.1, 3.0):  # less, and more, than can wait
        with pytest.raises(EarmarkError, match="takes nothing any more"):
            media.play_spans(recording, [(0.0, offset)])


def test_what_is_no_recording(tmp_path, heard):
    (tmp_path / "bad.wav").write_text("no sound")
    with pytest.raises(MediaError):
        media.play_spans(tmp_path / "bad.wav", [(0, 1)])
    assert heard == []


def test_control_c_ends_it(recording):
    code = """
import signal, sys
from earmark import media
from earmark.media import playing
signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells take from what they run in the background
try:
    print("begins", flush=True)
    media.play_spans(sys.argv[1], [(0, 3)] * 100)
except KeyboardInterrupt:
    print("ended")
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, recording],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, playing.VARIABLE: "null"},
    ) as process:
        assert process.stdout.readline() == "begins\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=300)[0] == "ended\n"
        assert process.returncode == 0
