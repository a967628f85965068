"""Small spectrograms, as PNG files in memory: 256 colours, a quarter of the size of a full-colour picture."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from matplotlib import colormaps
from PIL import Image

from earmark.features.frontend import FrontEnd, resize
from earmark.util.types import Samples

FRONT_END = FrontEnd(rate=22050, n_fft=1024, hop=441, bands=96)
COLUMNS = 320  # pixels
RANGE_DB = 70.0  # shown below the loudest


def thumbnail(samples: Samples) -> bytes:
    """A PNG, `COLUMNS` wide, of mono samples at the front end's rate; low frequencies at the bottom."""
    levels = FRONT_END.features(samples)
    if not len(levels):
        levels = np.full((1, FRONT_END.bands), -100.0, np.float32)
    levels_shown = resize(np.ascontiguousarray(levels.T[::-1]), (FRONT_END.bands, COLUMNS))
    top = float(levels.max())
    shade = np.clip((levels_shown - (top - RANGE_DB)) / RANGE_DB, 0, 1)
    picture = Image.fromarray(np.rint(shade * 255).astype(np.uint8)).convert("P")
    picture.putpalette(_magma())
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


@cache
def _magma() -> bytes:
    return np.asarray(colormaps["magma"](np.arange(256), bytes=True), np.uint8)[:, :3].tobytes()
