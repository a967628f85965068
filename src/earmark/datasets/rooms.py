"""Rooms: impulse responses made of noise that dies away.

A room's late echoes are noise with an exponential decay (Moorer, About this reverberation business, Computer Music
Journal 3(2), 1979), faster for high frequencies, which air and walls swallow; a few early echoes stand before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

DECAY = (0.12, 1.8)  # seconds in which the echo falls by 60 dB
DIRECT = (-3.0, 20.0)  # dB of the direct sound above the echoes
EARLY = 6  # echoes off the nearest walls
EARLY_SECONDS = (0.002, 0.04)
BRIGHT = 2000.0  # Hz above which echoes die away faster
DULLER = (0.3, 0.9)  # their decay relative to that of the others

Samples = NDArray[np.float32]


def room(rate: int, rng: np.random.Generator) -> Samples:
    """The impulse response of a room drawn at random; the direct sound is its first sample, and 1."""
    decay = float(np.exp(rng.uniform(*np.log(DECAY))))
    return response(rate, decay, decay * rng.uniform(*DULLER), rng.uniform(*DIRECT), rng)


def response(rate: int, decay: float, bright_decay: float, direct: float, rng: np.random.Generator) -> Samples:
    """An impulse response.

    Args:
        rate: samples per second.
        decay: seconds in which echoes below BRIGHT fall by 60 dB.
        bright_decay: the same for those above.
        direct: dB of the direct sound's energy above that of all echoes.
        rng: draws the echoes.
    """
    count = max(2, round(decay * rate))
    time = np.arange(count) / rate
    spectrum = fft.rfft(rng.standard_normal(count))
    above = fft.rfftfreq(count, 1 / rate) > BRIGHT
    echoes = sum(
        fft.irfft(np.where(band, spectrum, 0), count) * np.exp(-np.log(1000) * time / seconds)
        for band, seconds in ((~above, decay), (above, bright_decay))
    )
    late = np.asarray(echoes) * (time > EARLY_SECONDS[0])
    places = np.minimum(np.round(rng.uniform(*EARLY_SECONDS, EARLY) * rate).astype(int), count - 1)
    np.add.at(late, places, rng.choice([-1, 1], EARLY) * rng.uniform(1, 4, EARLY))
    late[0] = 0.0
    late *= 10 ** (-direct / 20) / max(float(np.sqrt((late**2).sum())), 1e-9)
    late[0] = 1.0
    return late.astype(np.float32)
