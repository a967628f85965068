"""What a browser plays of a recording: the upload itself where browsers can, else a copy that all of them play."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from earmark.errors import EarmarkError
from earmark.media import open_recording
from earmark.media.decoding import zero_of
from earmark.media.opening import moving_pictures, open_container
from earmark.util.atomic import atomic_write, is_full

RATE = 48_000  # Hz of a copy's sound
BIT_RATE = 96_000
BLOCK = 1.0  # seconds that are encoded at a time
FASTEST = 192_000  # Hz that browsers take
TOLD_EVERY = 10.0  # seconds of sound between two signs of life

# FFmpeg's name of a container: its media type with pictures, without, and the codecs that every browser knows in it.
CONTAINERS = {
    "mov,mp4,m4a,3gp,3g2,mj2": ("video/mp4", "audio/mp4", {"h264", "av1", "vp9"}, {"aac", "mp3"}),
    "matroska,webm": ("video/webm", "audio/webm", {"vp8", "vp9", "av1"}, {"opus", "vorbis"}),
    "ogg": ("", "audio/ogg", set[str](), {"opus", "vorbis"}),
    "mp3": ("", "audio/mpeg", set[str](), {"mp3"}),
    "flac": ("", "audio/flac", set[str](), {"flac"}),
    "wav": ("", "audio/wav", set[str](), {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"}),
}
COPIED = {"h264", "av1", "vp9"}  # pictures that need not be encoded again for MP4
EIGHT_BIT = {"yuv420p", "yuvj420p"}  # of H.264: what more than a few devices decode

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Playback:
    """What is played."""

    type: str  # its media type, audio/* or video/*; empty where nothing of it can be played
    copy: bool  # whether it is a copy of ours
    pictures: bool = False  # whether the recording has moving pictures, played or not


def prepare(upload: Path, path: Path, progress: Callable[[], object]) -> Playback:
    """See how browsers play an upload, and write a copy to `path` where they cannot.

    A copy has the sound as everything here hears it, one channel on the same clock, as AAC in MP4; and the pictures as
    they are, where browsers know their codec. `progress` is called now and then.

    Raises
    ------
    OSError
        The disk is full. Whatever else keeps a copy from being made costs no more than the copy.
    """
    with open_container(upload) as container:
        pictures = moving_pictures(container)
        usual = _usual_type(container, pictures)
        copied = pictures is not None and _codec(pictures) in COPIED and _is_simple(pictures)
    if usual:
        return Playback(usual, copy=False, pictures=pictures is not None)
    for with_video in [True, False] if copied else [False]:
        try:
            _write_copy(upload, path, with_video, progress)
        except (av.FFmpegError, OSError, EarmarkError, ValueError) as error:
            if is_full(error):
                raise
            logger.info("no copy to play: %s", error)
        else:
            kind = "video/mp4" if with_video else "audio/mp4"
            return Playback(kind, copy=True, pictures=pictures is not None)
    return Playback("", copy=False, pictures=pictures is not None)


def _usual_type(container: InputContainer, pictures: VideoStream | None) -> str:
    """The media type by which browsers play a recording as it is; empty where they do not."""
    known = CONTAINERS.get(container.format.name)
    if known is None or not container.streams.audio:
        return ""
    video_type, audio_type, video_codecs, audio_codecs = known
    sound = container.streams.audio[0]
    if _codec(sound) not in audio_codecs or not 0 < sound.codec_context.sample_rate <= FASTEST:
        return ""
    if pictures is None:
        return audio_type
    return video_type if _codec(pictures) in video_codecs and _is_simple(pictures) else ""


def _codec(stream: Stream) -> str:
    """A codec's own name, whichever decoder reads it."""
    return str(stream.codec_context.codec.canonical_name)


def _is_simple(pictures: VideoStream) -> bool:
    return _codec(pictures) != "h264" or pictures.codec_context.pix_fmt in EIGHT_BIT


def _write_copy(upload: Path, path: Path, with_video: bool, progress: Callable[[], object]) -> None:
    with (
        open_recording(upload) as recording,
        open_container(upload) as container,
        atomic_write(path) as part,
        av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as output,
    ):
        source = moving_pictures(container) if with_video else None
        target = output.add_stream_from_template(source) if source else None
        sound = _Sound(output, recording.blocks(RATE, BLOCK), progress)
        if source and target:
            zero = round(zero_of(container) / (source.time_base or Fraction(1)))
            for packet in container.demux(source):
                if packet.dts is None or packet.pts is None:  # the end, or damage
                    continue
                sound.write_until(float((packet.dts - zero) * packet.time_base))
                packet.dts, packet.pts = packet.dts - zero, packet.pts - zero
                packet.stream = target
                output.mux(packet)
        sound.finish()


class _Sound:
    """The sound of a copy, encoded as far as it is asked for."""

    def __init__(self, output: OutputContainer, blocks: Iterator[np.ndarray], progress: Callable[[], object]) -> None:
        self._output, self._blocks, self._progress = output, blocks, progress
        self._stream = output.add_stream("aac", rate=RATE, layout="mono", bit_rate=BIT_RATE)
        self._samples, self._reported = 0, 0.0

    def write_until(self, seconds: float) -> None:
        """Encode so much of it, in whole blocks."""
        while self._samples < seconds * RATE and (block := next(self._blocks, None)) is not None:
            frame = av.AudioFrame.from_ndarray(block[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
            self._output.mux(self._stream.encode(frame))
            self._samples += len(block)
            if self._samples / RATE > self._reported + TOLD_EVERY:
                self._reported = self._samples / RATE
                self._progress()

    def finish(self) -> None:
        """Encode the rest."""
        self.write_until(float("inf"))
        self._output.mux(self._stream.encode(None))
