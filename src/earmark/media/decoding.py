"""One audio stream -> mono float32 chunks on the media's own clock, and what was wrong with it in one warning."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer

from earmark.errors import EarmarkWarning, MediaError
from earmark.media.clock import Clock, Placed
from earmark.media.mixing import Kind, Mixer, can_mix, cut_front, kind_of, mend, mend_mixed
from earmark.media.opening import CHANNELS, RATES
from earmark.util.types import Samples

# A header that tells the truth is right to within a frame or two; some round to whole seconds.
_MISSING_S = 0.5
_MISSING_PART = 0.002
_WORTH_SAYING_S = 0.05
_GIVE_UP_AFTER = 100  # failures to read on from the file, one after another
_EARLIEST_ZERO_S = -10.0  # a clock may begin a little before zero (encoder delay), not much
_WRONG_PART = 0.02  # of a packet's length: a rate that is another differs by more
_MICRO = 1_000_000  # FFmpeg counts a container's times in these

# Containers whose header states how long each track is. Others (bare MP3, AAC, AC-3, MPEG-TS, Ogg) leave
# FFmpeg to estimate it from the size of the file or its end, which no cut can contradict.
_STATES_DURATION = {"mov", "w64", "aiff", "caf", "flac", "au", "asf", "ape", "wv", "tta", "avi"}

# In these the header counts the samples, and a few bytes of it may mean any number of zeros.
_COUNTED = {"flac", "wv", "tta", "ape", "tak"}
_STATES_ANY_DURATION = _STATES_DURATION | {"matroska", "webm", "wav", "flv"}

# Containers that know the time of each packet; in others FFmpeg may have to make it up.
_TIMES_EACH = {"mov", "matroska", "webm", "wav", "w64", "flac", "aiff", "caf", "au"}

# Containers in which nothing but damage leaves a gap.
_GAPLESS = {"flac", "wav", "w64", "aiff", "caf", "au"}

# Codecs that can hold float samples, and so what is no number or far beyond full scale.
_FLOAT_CODECS = ("pcm_f", "wavpack")

Chunks = Iterator[Samples]
MOST_SAMPLES = 1 << 33
"""Of all channels together that are decoded of a recording, whatever its size: a day of 48 kHz stereo. A few megabytes
of FLAC can hold more, of hundreds of kHz and eight channels of nothing."""

SAMPLES_A_BYTE = 64
"""Of a larger recording as many for each byte: what the most frugal codec makes of speech."""

_KnownFrame = tuple[Kind, av.AudioFrame]


@dataclass
class Damage:
    """Counts that the decoder keeps; `warn` says them once."""

    name: str
    note: str = ""  # what else is to be said of it
    packets: int = 0
    undecodable: int = 0  # packets
    unreadable: int = 0  # times that reading on from the file failed
    silence: float = 0.0  # seconds in place of what could not be decoded
    refused_jump: float = 0.0  # seconds
    no_numbers: int = 0  # samples
    too_large: int = 0  # samples

    def warn(self, ended: float | None = None, claimed: float | None = None) -> None:
        """One `EarmarkWarning` if anything was wrong.

        ended: where the audio ended, seconds, if it was read to its end. claimed: where its header says.
        """
        parts = self._parts()
        if ended is not None and claimed is not None and not self.refused_jump:
            missing = claimed - ended
            if missing > max(_MISSING_S, _MISSING_PART * claimed):
                parts.append(f"ends early: {ended:.1f} s of the {claimed:.1f} s its header claims")
        if parts:
            warnings.warn(EarmarkWarning(f"{self.name}: {'; '.join(parts)}"), stacklevel=3)

    def _parts(self) -> list[str]:
        parts = [self.note] if self.note else []
        if self.undecodable:
            text = f"damaged: {self.undecodable} of {self.packets} packets could not be decoded"
            if self.silence >= _WORTH_SAYING_S:
                text += f", {self.silence:.1f} s filled with silence"
            parts.append(text)
        elif self.silence >= _WORTH_SAYING_S:
            parts.append(f"damaged: {self.silence:.1f} s could not be read and are filled with silence")
        elif self.unreadable:
            parts.append("damaged: parts of it could not be read")
        if self.refused_jump:
            parts.append(f"a jump of {self.refused_jump:.0f} s in its timestamps is not believed")
        if self.no_numbers:
            parts.append(f"{_samples(self.no_numbers)} that are no numbers set to 0")
        if self.too_large:
            parts.append(f"{_samples(self.too_large)} far beyond full scale clipped")
        return parts


def _samples(count: int) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"


class Decoder:
    """Decodes a stream from where its container stands to its end, once."""

    def __init__(
        self, container: InputContainer, stream: AudioStream, rate: int, damage: Damage, origin: int = 0
    ) -> None:
        """Output sample 0 is the source's sample `origin` after the container's zero; rate in Hz."""
        self._container = container
        self._stream = stream
        self._rate = rate
        self._damage = damage
        self._origin = origin
        self._lost = False  # something before the next frame could not be decoded
        self._time_base = stream.time_base or None
        self._zero = zero_of(container)
        self._claim = claimed_end(container, stream)
        # Elsewhere FFmpeg takes the duration from the timestamps, the very thing that is to be checked.
        stated = _STATES_ANY_DURATION.intersection(container.format.name.split(","))
        self._end = claimed_duration(container) if stated else None
        self._gapless = container.format.name in _GAPLESS
        self._floats = stream.codec_context.name.startswith(_FLOAT_CODECS)
        self._ended = Fraction(0)  # seconds on the media's clock
        if _COUNTED.intersection(container.format.name.split(",")):
            context, most = stream.codec_context, _most(container.size)
            if (self._end or 0.0) * context.sample_rate * context.channels > most:
                raise self._too_much(most)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all  # the demuxer need not read them
        if stream.codec_context.name == "flac" and not stream.codec_context.is_open:
            # FLAC carries a checksum a frame; without this a damaged frame comes out as loud noise.
            stream.codec_context.options = {"err_detect": "crccheck+explode"}

    def warn(self, complete: bool, claim: float | None = None) -> None:
        """Say once what was wrong; `complete` if the stream was read to its end.

        claim: where its header says that it ends, seconds, if more is known than FFmpeg tells.
        """
        self._damage.warn(float(self._ended) if complete else None, claim or self._claim)

    def chunks(self) -> Chunks:
        """Mono samples, 1-D, in chunks of about a second."""
        for chunk in self._mixed():
            mended, no_numbers, too_large = mend_mixed(chunk)
            self._damage.no_numbers += no_numbers
            self._damage.too_large += too_large
            yield mended

    def _mixed(self) -> Chunks:
        mixer: Mixer | None = None
        began = Fraction(self._origin, max(self._stream.codec_context.sample_rate, 1))
        origin = began
        fed = produced = late = 0  # source samples into this mixer; output samples; of them to leave out
        for silence, cut, (kind, frame) in self._placed():
            if mixer is None or kind != mixer.kind:
                if mixer is not None:
                    for chunk in mixer.finish():
                        produced += chunk.size
                        yield chunk
                    began += Fraction(fed, mixer.kind[0])
                    fed = 0
                    late = produced - round((began - origin) * self._rate)
                    if late < 0:
                        produced -= late
                        yield np.zeros(-late, np.float32)
                        late = 0
                mixer = Mixer(kind, frame.layout.nb_channels, self._rate, 0 if produced else self._origin)
            if cut:
                frame = cut_front(frame, cut)
            if self._floats:
                frame, no_numbers, too_large = mend(frame)
                self._damage.no_numbers += no_numbers
                self._damage.too_large += too_large
            fed += silence + frame.samples
            for chunk in mixer.push(frame) if not silence else mixer.push_after(silence, frame):
                if late > 0:
                    chunk, late = chunk[late:], max(0, late - chunk.size)
                produced += chunk.size
                yield chunk
        if mixer is not None:
            self._ended = began + Fraction(fed, mixer.kind[0])
            for chunk in mixer.finish():
                yield chunk[late:]
                late = max(0, late - chunk.size)

    def _placed(self) -> Iterator[Placed[_KnownFrame]]:
        clock: Clock[_KnownFrame] | None = None
        for known in self._frames():
            (rate, _, _), frame = known
            if clock is None:
                clock = Clock(rate, self._time_base, self._zero, self._end, self._origin)
            elif rate != clock.rate:
                yield from clock.rest()
                clock.retime(rate)
            yield from clock.place(known, frame.pts, frame.samples, self._lost)
            self._lost = False
        if clock is not None:
            yield from clock.rest()
            self._damage.silence += float(clock.gaps if self._gapless else clock.lost)
            self._damage.refused_jump = max(self._damage.refused_jump, clock.refused)

    def _frames(self) -> Iterator[_KnownFrame]:
        decode = self._stream.codec_context.decode
        known = not _TIMES_EACH.isdisjoint(self._container.format.name.split(","))
        guesses = None if known else _Guesses(self._time_base)
        first = self._stream.codec_context.sample_rate
        counted = self._container.format.name == "flac"  # bare, it counts samples, of whatever rate
        samples = size = 0
        for packet in self._packets():
            size += packet.size
            try:
                frames = decode(packet)
            except (av.FFmpegError, ValueError):
                self._damage.undecodable += 1
                self._lost = True
                continue
            guessed = guesses is not None and guesses.has(packet, frames)
            for frame in frames:
                kind = kind_of(frame)
                if guessed or (counted and kind[0] != first):
                    frame.pts = None
                if channels := _usable_channels(kind, frame):
                    samples += frame.samples * channels
                    if samples > MOST_SAMPLES and samples > _most(size):
                        raise self._too_much(_most(size))
                    yield kind, frame
                elif frame.samples:
                    self._damage.undecodable += 1
                    self._lost = True
        with contextlib.suppress(av.FFmpegError, ValueError):  # what the decoder still holds
            for frame in decode(None):
                kind = kind_of(frame)
                if _usable_channels(kind, frame):
                    yield kind, frame

    def _too_much(self, most: int) -> MediaError:
        reason = f"holds more than {most:,} samples in all its channels, too many for its size"
        return MediaError(self._damage.name, reason, "cut it into parts")

    def _packets(self) -> Iterator[av.Packet[AudioStream]]:
        failures = 0
        while failures < _GIVE_UP_AFTER:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:  # the last one is empty: a request to flush
                        self._damage.packets += 1
                        failures = 0
                        yield packet
                return
            except IndexError:
                # PyAV stumbles at the end where a stream turned up after opening (damaged MPEG-TS).
                return
            except (av.FFmpegError, OSError):
                failures += 1
                self._damage.unreadable += 1
                self._lost = True


class _Guesses:
    """Tells timestamps that FFmpeg made up, and wrongly.

    Where several packets share one timestamp (MPEG-TS, bare streams), it adds up the durations of those before. After a
    change of the rate it goes on with durations at the old one.
    """

    def __init__(self, time_base: Fraction | None) -> None:
        self._unit = float(time_base or 0)  # seconds
        self._following: int | None = None  # what it would make up for the next packet, if wrongly

    def has(self, packet: av.Packet[AudioStream], frames: list[av.AudioFrame]) -> bool:
        """Whether this packet's timestamp, and so that of its frames, is such a one."""
        pts, duration = packet.pts, packet.duration
        guessed = pts is not None and self._following is not None and abs(pts - self._following) <= 1
        self._following = None
        if frames and pts is not None and duration:
            lasts = sum(frame.samples for frame in frames) / max(frames[0].sample_rate, 1)
            if abs(duration * self._unit - lasts) > max(_WRONG_PART * lasts, self._unit):
                self._following = pts + duration
        return guessed


