"""Sound that comes as bytes -> mono float32 samples at the listener's rate, at once; and what was heard -> a file."""

from __future__ import annotations

import wave
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast
from warnings import warn

import av
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer

from earmark.errors import EarmarkError, EarmarkWarning, MediaError
from earmark.media.mixing import ChannelMixer
from earmark.media.opening import DEMUXERS, open_input
from earmark.util.types import Samples

RATES = range(8_000, 96_001)  # Hz, of 16-bit samples
WEBM = "matroska"  # FFmpeg's name of the container
SPOKEN = ("opus", "vorbis")  # codecs of WebM
BUFFER = 4_096  # bytes: what is asked for at once
LARGEST = 16.0  # full scale is 1: beyond it is damage, not sound
LONGEST_WAV = 0xFFFF_0000 // 2  # samples: the header of a WAV file can tell no more

# FFmpeg would read seconds of sound ahead to learn more about it than its header says. What is read is not lost.
AT_ONCE = {"analyzeduration": "0", "probesize": "4096"}
ANYTHING = {"analyzeduration": "0", "probesize": "65536"}  # to tell containers apart takes more


class Readable(Protocol):
    """A stream of bytes: what there is, at most `size`; nothing at its end."""

    def read(self, size: int, /) -> bytes:
        """Wait for some bytes."""


class AsItComes:
    """A buffered stream, such as standard input, that gives what there is instead of waiting until there is more."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def read(self, size: int) -> bytes:
        """Wait for some bytes."""
        some = getattr(self.stream, "read1", self.stream.read)
        return bytes(some(size))


class Pcm:
    """16-bit little-endian mono samples -> float32 at the wanted rate. Blocks may end anywhere, even within a sample.

    Raises
    ------
    MediaError
        The rate is none that a microphone has.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        if rate not in RATES:
            raise MediaError("live audio", f"has {rate} samples a second", f"send {RATES[0]} to {RATES[-1]}")
        self.rate, self.same = rate, rate == wanted
        self.resampler = Resampler(wanted)
        self.rest = b""

    def hear(self, data: bytes) -> Samples:
        """Take some bytes; the samples [any number] that they give."""
        data = self.rest + data
        even = len(data) // 2 * 2
        self.rest = data[even:]
        values = np.frombuffer(data[:even], "<i2")
        if self.same or not len(values):
            return values.astype(np.float32) / np.float32(32768)
        frame = av.AudioFrame.from_ndarray(values[None].astype(np.int16), "s16", "mono")
        frame.sample_rate = self.rate
        return self.resampler.hear(frame)

    def finish(self) -> Samples:
        """What the resampler still holds."""
        return self.resampler.finish()


class Resampler:
    """Decoded frames -> mono float32 at one rate, given at once; of several channels, 0.2 s later."""

    def __init__(self, rate: int) -> None:
        self._resampler = av.AudioResampler("flt", "mono", rate)
        self._used = False
        self._channels: _Channels | None = None

    def hear(self, frame: av.AudioFrame) -> Samples:
        """Take a frame."""
        frame.pts = None  # gaps in a microphone's times are no silence
        if frame.layout.nb_channels == 1:
            return self._resampled(frame)
        self._channels = self._channels or _Channels(frame)
        return self._resampled(self._channels.mixed(frame))

    def finish(self) -> Samples:
        """What is still held."""
        some = self._resampled(self._channels.rest()) if self._channels else np.empty(0, np.float32)
        return np.concatenate([some, self._pulled(None)]) if self._used else some

    def _resampled(self, frame: av.AudioFrame | None) -> Samples:
        if frame is None:
            return np.empty(0, np.float32)
        self._used = True
        return self._pulled(frame)

    def _pulled(self, frame: av.AudioFrame | None) -> Samples:
        parts = [out.to_ndarray()[0] for out in self._resampler.resample(frame)]
        samples = np.concatenate([np.empty(0, np.float32), *parts])
        return np.asarray(np.clip(np.nan_to_num(samples), -LARGEST, LARGEST), np.float32)


