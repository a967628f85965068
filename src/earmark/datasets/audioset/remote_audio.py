"""A span of a recording on a server, cut to the sample: only the parts of the file that are decoded are fetched."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from typing import BinaryIO, Protocol, cast

import av
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer
from fsspec.spec import AbstractBufferedFile

from earmark.datasets.audioset.ledger import ClipError, Outcome
from earmark.errors import MediaError
from earmark.media.decoding import Damage, Decoder, zero_of
from earmark.media.opening import audio_tracks, chosen_track, open_container
from earmark.util.types import Samples

BLOCK = 1 << 18  # bytes a request: 16 s of good compressed sound. YouTube slows down requests for 10 MB and more
KEPT = 16  # blocks, so that none is asked for twice by the look at a header before FFmpeg reads it: 4 MB
LARGEST_WHOLE = 1 << 28  # bytes that are taken from a server that gives only whole files


# Decoded before the span: lossy codecs need what was before to give what they give from the start (Opus 0.08 s, see
# RFC 7845, section 4.6; AAC a frame), and the resampler's filter has to be filled.
RUN_UP_S = 1.0


class Response(Protocol):
    """What a server answers."""

    status: int
    headers: Mapping[str, str]

    def read(self) -> bytes:
        """All of its body. Raises ClipError."""

    def close(self) -> None:
        """Read no more."""


class Ask(Protocol):
    """Asks for the bytes from the first to the last, both included."""

    def __call__(self, first: int, last: int) -> Response:
        """Raises ClipError."""


class RangeFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file of which only the blocks that are read are fetched; the first of them, which tells its size, at once.

    FFmpeg takes an error while reading for the end of the file, so the failure is kept, and no more is asked: whoever
    reads must call `check`.

    Parameters
    ----------
    name
        What messages call it.
    ask
        Gives its parts.

    Raises
    ------
    ClipError
        What `ask` raises for the first block.
    """

    def __init__(self, name: str, ask: Ask) -> None:
        self.name = name
        self._ask = ask
        self._whole: bytes | None = None  # where the server gives nothing less
        self._failure: Exception | None = None
        self._first = b""
        self._first = self._fetch_range(0, BLOCK)
        options = {"maxblocks": KEPT}
        super().__init__(
            None, name, block_size=BLOCK, cache_type="blockcache", cache_options=options, size=self._length
        )

    def check(self) -> None:
        """Raise what went wrong while reading."""
        if self._failure is not None:
            raise self._failure

    def seek(self, loc: int, whence: int = io.SEEK_SET) -> int:
        """Stand elsewhere; not before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.loc}.get(whence, self._length)
        self.loc: int = max(0, base + loc)
        return self.loc

    def read(self, length: int = -1) -> bytes:
        """The next bytes, up to the end of a block: no more is fetched than is needed."""
        rest = BLOCK - self.loc % BLOCK
        try:
            return bytes(super().read(min(length, rest) if length >= 0 else length))
        except Exception as error:
            self._failure = self._failure or error
            raise OSError(str(error)) from error

    def _fetch_range(self, start: int, end: int) -> bytes:
        self.check()
        if self._whole is not None:
            return self._whole[start:end]
        if not start and self._first:
            kept, self._first = self._first, b""
            return kept
        response = self._ask(start, end - 1)
        try:
            if response.status == 206:
                return self._part(response, start)
            self._whole = self._all(response)
            self._length = len(self._whole)
            return self._whole[start:end]
        finally:
            response.close()

    def _part(self, response: Response, first: int) -> bytes:
        stated = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range") or "")
        if stated is None or int(stated[1]) != first:
            raise ClipError(Outcome.REFUSED, "the server gives another range than was asked for")
        self._length = int(stated[3])
        return _body(response, int(stated[2]) + 1 - first)

    def _all(self, response: Response) -> bytes:
        """From a server that knows no ranges."""
        stated = response.headers.get("Content-Length") or ""
        length = int(stated) if stated.isdigit() else None
        if length is not None and length > LARGEST_WHOLE:
            raise ClipError(Outcome.REFUSED, f"the server gives only the whole file, of {length} bytes")
        return _body(response, length)


def _body(response: Response, length: int | None) -> bytes:
    """All of an answer: some servers break off without an error."""
    body = response.read()
    if length is not None and len(body) != length:
        raise ClipError(Outcome.REFUSED, f"the connection broke off after {len(body)} of {length} bytes", again=True)
    return body


def cut_span(file: RangeFile, start: float, end: float, rate: int, shortest: float = 0.9) -> Samples:
    """The samples from `start` to `end` seconds of its first audio track, mono float32 [samples] at `rate` Hz.

    Sample 0 is the one at `start` by the recording's timestamps: exact where they count samples, as in MP4, FLAC and
    WAV, and right to half a millisecond in WebM, which counts in milliseconds. FFmpeg seeks to the span by the
    container's index; only the blocks of the file that it then reads are fetched.

    Raises
    ------
    ClipError
        What `file` raises, `EMPTY` where there is no sound in the span, `DAMAGED` where it cannot be decoded or less
        than the part `shortest` of the span is there.
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
    container, stream = _open_audio(file)
    if origin and not _seek(container, stream, origin):
        container.close()
        container, stream = _open_audio(file)
        origin = 0
    return container, origin


def _open_audio(file: RangeFile) -> tuple[InputContainer, AudioStream]:
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
