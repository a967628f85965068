"""One listener in a process of its own: audio on standard input, messages on standard output.

    python -m earmark.live.session

A decoder that crashes or takes all memory ends this process and nothing else. It ends with the process that started it:
its input is over then, and a thread sees to it if a decoder hangs.

Input is packets: a byte that says what it is, its length (4 bytes, big-endian), and the data. First a wish (JSON), then
audio, then perhaps an end. Output is a JSON object a line: those of the live socket, and last `{"type": "over"}`.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import wave
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args
from warnings import warn

import numpy as np

from earmark.captions import languages
from earmark.errors import EarmarkError, EarmarkWarning
from earmark.events.hysteresis import EventRules
from earmark.live.listener import LiveListener, message
from earmark.live.sources import RATES, WEBM, Pcm, decoded
from earmark.models.model import load_model
from earmark.util.processes import end_with_parent, limit
from earmark.util.types import Samples

Format = Literal["s16", "webm"]
SUBJECT = "the first message"
MOST_LABELS = 1000  # that have a sensitivity of their own


@dataclass(frozen=True)
class Wish:
    """How one client wants to be listened to.

    Attributes:
        format: `s16`, little-endian mono samples of 16 bits; or `webm`, with Opus.
        rate: samples a second of `s16`.
        model: a model's name, or where its file is.
        language: of the captions.
        sensitivity: 0..1, see `EventRules`.
        include_speech: tell of speech too.
        sensitivities: those of single labels, instead of `sensitivity`.
    """

    format: Format
    rate: int = 16_000
    model: str = "sounds"
    language: str = "en"
    sensitivity: float = 0.5
    include_speech: bool = False
    sensitivities: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Wish:
        """The wish that a message holds; what it says beyond is not looked at.

        Raises:
            EarmarkError: it is no JSON object, or a value is none that there is.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise EarmarkError(SUBJECT, "is no JSON", 'send for example {"format": "s16", "rate": 16000}') from error
        if not isinstance(values, dict):
            raise EarmarkError(SUBJECT, "is no JSON object", 'send for example {"format": "s16", "rate": 16000}')
        _check(values)
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_json(self) -> str:
        """The text that `read` takes."""
        return json.dumps(asdict(self))


def _check(values: Mapping[str, Any]) -> None:
    rate, sensitivity = values.get("rate", 16_000), values.get("sensitivity", 0.5)
    _one_of("format", values.get("format"), get_args(Format))
    _one_of("language", values.get("language", "en"), languages())
    if isinstance(rate, bool) or not isinstance(rate, int) or rate not in RATES:
        raise EarmarkError(SUBJECT, "has a rate that no microphone has", f"choose {RATES[0]} to {RATES[-1]}")
    single = values.get("sensitivities", {})
    if not isinstance(single, dict) or len(single) > MOST_LABELS:
        raise EarmarkError(SUBJECT, "has sensitivities that are no object of numbers by label")
    for value in (sensitivity, *single.values()):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise EarmarkError(SUBJECT, "has a sensitivity that means nothing", "choose a number from 0 to 1")
    if not isinstance(values.get("model", ""), str):
        raise EarmarkError(SUBJECT, "has a model that is no name")
    if not isinstance(values.get("include_speech", False), bool):
        raise EarmarkError(SUBJECT, "has an include_speech that is neither true nor false")


def _one_of(name: str, value: object, known: Any) -> None:
    if not isinstance(value, str) or value not in known:
        raise EarmarkError(SUBJECT, f"has no {name} that is known", "choose from: " + ", ".join(known))


LARGEST = 0xFFFF_0000 // 2  # samples: the header of a WAV file can tell no more


def saved(blocks: Iterable[Samples], path: Path, rate: int) -> Generator[Samples]:
    """The same blocks, written to a 16-bit mono WAV file as they pass; it is whole whenever this ends.

    Raises:
        EarmarkError: the file cannot be written, or is there already: what was heard before cannot be heard again.
    """
    try:
        with path.open("wb" if path.is_char_device() else "xb") as whole, wave.open(whole, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            written = 0
            for block in blocks:
                if written <= LARGEST < written + len(block):
                    warn(
                        EarmarkWarning(f"{path}: is as long as a WAV file can be; what follows is not kept"),
                        stacklevel=2,
                    )
                written += len(block)
                if written <= LARGEST:
                    file.writeframesraw(np.clip(np.rint(block * 32768), -32768, 32767).astype("<i2").tobytes())
                yield block
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})", "choose another --save") from error


