"""What is looked at before FFmpeg opens a file: its headers, and whether opening it comes to an end.

FFmpeg reads some headers in a time that grows with the square or the cube of their length: half a megabyte of tags in
Matroska keeps it busy for minutes, and no signal reaches Python meanwhile. Where a look at the header does not show
that it is short, another process opens the file first; the system ends it when it has computed for too long. What it
computes on its own behalf is limited, not the time it waits for a slow disk.

That process is a copy of this one (`fork`, a few milliseconds), or a fresh Python where a copy is a danger: OpenBLAS
ends its threads before a fork, and a product of NumPy's that another thread of this process had given them never ends
(https://github.com/OpenMathLib/OpenBLAS/blob/develop/driver/others/blas_server.c, `blas_thread_shutdown_`).
"""

from __future__ import annotations

import base64
import faulthandler
import gc
import io
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

from earmark.errors import MediaError
from earmark.util.blas import ENVIRONMENT
from earmark.util.processes import limit

T = TypeVar("T")

LIGHT = 1 << 15
"""Bytes of header, without pictures, that FFmpeg reads at once whatever they are."""

_HEAD = 1 << 16  # bytes that are looked at in the beginning
_PARTS = 64  # chunks, blocks or boxes that are looked at
_OGG_PAGE = struct.Struct("<4sBBqIIIB")  # OggS, version, flags, granule, serial number, sequence, checksum, segments
_FIRST_PAGE = 2  # flag of a stream's first page
_BACK = 1 << 16  # bytes searched for the next page where the last one was damaged: no page is longer
LIMIT = 6
"""Seconds of processor time that opening may take."""

PATIENCE = 60.0
"""Seconds in which a trial neither asks nor computes, after which it is given up, and proves nothing."""

MOST = 1 << 26
"""Bytes of a stream that are kept for reading them again; the trial of one that needs more proves nothing."""

HANDLES = 1 << 16
"""How many open files of this process a trial closes at most, where the system sets no limit."""

_BREAKDOWNS = {getattr(signal, name, None) for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")}
_ASKED = struct.Struct(">cqB")  # read or seek, a number, and from where
_FAILED = -1
_TOLD_BY = 3  # the socket's number in a new Python
_ANSWER = struct.Struct(">q")

Opening = Callable[[Any], object]


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

    False also where that cannot be told: other kinds, damage. Where the file stands afterwards is not said.
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


def ogg_duration(source: str | os.PathLike[str] | bytes | BinaryIO) -> float | None:
    """Seconds of sound in all the streams of an Ogg file that follow each other; None where it is none."""
    return looked_at(source, _duration)


def _duration(file: BinaryIO) -> float | None:
    total, here = 0.0, 0.0
    began = True  # whether all pages so far, since the last chained file, were first ones
    rates: dict[int, tuple[int, int]] = {}  # by serial number: samples a second, and samples to leave out
    at = file.seek(0)
    while (page := _page(file, at)) is not None:
        at, flags, granule, serial, first = page
        if flags & _FIRST_PAGE:
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
    head = file.read(_OGG_PAGE.size)
    while not head.startswith(b"OggS"):
        piece = head + file.read(_BACK)
        found = piece.find(b"OggS", 1)
        if len(piece) < _OGG_PAGE.size or (found < 0 and len(piece) < _BACK):
            return None
        at += found if found > 0 else len(piece) - 3
        file.seek(at)
        head = file.read(_OGG_PAGE.size)
    if len(head) < _OGG_PAGE.size:
        return None
    _, _, flags, granule, serial, _, _, segments = _OGG_PAGE.unpack(head)
    sizes = file.read(segments)
    first = file.read(64) if flags & _FIRST_PAGE else b""
    return at + _OGG_PAGE.size + segments + sum(sizes), flags, granule, serial, first


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


def try_opening(name: str, file: str | BinaryIO, seekable: bool, opening: Opening) -> str | BinaryIO:
    """Try whether a file can be opened without computing for more than `LIMIT` seconds; MediaError if not.

    Parameters
    ----------
    name
        What messages call it.
    file
        A path or a file object.
    seekable
        Whether a file object can be read again from its beginning, where it then stands.
    opening
        What is tried, which can be pickled; what it raises is of no concern here, as it will raise it again.

    Returns
    -------
    str | BinaryIO
        What to open now: `file`, or what gives the bytes that were read from a stream, and then those that follow.
    """
    if not hasattr(os, "fork"):  # on Windows nothing is tried out
        return file
    ours, theirs = socket.socketpair()
    with ours, _interrupts_waiting() as let_interrupts_come:
        try:
            child = (_copy if _may_be_copied() else _fresh)(theirs, file, seekable, opening)
        except OSError:  # no room for another process
            return file
        finally:
            theirs.close()
        lent = None if isinstance(file, str) else _Lent(file, seekable)
        try:
            let_interrupts_come()
            ended = _serve(ours, child, lent)
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # it has ended by itself, unless it was given up
            _, status = os.waitpid(child, 0)
    if ended and os.WIFSIGNALED(status):
        _judge(name, os.WTERMSIG(status))
    return lent.again() if lent else file


@contextmanager
def _interrupts_waiting() -> Iterator[Callable[[], object]]:
    """Ctrl-C comes when the function that this gives is called, or at the end.

    Python drops an exception that is thrown while modules tidy up after a fork, and a process whose number is not
    known yet could not be ended.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield lambda: None  # what is thrown is thrown in the main thread
        return
    came: list[int] = []

    def come() -> None:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(came.pop())

    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield come
    finally:
        come()


def _may_be_copied() -> bool:
    """Whether no thread of this process can be within a product that threads of OpenBLAS share."""
    return threading.active_count() == 1 or os.environ.get(ENVIRONMENT) == "1"


def _copy(theirs: socket.socket, file: str | BinaryIO, seekable: bool, opening: Opening) -> int:
    """The number of a process that tries it: a copy of this one."""
    child = os.fork()
    if not child:
        _be_tried(theirs, file, seekable, opening, LIMIT)
    return child


def _fresh(theirs: socket.socket, file: str | BinaryIO, seekable: bool, opening: Opening) -> int:
    """The number of a process that tries it: a new Python."""
    named = file if isinstance(file, str) else SimpleNamespace(name=str(getattr(file, "name", "")))
    request = base64.b64encode(pickle.dumps((named, seekable, opening, LIMIT))).decode()
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from earmark.media.probe import try_request; try_request({request!r})"
    )
    with_socket = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), _TOLD_BY)]
    return os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ, file_actions=with_socket)


def try_request(request: str) -> NoReturn:
    """In such a process: try what this one was told."""
    file, seekable, opening, seconds = pickle.loads(base64.b64decode(request))
    _be_tried(socket.socket(fileno=_TOLD_BY), file, seekable, opening, seconds)


def _judge(name: str, ended_by: int) -> None:
    if ended_by in _BREAKDOWNS:
        raise MediaError(name, "is damaged in a way that FFmpeg breaks down over", "get an undamaged copy")
    if ended_by in (signal.SIGXCPU, signal.SIGKILL):
        reason = f"takes more than {LIMIT} s to open: its header is damaged, or made to keep programs busy"
        raise MediaError(name, reason, "get another copy")


def _serve(trial: socket.socket, process: int, lent: _Lent | None) -> bool:
    """Give a trial what it asks for until it has ended; False where it gives no sign of life, or reads too much."""
    computed = 0
    waiting = select.poll()  # unlike `select.select` for any number of files
    waiting.register(trial, select.POLLIN)
    while True:
        while not waiting.poll(PATIENCE * 1000):
            before, computed = computed, _computed(process)
            if computed == before:
                return False
        asked = _received(trial, _ASKED.size)
        if len(asked) < _ASKED.size or lent is None:
            return True
        number, data = lent.answer(*_ASKED.unpack(asked))
        if len(lent.kept) > MOST:
            return False
        with suppress(ConnectionError):  # it has ended just now
            trial.sendall(_ANSWER.pack(number) + data)


def _computed(process: int) -> int:
    """The processor time that a process has had, in ticks; 0 where the system does not tell: on a busy machine, a few
    seconds of it take minutes.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[11]) + int(fields[12])  # utime and stime, see proc(5)
    except OSError:
        return 0


