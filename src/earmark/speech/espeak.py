"""eSpeak NG, a small synthesiser of some hundred languages, speaks words one by one.

eSpeak NG comes with the package espeakng-loader. It is under the GPL: nothing else of Earmark loads it, and it runs in
a program of its own, espeak_engine.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError, MissingExtraError

SPEEDS = (80, 450)  # words per minute that eSpeak NG can do
PITCHES = (0, 99)  # its own scale; 50 is the voice's usual
WORD = 1  # an event's kind; what is none is a phoneme
PATIENCE = 120.0  # seconds for one recording; it takes a hundredth of that

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Voice:
    """How eSpeak NG speaks."""

    name: str  # a language, such as `en-us`, and perhaps a variant of the voice: `en-us+f3`
    speed: int = 175  # words per minute
    pitch: int = 50  # 0 to 99; 50 is the voice's usual


def language_of(voice: str) -> str:
    """ISO 639 code of a voice's language.

    >>> language_of("en-us+f3")
    'en'
    """
    return voice.partition("+")[0].partition("-")[0]


@dataclass(frozen=True)
class Utterance:
    """A text as it was spoken, with the silence around it; rate in Hz."""

    samples: Samples
    rate: int
    words: tuple[tuple[int, float, float], ...]
    """Of each word the place of its first character in the text, and where it begins and ends, seconds."""
    phonemes: tuple[tuple[str, float], ...]
    """Name and beginning in seconds of each, pauses too, by eSpeak NG's own names."""


def speak(texts: Sequence[str], voice: Voice) -> tuple[list[Samples], int]:
    """Each text by itself: samples int16 [samples] with the silence around them, and their rate in Hz.

    The same texts give the same samples every time. Errors as for `utter`.
    """
    spoken = utter(texts, voice)
    return [one.samples for one in spoken], spoken[0].rate if spoken else 0


def utter(texts: Sequence[str], voice: Voice, extra: str = "data") -> list[Utterance]:
    """Each text by itself, with the times of its words by eSpeak NG's phonemes.

    Raises
    ------
    MissingExtraError
        espeakng-loader is not installed, which `extra` brings.
    EarmarkError
        There is no such voice, or eSpeak NG fails.
    """
    loader = _loader(extra)
    data = Path(loader.get_data_path())
    _check_variant(data, voice.name)
    wanted = {"library": loader.get_library_path(), "data": str(data), "texts": list(texts)}
    wanted |= {"voice": voice.name, "speed": voice.speed, "pitch": voice.pitch}
    head, content = _run(json.dumps(wanted).encode())
    if head.get("error") == "voice":
        raise EarmarkError(f"voice {voice.name}", "is not known to eSpeak NG", "take one such as en-us, el, cs+f2")
    if "error" in head:
        raise EarmarkError(data, "is not the data of eSpeak NG", "install espeakng-loader anew")
    samples = np.split(np.frombuffer(content, np.int16), np.cumsum(head["samples"])[:-1])
    rate = int(head["rate"])
    return [
        Utterance(some, rate, tuple(_words(events, len(some) / rate)), tuple(_phonemes(events)))
        for some, events in zip(samples, head["events"], strict=True)
    ]


def _words(events: Sequence[tuple[int, int, int, str]], end: float) -> Iterator[tuple[int, float, float]]:
    """Words from their first phoneme to what follows the last; eSpeak NG's pauses are named `_`, `_:` and so on."""
    place, begins = 0, -1.0
    for kind, at, milliseconds, name in events:
        ends = kind == WORD or name.startswith("_")
        if begins >= 0 and ends and (kind != WORD or at - 1 != place):
            yield place, begins, milliseconds / 1000
            begins = -1.0
        if kind == WORD:
            place = at - 1
        elif begins < 0 and name and not ends:
            begins = milliseconds / 1000
    if begins >= 0:
        yield place, begins, end


def _phonemes(events: Sequence[tuple[int, int, int, str]]) -> Iterator[tuple[str, float]]:
    for kind, _, milliseconds, name in events:
        if kind != WORD and name:
            yield name, milliseconds / 1000


def _run(wanted: bytes) -> tuple[dict[str, Any], bytes]:
    engine = Path(__file__).with_name("espeak_engine.py")
    try:
        done = subprocess.run([sys.executable, "-I", str(engine)], input=wanted, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise EarmarkError("eSpeak NG", f"did not end within {PATIENCE:g} s", "give shorter sentences") from error
    head, _, content = done.stdout.partition(b"\n")
    if done.returncode != 0 or not head:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = f"ended with code {done.returncode}" + (f": {said[-1]}" if said else "")
        raise EarmarkError("eSpeak NG", reason, "install espeakng-loader anew")
    return json.loads(head), content


def _loader(extra: str) -> Any:
    try:
        return import_module("espeakng_loader")
    except ImportError as error:
        raise MissingExtraError("eSpeak NG (espeakng-loader)", extra) from error


def _check_variant(data: Path, voice: str) -> None:
    """Refuse a variant that is not there: eSpeak NG would speak without it and not say so."""
    language, sign, variant = voice.partition("+")
    known = {path.name for path in (data / "voices" / "!v").glob("*")}
    if sign and (not language or variant not in known):
        shown = ", ".join(sorted(name for name in known if name[:1] in "fm" and name[1:].isdigit()))
        raise EarmarkError(f"voice {voice}", f"has no variant {variant}", f"choose among {shown}")