class _Channels:
    """Frames of several channels -> mono frames, mixed as those of a recording are."""

    def __init__(self, first: av.AudioFrame) -> None:
        self._rate = first.sample_rate
        self._as_floats = av.AudioResampler("flt", first.layout.name, self._rate)
        self._count = first.layout.nb_channels
        self._mixer = ChannelMixer(self._count, self._rate)

    def mixed(self, frame: av.AudioFrame) -> av.AudioFrame | None:
        """What a frame makes known, if anything."""
        parts = [np.empty(0, np.float32)]
        for out in self._as_floats.resample(frame):
            samples = out.to_ndarray().reshape(-1, self._count).T
            parts.append(self._mixer.push(np.asarray(samples, np.float32)))
        return self._framed(np.concatenate(parts))

    def rest(self) -> av.AudioFrame | None:
        """What is still held, if anything."""
        return self._framed(self._mixer.finish())

    def _framed(self, samples: Samples) -> av.AudioFrame | None:
        if not samples.size:
            return None
        frame = av.AudioFrame.from_ndarray(samples[None], "flt", "mono")
        frame.sample_rate = self._rate
        return frame


def decoded(stream: Readable, rate: int, name: str, container: str | None = None) -> Iterator[Samples]:
    """Samples [any number] of a media stream as its bytes come.

    Parameters
    ----------
    stream
        Read as far as it goes, never sought in.
    rate
        Samples a second that are wanted.
    name
        What messages call it.
    container
        FFmpeg's name of the only format that is taken, such as `WEBM`, with the codecs of WebM; None: any.

    Raises
    ------
    MediaError
        It holds no sound, or breaks off or is damaged somewhere.
    """
    resampler = Resampler(rate)
    try:
        # A session is a process of its own, which whoever waits for it ends; there a trial would only take time.
        opened = open_input(
            cast("BinaryIO", stream),
            name,
            seekable=False,
            demuxers=(container,) if container else DEMUXERS,
            options=AT_ONCE if container else ANYTHING,
            buffer=BUFFER,
            tried=container is not None,
        )
        with opened:
            for frame in opened.decode(_audio(opened, name, container)):
                yield resampler.hear(frame)
        yield resampler.finish()
    except (av.FFmpegError, ValueError, IndexError, MemoryError, OSError) as error:
        raise MediaError(name, "is no sound that can be decoded, or is damaged", "start it anew") from error


def _audio(opened: InputContainer, name: str, container: str | None) -> AudioStream:
    """Its first audio stream; the others are not read."""
    if not opened.streams.audio:
        raise MediaError(name, "holds no audio")
    stream = opened.streams.audio[0]
    codec = stream.codec_context and stream.codec_context.name.removeprefix("lib")  # None where it is unknown
    if codec is None or (container == WEBM and codec not in SPOKEN):
        raise MediaError(name, f"holds {codec or 'an unknown codec'}", "send Opus")
    for other in opened.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    return stream


def saved(blocks: Iterable[Samples], path: Path, rate: int) -> Generator[Samples]:
    """The same blocks, written to a 16-bit mono WAV file as they pass; it is whole whenever this ends.

    Raises
    ------
    EarmarkError
        The file cannot be written, or is there already: what was heard before cannot be heard again.
    """
    try:
        with path.open("wb" if path.is_char_device() else "xb") as opened, wave.open(opened, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            written = 0
            for block in blocks:
                if written <= LONGEST_WAV < written + len(block):
                    message = f"{path}: is as long as a WAV file can be; what follows is not kept"
                    warn(EarmarkWarning(message), stacklevel=2)
                written += len(block)
                if written <= LONGEST_WAV:
                    file.writeframesraw(np.clip(np.rint(block * 32768), -32768, 32767).astype("<i2").tobytes())
                yield block
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})", "choose another --save") from error