def _received(other: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer where the other side has ended."""
    data = bytearray()
    with suppress(ConnectionError):
        while len(data) < size and (some := other.recv(size - len(data))):
            data += some
    return bytes(data)


def _be_tried(parent: socket.socket, file: str | BinaryIO, seekable: bool, opening: Opening, seconds: int) -> NoReturn:
    """What the other process does."""
    try:
        # Decoders that the parent left to be collected wait, at their end, for threads that are not here.
        gc.freeze()
        # Whoever reads a pipe waits until nobody can write to it any more: this process must not be the last who could.
        os.closerange(3, parent.fileno())
        os.closerange(parent.fileno() + 1, min(os.sysconf("SC_OPEN_MAX"), HANDLES))
        faulthandler.disable()  # how it ends is told in one line
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        limit(seconds=seconds)
        opening(file if isinstance(file, str) else _Borrowed(parent, file, seekable))
    finally:
        os._exit(0)


class _Lent:
    """A file object of this process that a trial reads; what a stream gave is kept."""

    def __init__(self, file: BinaryIO, seekable: bool) -> None:
        self.file, self.seekable = file, seekable
        self.kept = bytearray()

    def answer(self, what: bytes, number: int, whence: int) -> tuple[int, bytes]:
        """Where it stands after a seek; or how many bytes were read, and those."""
        try:
            if what == b"s":
                return self.file.seek(number, whence), b""
            data = self.file.read(number)
        except (OSError, ValueError):
            return _FAILED, b""
        if not self.seekable:
            self.kept += data
        return len(data), data

    def again(self) -> BinaryIO:
        """The same from its beginning."""
        if self.seekable:
            self.file.seek(0)
            return self.file
        return cast("BinaryIO", _Again(bytes(self.kept), self.file))


class _Borrowed:
    """The same file object as the trial sees it."""

    def __init__(self, owner: socket.socket, file: BinaryIO, seekable: bool) -> None:
        self._owner, self._seekable = owner, seekable
        self.name = getattr(file, "name", "")

    def seekable(self) -> bool:
        return self._seekable

    def read(self, size: int) -> bytes:
        return _received(self._owner, self._ask(b"r", size, 0))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._ask(b"s", offset, whence)

    def _ask(self, what: bytes, number: int, whence: int) -> int:
        self._owner.sendall(_ASKED.pack(what, number, whence))
        answer: int = _ANSWER.unpack(_received(self._owner, _ANSWER.size))[0]
        if answer == _FAILED:
            raise OSError("it cannot be read")
        return answer


class _Again:
    """A stream whose beginning was read before."""

    def __init__(self, kept: bytes, stream: BinaryIO) -> None:
        self._kept, self._stream = io.BytesIO(kept), stream
        self.head = kept[:64]
        self.name = getattr(stream, "name", "")

    def read(self, size: int) -> bytes:
        return self._kept.read(size) or self._stream.read(size)
