"""ElevenLabs' answers: speech, and when each character of its text was spoken.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets.speech.sentences import bare, is_spoken
from earmark.errors import EarmarkError, MediaError
from earmark.speech.segmentation import Word

RATE = 22050  # Hz of the recordings made from answers, as eSpeak NG's
ALIGNMENTS = ("normalized_alignment", "alignment")  # what was spoken counts, where both are there
PARTS = ("characters", "character_start_times_seconds", "character_end_times_seconds")
LONGEST_OVERRUN = 0.5  # seconds that times may go on after the sound ends; more is another recording's alignment

Timed = tuple[str, float, float]
"""A character, and the seconds at which it starts and ends."""


@dataclass(frozen=True)
class Answer:
    """Speech: samples int16 [samples] at RATE, mono, and its words."""

    samples: NDArray[np.int16]
    words: list[Word]


def read(content: bytes | str, where: str) -> Answer:
    """What an answer holds; `where` names it.

    Raises:
        EarmarkError: it is no such answer, its sound cannot be decoded, or its times do not fit its sound.
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
    """What a saved answer holds; errors as for `read`, and where the file cannot be opened."""
    try:
        return read(file.read_bytes(), str(file))
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
