"""Keeping what is heard."""

from __future__ import annotations

import wave
from collections.abc import Generator, Iterable
from pathlib import Path
from warnings import warn

import numpy as np

from earmark.errors import EarmarkError, EarmarkWarning
from earmark.util.types import Samples

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
