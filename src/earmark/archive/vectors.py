"""Embeddings as they are kept: signed bytes, compared by their angle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earmark.util.types import Array

Vectors = NDArray[np.int8]
LARGEST = 127


def packed(vectors: Array) -> Vectors:
    """Vectors [rows, dimensions] as signed bytes, each scaled by itself: their angles hardly change."""
    most = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.rint(vectors * (LARGEST / np.maximum(most, 1e-30))), np.int8)


def directions(rows: Vectors) -> Array:
    """The same as vectors of length 1 [rows, dimensions]; zeros stay zeros."""
    return unit(rows.astype(np.float32))


def unit(vectors: Array) -> Array:
    """Each vector [..., dimensions] scaled to length 1; zeros stay zeros."""
    length = np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.maximum(length, 1e-30), np.float32)
