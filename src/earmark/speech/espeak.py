"""eSpeak NG, a small synthesiser of some hundred languages, speaks words one by one.

eSpeak NG comes with the package espeakng-loader. It is under the GPL: nothing else of Earmark loads it, and it runs in
a program of its own, espeak_engine.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError, MissingExtraError

SPEEDS = (80, 450)  # words per minute that eSpeak NG can do
PITCHES = (0, 99)  # its own scale; 50 is the voice's usual
PATIENCE = 120.0  # seconds for one recording; it takes a hundredth of that

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Voice:
    """How eSpeak NG speaks.

    Attributes:
        name: its name for it: a language, such as `en-us`, and perhaps a variant of the voice: `en-us+f3`.
        speed: words per minute.
        pitch: 0 to 99; 50 is the voice's usual.
    """

    name: str
    speed: int = 175
    pitch: int = 50


def language_of(voice: str) -> str:
    """ISO 639 code of a voice's language.

    >>> language_of("en-us+f3")
    'en'
    """
    return voice.partition("+")[0].partition("-")[0]


def speak(texts: Sequence[str], voice: Voice) -> tuple[list[Samples], int]:
    """Each text by itself: samples int16 [samples] with the silence around them, and their rate in Hz.

    The same texts give the same samples every time.

    Raises:
        MissingExtraError: espeakng-loader is not installed.
        EarmarkError: there is no such voice, or eSpeak NG fails.
    """
    loader = _loader()
    data = Path(loader.get_data_path())
    _check_variant(data, voice.name)
    wanted = {"library": loader.get_library_path(), "data": str(data), "texts": list(texts)}
    wanted |= {"voice": voice.name, "speed": voice.speed, "pitch": voice.pitch}
    head, content = _run(json.dumps(wanted).encode())
    if head.get("error") == "voice":
        raise EarmarkError(f"voice {voice.name}", "is not known to eSpeak NG", "take one such as en-us, el, cs+f2")
    if "error" in head:
        raise EarmarkError(data, "is not the data of eSpeak NG", "install espeakng-loader anew")
    samples = np.frombuffer(content, np.int16)
    return np.split(samples, np.cumsum(head["samples"])[:-1]), int(head["rate"])


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


def _loader() -> Any:
    try:
        return import_module("espeakng_loader")
    except ImportError as error:
        raise MissingExtraError("eSpeak NG (espeakng-loader)", "data") from error


def _check_variant(data: Path, voice: str) -> None:
    """Refuse a variant that is not there: eSpeak NG would speak without it and not say so."""
    language, sign, variant = voice.partition("+")
    known = {path.name for path in (data / "voices" / "!v").glob("*")}
    if sign and (not language or variant not in known):
        shown = ", ".join(sorted(name for name in known if name[:1] in "fm" and name[1:].isdigit()))
        raise EarmarkError(f"voice {voice}", f"has no variant {variant}", f"choose among {shown}")
