"""ElevenLabs asked over HTTP, with patience where that helps and one line where it does not."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from earmark.errors import EarmarkError, EarmarkWarning, MissingExtraError

if TYPE_CHECKING:
    import httpx

URL = "https://api.elevenlabs.io"
MODEL = "eleven_multilingual_v2"
FORMAT = "mp3_44100_128"  # what every plan may ask for
KEY_VARIABLE, URL_VARIABLE = "ELEVENLABS_API_KEY", "ELEVENLABS_URL"
ATTEMPTS = 5
LONGEST_WAIT = 60.0  # seconds
SECONDS = 120.0  # that an answer may take
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_NO_CREDIT = "quota_exceeded"
_REMEDIES = {
    400: "correct --voice, --model or the text",
    401: f"set {KEY_VARIABLE} to a key that is valid",
    402: "choose a plan or a voice that the key may use",
    403: "give the key the permission for text to speech",
    404: "correct --voice or --url",
    422: "correct --voice, --model or the text",
}


class _PassingError(Exception):
    """Something that may pass; `wait` is what the server asks for, seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass
class Service:
    """ElevenLabs' text to speech.

    Attributes:
        key: the user's, which is sent to `url` alone and shown nowhere.
        url: the service's address without path.
        model: its name there.
        attempts: how often to ask for one recording.
        sleep: waits so many seconds.
    """

    key: str = field(repr=False)
    url: str = URL
    model: str = MODEL
    attempts: int = ATTEMPTS
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    @classmethod
    def from_environment(cls, url: str | None = None, model: str = MODEL) -> Service:
        """The service with the key, and without `url` the address, of the environment.

        Raises:
            EarmarkError: there is no key.
        """
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if not key:
            raise EarmarkError(
                "ElevenLabs", f"needs a key in {KEY_VARIABLE}", "make one at elevenlabs.io and export it"
            )
        if not key.isascii() or not key.isprintable():
            raise EarmarkError(KEY_VARIABLE, "is no key", _REMEDIES[401])
        return cls(key, url or os.environ.get(URL_VARIABLE) or URL, model)

    def ask(self, text: str, voice: str, seed: int | None = None) -> bytes:
        """The answer for a text in a voice: JSON, as `elevenlabs.read` takes it.

        What may pass is tried again: a busy server, a broken connection. With a seed the service does its best to
        say the same again.

        Raises:
            EarmarkError: the service refuses, or stays out of reach.
            MissingExtraError: httpx is not installed.
        """
        body = {"text": text, "model_id": self.model} | ({} if seed is None else {"seed": seed})
        with self._client() as client:
            for attempt in range(1, self.attempts + 1):
                try:
                    return self._attempt(client, f"/v1/text-to-speech/{quote(voice, safe='')}/with-timestamps", body)
                except _PassingError as error:
                    if attempt == self.attempts:
                        reason = f"did not answer in {self.attempts} attempts: {error}"
                        raise EarmarkError(self.url, reason, "run the command again later, it goes on") from error
                    wait = 2.0 ** (attempt - 1) if error.wait is None else error.wait
                    self._wait(str(error), min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _wait(self, reason: str, seconds: float) -> None:
        warnings.warn(f"{self.url}: {reason}; asked again in {seconds:g} s", EarmarkWarning, stacklevel=3)
        self.sleep(seconds)

    def _client(self) -> httpx.Client:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError("earmark data speech --service elevenlabs", "data") from error
        from earmark._version import __version__

        headers = {"xi-api-key": self.key, "User-Agent": f"earmark/{__version__}"}
        # A redirection is not followed: it would carry the key to another place.
        return httpx.Client(headers=headers, timeout=httpx.Timeout(SECONDS, connect=20.0))

    def _attempt(self, client: httpx.Client, path: str, body: dict[str, Any]) -> bytes:
        import httpx

        try:
            response = client.post(self.url.rstrip("/") + path, params={"output_format": FORMAT}, json=body)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise EarmarkError(self.url, f"is no address ({error})", "correct --url") from error
        except httpx.TransportError as error:
            raise _PassingError(str(error) or type(error).__name__) from error
        if response.status_code == 200:
            return response.content
        status, said = _detail(response)
        reason = f"answers {response.status_code}" + (f": {said}" if said else "")
        if status == _NO_CREDIT:
            raise EarmarkError(self.url, reason, "buy credits, or wait until the plan's are renewed")
        if response.status_code in _PASSING:
            raise _PassingError(reason, _retry_after(response))
        raise EarmarkError(self.url, reason, _REMEDIES.get(response.status_code, "correct --url"))


def _detail(response: httpx.Response) -> tuple[str, str]:
    """The status and the message in a refusal: `{"detail": {"status", "message"}}`, or a list of what does not fit."""
    try:
        detail = json.loads(response.content)["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", response.reason_phrase
    if isinstance(detail, dict):
        return str(detail.get("status") or ""), str(detail.get("message") or detail.get("status") or "")
    if isinstance(detail, list):
        return "", "; ".join(_misfit(one) for one in detail)
    return "", str(detail)


def _misfit(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    place = one.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where} {one.get('msg', '')}".strip()


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
