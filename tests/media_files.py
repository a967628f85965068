"""Writes small media files for tests with PyAV: any container, codec, rate, layout and timestamps."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

# container: FFmpeg's name; codec; the greatest RMS error that its loss of quality leaves in a 0.3 sine
CODECS = {
    "s16.wav": ("wav", "pcm_s16le", 1e-4),
    "s24.wav": ("wav", "pcm_s24le", 1e-4),
    "f32.wav": ("wav", "pcm_f32le", 1e-4),
    "f64.wav": ("wav", "pcm_f64le", 1e-4),
    "u8.wav": ("wav", "pcm_u8", 1e-2),
    "mulaw.wav": ("wav", "pcm_mulaw", 1e-2),
    "s16.aiff": ("aiff", "pcm_s16be", 1e-4),
    "s16.caf": ("caf", "pcm_s16le", 1e-4),
    "flac": ("flac", "flac", 1e-4),
    "flac.mkv": ("matroska", "flac", 1e-4),
    "alac.m4a": ("ipod", "alac", 1e-4),
    "vorbis.ogg": ("ogg", "vorbis", 2e-2),
    "opus.ogg": ("ogg", "libopus", 2e-2),
    "opus.webm": ("webm", "libopus", 2e-2),
    "opus.mp4": ("mp4", "libopus", 2e-2),
    "mp3": ("mp3", "libmp3lame", 2e-2),
    "mp3.mkv": ("matroska", "libmp3lame", 2e-2),
    "aac.m4a": ("ipod", "aac", 2e-2),
    "aac.mp4": ("mp4", "aac", 2e-2),
    "aac.mkv": ("matroska", "aac", 2e-2),
}


@dataclass
class Track:
    """Samples float [channels, samples]; `at`: (first sample, seconds) pairs, where timestamps jump."""

    samples: NDArray[np.floating]
    rate: int = 48_000
    codec: str = "pcm_s16le"
    layout: str | None = None
    at: Sequence[tuple[int, float]] = ((0, 0.0),)
    language: str | None = None
    title: str | None = None
    frame: int = 1024


def sine(seconds: float, rate: int = 48_000, frequency: float = 440.0, level: float = 0.3) -> NDArray[np.float64]:
    """A sine, [1, samples]."""
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)[None]


def impulses(seconds: float, at: Sequence[float], rate: int = 48_000) -> NDArray[np.float64]:
    """Silence with impulses of 0.9 at these seconds, [1, samples]."""
    samples = np.zeros((1, round(seconds * rate)))
    for second in at:
        samples[0, round(second * rate)] = 0.9
    return samples


def write(
    path: Path | None, container: str, *tracks: Track, video: float = 0.0, options: dict[str, str] | None = None
) -> bytes:
    """Encode the tracks, and `video` seconds of pictures from 0, into a file; returns its bytes."""
    buffer = io.BytesIO()
    with av.open(buffer if path is None else str(path), "w", format=container, options=options or {}) as output:
        packets = []
        pictures = None
        if video:
            pictures = output.add_stream("mjpeg" if container == "matroska" else "mpeg4", rate=25)
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuvj420p" if container == "matroska" else "yuv420p"
        streams = [_stream(output, track) for track in tracks]
        if pictures is not None:
            packets += _pictures(pictures, video)
        for track, stream in zip(tracks, streams, strict=True):
            packets += _audio(stream, track, _frame_size(container, track))
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            output.mux(packet)
    return buffer.getvalue() if path is None else path.read_bytes()


def _stream(output: av.container.OutputContainer, track: Track) -> av.AudioStream:
    channels = track.samples.shape[0]
    if track.codec == "vorbis":  # FFmpeg's own encoder takes two channels, no more and no fewer
        assert channels == 2
    layout = track.layout or {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    stream = output.add_stream(track.codec, rate=track.rate, layout=layout)
    if track.codec == "vorbis":
        stream.codec_context.options = {"strict": "-2"}
    if track.codec in ("aac", "libmp3lame", "vorbis", "libopus"):
        stream.bit_rate = 96_000 * channels
    if track.language:
        stream.metadata["language"] = track.language
    if track.title:
        stream.metadata["title"] = track.title
    return stream


def _frame_size(container: str, track: Track) -> int:
    # A WAV file of PCM is the same whatever it was written by, and few large frames are written faster.
    return 65_536 if container == "wav" and track.codec.startswith("pcm_") else track.frame


def _audio(stream: av.AudioStream, track: Track, size: int) -> list[av.Packet]:
    # Each stretch between jumps is encoded by itself, without its encoder's delay, where it has none (PCM);
    # for codecs that have one, there is one stretch.
    packets = []
    starts = [first for first, _ in track.at]
    total = track.samples.shape[1]
    for (first, second), following in zip(track.at, [*starts[1:], total], strict=True):
        for begin in range(first, following, size):
            end = min(begin + size, following)
            frame = _frame(track, track.samples[:, begin:end], stream.layout.name)
            frame.pts = round(second * track.rate) + begin - first
            packets += stream.encode(frame)
    return packets + stream.encode(None)


def _frame(track: Track, samples: NDArray[np.floating], layout: str) -> av.AudioFrame:
    double = track.codec == "pcm_f64le"
    kind = np.float64 if double else np.float32
    packed = np.ascontiguousarray(samples.T.reshape(1, -1), kind)
    frame = av.AudioFrame.from_ndarray(packed, "dbl" if double else "flt", layout)
    frame.sample_rate = track.rate
    frame.time_base = Fraction(1, track.rate)
    return frame


def _pictures(stream: av.VideoStream, seconds: float) -> list[av.Packet]:
    packets = []
    for number in range(round(seconds * 25)):
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 250, np.uint8), "rgb24")
        picture.pts = number
        picture.time_base = Fraction(1, 25)
        packets += stream.encode(picture)
    return packets + stream.encode(None)


def _element(name, data):
    return bytes.fromhex(name) + (0x0100000000000000 | len(data)).to_bytes(8, "big") + data


def many_tags(count):
    """A Matroska file of a second's silence and so many tags: the time to open it grows with their cube."""
    head = _element("1A45DFA3", _element("4282", b"matroska") + _element("4287", b"\x04") + _element("4285", b"\x02"))
    audio = _element("B5", struct.pack(">d", 8000.0)) + _element("9F", b"\x01") + _element("6264", b"\x10")
    track = _element("D7", b"\1") + _element("73C5", b"\1") + _element("83", b"\x02")
    track += _element("86", b"A_PCM/INT/LIT") + _element("E1", audio)
    named = [_element("67C8", _element("45A3", b"K%d" % k) + _element("4487", b"v")) for k in range(count)]
    blocks = [_element("A3", b"\x81" + struct.pack(">h", k * 100) + b"\x80" + bytes(1600)) for k in range(10)]
    body = _element("1549A966", _element("2AD7B1", (1_000_000).to_bytes(3, "big")))
    body += _element("1654AE6B", _element("AE", track)) + _element(
        "1254C367", b"".join(_element("7373", one) for one in named)
    )
    return head + _element("18538067", body + _element("1F43B675", _element("E7", b"\0") + b"".join(blocks)))