WISH, AUDIO, END = b"w", b"a", b"e"
HEAD = struct.Struct(">cI")
MEMORY = 2 << 30  # bytes of address space; a session takes a quarter of it
FASTEST = 10.0  # seconds of audio by which a client may be ahead of the clock
HEARD_EVERY = 1.0  # seconds of audio
NAME = "the live audio"

Send = Callable[[dict[str, Any]], None]


def packet(kind: bytes, data: bytes = b"") -> bytes:
    """What `Inbox` reads: `WISH`, `AUDIO` or `END` with its data."""
    return HEAD.pack(kind, len(data)) + data


class Inbox:
    """The packets of a stream; their audio also as one stream of bytes, for decoders."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.rest = b""
        self.over = False

    def wish(self) -> Wish:
        """The first packet."""
        kind, data = self._next()
        if kind != WISH:
            raise EarmarkError(NAME, "begins with no wish")
        return Wish.read(data.decode())

    def audio(self) -> Iterator[bytes]:
        """The audio, packet by packet."""
        while not self.over:
            kind, data = self._next()
            self.over = kind != AUDIO
            if not self.over:
                yield data

    def read(self, size: int) -> bytes:
        """Some audio, at most `size` bytes; waits for it. Nothing at its end."""
        while not self.rest:
            self.rest = next(self.audio(), b"")
            if self.over:
                break
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def _next(self) -> tuple[bytes, bytes]:
        """A packet; an end where the stream ends."""
        head = self.stream.read(HEAD.size)
        if len(head) < HEAD.size:
            return END, b""
        kind, size = HEAD.unpack(head)
        data = self.stream.read(size)
        return (kind, data) if len(data) == size else (END, b"")


def serve(inbox: Inbox, send: Send, now: Callable[[], float] = time.monotonic) -> None:
    """Listen as the first packet asks for, until the audio ends.

    Raises:
        EarmarkError: there is no such model or language, the audio cannot be decoded, or comes faster than it sounds.
    """
    wish = inbox.wish()
    rules = EventRules(sensitivity=wish.sensitivity)
    listener = LiveListener(
        load_model(wish.model, threads=1),
        wish.language,
        rules,
        wish.include_speech,
        sensitivities=wish.sensitivities,
    )
    send({"type": "ready", "model": listener.about.name, "latency": round(listener.latency, 3)})
    told = 0.0
    for samples in paced(_samples(wish, inbox, listener.rate), listener.rate, now):
        for change in listener.hear(samples):
            send(message(change))
        if listener.seconds - told >= HEARD_EVERY:
            told = listener.seconds
            send({"type": "heard", "seconds": round(told, 3)})
    for change in listener.finish():
        send(message(change))
    send({"type": "heard", "seconds": round(listener.seconds, 3)})


def paced(blocks: Iterable[Samples], rate: int, now: Callable[[], float]) -> Iterator[Samples]:
    """The blocks, as long as they come no faster than they sound."""
    heard, began = 0, None
    for block in blocks:
        began = now() if began is None else began
        heard += len(block)
        if heard / rate - (now() - began) > FASTEST:
            raise EarmarkError(NAME, "comes faster than it sounds", "send it as it is recorded, or upload the file")
        yield block


def _samples(wish: Wish, inbox: Inbox, rate: int) -> Iterator[Samples]:
    if wish.format == "webm":
        yield from decoded(inbox, rate, NAME, WEBM)
        return
    source = Pcm(wish.rate, rate)
    for data in inbox.audio():
        yield source.hear(data)
    yield source.finish()


def main() -> None:
    """Be a session."""
    end_with_parent()
    limit(MEMORY, "address_space")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints is no message

    def send(values: dict[str, Any]) -> None:
        out.write(json.dumps(values) + "\n")

    try:
        serve(Inbox(sys.stdin.buffer), send)
    except EarmarkError as error:
        send({"type": "error", "detail": str(error)})
    except MemoryError:
        send({"type": "error", "detail": f"{NAME}: asks for more memory than a session has"})
    except (BrokenPipeError, KeyboardInterrupt):  # whoever listened has gone
        os._exit(1)
    send({"type": "over"})


if __name__ == "__main__":
    main()
