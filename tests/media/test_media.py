"""Any recording in, the same mono samples out: formats, mixing, resampling, blocks, errors."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import CODECS, Track, impulses, sine, write
from scipy.signal import resample_poly

from earmark.errors import EarmarkWarning, MediaError
from earmark.media import AudioTrack, open_recording, read

RATE = 22_050
pytestmark = pytest.mark.filterwarnings("error::earmark.errors.EarmarkWarning")


class Pipe(io.RawIOBase):
    """Hands bytes out a few at a time and cannot seek."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        part = self._data.read(min(len(buffer), 1000))
        buffer[: len(part)] = part
        return len(part)


@pytest.fixture(scope="session")
def wav() -> bytes:
    return write(None, "wav", Track(sine(2.0)))


@pytest.fixture(scope="session")
def wholes(wav):
    return {rate: read(wav, rate) for rate in (8_000, 22_050, 44_100)}


@pytest.fixture(scope="session")
def two_tracks() -> bytes:
    low, high = Track(sine(1.0), language="eng"), Track(sine(1.0, frequency=2000), language="ell", title="high")
    return write(None, "matroska", low, high, video=1.0)


def loudest_frequency(samples, rate=RATE) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


@pytest.mark.parametrize("name", CODECS)
def test_a_sine_keeps_frequency_and_level_in_every_format(name):
    container, codec, error = CODECS[name]
    channels = 2 if codec == "vorbis" else 1
    data = write(None, container, Track(np.repeat(sine(1.0), channels, 0), codec=codec))
    samples = read(data, 48_000)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert abs(len(samples) - 48_000) <= 1200  # some codecs pad to a whole frame
    middle = samples[4800:43200] - sine(1.0)[0, 4800:43200]
    assert np.sqrt(np.mean(middle**2)) < error
    assert loudest_frequency(samples[:48_000], 48_000) == pytest.approx(440, abs=1)


def test_path_bytes_and_file_objects_give_the_same(tmp_path, wav):
    path = tmp_path / "with: a colon.wav"
    path.write_bytes(wav)
    samples = read(path, RATE)
    assert np.array_equal(samples, read(str(path), RATE))
    assert np.array_equal(samples, read(wav, RATE))
    assert np.array_equal(samples, read(io.BytesIO(wav), RATE))
    assert np.array_equal(samples, read(Pipe(wav), RATE))
    with path.open("rb") as file:
        file.seek(1000)
        assert np.array_equal(samples, read(file, RATE))
        assert not file.closed


def test_names(tmp_path, wav):
    path = tmp_path / "a.wav"
    path.write_bytes(wav)
    with open_recording(path) as recording, path.open("rb") as file:
        assert recording.name == str(path)
        assert open_recording(file).name == str(path)
    assert open_recording(wav).name == "<bytes>"
    assert open_recording(io.BytesIO(wav)).name == "<file object>"


