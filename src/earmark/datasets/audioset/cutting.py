"""A span of a recording that lies elsewhere, cut to the sample, without reading what is before or behind it."""

from __future__ import annotations

import math
from typing import BinaryIO, cast

import av
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from earmark.datasets.audioset.outcomes import ClipError, Outcome
from earmark.datasets.audioset.ranges import RangeFile
from earmark.errors import MediaError
from earmark.media.damage import Damage
from earmark.media.decoding import Decoder, zero_of
from earmark.media.opening import audio_tracks, chosen_track, open_container

# Decoded before the span: lossy codecs need what was before to give what they give from the start (Opus 0.08 s, see
# RFC 7845, section 4.6; AAC a frame), and the resampler's filter has to be filled.
RUN_UP_S = 1.0

Samples = NDArray[np.float32]


def cut(file: RangeFile, start: float, end: float, rate: int, shortest: float = 0.9) -> Samples:
    """The samples from `start` to `end` seconds of its first audio track, mono float32 [samples] at `rate` Hz.

    Sample 0 is the one at `start` by the recording's timestamps: exact where they count samples, as in MP4, FLAC and
    WAV, and right to half a millisecond in WebM, which counts in milliseconds. FFmpeg seeks to the span by the
    container's index; only the blocks of the file that it then reads are fetched.

    Raises:
        ClipError: what `file` raises, `EMPTY` where there is no sound in the span, `DAMAGED` where it cannot be decoded
            or less than the part `shortest` of the span is there.
    """
    try:
        samples, bad = _decode(file, start, end, rate)
    except MediaError as error:
        file.check()
        raise _explained(error) from error
    file.check()
    if not len(samples):
        raise ClipError(Outcome.EMPTY, f"there is no sound at {start:g} s or later")
    found, wanted = len(samples) / rate, end - start
    if found < shortest * wanted:
        raise ClipError(Outcome.DAMAGED, f"holds {found:.2f} s of the {wanted:.2f} s from {start:g} s on")
    if bad > 1 - shortest:
        raise ClipError(Outcome.DAMAGED, f"{bad:.0%} of its packets could not be decoded")
    if not samples.any():
        raise ClipError(Outcome.EMPTY, f"is silent from {start:g} to {end:g} s: every sample is zero")
    return samples


def _explained(error: MediaError) -> ClipError:
    without_sound = ("is empty", "is a video without sound", "has no audio track", "holds no sound")
    outcome = Outcome.EMPTY if error.reason.startswith(without_sound) else Outcome.DAMAGED
    return ClipError(outcome, error.reason)


def _decode(file: RangeFile, start: float, end: float, rate: int) -> tuple[Samples, float]:
    """The samples, and which part of the packets could not be decoded."""
    container, origin = _open_before(file, start)
    with container:
        damage = Damage(file.name)
        stream = container.streams.audio[0]
        decoder = Decoder(container, stream, rate, damage, origin * stream.codec_context.sample_rate)
        first, last = round(start * rate) - origin * rate, round(end * rate) - origin * rate
        pieces, at = [], 0
        for chunk in decoder.chunks():
            pieces.append(chunk[max(first - at, 0) : max(last - at, 0)])
            at += len(chunk)
            if at >= last:
                break
    return np.concatenate([np.zeros(0, np.float32), *pieces]), damage.undecodable / max(damage.packets, 1)


def _open_before(file: RangeFile, start: float) -> tuple[InputContainer, int]:
    """The recording, standing at or before a whole second that is well before `start`, and that second."""
    origin = max(0, math.floor(start - RUN_UP_S))
    container, stream = _open(file)
    if origin and not _seek(container, stream, origin):
        container.close()
        container, stream = _open(file)
        origin = 0
    return container, origin


def _open(file: RangeFile) -> tuple[InputContainer, AudioStream]:
    container = open_container(cast("BinaryIO", file))
    try:
        chosen_track(file.name, audio_tracks(container), 0, bool(container.streams.video))
    except BaseException:
        container.close()
        raise
    return container, container.streams.audio[0]


def _seek(container: InputContainer, stream: AudioStream, second: int) -> bool:
    """Go to where decoding reaches `second` in time; whether that went well."""
    if not stream.time_base:
        return False
    target = int((zero_of(container) + second) / stream.time_base)
    try:
        container.seek(target, stream=stream)
        packet = next(packet for packet in container.demux(stream) if packet.size)
        if packet.pts is None or packet.pts > target:
            return False
        container.seek(target, stream=stream)
    except (av.FFmpegError, OSError, ValueError, StopIteration):
        return False
    return True
