"""Open a path, bytes or a file object with FFmpeg, or say in one line why not."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from earmark.errors import MediaError
from earmark.media.probe import is_short, looked_at, try_opening
from earmark.media.wav import HEADER, LONG_FORM, CorrectedWav, corrected, is_noise, wav_header

Source = str | os.PathLike[str] | bytes | BinaryIO

RATES = range(1_000, 1_000_001)  # Hz: below is no sound, above is a broken header
CHANNELS = range(1, 65)  # what FFmpeg's filters can mix

DEMUXERS = (
    # films and broadcasts
    "asf", "asf_o", "avi", "dv", "flv", "gxf", "ivf", "kux", "matroska", "mov", "mpeg", "mpegts", "mxf", "nsv",
    "nut", "rm", "swf", "ty", "wtv",
    # samples as they are
    "aiff", "au", "avr", "caf", "dsf", "hcom", "iff", "ircam", "mca", "nistsphere", "paf", "pvf", "rso", "sds",
    "sox", "voc", "w64", "wav", "wsd", "wve", "xwma",
    # compressed, with or without tags
    "aa", "aac", "ac3", "ac4", "aea", "amr", "amrnb", "amrwb", "ape", "aptx", "aptx_hd", "bonk", "dts", "dtshd",
    "eac3", "flac", "iamf", "laf", "lc3", "loas", "mlp", "mp3", "mpc", "mpc8", "ogg", "oma", "osq", "qcp", "qoa",
    "sbc", "shn", "spdif", "tak", "truehd", "tta", "vqf", "wv", "xa",
    # known by their suffix alone: telephones and radio
    "alaw", "codec2", "g722", "g726", "g726le", "g729", "gsm", "ilbc", "mulaw",
)  # fmt: skip
"""Files that hold their sound themselves. What is missing opens other things: playlists and lists of files (hls, dash,
concat, webm_dash_manifest, imf), descriptions of streams (sdp, rtsp, rtp, sap), numbered pictures (image2), devices
and filters (lavfi, alsa, ...); or holds no sound (subtitles, pictures)."""

NOTHING = "none"
"""A list of protocols that is empty: FFmpeg takes an empty text for all of them."""

_PACKETS = {"max_probe_packets": "2"}
"""In how much of a WAV file FFmpeg looks for DTS behind a header that says PCM. Two packets hold eight frames of it;
32, as many as it would take, cost more than reading a short recording."""

_WAV_UNKNOWN = 0x7FFF0000  # a length from here on is a placeholder that programs write into pipes
_LONG_UNKNOWN = 1 << 60  # the same where it has 64 bits

_NOT_HERE = "is of a kind that is not opened here: a playlist, a list of files, a description of a stream, pictures"
_NOT_MEDIA = "is not a recording that FFmpeg can read, or is damaged beyond reading"
_CHECK = "check that it plays in a media player"
_CONVERT = "convert it to an ordinary WAV or FLAC file, such as with SoX or Audacity"


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


def open_container(source: Source, tried: bool = False, name: str | None = None) -> InputContainer:
    """Open the source from its beginning. Raises MediaError, and TypeError for what is no source.

    FFmpeg opens nothing else, and computes for a few seconds at most, unless it was `tried` before. `name` is what
    messages call it, if not by its own name.
    """
    name = name or name_of(source)
    if isinstance(source, io.TextIOBase):
        raise TypeError(f"{name} is open as text: open it in binary mode")
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            if not len(source):
                raise MediaError(name, "is empty")
            return open_input(corrected(io.BytesIO(source)), name, seekable=True, tried=tried)
        if isinstance(source, str | os.PathLike):
            path = _checked_path(source, name)
            if not rewindable(source):  # a pipe with a name
                stream = cast("BinaryIO", Path(path).open("rb", buffering=0))  # noqa: SIM115 - the container's
                return open_input(stream, name, seekable=False, tried=tried)
            return open_input(corrected(path), name, seekable=True, tried=tried)
        if not hasattr(source, "read"):
            raise TypeError(f"a source is a path, bytes or a binary file object, not {type(source).__name__}")
        if getattr(source, "closed", False):
            raise MediaError(name, "is closed", "open it again")
        seekable = rewindable(source)
        if seekable:
            source.seek(0)
        return open_input(corrected(source) if seekable else source, name, seekable, tried=tried)
    except (av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise _explained(error, source, name) from None


def open_input(
    file: str | BinaryIO | CorrectedWav,
    name: str,
    seekable: bool,
    *,
    demuxers: Sequence[str] = DEMUXERS,
    options: Mapping[str, str] | None = None,
    buffer: int | None = None,
    tried: bool = False,
) -> InputContainer:
    """Everything that FFmpeg opens is opened here, so that it opens nothing else, and comes to an end.

    Parameters
    ----------
    file
        An absolute path, or a binary file object that stands at its beginning.
    name
        What messages call it.
    seekable
        Whether a file object can be sought in; a path is that of an ordinary file.
    demuxers
        FFmpeg's names of the kinds of file that it may be; if it is a single one, it is not guessed.
    options
        FFmpeg's options besides.
    buffer
        Bytes that are read at once from a file object. A large one saves calls into Python; a pipe would wait until it
        is full. Default 256 kB, and 32 kB for streams.
    tried
        Do not try it out in another process first.

    Raises
    ------
    MediaError
        See `try_opening`.
    av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError
        It cannot be opened.
    """
    size = buffer or (1 << 18 if seekable else 1 << 15)
    only = demuxers[0] if len(demuxers) == 1 else None
    protocols = "file" if isinstance(file, str) else NOTHING  # beside a file object it needs nothing
    kept = {**(options or {}), "protocol_whitelist": protocols, "format_whitelist": ",".join(demuxers)}
    head = _head(cast("str | BinaryIO", file), 36) if seekable else b""
    if head[8:12] == b"WAVE":
        kept |= _PACKETS

    opened = partial(_opened, only, kept, size)
    given = cast("str | BinaryIO", file)
    if not tried and not (seekable and looked_at(given, is_short)):
        given = try_opening(name, given, seekable, opened)
    if is_noise(head or getattr(given, "head", b"")):
        raise MediaError(name, "is a WAV file with the highest byte first (RIFX), which is not read here", _CONVERT)
    return opened(given)


def _opened(only: str | None, options: dict[str, str], buffer: int, file: str | BinaryIO) -> InputContainer:
    return av.open(file, "r", only, options, metadata_errors="replace", buffer_size=buffer)


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
    if isinstance(error, av.error.ArgumentError):  # what FFmpeg calls a kind of file that is none of those it may open
        return MediaError(name, _NOT_HERE, "give the recordings themselves")
    if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
        return MediaError(name, f"cannot be read ({error.strerror or type(error).__name__})")
    return MediaError(name, _NOT_MEDIA, _CHECK)


def _head(source: Source, size: int = 12) -> bytes:
    """The source's first bytes, without moving a file object; none of a pipe, which would wait for its writer."""

    def first(file: BinaryIO) -> bytes:
        file.seek(0)
        return file.read(size)

    return (looked_at(source, first) if rewindable(source) else None) or b""


def wav_claim(source: Source, container: InputContainer) -> float | None:
    """The seconds that a cut off WAV file's header claims: FFmpeg tells only what the file's size allows.

    None for what is whole, is no plain WAV, or was written to a pipe and could not know its length.
    """
    header = wav_header(_head(source, HEADER)) if container.format.name == "wav" else None
    there = container.size - header.begin if header else 0
    if header is None or not 0 < there < header.size:
        return None
    if header.form == LONG_FORM:  # where FFmpeg believes it
        return header.size / header.rate if header.rate and header.size < _LONG_UNKNOWN else None
    if header.size < _WAV_UNKNOWN and container.duration:
        return container.duration / 1_000_000 * header.size / there
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
    if not hasattr(number, "__index__") or number not in range(len(tracks)):
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


def moving_pictures(container: InputContainer) -> VideoStream | None:
    """The moving pictures, if there are any: a cover picture is none."""
    attached = av.stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & attached), None)
