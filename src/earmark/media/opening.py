"""Open a path, bytes or a file object with FFmpeg, or say in one line why not."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from earmark.errors import MediaError
from earmark.media.wav import CorrectedWav, corrected

Source = str | os.PathLike[str] | bytes | BinaryIO

RATES = range(1_000, 1_000_001)  # Hz: below is no sound, above is a broken header
CHANNELS = range(1, 65)  # what FFmpeg's filters can mix

_WAV_HEADER = 1 << 16  # bytes: the data of a WAV file begin within these
_WAV_UNKNOWN = 0x7FFF0000  # a length from here on is a placeholder that programs write into pipes

_NOT_MEDIA = "is not a recording that FFmpeg can read, or is damaged beyond reading"
_CHECK = "check that it plays in a media player"


@dataclass(frozen=True)
class AudioTrack:
    """One audio stream of a recording, as its header describes it.

    number: from 0, among the audio streams. codec: FFmpeg's name. rate: Hz. language: ISO 639 code.
    """

    number: int
    codec: str
    rate: int
    channels: int
    language: str | None = None
    title: str | None = None

    def __str__(self) -> str:
        """`0 (aac, 48000 Hz, 2 channels, eng)`."""
        many = f"{self.channels} channel{'' if self.channels == 1 else 's'}"
        facts = [self.codec, f"{self.rate} Hz", many, self.language, self.title]
        return f"{self.number} ({', '.join(fact for fact in facts if fact)})"


def name_of(source: Source) -> str:
    """What messages call the source: the path as given, `<bytes>`, or the file object's name."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<file object>"


def rewindable(source: Source) -> bool:
    """Whether the source can be read again from its beginning."""
    if isinstance(source, bytes | bytearray | memoryview):
        return True
    if isinstance(source, str | os.PathLike):
        return Path(source).is_file()
    seekable = getattr(source, "seekable", None)
    return hasattr(source, "seek") and (seekable is None or bool(seekable()))


def open_container(source: Source) -> InputContainer:
    """Open the source from its beginning. Raises MediaError, and TypeError for what is no source."""
    name = name_of(source)
    if isinstance(source, io.TextIOBase):
        raise TypeError(f"{name} is open as text: open it in binary mode")
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            if not len(source):
                raise MediaError(name, "is empty")
            return _open(corrected(io.BytesIO(source)), seekable=True)
        if isinstance(source, str | os.PathLike):
            path = _checked_path(source, name)
            return _open(corrected(path) if rewindable(path) else path, seekable=True)
        if not hasattr(source, "read"):
            raise TypeError(f"a source is a path, bytes or a binary file object, not {type(source).__name__}")
        seekable = rewindable(source)
        if seekable:
            source.seek(0)
        return _open(corrected(source) if seekable else source, seekable)
    except (av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise _explained(error, source, name) from None


def _open(file: str | BinaryIO | CorrectedWav, seekable: bool) -> InputContainer:
    # A large buffer saves calls into Python; a pipe would wait until it is full.
    size = 1 << 18 if seekable else 1 << 15
    return av.open(file, "r", metadata_errors="replace", buffer_size=size)


def _checked_path(source: str | os.PathLike[str], name: str) -> str:
    if re.match(r"[a-z][a-z0-9+.-]+://", name, re.IGNORECASE):
        raise MediaError(name, "is a web address, not a file", "download it first")
    mode = os.stat(source)  # noqa: PTH116 - also takes names that are no valid path
    if stat.S_ISDIR(mode.st_mode):
        raise MediaError(name, "is a directory", "name the files in it")
    if stat.S_ISREG(mode.st_mode):
        if not mode.st_size:
            raise MediaError(name, "is empty")
        with Path(source).open("rb"):
            pass
    return os.path.abspath(source)  # noqa: PTH100 - so that `a:b.wav` is no protocol to FFmpeg


def _explained(error: Exception, source: Source, name: str) -> MediaError:
    if isinstance(error, MediaError):
        return error
    if isinstance(error, FileNotFoundError):
        return MediaError(name, "no such file")
    if isinstance(error, PermissionError):
        return MediaError(name, "may not be read", "ask for permission to read it")
    if isinstance(error, av.error.InvalidDataError | EOFError) and _head(source)[4:8] == b"ftyp":
        reason = "is an MP4 without its index: it was cut off, or its recording never ended"
        return MediaError(name, reason, "get a whole copy")
    if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
        return MediaError(name, f"cannot be read ({error.strerror or type(error).__name__})")
    return MediaError(name, _NOT_MEDIA, _CHECK)


def _head(source: Source, size: int = 12) -> bytes:
    """The source's first bytes, without moving a file object."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(source, bytes | bytearray | memoryview):
            return bytes(source[:size])
        if isinstance(source, str | os.PathLike):
            with Path(source).open("rb") as file:
                return file.read(size) if rewindable(source) else b""
        if rewindable(source):
            place = source.tell()
            try:
                source.seek(0)
                return source.read(size)
            finally:
                source.seek(place)
    return b""


def wav_claim(source: Source, container: InputContainer) -> float | None:
    """The seconds that a cut off WAV file's header claims: FFmpeg tells only what the file's size allows.

    None for what is whole, is no plain WAV, or was written to a pipe and could not know its length.
    """
    head = _head(source, _WAV_HEADER) if container.format.name == "wav" else b""
    at = 12
    while at + 8 <= len(head):
        chunk, size = struct.unpack_from("<4sI", head, at)
        at += 8
        if chunk == b"data":
            there = container.size - at
            if 0 < there < size < _WAV_UNKNOWN and container.duration:
                return container.duration / 1_000_000 * int(size) / there
            return None
        at += size + size % 2
    return None


def audio_tracks(container: InputContainer) -> tuple[AudioTrack, ...]:
    """The audio streams, in order."""
    tracks = []
    for number, stream in enumerate(container.streams.audio):
        context = stream.codec_context
        tracks.append(
            AudioTrack(
                number=number,
                codec=_canonical(context.name) if context else "unknown codec",
                rate=context.sample_rate if context else 0,
                channels=context.channels if context else 0,
                language=_known(stream.metadata.get("language")),
                title=_known(stream.metadata.get("title")),
            )
        )
    return tuple(tracks)


def _canonical(decoder: str) -> str:
    # PyAV names the decoder; `mp3float` or `libopus` are implementations of mp3 and opus.
    return decoder.removesuffix("float").removeprefix("lib")


def _known(text: str | None) -> str | None:
    return text if text and text != "und" else None


def chosen_track(name: str, tracks: tuple[AudioTrack, ...], number: int, has_video: bool) -> AudioTrack:
    """The track of this number, if it is there and can be decoded. Raises MediaError."""
    if not tracks:
        raise MediaError(name, "is a video without sound" if has_video else "has no audio track")
    if not 0 <= number < len(tracks):
        listed = ", ".join(map(str, tracks))
        raise MediaError(name, f"has no audio track {number}", f"it has {len(tracks)}: {listed}")
    track = tracks[number]
    if track.codec == "unknown codec":
        raise MediaError(name, "its audio is in a format that FFmpeg cannot decode")
    if track.rate not in RATES:
        raise MediaError(name, f"its header claims {track.rate} samples a second, which cannot be right")
    if track.channels not in CHANNELS:
        raise MediaError(name, f"its header claims {track.channels} channels, which cannot be right")
    return track


def shows_video(container: InputContainer) -> bool:
    """Whether there are moving pictures: a cover picture is none."""
    attached = av.stream.Disposition.attached_pic
    return any(not stream.disposition & attached for stream in container.streams.video)
