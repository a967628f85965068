"""Write sound: spans of a recording to WAV or FLAC (16 bit, mono, at its own rate), or MP3 for a page."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.media.opening import Source
from earmark.media.recording import Passage, Recording, open_recording
from earmark.util.atomic import atomic_write
from earmark.util.types import Samples

CODECS = {".wav": ("wav", "pcm_s16le"), ".flac": ("flac", "flac")}
"""Container and codec for each suffix."""

_FRAME = 4_096  # samples that are encoded at a time
_FULL = 32_768  # the steps from silence to full scale

MP3_RATE = 24_000  # Hz
MP3_BIT_RATE = 48_000  # 0.36 MB a minute


def write_span(source: Source, path: Path, onset: float, offset: float) -> Path:
    """Write a recording from `onset` to `offset` seconds; the suffix says the format, `.wav` or `.flac`."""
    return next(write_spans(source, [(onset, offset, path)]))


def write_spans(source: Source, spans: Iterable[tuple[float, float, Path]], *, track: int = 0) -> Iterator[Path]:
    """Write spans (onset, offset, path) in one pass over the recording; yields each path as it is there."""
    with open_recording(source, track) as recording:
        rate = recording.track.rate
        passage = Passage(recording, rate)
        for onset, offset, path in spans:
            write_samples(path, passage.span(onset, offset), rate)
            yield path


def write_samples(path: Path, pieces: Iterable[Samples], rate: int) -> None:
    """Write mono samples that come in pieces to a `.wav` or `.flac` file, whole or not at all."""
    if path.suffix.lower() not in CODECS:
        raise EarmarkError(path, "is neither .wav nor .flac", "choose one of them")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            _encode(str(part), *CODECS[path.suffix.lower()], _sixteen_bit(pieces), rate)
    except (OSError, av.FFmpegError) as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})") from error


def _encode(
    file: str | BinaryIO,
    container: str,
    codec: str,
    pieces: Iterable[NDArray[np.int16] | Samples],
    rate: int,
    bit_rate: int | None = None,
) -> None:
    at = 0
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        if bit_rate:
            stream.bit_rate = bit_rate
        for piece in pieces:
            frame = av.AudioFrame.from_ndarray(piece[None], "s16" if piece.dtype == np.int16 else "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            output.mux(stream.encode(frame))
            at += len(piece)
        output.mux(stream.encode(None))


def _sixteen_bit(pieces: Iterable[Samples]) -> Iterator[NDArray[np.int16]]:
    """Pieces of at most `_FRAME` samples; what was 16 bit comes out as it was."""
    for piece in pieces:
        steps = np.clip(np.rint(piece * _FULL), -_FULL, _FULL - 1).astype(np.int16)
        for first in range(0, len(steps), _FRAME):
            yield steps[first : first + _FRAME]


def mp3(recording: Recording) -> bytes:
    """The sound of a recording as an MP3 file: mono, 24 kHz, 48 kbit/s."""
    file = io.BytesIO()
    _encode(file, "mp3", "libmp3lame", recording.blocks(MP3_RATE, 1.0), MP3_RATE, MP3_BIT_RATE)
    return file.getvalue()
