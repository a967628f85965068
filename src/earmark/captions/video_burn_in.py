"""Captions burned into a video: pictures encoded anew with the captions on them, sound copied packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from earmark.captions.burn_in import draw_lines
from earmark.captions.reading import Caption
from earmark.errors import EarmarkError, MediaError
from earmark.media.decoding import claimed_duration, zero_of
from earmark.media.opening import open_container
from earmark.util.atomic import atomic_write

IN_MP4 = {"aac", "mp3", "ac3", "eac3", "alac", "opus", "mp2"}
"""Codecs of sound that MP4 takes; others go into Matroska."""
QUALITY = "20"  # of x264: pictures that nobody tells from the original by looking
MOST_PIXELS = 4096 * 2304
LUMA = np.array([65.481, 128.553, 24.966], np.float32) / 255  # of red, green and blue (BT.601): captions are grey


def suffix_of(video: Path) -> str:
    """The suffix of a copy that takes the video's sound as it is: `.mp4`, or `.mkv`."""
    with open_container(video) as container:
        codecs = {stream.codec_context.codec.canonical_name for stream in container.streams.audio}
    return ".mp4" if codecs <= IN_MP4 else ".mkv"


def burn_in(
    video: Path, captions: Sequence[Caption], out: Path, progress: Callable[[float, float | None], None]
) -> float:
    """Write a copy of a video with captions drawn on its pictures, and its sound untouched.

    Args:
        video: what has pictures; its first ones are taken.
        captions: in order of time, on the media's clock.
        out: the copy, with the suffix that `suffix_of` says.
        progress: told the seconds done, and the length where it is known.

    Returns:
        Its length, seconds.

    Raises:
        MediaError: it has no pictures, or they cannot be decoded.
        EarmarkError: they are too large, no font has the letters, or the copy cannot be written.
    """
    kind = "mp4" if out.suffix == ".mp4" else "matroska"
    with open_container(video) as source:
        pictures = _pictures(source, video)
        try:
            with atomic_write(out) as part, av.open(str(part), "w", format=kind) as output:
                target = output.add_stream("libx264", rate=pictures.average_rate or 25)
                target.width, target.height = _size(source, pictures)
                target.pix_fmt, target.options = "yuv420p", {"crf": QUALITY, "preset": "veryfast"}
                target.codec_context.time_base = pictures.time_base or Fraction(1, 90_000)
                copies = {stream.index: output.add_stream_from_template(stream) for stream in source.streams.audio}
                overlays = _Overlays(captions, target.width, target.height)
                zero, length, seconds = float(zero_of(source)), claimed_duration(source), 0.0
                for packet in source.demux([pictures, *source.streams.audio]):
                    if packet.stream.index in copies:
                        if packet.dts is not None:
                            packet.stream = copies[packet.stream.index]
                            output.mux(packet)
                        continue
                    for frame in packet.decode():
                        assert isinstance(frame, av.VideoFrame)
                        if frame.time is not None and frame.time - zero >= seconds + 1:
                            seconds = frame.time - zero
                            progress(seconds, length)
                        output.mux(target.encode(overlays.drawn(frame, (frame.time or 0.0) - zero)))
                output.mux(target.encode(None))
        except av.FFmpegError as error:
            raise EarmarkError(out, f"cannot be written ({error.strerror})") from error
    return length or seconds


def _pictures(source: InputContainer, video: Path) -> VideoStream:
    attached = av.stream.Disposition.attached_pic
    found = next((stream for stream in source.streams.video if not stream.disposition & attached), None)
    if found is None:
        raise MediaError(video, "has no pictures to burn captions into")
    return found


def _size(source: InputContainer, pictures: VideoStream) -> tuple[int, int]:
    """Width and height of the copy, even; its pixels are square, and it stands upright."""
    if pictures.width * pictures.height > MOST_PIXELS:
        raise EarmarkError("the video", f"is larger than {MOST_PIXELS:,} pixels", "send a smaller copy")
    first = next(iter(source.decode(pictures)), None)  # only frames say how they are turned
    source.seek(0)
    turned = first is not None and first.rotation % 180 != 0
    width, height = round(pictures.width * float(pictures.sample_aspect_ratio or 1)), pictures.height
    width, height = (height, width) if turned else (width, height)
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


class _Overlays:
    """Draws captions on frames; each caption is drawn once, and laid over as many frames as it lasts."""

    def __init__(self, captions: Sequence[Caption], width: int, height: int) -> None:
        self._captions, self._next = captions, 0
        self._width, self._height = width, height
        self._lines: tuple[str, ...] = ()
        self._picture: _Picture | None = None

    def drawn(self, frame: av.VideoFrame, seconds: float) -> av.VideoFrame:
        """A frame upright and of the copy's size, with what stands there at this time."""
        plain = frame.reformat(format="yuv420p")
        if frame.rotation:
            picture = Image.fromarray(frame.to_ndarray(format="rgb24")).rotate(frame.rotation, expand=True)
            plain = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="yuv420p")
        plain = plain.reformat(self._width, self._height)
        lines = self._standing(seconds)
        if lines != self._lines:
            self._lines, self._picture = lines, _Picture(lines, self._width, self._height) if lines else None
        if self._picture:
            planes = np.asarray(plain.to_ndarray(), np.uint8)
            self._picture.lay_over(planes)
            plain = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        plain.pts, plain.time_base = frame.pts, frame.time_base
        plain.pict_type = av.video.frame.PictureType.NONE  # the encoder chooses
        return plain

    def _standing(self, seconds: float) -> tuple[str, ...]:
        while self._next < len(self._captions) and self._captions[self._next].offset <= seconds:
            self._next += 1
        standing = [one for one in self._captions[self._next : self._next + 8] if one.onset <= seconds < one.offset]
        return tuple(line for one in standing for line in one.lines)


class _Picture:
    """A drawn caption as planes of luma and chroma, with how much each pixel covers."""

    def __init__(self, lines: Sequence[str], width: int, height: int) -> None:
        canvas = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        draw_lines(canvas, lines)
        pixels = np.asarray(canvas)
        rows = np.flatnonzero(pixels[..., 3].any(axis=1))
        self._top = int(rows[0]) // 2 * 2 if len(rows) else 0
        bottom = -(-(int(rows[-1]) + 1) // 2) * 2 if len(rows) else 0
        cut = pixels[self._top : min(bottom, height)].astype(np.float32)
        self._height, self._width = height, width
        self._alpha = cut[..., 3] / 255
        self._luma = (
            16 + cut[..., :3] @ np.array([65.481, 128.553, 24.966], np.float32) / 255
        )  # BT.601, as captions are grey
        self._half = self._alpha.reshape(len(cut) // 2, 2, width // 2, 2).mean(axis=(1, 3))

    def lay_over(self, planes: NDArray[np.uint8]) -> None:
        """Blend it into a frame [3/2 height, width] of yuv420p; captions are white on black, so chroma only fades."""
        luma = planes[self._top : self._top + len(self._alpha)]
        luma[:] = (luma * (1 - self._alpha) + self._luma * self._alpha + 0.5).astype(np.uint8)
        half_width, quarter = self._width // 2, self._height // 2
        chroma = planes[self._height :].reshape(2, quarter, half_width)
        top = self._top // 2
        part = chroma[:, top : top + len(self._half)]
        part[:] = (part * (1 - self._half) + 128 * self._half + 0.5).astype(np.uint8)
