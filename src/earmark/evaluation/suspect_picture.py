"""Small spectrograms, as PNG files in memory: 256 colours, a quarter of the size of a full-colour picture."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from earmark.frontend import FrontEnd, Samples, resize

FRONT_END = FrontEnd(rate=22050, n_fft=1024, hop=441, bands=96)
COLUMNS = 320  # pixels
RANGE_DB = 70.0  # shown below the loudest


def thumbnail(samples: Samples) -> bytes:
    """A PNG, `COLUMNS` wide, of mono samples at the front end's rate; low frequencies at the bottom."""
    levels = FRONT_END.features(samples)
    if not len(levels):
        levels = np.full((1, FRONT_END.bands), -100.0, np.float32)
    picture = resize(np.ascontiguousarray(levels.T[::-1]), (FRONT_END.bands, COLUMNS))
    top = float(levels.max())
    shade = np.clip((picture - (top - RANGE_DB)) / RANGE_DB, 0, 1)
    return png(np.rint(shade * 255).astype(np.uint8), _magma())


def png(picture: NDArray[np.uint8], palette: bytes) -> bytes:
    """A picture [height, width] of indices into a palette of 256 colours, three bytes each (ISO/IEC 15948)."""
    height, width = picture.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), picture], 1)  # each begins with its filter: none
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@cache
def _magma() -> bytes:
    return np.asarray(colormaps["magma"](np.arange(256), bytes=True), np.uint8)[:, :3].tobytes()
