"""ElevenLabs' text to speech: asked over HTTP, and its answers: speech, and when each character was spoken.

`POST /v1/text-to-speech/{voice}/with-timestamps` answers with JSON: `audio_base64`, and `alignment` for the text as it
was given and `normalized_alignment` for the text as it was spoken (42 as forty-two), either of which may be null. Each
has `characters`, `character_start_times_seconds` and `character_end_times_seconds`.
https://elevenlabs.io/docs/api-reference/text-to-speech/convert-with-timestamps
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.errors import EarmarkError, EarmarkWarning, MediaError
from earmark.speech.segmentation import Word
from earmark.synthesis.speech.texts import bare, is_spoken
from earmark.util.download import PASSING, PassingError, http_client, retry_after

if TYPE_CHECKING:
    import httpx

RATE = 22050  # Hz of the recordings made from answers, as eSpeak NG's
ALIGNMENTS = ("normalized_alignment", "alignment")  # what was spoken counts, where both are there
PARTS = ("characters", "character_start_times_seconds", "character_end_times_seconds")
LONGEST_OVERRUN = 0.5  # seconds that times may go on after the sound ends; more is another recording's alignment

Timed = tuple[str, float, float]  # a character, and the seconds at which it starts and ends

URL = "https://api.elevenlabs.io"
MODEL = "eleven_multilingual_v2"
FORMAT = "mp3_44100_128"  # what every plan may ask for
KEY_VARIABLE, URL_VARIABLE = "ELEVENLABS_API_KEY", "ELEVENLABS_URL"
ATTEMPTS = 5  # to get one recording
LONGEST_WAIT = 60.0  # seconds
SECONDS = 120.0  # that an answer may take
_NO_CREDIT = "quota_exceeded"
_REMEDIES = {
    400: "correct --voice, --model or the text",
    401: f"set {KEY_VARIABLE} to a key that is valid",
    402: "choose a plan or a voice that the key may use",
    403: "give the key the permission for text to speech",
    404: "correct --voice or --url",
    422: "correct --voice, --model or the text",
}


@dataclass(frozen=True)
class Answer:
    """Speech: samples int16 [samples] at RATE, mono, and its words."""

    samples: NDArray[np.int16]
    words: list[Word]


def read_answer(content: bytes | str, where: str) -> Answer:
    """What an answer holds; `where` names it.

    Raises EarmarkError: it is no such answer, its sound cannot be decoded, or its times do not fit its sound.
    """
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EarmarkError(where, f"is not JSON ({error})", "ask again") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("audio_base64"), str):
        raise EarmarkError(where, "has no audio_base64", "ask text-to-speech with-timestamps")
    samples = _samples(answer["audio_base64"], where)
    words = words_of(_characters(answer, where))
    seconds = len(samples) / RATE
    if not words:
        raise EarmarkError(where, "holds no word")
    if words[-1].offset > seconds + LONGEST_OVERRUN or words[-1].onset >= seconds:
        reason = f"its times go on to {words[-1].offset:.2f} s, its sound ends at {seconds:.2f} s"
        raise EarmarkError(where, reason, "ask again")
    return Answer(samples, [Word(w.onset, min(w.offset, seconds), text=w.text) for w in words])


def open_answer(file: Path) -> Answer:
    """What a saved answer holds; errors as for `read_answer`, and where the file cannot be opened."""
    try:
        return read_answer(file.read_bytes(), str(file))
    except OSError as error:
        raise EarmarkError(file, f"cannot be opened ({error.strerror})") from error


def words_of(characters: list[Timed]) -> list[Word]:
    """Words of timed characters: what white space parts. Only letters and digits count, so that a comma's pause does
    not make a word longer, and what has neither is no word.
    """
    tokens: list[list[Timed]] = [[]]
    for character in characters:
        if character[0].isspace():
            tokens.append([])
        else:
            tokens[-1].append(character)
    return [_word(token) for token in tokens if is_spoken("".join(text for text, _, _ in token))]


def _word(token: list[Timed]) -> Word:
    spoken = [times for times in token if is_spoken(times[0])]
    onset, offset = min(start for _, start, _ in spoken), max(end for _, _, end in spoken)
    return Word(onset, offset, text=bare("".join(text for text, _, _ in token)))


def _characters(answer: dict[str, Any], where: str) -> list[Timed]:
    alignment = next((answer[name] for name in ALIGNMENTS if answer.get(name)), None)
    if not isinstance(alignment, dict):
        raise EarmarkError(where, "has no alignment", "ask text-to-speech with-timestamps")
    parts = [part for name in PARTS if isinstance(part := alignment.get(name), list)]
    if len(parts) < len(PARTS):
        raise EarmarkError(where, f"its alignment lacks one of {', '.join(PARTS)}", "ask again")
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        reason = "its alignment has {} characters, {} starts and {} ends".format(*lengths)
        raise EarmarkError(where, reason, "ask again")
    return [_timed(number, timed, where) for number, timed in enumerate(zip(*parts, strict=True), start=1)]


def _timed(number: int, timed: tuple[Any, Any, Any], where: str) -> Timed:
    text, start, end = timed
    is_number = all(isinstance(time, int | float) and not isinstance(time, bool) for time in (start, end))
    if not isinstance(text, str) or not is_number or not 0 <= start <= end < math.inf:
        raise EarmarkError(where, f"character {number} is {text!r} from {start} to {end}", "ask again")
    return text, float(start), float(end)


def _samples(encoded: str, where: str) -> NDArray[np.int16]:
    try:
        content = base64.b64decode(encoded, validate=True)
        samples = media.read(content, RATE)
    except (binascii.Error, ValueError) as error:
        raise EarmarkError(where, f"its audio_base64 is not base64 ({error})", "ask again") from error
    except MediaError as error:
        remedy = "ask for MP3, Opus or WAV: raw PCM does not say its rate"
        raise EarmarkError(where, f"its sound cannot be decoded ({error.reason})", remedy) from error
    return np.asarray(np.rint(np.clip(samples, -1, 32767 / 32768) * 32768), np.int16)


@dataclass
class ElevenLabs:
    """ElevenLabs' text to speech."""

    key: str = field(repr=False)  # the user's, which is sent to `url` alone and shown nowhere
    url: str = URL  # the service's address without path
    model: str = MODEL  # its name there
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)  # waits so many seconds

    @classmethod
    def from_environment(cls, url: str | None = None, model: str = MODEL) -> ElevenLabs:
        """The service with the key, and without `url` the address, of the environment.

        Raises EarmarkError: there is no key.
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
        """The answer for a text in a voice: JSON, as `read_answer` takes it.

        What may pass is tried again: a busy server, a broken connection. With a seed the service does its best to
        say the same again.

        Raises EarmarkError: the service refuses, or stays out of reach.
        Raises MissingExtraError: httpx is not installed.
        """
        body = {"text": text, "model_id": self.model} | ({} if seed is None else {"seed": seed})
        # A redirection is not followed: it would carry the key to another place.
        what, headers = "earmark data speech --service elevenlabs", {"xi-api-key": self.key}
        with http_client(what, SECONDS, follow=False, headers=headers) as client:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return self._attempt(client, f"/v1/text-to-speech/{quote(voice, safe='')}/with-timestamps", body)
                except PassingError as error:
                    if attempt == ATTEMPTS:
                        reason = f"did not answer in {ATTEMPTS} attempts: {error}"
                        raise EarmarkError(self.url, reason, "run the command again later, it goes on") from error
                    wait = 2.0 ** (attempt - 1) if error.wait is None else error.wait
                    self._wait(str(error), min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _wait(self, reason: str, seconds: float) -> None:
        warnings.warn(f"{self.url}: {reason}; asked again in {seconds:g} s", EarmarkWarning, stacklevel=3)
        self.sleep(seconds)

    def _attempt(self, client: httpx.Client, path: str, body: dict[str, Any]) -> bytes:
        import httpx

        try:
            response = client.post(self.url.rstrip("/") + path, params={"output_format": FORMAT}, json=body)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise EarmarkError(self.url, f"is no address ({error})", "correct --url") from error
        except httpx.TransportError as error:
            raise PassingError(str(error) or type(error).__name__) from error
        if response.status_code == 200:
            return response.content
        status, said = _refusal_detail(response)
        reason = f"answers {response.status_code}" + (f": {said}" if said else "")
        if status == _NO_CREDIT:
            raise EarmarkError(self.url, reason, "buy credits, or wait until the plan's are renewed")
        if response.status_code in PASSING:
            raise PassingError(reason, retry_after(response.headers))
        raise EarmarkError(self.url, reason, _REMEDIES.get(response.status_code, "correct --url"))


def _refusal_detail(response: httpx.Response) -> tuple[str, str]:
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
