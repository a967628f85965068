"""A web server with videos of its own making, which does to those who ask what the world does."""

import io
import threading
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np

from earmark.datasets.audioset import videos

RATE = 48_000
SECONDS = 3.0  # of a video
CLICK = 1.25  # seconds into a video, where its click is
STATUSES = {"404", "410", "403", "401", "429", "451", "500", "503"}


_options = videos._options


def file_options(settings):
    """For `videos._options`: addresses are those of files, and none of yt-dlp's 1,800 sites is asked about them.

    The server speaks HTTP alone, so the system's certificates need not be read, which takes longer than a clip.
    """
    return {**_options(settings), "allowed_extractors": ["generic"], "nocheckcertificate": True}


def tone_of(video: str) -> float:
    """The frequency of a video's tone, Hz: each has its own."""
    return 300.0 + 10.0 * (int(video[-4:], 36) % 300)


def sound_of(video: str, seconds: float = SECONDS) -> np.ndarray:
    """A tone with a click in it, [samples]."""
    samples = 0.2 * np.sin(2 * np.pi * tone_of(video) * np.arange(round(seconds * RATE)) / RATE)
    click = round(CLICK * RATE)
    samples[click : click + 24] += 0.7
    return samples


def encoded(samples: np.ndarray, container: str = "webm", codec: str = "libopus") -> bytes:
    """Mono samples as a file."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


@lru_cache(512)
def media_of(video: str, fault: str = "") -> bytes:
    """The bytes of a video, after what its fault does to them."""
    if fault == "empty":
        return b""
    if fault == "noise":
        return np.random.default_rng(0).bytes(20_000)
    if fault == "silent":
        return encoded(np.zeros(round(SECONDS * RATE)), "matroska", "flac")
    if fault == "short":
        return encoded(sound_of(video, CLICK + 0.2))
    if fault == "over":
        return encoded(sound_of(video)[: round(0.5 * RATE)])
    media = encoded(sound_of(video))
    return media[: len(media) // 2] if fault == "truncated" else media


class FaultyServer(ThreadingHTTPServer):
    """Serves `/v/VIDEO.webm`. `faults`: what is wrong with a video, as `FAULT` or `FAULT*TIMES` for the first times."""

    daemon_threads = True

    def __init__(self, faults: Mapping[str, str] | None = None, ranges: bool = True, stall: float = 5.0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults = dict(faults or {})
        self.ranges = ranges
        self.stall = stall
        self.requests: Counter[str] = Counter()
        self.cookies: set[str] = set()
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """For `Settings.url`."""
        return f"http://127.0.0.1:{self.server_port}/v/{{video}}.webm"

    def fault(self, video: str) -> str:
        """What is to go wrong with this request, which is counted."""
        with self.lock:
            self.requests[video] += 1
            fault, _, times = self.faults.get(video, "").partition("*")
            return fault if not times or self.requests[video] <= int(times) else ""

    def __enter__(self) -> "FaultyServer":
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *about: object) -> None:
        """Clients that were killed hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        video = self.path.rsplit("/", 1)[-1].removesuffix(".webm")
        fault = self.server.fault(video)
        self.server.cookies.add(self.headers.get("Cookie", ""))
        if fault.split("@")[0] in STATUSES:
            status, _, wait = fault.partition("@")
            self._head(int(status), 0, {"Retry-After": wait} if wait else {})
            return
        if fault == "html":
            self._send(b"<!doctype html><html><title>Hello</title><p>Nothing here.</html>", "text/html")
            return
        if fault == "stall":
            self.server.closing.wait(self.server.stall)
        self._send(media_of(video, fault), "video/webm", broken=fault == "cut")

    def _send(self, content: bytes, kind: str, broken: bool = False) -> None:
        asked = self.headers.get("Range", "")
        first, last = 0, len(content) - 1
        if asked and self.server.ranges:
            parts = asked.removeprefix("bytes=").split("-")
            first, last = int(parts[0]), min(int(parts[1]), last)
            if first > last:
                self._head(416, 0, {"Content-Range": f"bytes */{len(content)}"})
                return
            extra = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        body = content[first : last + 1]
        ranged = bool(asked) and self.server.ranges
        self._head(206 if ranged else 200, len(body), {"Content-Type": kind, **(extra if ranged else {})})
        self.wfile.write(body[: len(body) // 2] if broken and asked else body)
        self.close_connection = self.close_connection or broken

    def _head(self, status: int, length: int, more: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
