"""A recording on the web, fetched whole into a temporary file: FFmpeg itself never opens a connection."""

from __future__ import annotations

import http.client
import tempfile
from typing import IO, Any
from urllib import request
from urllib.error import HTTPError, URLError

from earmark._version import __version__
from earmark.errors import MediaError

MOST_BYTES = 4 << 30
"""Of a recording that is fetched: more is downloaded by other means, and then opened as a file."""
PATIENCE_S = 30.0  # in which a server must say something
PIECE = 1 << 18

_CHECK = "check the address and the connection"


def fetched(url: str) -> IO[bytes]:
    """The content of an address, at most `MOST_BYTES`, in a temporary file that is gone once it is closed.

    Only http and https are spoken, also where an answer leads to another address.

    Raises
    ------
    MediaError
        There is no answer, it is an error, a web page, too long, or breaks off; or there is no room for it.
    """
    headers = {"User-Agent": f"earmark/{__version__}", "Accept-Encoding": "identity"}
    file = tempfile.TemporaryFile(prefix="earmark-")  # noqa: SIM115 - whoever gets it closes it
    try:
        with _opener().open(request.Request(url, headers=headers), timeout=PATIENCE_S) as answer:
            _receive(url, answer, file)
    except BaseException as error:
        file.close()
        if isinstance(error, MediaError) or not isinstance(error, _FAILURES):
            raise
        raise _explained(url, error) from error
    file.seek(0)
    return file


_FAILURES = (OSError, http.client.HTTPException, ValueError)  # URLError and HTTPError are kinds of OSError


def _opener() -> request.OpenerDirector:
    """What opens http and https, and nothing else: no files, no FTP, no data in the address itself."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.UnknownHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _receive(url: str, answer: Any, file: IO[bytes]) -> None:
    kind = answer.headers.get_content_type()
    if kind in ("text/html", "application/xhtml+xml"):
        raise MediaError(url, "is a web page, not a recording", "give the address of the media file itself")
    text = answer.headers.get("Content-Length", "")
    length = int(text) if text.isdigit() else None
    too_long = MediaError(url, f"has more than {MOST_BYTES / 1e9:.1f} GB", "download it, and give the file")
    if length is not None and length > MOST_BYTES:
        raise too_long
    done = 0
    while piece := answer.read(PIECE):
        done += len(piece)
        if done > MOST_BYTES:
            raise too_long
        file.write(piece)
    if length is not None and done < length:
        raise MediaError(url, f"broke off after {done} of {length} bytes", "try again")
    if not done:
        raise MediaError(url, "is empty")


def _explained(url: str, error: BaseException) -> MediaError:
    if isinstance(error, HTTPError):
        said = " ".join(str(error.reason).split())
        return MediaError(url, f"cannot be fetched: the server answers {error.code} {said}", _CHECK)
    if isinstance(error, URLError):
        return MediaError(url, f"cannot be fetched ({error.reason})", _CHECK)
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
        return MediaError(url, f"cannot be kept in a temporary file ({error.strerror})", "make room for it")
    return MediaError(url, f"cannot be fetched ({error or type(error).__name__})", _CHECK)
