"""WAV and AIFF files whose header says less than they hold, or that end in nothing but zeros.

A length of 32 bits wraps beyond 4 GiB; a recorder that lost power has not written the last one. FFmpeg believes the
header, and takes what follows for further chunks. What follows a true length is chunks, to the end of the file.
RF64 and BW64 have a length of 64 bits in a chunk of its own.
Recorders that reserve room in advance leave zeros, which FFmpeg would take for empty chunks, one by one, for minutes.
AIFF has the same chunks with the highest byte first, and so has RIFX, a WAV whose samples FFmpeg takes for noise.
"""

from __future__ import annotations

import errno
import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from earmark.media.probe import looked_at

HEADER = 1 << 16  # bytes: the samples of a WAV file begin within these
WORTH_READING_S = 0.05  # what is less, behind the samples, is a tag of some program
MOST_CHUNKS = 10_000
PIECE = 1 << 20  # bytes read at once in search of the end of zeros
_ZEROS = bytes(PIECE)
_LONG = (b"RF64", b"BW64")
_SOUND = (b"data", b"SSND", b"RIFF", b"FORM", *_LONG)  # chunks that hold samples, or another file
_MP3 = 0x55  # the kind of samples that `fmt ` tells; they stand in no blocks of a fixed size, whatever it says of these
_OFTEN = 8_000  # bytes of a second where the header does not tell: that much is in most compressed sound
_AIFF_PLAIN = (b"none", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"fl64")  # kinds of AIFC, in lower case
_AIFF_LEAD = 8  # two numbers, an offset and the size of blocks
LONG_FORM = "<Q"  # of their length
PADDING = 1 << 16  # so many zeros at the end are no more than padding


@dataclass(frozen=True)
class Extent:
    """Where the samples of a WAV file are, in bytes, if its header is wrong about it."""

    length_at: int
    """Where the header says their length."""
    form: str
    """How it says that, as `struct` does."""
    begin: int
    claimed: int
    """The length that it says."""
    end: int
    total: int
    """The file's size."""
    rate: int
    """Bytes a second; 0 where that is not known."""
    unread: int = 0
    """Bytes of further sound behind the end, in chunks of their own or whole files, which nobody reads."""

    def note(self) -> str:
        """What a user should know of it."""
        if self.unread:
            return f"a further {self._amount(self.unread)} of sound behind its end, as of files joined, are not read"
        if self.end > self.begin + self.claimed:
            held, claimed = self._amount(self.end - self.begin), self._amount(self.claimed)
            return f"its header claims {claimed}, but {held} of sound are there and read"
        return f"{(self.total - self.end) / 1e6:.1f} MB of zeros after its end are not read"

    def _amount(self, size: int) -> str:
        return f"{size / self.rate:.1f} s" if self.rate else f"{size / 1e6:.2f} MB"


class CorrectedWav:
    """A file as its header should be, to read from: FFmpeg finds the samples where they are, and nothing after."""

    def __init__(self, file: BinaryIO, extent: Extent, owned: bool) -> None:
        """`owned` tells that the file is closed with this."""
        self._file, self._extent, self._owned = file, extent, owned
        self._at = 0
        self.name = getattr(file, "name", "")

    def __del__(self) -> None:
        if self._owned:
            self._file.close()

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end."""
        left = max(0, self._extent.end - self._at)
        self._file.seek(self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        most = (1 << 8 * struct.calcsize(self._extent.form)) - 1
        length = struct.pack(self._extent.form, min(self._extent.end - self._extent.begin, most))
        for i, byte in enumerate(length):
            place = self._extent.length_at + i - self._at
            if 0 <= place < len(data):
                data = data[:place] + bytes([byte]) + data[place + 1 :]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._extent.end}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True


def extent_of(source: str | os.PathLike[str] | bytes | BinaryIO) -> Extent | None:
    """Where the samples are, if the source is a WAV or AIFF file whose header is wrong about it.

    A file object stands afterwards where it stood. What cannot be read is left to others to tell.
    """
    return looked_at(source, _extent)


def corrected(source: str | BinaryIO) -> str | BinaryIO | CorrectedWav:
    """What FFmpeg is to open: a path or file object as it is, unless its header is wrong (see `extent_of`)."""
    extent = extent_of(source)
    if extent is None:
        return source
    owned = isinstance(source, str)
    return CorrectedWav(Path(source).open("rb") if isinstance(source, str) else source, extent, owned)


class WavHeader(NamedTuple):
    """What the head of a WAV or AIFF file says of its samples; bytes, see `Extent`."""

    length_at: int
    form: str
    begin: int
    size: int
    rate: int
    block: int
    lead: int = 0  # bytes of the length that come before the samples


def wav_header(head: bytes) -> WavHeader | None:
    """What a file's first bytes say, if it is a WAV file."""
    if head[:4] not in (b"RIFF", *_LONG) or head[8:12] != b"WAVE":
        return None
    long = head[:4] in _LONG
    rate, block, long_at = 0, 1, None
    for chunk, begin, _ in riff_chunks(head):
        if chunk == b"fmt " and begin + 14 <= len(head):
            kind, rate, block = struct.unpack_from("<H6xIH", head, begin)
            block = 1 if kind == _MP3 else block
        elif chunk == b"ds64" and begin + 16 <= len(head):
            long_at = begin + 8  # behind that of the file
        elif chunk == b"data":
            place, form = (long_at, LONG_FORM) if long else (begin - 4, "<I")
            if place is None:
                return None
            (size,) = struct.unpack_from(form, head, place)
            return WavHeader(place, form, begin, size, rate, block)
    return None


