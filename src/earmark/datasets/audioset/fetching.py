"""Clips fetched with yt-dlp, which finds where a video's sound lies, and gives it out in parts."""

from __future__ import annotations

import io
from typing import Any, cast

import yt_dlp
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import YoutubeDLError

from earmark.datasets.audioset.cutting import Samples, cut
from earmark.datasets.audioset.explaining import failure
from earmark.datasets.audioset.outcomes import ClipError, Outcome
from earmark.datasets.audioset.ranges import RangeFile, Response
from earmark.datasets.audioset.segment import Segment
from earmark.datasets.audioset.settings import Settings
from earmark.errors import EarmarkError

# Files that can be read anywhere, not playlists of fragments; without pictures where there is such a thing.
FORMAT = "bestaudio[protocol~='^https?$']/best[protocol~='^https?$']"
RUNTIMES = ("deno", "node", "bun", "quickjs")  # YouTube's addresses need one of these: yt-dlp takes what is there


class Fetcher:
    """Fetches clips, one after another: each worker has its own.

    yt-dlp looks a video up, and its connections, with their cookies and proxies, carry the sound; only the bytes
    around the clip are asked for, and FFmpeg (in PyAV) decodes just these. No other program does the cutting.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises EarmarkError where the file of cookies cannot be read."""
        self._settings = settings
        self._site = yt_dlp.YoutubeDL(_options(settings))
        try:
            _ = self._site.cookiejar  # read now: bad cookies are not a clip's fault
        except YoutubeDLError as error:
            remedy = "export them anew, in Netscape's format"
            raise EarmarkError(settings.cookies, "holds no cookies that can be read", remedy) from error

    def fetch(self, segment: Segment) -> Samples:
        """The clip, mono float32 [samples] at the settings' rate.

        Raises:
            ClipError: there is none.
        """
        info = self._look_up(segment.video)
        file = RangeFile(segment.video, lambda first, last: self._ask(info, first, last))
        with file:
            return cut(file, segment.start, segment.end, self._settings.rate, self._settings.shortest)

    def close(self) -> None:
        """Let go of the connections."""
        self._site.close()

    def _look_up(self, video: str) -> dict[str, Any]:
        """What yt-dlp knows of a video; `url` is where its sound lies."""
        try:
            info = self._site.extract_info(self._settings.address(video), download=False)
        except Exception as error:  # a site's extractor may stumble over anything: that must not end the run
            raise failure(error) from error
        if not info or not info.get("url"):
            raise ClipError(Outcome.REFUSED, "no single video was found at the address")
        return cast("dict[str, Any]", info)

    def _ask(self, info: dict[str, Any], first: int, last: int) -> Response:
        headers = {**(info.get("http_headers") or {}), "Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        try:
            return _Answer(self._site.urlopen(Request(info["url"], headers=headers)))
        except HTTPError as error:
            if error.status == 416 and not first:  # not even the first byte is there
                raise ClipError(Outcome.EMPTY, "the file is empty") from error
            raise failure(error) from error
        except (YoutubeDLError, OSError) as error:
            raise failure(error) from error


class _Answer:
    """An answer whose errors are failures."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status: int = response.status
        self.headers: Any = response.headers

    def read(self) -> bytes:
        try:
            return cast("bytes", self._response.read())
        except (YoutubeDLError, OSError) as error:
            raise failure(error) from error

    def close(self) -> None:
        self._response.close()


class _Silent:
    """What yt-dlp would say: its errors come as exceptions as well."""

    def debug(self, message: str) -> None: ...
    def info(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...


def _options(settings: Settings) -> dict[str, Any]:
    cookies = settings.cookies
    return {
        "logger": _Silent(),
        "quiet": True,
        "noprogress": True,
        "format": FORMAT,
        "noplaylist": True,
        "socket_timeout": settings.timeout,
        "extractor_retries": 0,  # trying again is ours, with its waits
        "js_runtimes": {name: {} for name in RUNTIMES},
        # A copy in memory: yt-dlp would write the file anew at its end, as many times as there are workers.
        "cookiefile": None if cookies is None else io.StringIO(cookies.read_text(encoding="utf-8", errors="replace")),
    }
