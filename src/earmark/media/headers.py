"""Looks into files without FFmpeg: whether a header is short, as its time grows with the square or the cube of some."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

T = TypeVar("T")

LIGHT = 1 << 15
"""Bytes of header, without pictures, that FFmpeg reads at once whatever they are."""

_HEAD = 1 << 16  # bytes that are looked at in the beginning
_PARTS = 64  # chunks, blocks or boxes that are looked at


def looked_at(source: str | os.PathLike[str] | bytes | BinaryIO, look: Callable[[BinaryIO], T | None]) -> T | None:
    """What `look` finds in a file that it may read and seek in; None where it cannot be read.

    A file object stands afterwards where it stood. What is wrong with a file is left to others to tell.
    """
    with suppress(OSError, ValueError):
        if isinstance(source, bytes | bytearray | memoryview):
            return look(io.BytesIO(source))
        if isinstance(source, str | os.PathLike):
            with Path(source).open("rb") as file:
                return look(file)
        place = source.tell()
        try:
            return look(source)
        finally:
            source.seek(place)
    return None


def is_short(file: BinaryIO) -> bool:
    """Whether a file is of a common kind, and its header so short that opening it takes no time.

    Parameters
    ----------
    file
        It can be sought in; where it stands afterwards is not said.

    Returns
    -------
    bool
        False also where that cannot be told: other kinds, damage, a header that may be long.
    """
    file.seek(0)
    head = file.read(_HEAD)
    kind = head[:4]
    try:
        if kind in (b"RIFF", b"FORM"):
            return _chunks(file, "<" if kind == b"RIFF" else ">")
        if kind == b"fLaC":
            return _blocks(file)
        if kind == b"OggS":
            return _pages(head)
        if head[4:8] == b"ftyp":
            return _boxes(file)
        if kind[:3] == b"ID3" and len(head) > 10:
            length = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            return length <= LIGHT and _is_frame(head[length:])
    except struct.error:  # it ends where something was announced
        return False
    return _is_frame(head) or head.startswith((b"#!AMR", b".snd"))


def _is_frame(data: bytes) -> bool:
    """Whether MPEG audio begins here: MP3, or AAC for broadcasts."""
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0


def _chunks(file: BinaryIO, order: str) -> bool:
    """Of WAV and AIFF: a name and a length each; only what is no sound counts. AVI, of lists in lists, is none."""
    file.seek(8)
    if file.read(4) not in (b"WAVE", b"AIFF", b"AIFC"):
        return False
    end, at, others = file.seek(0, 2), 12, 0
    for _ in range(_PARTS):
        if at + 8 > end:
            return True
        file.seek(at)
        name, length = struct.unpack(order + "4sI", file.read(8))
        others += 0 if name in (b"data", b"SSND") else length
        if others > LIGHT:
            return False
        at += 8 + length + length % 2
    return False


def _blocks(file: BinaryIO) -> bool:
    """Of FLAC, before its sound; padding, seek points and pictures are read in one go."""
    at, others = 4, 0
    for _ in range(_PARTS):
        file.seek(at)
        first, length = struct.unpack(">B3s", file.read(4))
        size = int.from_bytes(length, "big")
        others += 0 if first & 0x7F in (1, 3, 6) else size
        if others > LIGHT:
            return False
        if first & 0x80:
            return True
        at += 4 + size
    return False


def _pages(head: bytes) -> bool:
    """Of Ogg: sound of the only stream begins early, so that comments are over. Pages of headers are at time 0."""
    at, streams = 0, set()
    while at < LIGHT:
        magic, time, stream, parts = struct.unpack_from("<4s2xqI8xB", head, at)
        streams.add(stream)
        if magic != b"OggS" or len(streams) > 1:
            return False
        if time > 0:
            return True
        at += 27 + parts + sum(head[at + 27 : at + 27 + parts])
    return False


def _boxes(file: BinaryIO) -> bool:
    """Of MP4: all but the sound together; in fragments there may be any number of them."""
    end, at, others = file.seek(0, 2), 0, 0
    for _ in range(_PARTS):
        if at + 8 > end:
            return True
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        length = length or end - at
        others += 0 if name in (b"mdat", b"free", b"skip") else length
        if length < 8 or name == b"moof" or others > LIGHT:
            return False
        at += length
    return False
