"""The program that loads eSpeak NG: it speaks words and ends.

It runs by itself, on Python's standard library alone, for two reasons. What eSpeak NG says depends on all that it said
before (its noise and its flutter go on), so only a fresh one says the same again. And a fault in it ends this program,
not Earmark.

Standard input: `{"library", "data", "voice", "speed", "pitch", "texts"}`, JSON. Standard output: a line of JSON, either
`{"rate": Hz, "samples": [how many for each text], "events": [those of each text]}` with the samples after it, int16, or
`{"error": what is wrong}`. Events are `[kind, place, milliseconds, name]`: words, with the place of their first
character counted from 1, and phonemes, with eSpeak NG's name for them.
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
PHONEME_EVENTS = 1
WORD, PHONEME = 1, 7  # kinds of events
FULL_VOLUME = 100
NOISE_SEED = 1


class Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("place", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


def main() -> None:
    """Speak what standard input says."""
    wanted = json.load(sys.stdin)
    os.chdir(Path(wanted["data"]).parent)  # eSpeak NG holds at most 160 bytes of a path
    library = ctypes.CDLL(wanted["library"])
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, b".", DONT_EXIT | PHONEME_EVENTS)
    if rate <= 0:
        _answer({"error": "data"})
    elif library.espeak_SetVoiceByName(wanted["voice"].encode()) != 0:
        _answer({"error": "voice"})
    else:
        library.espeak_ng_SetRandSeed(ctypes.c_long(NOISE_SEED))  # it takes the time of day otherwise
        for parameter, value in ((RATE, wanted["speed"]), (PITCH, wanted["pitch"]), (VOLUME, FULL_VOLUME)):
            library.espeak_SetParameter(parameter, value, 0)
        spoken, events = _speak(library, wanted["texts"])
        head = {"rate": rate, "samples": [len(samples) // 2 for samples in spoken], "events": events}
        _answer(head, b"".join(spoken))


def _speak(library: ctypes.CDLL, texts: list[str]) -> tuple[list[bytes], list[list[Any]]]:
    parts: list[bytes] = []
    found: list[Any] = []

    def take(samples: int | None, count: int, events: int | None) -> int:
        if samples:
            parts.append(ctypes.string_at(samples, 2 * count))
        place = events or 0
        while place and (event := Event.from_address(place)).kind:
            if event.kind in (WORD, PHONEME):
                name = event.name.decode(errors="replace") if event.kind == PHONEME else ""
                found.append((event.kind, event.place, event.milliseconds, name))
            place += ctypes.sizeof(Event)
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    library.espeak_SetSynthCallback(callback)
    spoken, events = [], []
    for text in texts:
        parts.clear()
        found.clear()
        content = text.encode()
        size, position = ctypes.c_size_t(len(content) + 1), ctypes.c_uint(0)
        library.espeak_Synth(content, size, position, BY_CHARACTER, ctypes.c_uint(0), ctypes.c_uint(UTF8), None, None)
        spoken.append(b"".join(parts))
        events.append(list(found))
    return spoken, events


def _answer(head: dict[str, Any], samples: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + samples)


if __name__ == "__main__":
    main()
