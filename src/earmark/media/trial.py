"""Opening tried out in a process that can be ended, before it is done in ours, where nothing could end it.

FFmpeg reads some headers in a time that grows with the square or the cube of their length: half a megabyte of tags in
Matroska keeps it busy for minutes, and no signal reaches Python meanwhile. A copy of this process (`fork`, a few
milliseconds) opens the file first; the system ends it when it has computed for too long. What it computes on its own
behalf is limited, not the time it waits for a slow disk or network.
"""

from __future__ import annotations

import faulthandler
import gc
import io
import os
import select
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from earmark.errors import MediaError
from earmark.util.processes import limit

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
_ANSWER = struct.Struct(">q")

Opening = Callable[[Any], object]


def try_opening(name: str, file: str | BinaryIO, seekable: bool, opening: Opening) -> str | BinaryIO:
    """Try whether a file can be opened without computing for more than `LIMIT` seconds.

    Parameters
    ----------
    name
        What messages call it.
    file
        A path or a file object.
    seekable
        Whether a file object can be read again from its beginning, where it then stands.
    opening
        What is tried; what it raises is of no concern here, as it will raise it again.

    Returns
    -------
    str or BinaryIO
        What to open now: `file`, or what gives the bytes that were read from a stream, and then those that follow.

    Raises
    ------
    MediaError
        It takes longer, or FFmpeg breaks down over it.
    """
    if not hasattr(os, "fork"):  # on Windows nothing is tried out
        return file
    ours, theirs = socket.socketpair()
    with ours:
        try:
            child = os.fork()
        except OSError:  # no room for another process
            theirs.close()
            return file
        if not child:
            _be_tried(theirs, file, seekable, opening)
        theirs.close()
        lent = None if isinstance(file, str) else _Lent(file, seekable)
        try:
            ended = _serve(ours, child, lent)
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # it has ended by itself, unless it was given up
            _, status = os.waitpid(child, 0)
    if ended and os.WIFSIGNALED(status):
        _judge(name, os.WTERMSIG(status))
    return lent.again() if lent else file


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


def _be_tried(parent: socket.socket, file: str | BinaryIO, seekable: bool, opening: Opening) -> NoReturn:
    """What the copy of this process does."""
    try:
        # Decoders that the parent left to be collected wait, at their end, for threads that are not here.
        gc.freeze()
        # Whoever reads a pipe waits until nobody can write to it any more: this process must not be the last who could.
        os.closerange(3, parent.fileno())
        os.closerange(parent.fileno() + 1, min(os.sysconf("SC_OPEN_MAX"), HANDLES))
        faulthandler.disable()  # how it ends is told in one line
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        limit(seconds=LIMIT)
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
        self.name = getattr(stream, "name", "")

    def read(self, size: int) -> bytes:
        return self._kept.read(size) or self._stream.read(size)
