"""Play spans of a recording on the machine's sound device.

    play_spans("talk.mp4", [(1.2, 1.9), (2.4, 3.0)], gap=0.5)

Which sound system is used is found out, unless the environment variable EARMARK_SOUND names one (alsa, pulseaudio,
jack, coreaudio, wasapi, ...). EARMARK_SOUND=null plays to nobody, as slowly as a device would: for tests, and for
machines without one. The device comes through miniaudio, which needs nothing to be installed beside it and is imported
only here, when something is played.
"""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from queue import Full, Queue
from threading import Event as Signal
from typing import TYPE_CHECKING

import numpy as np

from earmark.errors import EarmarkError
from earmark.media.opening import Source
from earmark.media.recording import Passage, Recording, open_recording
from earmark.util.types import Samples

if TYPE_CHECKING:
    from miniaudio import Backend, PlaybackDevice

GAP = 0.5  # seconds between two spans
FADE = 0.005  # seconds: what begins at once clicks
RATES = (8_000, 48_000)  # Hz: the lowest and the highest that a device is asked for
PERIOD_MS = 50  # of the device's buffer
DRAIN = 0.3  # seconds of silence behind the last span, with which the device's buffer empties itself
PIECE = 4_096  # samples handed over at a time
PIECES_AHEAD = 16  # pieces that are decoded before they are heard
PATIENCE = 5.0  # seconds without a sample taken, after which a device counts as gone
SHORT = 60.0  # seconds: a span up to this long is read at once, from where it begins

Span = tuple[float, float]
Feed = Generator[bytes, int, None]
VARIABLE = "EARMARK_SOUND"
"""The environment variable that names a sound system; null plays to nobody, and hears silence."""

_NO_SYSTEM = {"NULL", "CUSTOM", "WEBAUDIO"}  # plays to nobody; needs a program of its own; needs a browser


def play_spans(source: Source, spans: Sequence[Span], *, gap: float = GAP, track: int = 0) -> None:
    """Play spans (onset, offset), seconds, one after another with `gap` seconds of silence between.

    What is heard is the mean of the channels. Returns when it is over; Ctrl-C ends it with KeyboardInterrupt, as it
    does everywhere.

    Raises
    ------
    EarmarkError
        There is no sound device, or it went away.
    MediaError
        The recording cannot be read.
    ValueError
        A span begins before 0 or ends before it begins.
    """
    if not spans:
        return
    with open_recording(source, track) as recording:
        rate = min(max(recording.track.rate, RATES[0]), RATES[1])
        _send(sound(recording, spans, rate, gap), rate)


def sound(recording: Recording, spans: Sequence[Span], rate: int, gap: float = GAP) -> Iterator[Samples]:
    """What is played: the spans' samples in pieces, faded in and out over 5 ms, with silence between two spans."""
    alone = len(spans) == 1 and spans[0][1] - spans[0][0] <= SHORT
    passage = Passage(recording, rate)
    for number, (onset, offset) in enumerate(spans):
        if number:
            yield np.zeros(round(gap * rate), np.float32)
        pieces = iter([recording.span(rate, onset, offset)]) if alone else passage.span(onset, offset)
        length = math.inf if offset == math.inf else round(offset * rate) - round(onset * rate)
        yield from _faded(pieces, length, round(FADE * rate))


def _faded(pieces: Iterable[Samples], length: float, fade: int) -> Iterator[Samples]:
    at = 0
    for piece in pieces:
        place = np.arange(at, at + len(piece), dtype=np.float32)
        gain = np.minimum(place + 1, np.float32(length) - place) / (fade + 1)
        yield piece * np.clip(gain, 0, 1).astype(np.float32)
        at += len(piece)


def _send(pieces: Iterable[Samples], rate: int) -> None:
    """Play pieces on the device: this thread decodes ahead, the device's own takes what it needs."""
    waiting: Queue[Samples | None] = Queue(PIECES_AHEAD)
    over = Signal()
    with _device(rate) as device:
        feed = _feed(waiting, over)
        next(feed)
        _start(device, feed)
        for piece in chain(pieces, [np.zeros(round(DRAIN * rate), np.float32)]):
            for first in range(0, len(piece), PIECE):
                _hand_over(waiting, piece[first : first + PIECE])
        _hand_over(waiting, None)
        if not over.wait(PATIENCE + PIECE * PIECES_AHEAD / rate):
            raise _gone()


def _start(device: PlaybackDevice, feed: Feed) -> None:
    import miniaudio

    try:
        device.start(feed)
    except miniaudio.MiniaudioError as error:
        raise EarmarkError(
            "sound", "the sound device does not start", "see whether another program holds it"
        ) from error


def _hand_over(waiting: Queue[Samples | None], piece: Samples | None) -> None:
    try:
        waiting.put(piece, timeout=PATIENCE)
    except Full:
        raise _gone() from None


def _feed(waiting: Queue[Samples | None], over: Signal) -> Feed:
    """Answers the device, which asks for a number of samples: those that wait, silence where none do."""
    rest: Samples | None = np.empty(0, np.float32)
    wanted = yield b""
    while rest is not None:
        taken = [rest[:wanted]]
        rest = rest[wanted:]
        while rest is not None and sum(map(len, taken)) < wanted and not waiting.empty():
            rest = waiting.get_nowait()
            if rest is not None:
                room = wanted - sum(map(len, taken))
                taken.append(rest[:room])
                rest = rest[room:]
        wanted = yield np.concatenate(taken).tobytes()
    over.set()


def _gone() -> EarmarkError:
    return EarmarkError("sound", "the sound device takes nothing any more", "check that it is connected")


@contextmanager
def _device(rate: int) -> Iterator[PlaybackDevice]:
    import miniaudio

    try:
        with quiet():
            device = miniaudio.PlaybackDevice(
                miniaudio.SampleFormat.FLOAT32, 1, rate, PERIOD_MS, backends=backends(), app_name="Earmark"
            )
    except miniaudio.MiniaudioError as error:
        raise EarmarkError(
            "sound", "this machine has no sound device that can be used", "connect one, or write the sound to files"
        ) from error
    with device:
        yield device


def backends() -> list[Backend]:
    """The sound systems to try. miniaudio by itself would end with the null device, and say nothing."""
    from miniaudio import Backend

    wanted = os.environ.get(VARIABLE, "").strip().upper()
    if not wanted:
        return [backend for backend in Backend if backend.name not in _NO_SYSTEM]
    if wanted not in Backend.__members__:
        known = ", ".join(backend.name.lower() for backend in Backend)
        raise EarmarkError(f"{VARIABLE}={wanted.lower()}", "is no sound system", f"choose one of {known}")
    return [Backend[wanted]]


@contextmanager
def quiet() -> Iterator[None]:
    """Without what a sound library writes to standard error where it finds no device: ALSA fills a screen."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
