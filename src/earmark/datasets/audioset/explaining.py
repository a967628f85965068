"""What an error of yt-dlp means for a clip: from its type, the server's status, or the words of the site."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import GeoRestrictedError, UnsupportedError

from earmark.datasets.audioset.outcomes import ClipError, Outcome

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may pass
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


def failure(error: BaseException) -> ClipError:
    """The failure that an error of yt-dlp stands for; what is not known is `REFUSED`, and not asked again at once."""
    chain = tuple(_chain(error))
    message = _short(str(error))
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
    return ClipError(outcome, message, again=again, blocked=status in BLOCKED, wait=_retry_after(error))


def _of_words(message: str) -> ClipError:
    words = message.lower().replace("’", "'")
    if TURNED_AWAY.search(words):
        return ClipError(Outcome.REFUSED, message, again=True, blocked=True)
    outcome = next((outcome for outcome, pattern in WORDS if re.search(pattern, words)), Outcome.REFUSED)
    return ClipError(outcome, message)


def _retry_after(error: HTTPError) -> float | None:
    text = error.response.headers.get("Retry-After") or ""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _short(message: str) -> str:
    """Without what yt-dlp puts around it: colours, the site and the video, causes, the request to report a bug.

    What is left is the same for many clips, and can be counted.
    """
    message = re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: ")
    message = re.sub(r"^\[[^]]+\] (\S+: )?", "", message)
    message = re.sub(r"( \(caused by |; please report this issue on).*", "", message, flags=re.DOTALL)
    return message[:MESSAGE_CHARACTERS]
