"""The microphone, through miniaudio, which is imported only when something is recorded.

Which sound system is used is found out, unless the environment variable EARMARK_SOUND names one, as for playing
(`earmark.media.playing`). EARMARK_SOUND=null hears silence, as slowly as a device would: for tests.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Any
from warnings import warn

from earmark.errors import EarmarkError, EarmarkWarning
from earmark.media.playing import backends, quiet

RATE = 48_000  # Hz: what most devices run at
PERIOD_MS = 20  # of the device's buffer
WAITING = 500  # periods that may wait, ten seconds: beyond, sound is lost
PATIENCE = 5.0  # seconds without a sample, after which a device counts as gone
SUBJECT = "microphone"


def microphones() -> list[str]:
    """The names of the devices that sound can come from.

    Raises
    ------
    EarmarkError
        There is no sound system.
    """
    return [device["name"] for device in _devices()]


@contextmanager
def microphone(name: str | None = None) -> Iterator[Iterator[bytes]]:
    """Blocks of 16-bit mono samples at `RATE`, as they are recorded, without end.

    Parameters
    ----------
    name
        Of a device, or a part of it that no other has; None: the system's own choice.

    Raises
    ------
    EarmarkError
        There is no such device, it does not start, or goes away.
    """
    import miniaudio

    chosen = None if name is None else _chosen(name)["id"]
    with _sound_system():
        device = miniaudio.CaptureDevice(
            miniaudio.SampleFormat.SIGNED16, 1, RATE, PERIOD_MS, chosen, backends=backends(), app_name="Earmark"
        )
    with device:
        waiting: Queue[bytes] = Queue(WAITING)
        feed = _feed(waiting)
        next(feed)
        try:
            device.start(feed)
        except miniaudio.MiniaudioError as error:
            raise EarmarkError(SUBJECT, "does not start", "see whether another program holds it") from error
        yield _taken(waiting)


def _feed(waiting: Queue[bytes]) -> Generator[None, bytes, None]:
    """Is given what the device hears, by the device's own thread, which nothing may keep waiting."""
    lost = False
    while True:
        block = yield
        try:
            waiting.put_nowait(bytes(block))
        except Full:
            if not lost:
                warn(EarmarkWarning("the machine is too slow to listen: some sound was lost"), stacklevel=2)
            lost = True


def _taken(waiting: Queue[bytes]) -> Iterator[bytes]:
    while True:
        try:
            yield waiting.get(timeout=PATIENCE)
        except Empty:
            raise EarmarkError(SUBJECT, "gives nothing any more", "check that it is connected") from None


def _devices() -> list[dict[str, Any]]:
    import miniaudio

    with _sound_system():
        found: list[dict[str, Any]] = miniaudio.Devices(backends()).get_captures()
    return found


@contextmanager
def _sound_system() -> Iterator[None]:
    """Asks it quietly, and says so where there is none."""
    import miniaudio

    try:
        with quiet():
            yield
    except miniaudio.MiniaudioError as error:
        remedy = "connect one, or listen to --file"
        raise EarmarkError(SUBJECT, "this machine has none that can be used", remedy) from error


def _chosen(name: str) -> dict[str, Any]:
    devices = _devices()
    exact = [device for device in devices if device["name"] == name]
    found = exact or [device for device in devices if name.lower() in device["name"].lower()]
    if len(found) != 1:
        reason = "is no microphone" if not found else "means several microphones"
        raise EarmarkError(f"--device {name}", reason, "see `earmark listen --list-devices`")
    return found[0]
