"""Whatever somebody gives us to listen to: a path, an address, bytes, a file object, or samples.

Samples become a WAV file that is made as it is read, so that they pass through what every recording passes through.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earmark.errors import ArgumentError, EarmarkWarning, MediaError
from earmark.media.opening import CHANNELS, RATES, Source, name_of, rewindable
from earmark.media.recording import Recording

NAME = "<samples>"
SAMPLE_TYPES = {"u1": 1, "i2": 1, "i4": 1, "f4": 3, "f8": 3}
"""NumPy's types of samples, and how WAV calls their kind: whole numbers or floating point."""
LONGEST_RIFF = (1 << 32) - 4096  # bytes of samples that a header of 32 bits can tell of
TOO_LOUD = 10.0  # floats beyond are on another scale
Given = Source | ArrayLike
"""A path, an address (http, https), the bytes of a file, a binary file object, or samples."""


def is_samples(source: object) -> bool:
    """Whether a source is samples: an array of NumPy or another library, or a sequence of numbers."""
    numbers = isinstance(source, Sequence) and not isinstance(source, str | bytes | bytearray | memoryview)
    return numbers or hasattr(source, "__array__")


def checked(samples: ArrayLike) -> NDArray[Any]:
    """Samples as [samples, channels], of a type that WAV has, the array itself where it is so already.

    Of two axes, channels are the shorter. Floating point has full scale at 1; whole numbers of 16 or 32 bits, or 8
    without a sign, at their own. MediaError where there are none, of another type or shape, or not finite.
    """
    array = np.asarray(samples)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise MediaError(NAME, f"have the shape {array.shape}", "give [samples], or [samples, channels]")
    if array.shape[0] < array.shape[1]:
        array = array.T
    if not array.size:
        raise MediaError(NAME, "are none")
    if array.shape[1] not in CHANNELS:
        raise MediaError(NAME, f"have {array.shape[1]} channels", f"give at most {CHANNELS[-1]}")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.str[1:] not in SAMPLE_TYPES:
        remedy = "give floating point with full scale at 1, or int16, int32 or uint8"
        raise MediaError(NAME, f"are of the type {array.dtype}", remedy)
    if array.dtype.kind == "f":
        _check_scale(max(float(array.max()), -float(array.min())))
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _check_scale(peak: float) -> None:
    if not np.isfinite(peak):
        raise MediaError(NAME, "are not all finite", "replace what is NaN or infinite")
    if peak > TOO_LOUD:
        message = f"{NAME}: reach {peak:g}, where full scale is 1; divide them by their own full scale"
        warnings.warn(message, EarmarkWarning, stacklevel=2)


def checked_rate(rate: float | None) -> int:
    """Samples a second, as a whole number; ArgumentError where it cannot be that of sound."""
    if rate is None:
        raise ArgumentError("sample_rate", rate, "is needed with samples", "give their number a second, in Hz")
    if rate not in RATES:
        reason = "cannot be the rate of samples"
        raise ArgumentError("sample_rate", rate, reason, f"give a whole number of Hz, {RATES[0]} to {RATES[-1]}")
    return int(rate)


class WavOfSamples(io.RawIOBase):
    """A WAV file of an array [samples, channels], made as it is read; beyond 4 GiB in the form RF64."""

    def __init__(self, samples: NDArray[Any], rate: int) -> None:
        self._data = memoryview(samples.reshape(-1).view(np.uint8).data)
        self._head = _header(samples, rate)
        self._length = len(self._head) + len(self._data)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from here on; how many bytes of it."""
        target = memoryview(buffer).cast("B")
        begin, end = self._at, min(self._at + len(target), self._length)
        border = len(self._head)
        head = self._head[begin:end]
        rest = self._data[max(begin - border, 0) : max(end - border, 0)]
        target[: len(head)] = head
        target[len(head) : len(head) + len(rest)] = rest
        self._at += len(head) + len(rest)
        return len(head) + len(rest)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at


def _header(samples: NDArray[Any], rate: int) -> bytes:
    channels, width = samples.shape[1], samples.dtype.itemsize
    kind = SAMPLE_TYPES[samples.dtype.str[1:]]
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * width, channels * width, 8 * width)
    size = samples.nbytes
    if size <= LONGEST_RIFF:
        return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", size)
    unknown = b"\xff" * 4  # the true lengths stand in a chunk of their own
    lengths = struct.pack("<QQQI", 72 + size, size, len(samples), 0)
    return b"RF64" + unknown + b"WAVEds64\x1c\0\0\0" + lengths + b"fmt \x10\0\0\0" + form + b"data" + unknown


def is_address(source: object) -> bool:
    """Whether a source is an address that begins with http:// or https://."""
    return isinstance(source, str) and re.match(r"https?://", source, re.IGNORECASE) is not None


@dataclass(frozen=True, eq=False)
class Sound:
    """What a recording is opened from, any number of times where it can be read again.

    ArgumentError where samples have no rate, or what is no samples has one; MediaError where they are none.
    """

    source: Any
    """Path, address (http:// or https://), the bytes of a file, a binary file object; or samples, [samples] or
    [samples, channels]."""
    sample_rate: float | None = None  # Hz, of samples; all else says so itself
    track: int = 0  # which of the audio tracks

    def __post_init__(self) -> None:
        if is_samples(self.source):
            object.__setattr__(self, "sample_rate", checked_rate(self.sample_rate))
            object.__setattr__(self, "source", checked(self.source))
        elif self.sample_rate is not None:
            reason = "is given, but what is to be read has a rate of its own"
            raise ArgumentError("sample_rate", self.sample_rate, reason, "leave it out")

    @property
    def name(self) -> str:
        """What messages and results call it."""
        return NAME if is_samples(self.source) else name_of(self.source)

    @property
    def rereadable(self) -> bool:
        """Whether it can be opened again, as far as can be told without doing so; an address would be fetched anew."""
        if is_samples(self.source):
            return True
        if hasattr(self.source, "read"):
            return not getattr(self.source, "closed", False) and rewindable(self.source)
        return is_address(self.source) or rewindable(self.source)

    @contextmanager
    def open(self) -> Iterator[Recording]:
        """The recording, closed when the block ends; an address is fetched into a temporary file for so long.

        MediaError where it cannot be fetched, or is no recording: see `open_recording`.
        """
        if is_samples(self.source):
            file: Any = WavOfSamples(self.source, int(self.sample_rate or 0))
        elif is_address(self.source):
            from earmark.media.web import fetched  # which takes a while to import

            file = fetched(self.source)
        else:
            with Recording(self.source, self.track) as recording:
                yield recording
            return
        with file, Recording(cast("Source", file), self.track, self.name) as recording:
            yield recording

    def __getstate__(self) -> dict[str, Any]:
        """Without a file object, which belongs to its own process."""
        kept = None if hasattr(self.source, "read") else self.source
        return {"source": kept, "sample_rate": self.sample_rate, "track": self.track}
