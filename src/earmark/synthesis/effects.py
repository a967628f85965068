"""What lies between a source of sound and a file: room, equaliser, microphone, noise, level.

A room's late echoes are noise with an exponential decay (Moorer, About this reverberation business, Computer Music
Journal 3(2), 1979), faster for high frequencies, which air and walls swallow; a few early echoes stand before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from earmark.util.fft import coloured_noise
from earmark.util.types import Samples

DECAY = (0.12, 1.8)  # seconds in which the echo falls by 60 dB
DIRECT = (-3.0, 20.0)  # dB of the direct sound above the echoes
EARLY = 6  # echoes off the nearest walls
EARLY_SECONDS = (0.002, 0.04)
BRIGHT = 2000.0  # Hz above which echoes die away faster
DULLER = (0.3, 0.9)  # their decay relative to that of the others

ROOM_SHARE, TILT_SHARE, BUMP_SHARE, BAND_SHARE, NOISE_SHARE = 0.65, 0.6, 0.6, 0.35, 0.85
TILT = 3.0  # dB an octave, the most, around 1 kHz
BUMPS = 4  # resonances, the most
BUMP_DB, BUMP_OCTAVES, BUMP_HERTZ = 9.0, (0.15, 1.0), (80.0, 9000.0)  # strength, the most; width; place
LOW_CUT = (30.0, 250.0)  # Hz below which a microphone hears less
HIGH_CUT = (3500.0, 14000.0)  # Hz above which it does
ORDER = 2  # of either slope
SNR = (15.0, 60.0)  # dB of the music above the noise
PEAK = (-30.0, -0.5)  # dB of the highest sample, re full scale
COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0, "hum": 0.0}
"""Noises, and with which power of the frequency that of each falls."""
HARMONICS = 12  # of hum


def draw_room(rate: int, rng: np.random.Generator) -> Samples:
    """The impulse response of a room drawn at random; the direct sound is its first sample, and 1."""
    decay = float(np.exp(rng.uniform(*np.log(DECAY))))
    return room_response(rate, decay, decay * rng.uniform(*DULLER), rng.uniform(*DIRECT), rng)


def room_response(rate: int, decay: float, bright_decay: float, direct: float, rng: np.random.Generator) -> Samples:
    """An impulse response whose direct sound is `direct` dB above the energy of all echoes.

    Echoes below BRIGHT fall by 60 dB in `decay` seconds, those above in `bright_decay`.
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
    indices = np.minimum(np.round(rng.uniform(*EARLY_SECONDS, EARLY) * rate).astype(int), count - 1)
    np.add.at(late, indices, rng.choice([-1, 1], EARLY) * rng.uniform(1, 4, EARLY))
    late[0] = 0.0
    late *= 10 ** (-direct / 20) / max(float(np.sqrt((late**2).sum())), 1e-9)
    late[0] = 1.0
    return late.astype(np.float32)


@dataclass(frozen=True)
class Effects:
    """All that is done to one clip; the draw is apart from the doing."""

    room: Samples | None  # impulse response, or None
    tilt: float  # dB an octave
    bumps: tuple[tuple[float, float, float], ...]  # resonances and gaps: Hz, width in octaves, dB
    band: tuple[float, float] | None  # Hz where the microphone's range begins and ends, or None
    snr: float | None  # dB above the noise, or None
    colour: str  # which noise
    peak: float  # dB of the highest sample re full scale


def draw_effects(rate: int, rng: np.random.Generator) -> Effects:
    """Effects as recordings differ."""
    low, high = np.exp(rng.uniform(*np.log(LOW_CUT))), np.exp(rng.uniform(*np.log(HIGH_CUT)))
    return Effects(
        room=draw_room(rate, rng) if rng.random() < ROOM_SHARE else None,
        tilt=float(rng.uniform(-TILT, TILT)) if rng.random() < TILT_SHARE else 0.0,
        bumps=tuple(_bump(rng) for _ in range(rng.integers(1, BUMPS + 1))) if rng.random() < BUMP_SHARE else (),
        band=(float(low), float(high)) if rng.random() < BAND_SHARE else None,
        snr=float(rng.uniform(*SNR)) if rng.random() < NOISE_SHARE else None,
        colour=str(rng.choice(list(COLOURS))),
        peak=float(rng.uniform(*PEAK)),
    )


