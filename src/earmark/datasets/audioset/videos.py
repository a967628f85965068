"""Videos found with yt-dlp, which gives out their sound in parts; and what an error of it means for a clip."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, cast

import yt_dlp
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import GeoRestrictedError, UnsupportedError, YoutubeDLError

from earmark.datasets.audioset.candidates import Settings
from earmark.datasets.audioset.ledger import ClipError, Outcome
from earmark.datasets.audioset.remote_audio import RangeFile, Response, cut_span
from earmark.datasets.audioset.tables import Segment
from earmark.errors import EarmarkError
from earmark.util.download import PASSING, retry_after
from earmark.util.types import Samples

BLOCKED = frozenset({429})
STATUSES = {401: Outcome.PRIVATE, 402: Outcome.PRIVATE, 404: Outcome.GONE, 410: Outcome.GONE, 451: Outcome.REGION}

# The words of YouTube's players, in lower case. The order matters: "Video unavailable" stands before most reasons.
TURNED_AWAY = re.compile(r"not a bot|captcha|rate.limited|try again later|too many requests|unusual traffic")
WORDS = (
    (Outcome.REGION, r"in your (country|region)|your location|geo.?restrict"),
    (Outcome.AGE, r"your age|age.?restricted|age.?verif|inappropriate for some"),
    (
        Outcome.PRIVATE,
        r"private|members.only|members on level|join this channel|available to .*members|requires payment"
        r"|premium|purchase|rental|login details|sign in",
    ),
    (
        Outcome.GONE,
        r"(video|recording|content|stream)( is|'s)? (unavailable|(not|no longer|isn.t) available)|not exist"
        r"|removed|terminated|deleted|account .*closed|copyright",
    ),
)
MESSAGE_CHARACTERS = 300


# Files that can be read anywhere, not playlists of fragments; without pictures where there is such a thing.
FORMAT = "bestaudio[protocol~='^https?$']/best[protocol~='^https?$']"
RUNTIMES = ("deno", "node", "bun", "quickjs")  # YouTube's addresses need one of these: yt-dlp takes what is there


def explain(error: BaseException) -> ClipError:
    """The failure that an error of yt-dlp stands for; what is not known is `REFUSED`, and not asked again at once."""
    chain = tuple(_chain(error))
    message = _short_message(str(error))
    for one in chain:
        if isinstance(one, HTTPError):
            return _of_status(one)
        if isinstance(one, GeoRestrictedError):
            return ClipError(Outcome.REGION, message)
        if isinstance(one, UnsupportedError):
            return ClipError(Outcome.DAMAGED, "there is no media at the address")
    if any(isinstance(one, TransportError | OSError) for one in chain):
        return ClipError(Outcome.REFUSED, f"the connection failed: {message}", again=True)
    return _of_words(message)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those behind it: yt-dlp keeps them in `exc_info` and in `cause`."""
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        behind = getattr(error, "exc_info", None) or (None, None, None)
        cause = getattr(error, "cause", None)
        error = next((e for e in (cause, behind[1], error.__cause__) if isinstance(e, BaseException)), None)


def _of_status(error: HTTPError) -> ClipError:
    status, message = error.status, f"HTTP {error.status} {error.reason}"
    outcome = STATUSES.get(status, Outcome.REFUSED)
    again = status in PASSING or status == 403  # an address that has expired is forbidden: a fresh one may do
    return ClipError(outcome, message, again=again, blocked=status in BLOCKED, wait=retry_after(error.response.headers))


def _of_words(message: str) -> ClipError:
    words = message.lower().replace("’", "'")
    if TURNED_AWAY.search(words):
        return ClipError(Outcome.REFUSED, message, again=True, blocked=True)
    outcome = next((outcome for outcome, pattern in WORDS if re.search(pattern, words)), Outcome.REFUSED)
    return ClipError(outcome, message)


def _short_message(message: str) -> str:
    """Without what yt-dlp puts around it: colours, the site and the video, causes, the request to report a bug.

    What is left is the same for many clips, and can be counted.
    """
    message = re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: ")
    message = re.sub(r"^\[[^]]+\] (\S+: )?", "", message)
    message = re.sub(r"( \(caused by |; please report this issue on).*", "", message, flags=re.DOTALL)
    return message[:MESSAGE_CHARACTERS]


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

        Raises
        ------
        ClipError
            There is none.
        """
        info = self._look_up(segment.video)
        file = RangeFile(segment.video, lambda first, last: self._ask(info, first, last))
        with file:
            return cut_span(file, segment.start, segment.end, self._settings.rate, self._settings.shortest)

    def close(self) -> None:
        """Let go of the connections."""
        self._site.close()

    def _look_up(self, video: str) -> dict[str, Any]:
        """What yt-dlp knows of a video; `url` is where its sound lies."""
        try:
            info = self._site.extract_info(self._settings.address(video), download=False)
        except Exception as error:  # a site's extractor may stumble over anything: that must not end the run
            raise explain(error) from error
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
            raise explain(error) from error
        except (YoutubeDLError, OSError) as error:
            raise explain(error) from error


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
            raise explain(error) from error

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
