"""Videos found with yt-dlp, and spans of their sound, cut to the sample; what an error of either means for a clip.

Only the parts of a file that are decoded are fetched.
"""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Protocol, cast

import av
import numpy as np
import yt_dlp
from av.audio import AudioStream
from av.container import InputContainer
from fsspec.spec import AbstractBufferedFile
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import GeoRestrictedError, UnsupportedError, YoutubeDLError

from earmark.datasets.audioset.candidates import Settings
from earmark.datasets.audioset.ledger import ClipError, Outcome
from earmark.datasets.audioset.tables import Segment
from earmark.errors import EarmarkError, MediaError
from earmark.media.decoding import Damage, Decoder, zero_of
from earmark.media.opening import audio_tracks, chosen_track, open_container
from earmark.util.download import PASSING, retry_after
from earmark.util.types import Samples

BLOCK = 1 << 18  # bytes a request: 16 s of good compressed sound. YouTube slows down requests for 10 MB and more
KEPT = 16  # blocks, so that none is asked for twice by the look at a header before FFmpeg reads it: 4 MB
LARGEST_WHOLE = 1 << 28  # bytes that are taken from a server that gives only whole files


# Decoded before the span: lossy codecs need what was before to give what they give from the start (Opus 0.08 s, see
# RFC 7845, section 4.6; AAC a frame), and the resampler's filter has to be filled.
RUN_UP_S = 1.0


class Response(Protocol):
    """What a server answers, as yt-dlp gives it."""

    status: int
    headers: Mapping[str, str]

    def read(self) -> bytes:
        """All of its body."""

    def close(self) -> None:
        """Read no more."""


Ask = Callable[[int, int], Response]  # asks for the bytes from the first to the last; raises ClipError


class RangeFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file of which only the blocks that are read are fetched; the first of them, which tells its size, at once.

    FFmpeg takes an error while reading for the end of the file, so the failure is kept, and no more is asked: whoever
    reads must call `check`. `name` is for messages, `ask` gives the parts.

    Raises ClipError: what `ask` raises for the first block.
    """

    def __init__(self, name: str, ask: Ask) -> None:
        self.name = name
        self._ask = ask
        self._content: bytes | None = None  # where the server gives nothing less
        self._failure: Exception | None = None
        self._first = b""
        self._first = self._fetch_range(0, BLOCK)
        options = {"maxblocks": KEPT}
        super().__init__(
            None, name, block_size=BLOCK, cache_type="blockcache", cache_options=options, size=self._length
        )

    def check(self) -> None:
        """Raise what went wrong while reading."""
        if self._failure is not None:
            raise self._failure

    def seek(self, loc: int, whence: int = io.SEEK_SET) -> int:
        """Stand elsewhere; not before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.loc}.get(whence, self._length)
        self.loc: int = max(0, base + loc)
        return self.loc

    def read(self, length: int = -1) -> bytes:
        """The next bytes, up to the end of a block: no more is fetched than is needed."""
        rest = BLOCK - self.loc % BLOCK
        try:
            return bytes(super().read(min(length, rest) if length >= 0 else length))
        except Exception as error:
            self._failure = self._failure or error
            raise OSError(str(error)) from error

    def _fetch_range(self, start: int, end: int) -> bytes:
        self.check()
        if self._content is not None:
            return self._content[start:end]
        if not start and self._first:
            kept, self._first = self._first, b""
            return kept
        response = self._ask(start, end - 1)
        try:
            if response.status == 206:
                return self._part(response, start)
            self._content = self._all(response)
            self._length = len(self._content)
            return self._content[start:end]
        finally:
            response.close()

    def _part(self, response: Response, first: int) -> bytes:
        stated = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range") or "")
        if stated is None or int(stated[1]) != first:
            raise ClipError(Outcome.REFUSED, "the server gives another range than was asked for")
        self._length = int(stated[3])
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
    try:
        body = response.read()
    except (YoutubeDLError, OSError) as error:
        raise explain(error) from error
    if length is not None and len(body) != length:
        raise ClipError(Outcome.REFUSED, f"the connection broke off after {len(body)} of {length} bytes", again=True)
    return body