@pytest.mark.parametrize("rate_in", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("rate_out", [8_000, 16_000, 22_050, 48_000])
def test_an_impulse_stays_in_its_place(rate_in, rate_out):
    data = write(None, "wav", Track(impulses(1.0, [0.5], rate_in), rate=rate_in))
    samples = read(data, rate_out)
    assert len(samples) == rate_out
    there = round(0.5 * rate_in) / rate_in
    assert abs(int(np.abs(samples).argmax()) - there * rate_out) <= 1


def test_resampling_agrees_with_scipy():
    noise = np.random.default_rng(0).normal(size=(1, 96_000)) * 0.1
    smooth = resample_poly(resample_poly(noise, 1, 4, axis=1), 4, 1, axis=1)  # nothing near the new Nyquist
    ours = read(write(None, "wav", Track(smooth, codec="pcm_f32le")), 24_000)
    theirs = resample_poly(smooth[0], 1, 2)
    assert np.abs(ours - theirs)[100:-100].max() < 2e-3  # -40 dB under the noise's peaks


@pytest.mark.parametrize(("container", "codec"), [("flac", "flac"), ("adts", "aac"), ("matroska", "pcm_f32le")])
def test_eight_channels(container, codec):
    """AAC and what FFmpeg's filters give has a plane for each: PyAV counts one more than there are."""
    layout = "7.1"
    samples = np.repeat(sine(1.0), 8, 0)
    found = read(write(None, container, Track(samples, codec=codec, layout=layout)), 48_000)
    assert found.size == pytest.approx(48_000, abs=3_000)
    level = np.sqrt(np.mean(found[10_000:40_000] ** 2))
    assert level == pytest.approx(0.3 / np.sqrt(2), rel=0.15)  # the low channel of AAC has no 440 Hz


def test_mono_is_the_mean_of_the_channels():
    rng = np.random.default_rng(1)
    for channels in (2, 6):
        samples = rng.uniform(-0.9, 0.9, (channels, 4800))
        mixed = read(write(None, "wav", Track(samples, codec="pcm_f32le")), 48_000)
        assert np.abs(mixed - samples.mean(axis=0)).max() < 1e-6
    loud = np.tile([1.0, -1.0], 2400) * np.ones((2, 1))
    assert read(write(None, "wav", Track(loud, codec="pcm_f32le")), 48_000).max() == pytest.approx(1, abs=1e-6)


def test_many_channels_without_a_layout():
    samples = np.linspace(0.05, 0.95, 10)[:, None] * sine(0.1)
    data = write(None, "wav", Track(samples, codec="pcm_f32le", layout="10 channels"))
    assert np.abs(read(data, 48_000) - samples.mean(0)).max() < 1e-6


def test_tracks(two_tracks):
    with open_recording(two_tracks, track=1) as recording:
        assert recording.tracks == (
            AudioTrack(0, "pcm_s16le", 48_000, 1, "eng", None),
            AudioTrack(1, "pcm_s16le", 48_000, 1, "ell", "high"),
        )
        assert recording.track.number == 1
        assert recording.has_video
        assert recording.duration == pytest.approx(1.0, abs=0.05)
    assert loudest_frequency(read(two_tracks, RATE)) == pytest.approx(440, abs=2)
    assert loudest_frequency(read(two_tracks, RATE, track=1)) == pytest.approx(2000, abs=2)


def test_a_cover_picture_is_no_video(wav):
    with open_recording(wav) as recording:
        assert not recording.has_video


@settings(max_examples=15, deadline=None)
@given(seconds=st.floats(0.001, 3.0), rate=st.sampled_from([8_000, 22_050, 44_100]))
def test_the_length_of_blocks_changes_nothing(wav, wholes, seconds, rate):
    with open_recording(wav) as recording:
        blocks = list(recording.blocks(rate, seconds))
    assert {len(block) for block in blocks[:-1]} <= {max(1, round(seconds * rate))}
    assert len(blocks[-1]) <= max(1, round(seconds * rate))
    assert np.array_equal(np.concatenate(blocks), wholes[rate])


def test_blocks_can_be_read_again_unless_the_source_cannot(wav):
    with open_recording(wav) as recording:
        first = np.concatenate(list(recording.blocks(RATE, 0.3)))
        assert np.array_equal(first, np.concatenate(list(recording.blocks(RATE))))
    with open_recording(Pipe(wav)) as recording:
        list(recording.blocks(RATE))
        with pytest.raises(MediaError, match="read only once"):
            list(recording.blocks(RATE))


@pytest.fixture(scope="module", params=["s16.wav", "f32.wav", "flac", "s16.aiff", "aac.m4a", "mp3", "opus.ogg"])
def noisy(request):
    container, codec, _ = CODECS[request.param]
    noise = np.random.default_rng(2).normal(size=(1, 44_100 * 3)) * 0.1
    return write(None, container, Track(noise, codec=codec, rate=48_000 if codec == "libopus" else 44_100))


@pytest.mark.parametrize("rate", [22_050, 44_100, 16_000])
def test_a_span_is_exactly_a_part_of_the_whole(noisy, rate):
    data = noisy
    whole = read(data, rate)
    for start, end in ((0.0, 0.2), (0.4321, 0.7), (2.3, 2.5), (2.77777, None), (1.1, 1.1), (2.5, 100.0), (50.0, 60.0)):
        part = read(data, rate, start=start, end=end)
        assert np.array_equal(part, whole[round(start * rate) : None if end is None else round(end * rate)])


def test_silly_arguments(wav):
    with open_recording(wav) as recording:
        for rate, seconds in ((0, 1.0), (-1, 1.0), (RATE, 0.0), (RATE, float("nan"))):
            with pytest.raises(ValueError, match="positive"):
                recording.blocks(rate, seconds)
    for start, end in ((-1.0, None), (2.0, 1.0), (float("nan"), None)):
        with pytest.raises(ValueError, match="span"):
            read(wav, RATE, start=start, end=end)
    with pytest.raises(TypeError, match="source"):
        read(42, RATE)
    with pytest.raises(TypeError, match="binary"):
        read(io.StringIO("text"), RATE)


def fails(source, words: str, track: int = 0) -> None:
    with pytest.raises(MediaError, match=words) as caught:
        read(source, RATE, track=track)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def changed(data: bytes, at: int, kind: str, value: int) -> bytes:
    copy = bytearray(data)
    struct.pack_into(kind, copy, at, value)
    return bytes(copy)


def test_errors_of_paths(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("this is no music\n" * 100)
    fails(tmp_path / "none.wav", "none.wav: no such file")
    fails(tmp_path, "is a directory")
    fails(tmp_path / "empty.wav", "empty.wav: is empty")
    fails(tmp_path / "text.mp3", "text.mp3: is not a recording")
    fails("https://example.org/a.mp3", "web address")
    fails("a\0b", "not a recording")
    fails("x" * 5000, "cannot be read")
    fails(os.devnull, "not a recording")


def test_a_file_that_may_not_be_read(tmp_path, wav, monkeypatch):
    path = tmp_path / "secret.wav"
    path.write_bytes(wav)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read anything

        def refuse(*args, **options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(av, "open", refuse)
    fails(path, "may not be read; ask for permission")


def test_errors_of_content(wav, two_tracks):
    fails(b"", "<bytes>: is empty")
    fails(bytes(10_000), "not a recording")
    fails(np.random.default_rng(0).bytes(50_000), "not a recording")
    fails(wav[: wav.index(b"data") + 8], "holds no sound")
    fails(write(None, "mp4", video=0.5), "video without sound")
    fails(two_tracks, r"no audio track 2; it has 2: 0 \(pcm_s16le, 48000 Hz, 1 channel, eng\), 1", track=2)
    fails(two_tracks, "no audio track -1", track=-1)
    aac = write(None, "mp4", Track(sine(1.0), codec="aac"))
    fails(aac[: len(aac) // 2], "MP4 without its index")
    fails(io.BytesIO(aac[: len(aac) // 2]), "MP4 without its index")


@pytest.mark.parametrize(
    ("at", "kind", "value"),
    [(24, "<I", 0), (24, "<I", 4_000_000_000), (24, "<I", 3), (22, "<H", 65_535), (22, "<H", 0)],
)
def test_absurd_headers(wav, at, kind, value):
    fails(changed(wav, at, kind, value), "header claims|not a recording")


def test_a_track_of_which_nothing_can_be_decoded():
    data = bytearray(write(None, "matroska", Track(sine(1.0), codec="flac", frame=4608)))
    first = data.index(b"\xff\xf8")  # a FLAC frame begins so
    data[first:-200] = bytes(len(data) - 200 - first)
    fails(bytes(data), "could be decoded|no sound|header claims")


def test_dts_in_a_wav_file_that_says_pcm():
    """As a DTS CD's copy on a disk, which would be noise; FFmpeg is told to look for it in the beginning only."""
    size, rng = 4096, np.random.default_rng(0)
    fields = ((0x7FFE8001, 32), (1, 1), (31, 5), (0, 1), (15, 7), (size - 1, 14), (2, 6), (8, 4), (29 << 5, 10))
    head = int("".join(f"{value:0{bits}b}" for value, bits in fields), 2).to_bytes(10, "big")
    frames = np.frombuffer(b"".join(head + rng.bytes(size - 10) for _ in range(100)), "<i2").byteswap()
    data = io.BytesIO()
    soundfile.write(data, frames.reshape(-1, 2), 44_100, format="WAV")
    with open_recording(data.getvalue()) as recording:
        assert [track.codec for track in recording.tracks] == ["dca"]


def test_a_file_object_that_fails():
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    fails(Broken(), "cannot be read")


def test_nothing_is_printed_and_nothing_imported_that_is_heavy_or_plays(tmp_path, wav):
    path = tmp_path / "a.wav"
    path.write_bytes(wav[:5000] + os.urandom(2000))
    code = (
        "import sys; from earmark.media import read; read(sys.argv[1], 22050);"
        "assert not {'torch', 'scipy', 'librosa', 'onnxruntime', 'miniaudio'} & set(sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("", "")


def test_no_warning_for_a_header_that_does_not_know_the_length(wav):
    at = wav.index(b"data") + 4
    with warnings.catch_warnings():
        warnings.simplefilter("error", EarmarkWarning)
        for length in (0xFFFFFFFF, 0x7FFFFFFF, 0):
            assert len(read(changed(wav, at, "<I", length), RATE)) == 2 * RATE


CLOSED_WHILE_READ = """
import io, sys, threading, wave
from earmark.media import open_recording

class Slow(io.BytesIO):
    at, go = threading.Event(), threading.Event()
    slow = False

    def read(self, size=-1):
        if self.slow:
            self.at.set()
            self.go.wait(300)
        return super().read(size)

file = Slow()
with wave.open(file, "wb") as writer:
    writer.setparams((1, 2, 8000, 0, "NONE", ""))
    writer.writeframes(bytes(16_000 * 60))
file.seek(0)
recording = open_recording(file)
blocks = recording.blocks(8000, 1.0)
next(blocks)
file.slow = True
thread = threading.Thread(target=lambda: list(blocks))
thread.start()
assert Slow.at.wait(300)
recording.close()
Slow.go.set()
thread.join(300)
print("alive", thread.is_alive())
"""


def test_a_recording_may_be_closed_while_another_thread_reads():
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_WHILE_READ], capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.returncode, done.stdout) == (0, "alive False\n"), done.stderr


def test_an_mp4_whose_index_is_at_its_end_cannot_come_through_a_pipe():
    film = write(None, "mp4", Track(sine(60.0), codec="aac"))
    assert len(read(film, RATE))
    with pytest.raises(MediaError, match="index is at its end cannot be read from a pipe; save it to a file"):
        read(Pipe(film), RATE)
