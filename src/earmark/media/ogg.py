"""How long an Ogg file is by its own pages: FFmpeg reads no further than to where a chained one changes its rate."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from earmark.media.headers import looked_at

_HEADER = struct.Struct("<4sBBqIIIB")  # OggS, version, flags, granule, serial number, sequence, checksum, segments
_BEGINS = 2  # flag of a stream's first page
_BACK = 1 << 16  # bytes searched for the next page where the last one was damaged: no page is longer


def ogg_duration(source: str | os.PathLike[str] | bytes | BinaryIO) -> float | None:
    """Seconds of sound in all the streams of an Ogg file that follow each other; None where it is none.

    A file object stands afterwards where it stood. Reads the headers of all pages.
    """
    return looked_at(source, _duration)


def _duration(file: BinaryIO) -> float | None:
    total, here = 0.0, 0.0
    began = True  # whether all pages so far, since the last chained file, were first ones
    rates: dict[int, tuple[int, int]] = {}  # by serial number: samples a second, and samples to leave out
    at = file.seek(0)
    while (page := _page(file, at)) is not None:
        at, flags, granule, serial, first = page
        if flags & _BEGINS:
            if not began:
                total, here, rates, began = total + here, 0.0, {}, True
            if (rate := _rate(first)) is not None:
                rates[serial] = rate
        else:
            began = False
            if serial in rates and granule > 0:
                rate_, left_out = rates[serial]
                here = max(here, (granule - left_out) / rate_)
    return total + here or None


def _page(file: BinaryIO, at: int) -> tuple[int, int, int, int, bytes] | None:
    """The page at a place, or the next one: where the one after it begins, its flags, granule, stream, first bytes."""
    file.seek(at)
    head = file.read(_HEADER.size)
    while not head.startswith(b"OggS"):
        piece = head + file.read(_BACK)
        found = piece.find(b"OggS", 1)
        if len(piece) < _HEADER.size or (found < 0 and len(piece) < _BACK):
            return None
        at += found if found > 0 else len(piece) - 3
        file.seek(at)
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return None
    _, _, flags, granule, serial, _, _, segments = _HEADER.unpack(head)
    sizes = file.read(segments)
    first = file.read(64) if flags & _BEGINS else b""
    return at + _HEADER.size + segments + sum(sizes), flags, granule, serial, first


def _rate(first: bytes) -> tuple[int, int] | None:
    """Samples a second of a stream by its first packet, and how many to leave out; None if it is no audio."""
    rate = left_out = 0
    if first.startswith(b"\x01vorbis") and len(first) >= 16:
        (rate,) = struct.unpack_from("<I", first, 12)
    elif first.startswith(b"OpusHead") and len(first) >= 12:
        rate, (left_out,) = 48_000, struct.unpack_from("<H", first, 10)
    elif first.startswith(b"\x7fFLAC") and len(first) >= 30:
        rate = int.from_bytes(first[27:30], "big") >> 4
    elif first.startswith(b"Speex   ") and len(first) >= 40:
        (rate,) = struct.unpack_from("<I", first, 36)
    return (rate, left_out) if rate else None