def _most(size: int) -> int:
    """The samples that are decoded of so many bytes."""
    return max(MOST_SAMPLES, SAMPLES_A_BYTE * size)


def _usable_channels(kind: Kind, frame: av.AudioFrame) -> int:
    """How many channels the frame has, 0 where it is of no use: damaged data can claim anything."""
    channels = frame.layout.nb_channels
    makes_sense = frame.samples and kind[0] in RATES and channels in CHANNELS and can_mix(kind, channels)
    return channels if makes_sense else 0


def zero_of(container: InputContainer) -> Fraction:
    """The container's time, seconds, that a player shows as 0:00.

    It is where the container starts, and 0 where that lies a little before 0: what stands there is an
    encoder's delay or was cut off by an edit list, and is not played.
    """
    start = cast("int | None", container.start_time)
    if start is None or _EARLIEST_ZERO_S * _MICRO <= start < 0:
        return Fraction(0)
    return Fraction(start, _MICRO)


def claimed_duration(container: InputContainer) -> float | None:
    """How long the container claims to be, seconds from its zero, or None where it does not say."""
    claimed = container.duration
    if claimed is None or claimed <= 0:
        return None
    end = Fraction(claimed, _MICRO)
    if "matroska" in container.format.name:  # its duration counts from time 0, wherever it starts
        end -= zero_of(container)
    return float(end) if end > 0 else None


def claimed_end(container: InputContainer, stream: AudioStream) -> float | None:
    """Where the header says that this stream ends, seconds after zero, or None where it does not say."""
    formats = set(container.format.name.split(","))
    zero = float(zero_of(container))
    time_base = float(stream.time_base or 0)
    start = (stream.start_time or 0) * time_base
    # An MP3 starts after 0 where it has a header that says how many samples to leave out, and so its length.
    stated = formats & _STATES_DURATION or ("mp3" in formats and start > 0)
    if stated and stream.duration and stream.duration > 0 and time_base:
        return start + stream.duration * time_base - zero
    if "matroska" in formats:
        for key, value in stream.metadata.items():
            if key.upper().startswith("DURATION"):
                end = _clock_time(value)
                return None if end is None else end - zero
        if len(container.streams) == 1:
            return claimed_duration(container)
    return None


def _clock_time(text: str) -> float | None:
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