def is_noise(head: bytes) -> bool:
    """Whether FFmpeg would take the samples for noise: those of RIFX of more than a byte each; `head`: 36 bytes."""
    one_byte = head[12:16] == b"fmt " and head[34:36] == b"\0\x08"
    return head[:4] == b"RIFX" and head[8:12] == b"WAVE" and not one_byte


def _aiff_header(head: bytes) -> WavHeader | None:
    """The same of an AIFF file, whose samples begin behind two further numbers; none of one that is compressed."""
    if head[:4] != b"FORM" or head[8:12] not in (b"AIFF", b"AIFC"):
        return None
    rate, block = 0, 0
    for chunk, begin, size in riff_chunks(head, ">"):
        if chunk == b"COMM" and begin + 18 <= len(head):
            channels, bits, exponent, mantissa = struct.unpack_from(">H4xHHQ", head, begin)
            if head[8:12] == b"AIFC" and head[begin + 18 : begin + 22].lower() not in _AIFF_PLAIN:
                return None
            block = channels * -(-bits // 8)
            rate = round(mantissa * 2.0 ** (exponent - 16_383 - 63)) * block if 16_383 <= exponent < 16_415 else 0
        elif chunk == b"SSND" and size >= _AIFF_LEAD and begin + _AIFF_LEAD <= len(head):
            return WavHeader(begin - 4, ">I", begin, size, rate, block, _AIFF_LEAD)
    return None


def riff_chunks(head: bytes, order: str = "<") -> Iterator[tuple[bytes, int, int]]:
    """Of the chunks that a RIFF file's first bytes announce: name, where the content begins, and how long it is.

    `order` is that of the bytes of a length, `>` for AIFF.
    """
    at = 12
    while at + 8 <= len(head):
        name, size = struct.unpack_from(order + "4sI", head, at)
        yield name, at + 8, size
        at += 8 + size + size % 2


def _extent(file: BinaryIO) -> Extent | None:
    file.seek(0)
    head = file.read(HEADER)
    header = wav_header(head) or _aiff_header(head)
    if header is None:
        return None
    length_at, form, begin, size, rate, block, lead = header
    long, order = form == LONG_FORM, form[0]
    total, end = file.seek(0, io.SEEK_END), begin + size
    worth = WORTH_READING_S * (rate or _OFTEN)
    if not block or not (size or long) or total - end < worth:
        return None
    stop, unread = _chunks_from(file, end, total, order)
    if unread >= worth:
        return Extent(length_at, form, begin, size, end, total, rate, unread)
    if _end_of_zeros(file, stop, total) == total:
        return Extent(length_at, form, begin, size, end, total, rate) if size and total - stop > PADDING else None
    if stop > end and size:
        return None
    wrapped = range(end + (1 << 32), total, 1 << 32) if not long else ()
    end = next((true for true in wrapped if _chunks_from(file, true, total, order)[0] > true), total)
    first = begin + lead
    return Extent(length_at, form, begin, size, first + (end - first) // block * block, total, rate)


def _chunks_from(file: BinaryIO, at: int, total: int, order: str) -> tuple[int, int]:
    """Where chunks, each with a name and a length, end that follow one another from here on; bytes of sound in them."""
    sound = 0
    for _ in range(MOST_CHUNKS):
        file.seek(at + at % 2)
        head = file.read(8)
        name, size = struct.unpack(order + "4sI", head) if len(head) == 8 else (b"", 0)
        if not name or not all(0x20 <= sign < 0x7F for sign in name) or at + at % 2 + 8 + size > total:
            break
        at += at % 2 + 8 + size
        sound += size if name in _SOUND else 0
    return at, sound


def _end_of_zeros(file: BinaryIO, at: int, total: int) -> int:
    """Where the first byte is from here on that is not zero; the end of the file if there is none."""
    while at < total:
        at = _end_of_hole(file, at, total)
        file.seek(at)
        piece = file.read(PIECE)
        if not piece:
            break
        if piece != _ZEROS[: len(piece)]:
            return at + len(piece) - len(piece.lstrip(b"\0"))
        at += len(piece)
    return total


def _end_of_hole(file: BinaryIO, at: int, total: int) -> int:
    """Where data begin again, if this place is in a hole, as many file systems keep room that was reserved."""
    try:
        return os.lseek(file.fileno(), at, os.SEEK_DATA)
    except (OSError, ValueError, AttributeError) as error:  # no real file, or a system that does not know
        return total if getattr(error, "errno", None) == errno.ENXIO else at
