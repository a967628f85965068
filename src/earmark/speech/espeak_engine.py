"""The program that loads eSpeak NG: it speaks words and ends.

It runs by itself, on Python's standard library alone, for two reasons. What eSpeak NG says depends on all that it said
before (its noise and its flutter go on), so only a fresh one says the same again. And a fault in it ends this program,
not Earmark.

Standard input: `{"library", "data", "voice", "speed", "pitch", "texts"}`, JSON. Standard output: a line of JSON, either
`{"rate": Hz, "samples": [how many for each text]}` with the samples after it, int16, or `{"error": what is wrong}`.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

# From speak_lib.h of eSpeak NG.
SYNCHRONOUS = 2  # hand the samples to a callback, before espeak_Synth returns
DONT_EXIT = 0x8000  # return an error where data are missing
RATE, VOLUME, PITCH = 1, 2, 3
BY_CHARACTER = 1
UTF8 = 1
FULL_VOLUME = 100
NOISE_SEED = 1


def main() -> None:
    """Speak what standard input says."""
    wanted = json.load(sys.stdin)
    os.chdir(Path(wanted["data"]).parent)  # eSpeak NG holds at most 160 bytes of a path
    library = ctypes.CDLL(wanted["library"])
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, b".", DONT_EXIT)
    if rate <= 0:
        _answer({"error": "data"})
    elif library.espeak_SetVoiceByName(wanted["voice"].encode()) != 0:
        _answer({"error": "voice"})
    else:
        library.espeak_ng_SetRandSeed(ctypes.c_long(NOISE_SEED))  # it takes the time of day otherwise
        for parameter, value in ((RATE, wanted["speed"]), (PITCH, wanted["pitch"]), (VOLUME, FULL_VOLUME)):
            library.espeak_SetParameter(parameter, value, 0)
        spoken = _speak(library, wanted["texts"])
        _answer({"rate": rate, "samples": [len(samples) // 2 for samples in spoken]}, b"".join(spoken))


def _speak(library: ctypes.CDLL, texts: list[str]) -> list[bytes]:
    parts: list[bytes] = []

    def take(samples: int | None, count: int, _events: int | None) -> int:
        if samples:
            parts.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    library.espeak_SetSynthCallback(callback)
    spoken = []
    for text in texts:
        parts.clear()
        content = text.encode()
        size, position = ctypes.c_size_t(len(content) + 1), ctypes.c_uint(0)
        library.espeak_Synth(content, size, position, BY_CHARACTER, ctypes.c_uint(0), ctypes.c_uint(UTF8), None, None)
        spoken.append(b"".join(parts))
    return spoken


def _answer(head: dict[str, Any], samples: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + samples)


if __name__ == "__main__":
    main()
