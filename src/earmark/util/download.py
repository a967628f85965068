"""One file over HTTP: resumed where it broke off, tried again with patience, whole when it has its name."""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from earmark.errors import DatasetError, EarmarkError, EarmarkWarning, MissingExtraError
from earmark.util.atomic import atomic_write, open_own
from earmark.util.types import Progress

if TYPE_CHECKING:
    import ssl

    import httpx


ATTEMPTS = 6  # in a row without getting any further
LONGEST_WAIT = 60.0
PASSING = {408, 425, 429, 500, 502, 503, 504}


class PassingError(Exception):
    """Something that may pass; `wait` is what the server asks for, seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def no_progress(done: float, total: float | None) -> None:
    """Show no progress."""


def accept_anything(file: Path) -> None:
    """Take whatever has come."""


@dataclass
class Download:
    """One download.

    The bytes go to `<target>.part`, which is renamed when all are there and stays when they are not. It is
    resumed with `Range` if the server still has the same file, which `If-Range` makes sure of.
    """

    url: str
    target: Path
    spare: int = 0
    """Bytes of disk that must be left when the file is there."""
    on_progress: Progress = no_progress
    accept: Callable[[Path], None] = accept_anything
    """Called with the file when all is there, before it gets its name: what it raises ends the download, and the bytes
    are removed."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    @property
    def part(self) -> Path:
        """Where the bytes are while they are not all there."""
        return self.target.with_name(self.target.name + ".part")

    @property
    def _mark(self) -> Path:
        """Where the server's mark of the file (its ETag or date) is kept, to resume by."""
        return self.target.with_name(self.target.name + ".part.etag")

    def run(self) -> None:
        """Fetch the file; DatasetError where the server has none, stays out of reach, or the disk is too small."""
        with http_client("httpx, which downloads,", 60.0, follow=True) as client:
            failures, furthest = 0, self._offset()
            while True:
                try:
                    self._attempt(client)
                    break
                except PassingError as error:
                    failures = 1 if self._offset() > furthest else failures + 1
                    furthest = max(furthest, self._offset())
                    if failures >= ATTEMPTS:
                        self._give_up(str(error))
                    self._wait(str(error), min(error.wait or 2.0 ** (failures - 1), LONGEST_WAIT))
        try:
            self.accept(self.part)
        except EarmarkError:
            self._remove(self.part, self._mark)
            raise
        self.part.replace(self.target)
        self._remove(self._mark)

    def discard(self) -> None:
        """Remove whatever has been fetched."""
        self._remove(self.target, self.part, self._mark)

    @staticmethod
    def _remove(*paths: Path) -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    def _wait(self, reason: str, seconds: float) -> None:
        message = f"{self.url}: {reason}; the next attempt is in {seconds:g} s"
        warnings.warn(message, EarmarkWarning, stacklevel=2)
        self.sleep(seconds)

    def _give_up(self, reason: str) -> NoReturn:
        reason = f"could not be fetched in {ATTEMPTS} attempts: {reason}"
        remedy = "run the command again later, it goes on where it stopped; or give a mirror with --url"
        raise DatasetError(self.url, reason, remedy)

    def _offset(self) -> int:
        return self.part.stat().st_size if self.part.exists() and self._mark.exists() else 0

    def _attempt(self, client: httpx.Client) -> None:
        import httpx

        headers = {"Accept-Encoding": "identity"}
        offset = self._offset()
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": self._mark.read_text(encoding="utf-8")}
        try:
            with client.stream("GET", self.url, headers=headers) as response:
                self._receive(response, offset)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise DatasetError(self.url, f"is no address to fetch from ({error})", "correct --url") from error
        except httpx.TransportError as error:
            raise PassingError(str(error) or type(error).__name__) from error
        except OSError as error:
            remedy = "make room, or choose another folder; what has come is kept"
            raise DatasetError(self.part, f"cannot be written ({error.strerror})", remedy) from error

    def _receive(self, response: httpx.Response, offset: int) -> None:
        if response.status_code == 416:
            if response.headers.get("Content-Range") == f"bytes */{offset}":
                return
            self.part.unlink(missing_ok=True)
            raise PassingError("the server cannot resume")
        if response.status_code in PASSING:
            raise PassingError(f"the server answers {response.status_code}", retry_after(response.headers))
        if response.status_code not in {200, 206}:
            reason = f"the server answers {response.status_code} {response.reason_phrase}"
            raise DatasetError(self.url, reason, "give another address with --url")
        if response.status_code == 200:
            offset = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            self.part.unlink(missing_ok=True)
            raise PassingError("the server resumes elsewhere than asked")
        length = _length(response)
        self._check_disk(length)
        self._keep_mark(response)
        self._write(response, offset, None if length is None else offset + length)

    def _write(self, response: httpx.Response, offset: int, total: int | None) -> None:
        done = offset
        with open_own(self.part, os.O_APPEND if offset else os.O_TRUNC) as file:
            self.on_progress(done, total)
            for block in response.iter_raw():
                file.write(block)
                done += len(block)
                self.on_progress(done, total)
        if total is not None and done != total:
            raise PassingError(f"{done} bytes came of {total}")

    def _keep_mark(self, response: httpx.Response) -> None:
        """Keep what tells this file from a later one; a weak ETag does not. Without it nothing is resumed."""
        etag = response.headers.get("ETag", "")
        mark = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        if mark:
            with atomic_write(self._mark) as part:
                part.write_text(mark, encoding="utf-8")
        else:
            self._mark.unlink(missing_ok=True)

    def _check_disk(self, length: int | None) -> None:
        needed = (length or 0) + self.spare
        free = shutil.disk_usage(self.part.parent).free
        if free < needed:
            reason = f"{_size(free)} are free, {_size(needed)} are needed"
            raise DatasetError(self.part.parent, reason, "make room, or choose another folder")


def http_client(what: str, seconds: float, follow: bool, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """What asks servers, and gives a connection up after so many seconds without a byte.

    It follows redirections or not, and sends headers beside our name. MissingExtraError tells what cannot be done where
    httpx is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError(what, "data") from error
    from earmark._version import __version__

    sent = {"User-Agent": f"earmark/{__version__}", **(headers or {})}
    timeout = httpx.Timeout(seconds, connect=20.0)
    return httpx.Client(follow_redirects=follow, timeout=timeout, headers=sent, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted: to read them takes longer than many an answer, so they are read once."""
    import httpx

    return httpx.create_ssl_context()


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which a server that turned a request away may be asked again, where its answer says."""
    text = headers.get("Retry-After") or ""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
