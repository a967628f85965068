"""Steady noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

LOWEST = 20.0  # Hz: below it, coloured noise gets no louder; nobody would hear it


def coloured_noise(length: int, rate: int, slope: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise [length] of mean power 1 whose power falls with frequency to the `slope`.

    0 is white, 1 pink, 2 brown.
    """
    white = rng.standard_normal(length)
    frequencies = np.maximum(fft.rfftfreq(length, 1 / rate), LOWEST)
    noise = fft.irfft(fft.rfft(white) * frequencies ** (-slope / 2), length)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float64)