def _bump(rng: np.random.Generator) -> tuple[float, float, float]:
    hertz = float(np.exp(rng.uniform(*np.log(BUMP_HERTZ))))
    return hertz, float(rng.uniform(*BUMP_OCTAVES)), float(rng.uniform(-BUMP_DB, BUMP_DB))


def apply_effects(samples: Samples, rate: int, effects: Effects, rng: np.random.Generator) -> Samples:
    """The samples with all effects, as many as before; where nothing sounds there is noise alone."""
    mixed = _filtered(samples, rate, effects)
    if effects.snr is not None:
        power = _loud_power(mixed) or 1.0
        mixed = mixed + draw_noise(len(mixed), rate, effects.colour, rng) * np.sqrt(power / 10 ** (effects.snr / 10))
    highest = float(np.abs(mixed).max(initial=0.0))
    return np.asarray(mixed * (10 ** (effects.peak / 20) / highest if highest else 0.0), np.float32)


def draw_noise(count: int, rate: int, colour: str, rng: np.random.Generator) -> Samples:
    """Noise of a colour, with a power of 1: white, pink, brown, or the hum of the mains."""
    if colour == "hum":
        return _hum(count, rate, rng)
    return coloured_noise(count, rate, COLOURS[colour], rng).astype(np.float32)


def _hum(count: int, rate: int, rng: np.random.Generator) -> Samples:
    mains = float(rng.choice([50.0, 60.0])) * rng.uniform(0.998, 1.002)
    orders = np.arange(1, HARMONICS + 1)
    levels = rng.uniform(0, 1, HARMONICS) / orders
    phases = 2 * np.pi * (mains * orders[:, None] * np.arange(count) / rate + rng.random((HARMONICS, 1)))
    hum = levels @ np.sin(phases)
    hiss = rng.standard_normal(count) * 0.1
    made = hum / max(float(np.sqrt(np.mean(hum**2))), 1e-9) + hiss
    return np.asarray(made / np.sqrt(np.mean(made**2)), np.float32)


def _filtered(samples: Samples, rate: int, effects: Effects) -> Samples:
    """Room, equaliser and microphone, all linear: one product of spectra."""
    echo = 0 if effects.room is None else len(effects.room)
    count = fft.next_fast_len(len(samples) + echo, real=True)
    hertz = np.maximum(fft.rfftfreq(count, 1 / rate), 1.0)
    decibels = effects.tilt * np.clip(np.log2(hertz / 1000), -5, 4)
    for centre, octaves, height in effects.bumps:
        decibels = decibels + height * np.exp(-0.5 * (np.log2(hertz / centre) / octaves) ** 2)
    gain = 10 ** (decibels / 20)
    if effects.band is not None:
        low, high = effects.band
        gain = gain / np.sqrt((1 + (low / hertz) ** (2 * ORDER)) * (1 + (hertz / high) ** (2 * ORDER)))
    spectrum = fft.rfft(samples, count) * gain.astype(np.float32)
    if effects.room is not None:
        spectrum = spectrum * fft.rfft(effects.room, count)
    return np.asarray(fft.irfft(spectrum, count)[: len(samples)], np.float32)


def _loud_power(samples: Samples) -> float:
    """Mean power where something sounds: of the louder half of a clip's tenths of a second."""
    frames = np.array_split(samples, max(1, len(samples) // 2000))
    powers = np.sort([float(np.mean(frame**2)) for frame in frames])
    return float(powers[len(powers) // 2 :].mean())
