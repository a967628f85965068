"""A file on a server as one that can be read anywhere, of which only the parts that are read are fetched."""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

from earmark.datasets.audioset.outcomes import ClipError, Outcome

BLOCK = 1 << 18  # bytes a request: 16 s of good compressed sound. YouTube slows down requests for 10 MB and more
KEPT = 16  # blocks, so that none is asked for twice by the look at a header before FFmpeg reads it: 4 MB
LARGEST_WHOLE = 1 << 28  # bytes that are taken from a server that gives only whole files


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


class RangeFile(io.RawIOBase):
    """A file that `ask` gives parts of.

    FFmpeg takes an error while reading for the end of the file, so the failure is kept, and no more is asked: whoever
    reads must call `check`.
    """

    def __init__(self, name: str, ask: Ask) -> None:
        """`name` is what messages call it."""
        super().__init__()
        self.name = name
        self.requests = 0
        self._ask = ask
        self._at = 0
        self._size: int | None = None
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._whole: bytes | None = None  # where the server gives nothing less
        self._failure: Exception | None = None

    @property
    def size(self) -> int:
        """Bytes in all."""
        if self._size is None:
            self._block(0)
        assert self._size is not None
        return self._size

    def check(self) -> None:
        """Raise what went wrong while reading."""
        if self._failure is not None:
            raise self._failure

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where it stands, in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Stand elsewhere."""
        try:
            base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
            self._at = max(0, offset + (self.size if base is None else base))
        except Exception as error:
            raise self._failed(error) from error
        return self._at

    def readinto(self, buffer: Any) -> int:
        """The next bytes, up to the end of a block."""
        try:
            number, skip = divmod(self._at, BLOCK)
            if self._size is not None and self._at >= self._size:
                return 0
            part = self._block(number)[skip : skip + len(buffer)]
        except Exception as error:
            raise self._failed(error) from error
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _failed(self, error: Exception) -> OSError:
        self._failure = self._failure or error
        return OSError(str(error))

    def _block(self, number: int) -> bytes:
        self.check()
        if self._whole is not None:
            return self._whole[number * BLOCK : (number + 1) * BLOCK]
        if number not in self._blocks:
            self._blocks[number] = self._fetch(number * BLOCK)
            if len(self._blocks) > KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, first: int) -> bytes:
        self.requests += 1
        response = self._ask(first, first + BLOCK - 1)
        try:
            if response.status == 206:
                return self._part(response, first)
            self._whole = self._all(response)
            self._size = len(self._whole)
            return self._whole[first : first + BLOCK]
        finally:
            response.close()

    def _part(self, response: Response, first: int) -> bytes:
        stated = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range") or "")
        if stated is None or int(stated[1]) != first:
            raise ClipError(Outcome.REFUSED, "the server gives another range than was asked for")
        self._size = int(stated[3])
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
