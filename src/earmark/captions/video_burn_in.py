"""Captions burned into a video: pictures encoded anew with the captions on them, sound copied packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from earmark.captions.burn_in import draw_cues
from earmark.captions.looks import Cue, Look
from earmark.errors import EarmarkError, MediaError
from earmark.media.decoding import claimed_duration, zero_of
from earmark.media.opening import moving_pictures, open_container
from earmark.util.atomic import atomic_write

IN_MP4 = {"aac", "mp3", "ac3", "eac3", "alac", "opus", "mp2"}
"""Codecs of sound that MP4 takes; others go into Matroska."""
QUALITY = "20"  # of x264: pictures that nobody tells from the original by looking
MOST_PIXELS = 4096 * 2304
WEIGHTS = {"BT.601": (0.299, 0.587, 0.114), "BT.709": (0.2126, 0.7152, 0.0722)}  # of red, green and blue in luma
UNSAID = 2  # FFmpeg's colour space of a picture that has none
HIGH = 720  # lines of a picture from which players take BT.709 where a file does not say


def suffix_of(video: Path) -> str:
    """The suffix of a copy that takes the video's sound as it is: `.mp4`, or `.mkv`."""
    with open_container(video) as container:
        codecs = {stream.codec_context.codec.canonical_name for stream in container.streams.audio}
    return ".mp4" if codecs <= IN_MP4 else ".mkv"


def burn_in(
    video: Path,
    cues: Sequence[Cue],
    out: Path,
    progress: Callable[[float, float | None], None],
    look: Look | None = None,
) -> float:
    """Write a copy of a video with captions drawn on its first pictures, and its sound untouched; its length, seconds.

    Cues are in order of time, on the media's clock; the copy has the suffix that `suffix_of` says.

    Raises
    ------
    MediaError
        It has no pictures, or they cannot be decoded.
    EarmarkError
        They are too large, no font has the letters, or the copy cannot be written.
    """
    kind = "mp4" if out.suffix == ".mp4" else "matroska"
    with open_container(video) as source:
        pictures = moving_pictures(source)
        if pictures is None:
            raise MediaError(video, "has no pictures to burn captions into")
        try:
            with atomic_write(out) as part, av.open(str(part), "w", format=kind) as output:
                target = output.add_stream("libx264", rate=pictures.average_rate or 25)
                target.width, target.height = _size(source, pictures)
                target.pix_fmt, target.options = "yuv420p", {"crf": QUALITY, "preset": "veryfast"}
                for tag in ("colorspace", "color_primaries", "color_trc"):
                    setattr(target.codec_context, tag, getattr(pictures.codec_context, tag))
                target.codec_context.time_base = pictures.time_base or Fraction(1, 90_000)
                copies = {stream.index: output.add_stream_from_template(stream) for stream in source.streams.audio}
                overlays = _Overlays(cues, look or Look(), target.width, target.height)
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

    def __init__(self, cues: Sequence[Cue], look: Look, width: int, height: int) -> None:
        self._cues, self._next, self._look = cues, 0, look
        self._width, self._height = width, height
        self._standing: tuple[Cue, ...] = ()
        self._picture: _Picture | None = None

    def drawn(self, frame: av.VideoFrame, seconds: float) -> av.VideoFrame:
        """A frame upright and of the copy's size, with what stands there at this time."""
        plain = frame.reformat(format="yuv420p")
        if frame.rotation:
            picture = Image.fromarray(frame.to_ndarray(format="rgb24")).rotate(frame.rotation, expand=True)
            plain = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="yuv420p")
        plain = plain.reformat(self._width, self._height)
        standing = self._at(seconds)
        if standing != self._standing:
            self._standing = standing
            self._picture = _Picture(self._canvas(standing), _weights(frame)) if standing else None
        if self._picture:
            planes = np.asarray(plain.to_ndarray(), np.uint8)
            self._picture.lay_over(planes)
            plain = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        plain.pts, plain.time_base = frame.pts, frame.time_base
        plain.pict_type = av.video.frame.PictureType.NONE  # the encoder chooses
        return plain

    def _at(self, seconds: float) -> tuple[Cue, ...]:
        """What stands there at this time."""
        while self._next < len(self._cues) and self._cues[self._next].offset <= seconds:
            self._next += 1
        near = self._cues[self._next : self._next + 8]
        return tuple(cue for cue in near if cue.onset <= seconds < cue.offset)

    def _canvas(self, cues: Sequence[Cue]) -> Image.Image:
        canvas = Image.new("RGBA", (self._width, self._height), (0, 0, 0, 0))
        draw_cues(canvas, cues, self._look)
        return canvas


def _weights(frame: av.VideoFrame) -> tuple[float, float, float]:
    """How red, green and blue make up the luma of a frame, as players take it."""
    said = frame.colorspace
    high = said == Colorspace.ITU709 or (said == UNSAID and frame.height >= HIGH)
    return WEIGHTS["BT.709" if high else "BT.601"]


class _Picture:
    """Drawn captions as planes of luma and chroma, with how much each pixel covers."""

    def __init__(self, canvas: Image.Image, weights: tuple[float, float, float]) -> None:
        pixels = np.asarray(canvas)
        self._height, self._width = pixels.shape[:2]
        rows = np.flatnonzero(pixels[..., 3].any(axis=1))
        self._top = int(rows[0]) // 2 * 2 if len(rows) else 0
        bottom = -(-(int(rows[-1]) + 1) // 2) * 2 if len(rows) else 0
        cut = pixels[self._top : min(bottom, self._height)].astype(np.float32)
        self._alpha = cut[..., 3] / 255
        luma = cut[..., :3] @ np.array(weights, np.float32)
        differences = [(cut[..., 2] - luma) / (1 - weights[2]), (cut[..., 0] - luma) / (1 - weights[0])]
        self._luma = 16 + luma * 219 / 255
        self._half = _halved(self._alpha)
        covered = np.maximum(self._half, 1 / 255)
        self._chroma = np.stack([128 + _halved(one * self._alpha) / covered * 112 / 255 for one in differences])

    def lay_over(self, planes: NDArray[np.uint8]) -> None:
        """Blend it into a frame [3/2 height, width] of yuv420p."""
        luma = planes[self._top : self._top + len(self._alpha)]
        luma[:] = (luma * (1 - self._alpha) + self._luma * self._alpha + 0.5).astype(np.uint8)
        chroma = planes[self._height :].reshape(2, self._height // 2, self._width // 2)
        top = self._top // 2
        part = chroma[:, top : top + len(self._half)]
        part[:] = (part * (1 - self._half) + self._chroma * self._half + 0.5).astype(np.uint8)


def _halved(plane: NDArray[np.floating]) -> NDArray[np.float32]:
    """The means of squares of four pixels."""
    height, width = plane.shape
    return np.asarray(plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)), np.float32)
