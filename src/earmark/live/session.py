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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from earmark.captions import languages
from earmark.errors import EarmarkError
from earmark.events.hysteresis import EventRules
from earmark.live.listener import LiveListener, message
from earmark.live.sources import RATES, WEBM, Pcm, decoded
from earmark.models.model import load_model
from earmark.util.processes import end_with_parent, limit
from earmark.util.types import Samples

SUBJECT = "the first message"
EXAMPLE = 'send for example {"format": "s16", "rate": 16000}'
MOST_LABELS = 1000  # that have a sensitivity of their own


def _known(language: str) -> str:
    if language not in languages():
        raise ValueError("choose from: " + ", ".join(languages()))
    return language


Sensitivity = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]  # see `EventRules`


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Wish:
    """How one client wants to be listened to."""

    format: Literal["s16", "webm"]  # little-endian mono samples of 16 bits; or WebM with Opus
    rate: Annotated[int, Field(ge=RATES[0], le=RATES[-1])] = 16_000  # samples a second of `s16`
    model: str = "sounds"  # a model's name, or where its file is
    language: Annotated[str, AfterValidator(_known)] = "en"  # of the captions
    sensitivity: Sensitivity = 0.5
    include_speech: bool = False  # tell of speech too
    sensitivities: Annotated[dict[str, Sensitivity], Field(max_length=MOST_LABELS)] = field(default_factory=dict)
    """Of single labels, instead of `sensitivity`."""

    @classmethod
    def read(cls, text: str) -> Wish:
        """The wish that a message holds; what it says beyond is not looked at.

        Raises
        ------
        EarmarkError
            It is no JSON object, or a value is none that there is.
        """
        try:
            return _WISH.validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = "".join(f"{part}: " for part in first["loc"])
            raise EarmarkError(SUBJECT, f"makes no sense ({where}{first['msg']})", EXAMPLE) from error

    def to_json(self) -> bytes:
        """The text that `read` takes."""
        return _WISH.dump_json(self)


_WISH = TypeAdapter(Wish)


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

    Raises
    ------
    EarmarkError
        There is no such model or language, the audio cannot be decoded, or comes faster than it sounds.
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
    reported = 0.0
    for samples in paced(_samples(wish, inbox, listener.rate), listener.rate, now):
        for change in listener.hear(samples):
            send(message(change))
        if listener.seconds - reported >= HEARD_EVERY:
            reported = listener.seconds
            send({"type": "heard", "seconds": round(reported, 3)})
    for change in listener.finish():
        send(message(change))
    send({"type": "heard", "seconds": round(listener.seconds, 3)})


def paced(blocks: Iterable[Samples], rate: int, now: Callable[[], float]) -> Iterator[Samples]:
    """The blocks, as long as they come no faster than they sound."""
    received, began = 0, None
    for block in blocks:
        began = now() if began is None else began
        received += len(block)
        if received / rate - (now() - began) > FASTEST:
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
