"""Sound systems, as miniaudio finds them: for playing and for the microphone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from miniaudio import Backend

VARIABLE = "EARMARK_SOUND"
"""The environment variable that names a sound system; null plays to nobody, and hears silence."""

_NO_SYSTEM = {"NULL", "CUSTOM", "WEBAUDIO"}  # plays to nobody; needs a program of its own; needs a browser


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