def cut_span(file: RangeFile, start: float, end: float, rate: int, shortest: float = 0.9) -> Samples:
    """The samples from `start` to `end` seconds of its first audio track, mono float32 [samples] at `rate` Hz.

    Sample 0 is the one at `start` by the recording's timestamps: exact where they count samples, as in MP4, FLAC and
    WAV, and right to a millisecond in WebM, which counts in milliseconds. FFmpeg seeks to the span by the
    container's index; only the blocks of the file that it then reads are fetched.

    Raises ClipError: what `file` raises, `EMPTY` where there is no sound in the span, `DAMAGED` where it cannot be
    decoded or less than the part `shortest` of the span is there.
    """
    try:
        samples, bad = _decode(file, start, end, rate)
    except MediaError as error:
        file.check()
        raise _explained(error) from error
    file.check()
    if not len(samples):
        raise ClipError(Outcome.EMPTY, f"there is no sound at {start:g} s or later")
    found, wanted = len(samples) / rate, end - start
    if found < shortest * wanted:
        raise ClipError(Outcome.DAMAGED, f"holds {found:.2f} s of the {wanted:.2f} s from {start:g} s on")
    if bad > 1 - shortest:
        raise ClipError(Outcome.DAMAGED, f"{bad:.0%} of its packets could not be decoded")
    if not samples.any():
        raise ClipError(Outcome.EMPTY, f"is silent from {start:g} to {end:g} s: every sample is zero")
    return samples


def _explained(error: MediaError) -> ClipError:
    without_sound = ("is empty", "is a video without sound", "has no audio track", "holds no sound")
    outcome = Outcome.EMPTY if error.reason.startswith(without_sound) else Outcome.DAMAGED
    return ClipError(outcome, error.reason)


def _decode(file: RangeFile, start: float, end: float, rate: int) -> tuple[Samples, float]:
    """The samples, and which part of the packets could not be decoded."""
    container, origin = _open_before(file, start)
    with container:
        damage = Damage(file.name)
        stream = container.streams.audio[0]
        decoder = Decoder(container, stream, rate, damage, origin * stream.codec_context.sample_rate)
        first, last = round(start * rate) - origin * rate, round(end * rate) - origin * rate
        pieces, at = [], 0
        for chunk in decoder.chunks():
            pieces.append(chunk[max(first - at, 0) : max(last - at, 0)])
            at += len(chunk)
            if at >= last:
                break
    return np.concatenate([np.zeros(0, np.float32), *pieces]), damage.undecodable / max(damage.packets, 1)


def _open_before(file: RangeFile, start: float) -> tuple[InputContainer, int]:
    """The recording, standing at or before a whole second that is well before `start`, and that second."""
    origin = max(0, math.floor(start - RUN_UP_S))
    container, stream = _open_audio(file)
    if origin and not _seek(container, stream, origin):
        container.close()
        container, stream = _open_audio(file)
        origin = 0
    return container, origin


def _open_audio(file: RangeFile) -> tuple[InputContainer, AudioStream]:
    container = open_container(cast("BinaryIO", file))
    try:
        chosen_track(file.name, audio_tracks(container), 0, bool(container.streams.video))
    except BaseException:
        container.close()
        raise
    return container, container.streams.audio[0]


def _seek(container: InputContainer, stream: AudioStream, second: int) -> bool:
    """Go to where decoding reaches `second` in time; whether that went well."""
    if not stream.time_base:
        return False
    target = int((zero_of(container) + second) / stream.time_base)
    try:
        container.seek(target, stream=stream)
        packet = next(packet for packet in container.demux(stream) if packet.size)
        if packet.pts is None or packet.pts > target:
            return False
        container.seek(target, stream=stream)
    except (av.FFmpegError, OSError, ValueError, StopIteration):
        return False
    return True


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
        """The clip, mono float32 [samples] at the settings' rate. Raises ClipError: there is none."""
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
            return cast("Response", self._site.urlopen(Request(info["url"], headers=headers)))
        except HTTPError as error:
            if error.status == 416 and not first:  # not even the first byte is there
                raise ClipError(Outcome.EMPTY, "the file is empty") from error
            raise explain(error) from error
        except (YoutubeDLError, OSError) as error:
            raise explain(error) from error


def _options(settings: Settings) -> dict[str, Any]:
    cookies = settings.cookies
    return {
        "logger": logging.Logger("yt-dlp", logging.CRITICAL),  # silent: its errors come as exceptions as well
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
