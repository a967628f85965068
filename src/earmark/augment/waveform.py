"""Audio-style augmentation: mono samples -> changed samples.

One class each: `draw` takes random parameters from the generator, where there are any, `apply` uses them, and calling
does both. `says` tells in a few words what a call with a generator in the same state would do.

Samples are float32 [n], finite, full scale 1. What an augmentation adds never drives a clip beyond full scale: such
a result is made quieter as a whole, not clipped. Empty arrays come back empty, all others with a sample at least.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earmark.errors import MissingExtraError
from earmark.util.fft import coloured_noise
from earmark.util.types import Samples

Waveform = Callable[[Samples, int, np.random.Generator], Samples]  # (samples, rate in Hz, generator) -> samples

FRAME = 0.01  # seconds whose loudness is measured at a time
SHORTEST_GAP = 0.2  # seconds of silence that are cut out within a clip; what is shorter belongs to its rhythm
LOWEST_RATE = 1_000  # Hz: the stretcher's windows are 0.12 s, and where these are but a few samples it never returns


@dataclass(frozen=True)
class Pitch:
    """Higher or lower by `least` to `most` semitones, negative ones lower; as long as before.

    By Signalsmith Stretch (Luff, 2023), which moves spectral peaks and keeps their phases together. After a move down,
    nothing is left at the highest frequencies.
    """

    least: float
    most: float

    def draw(self, rng: np.random.Generator) -> float:
        """Semitones."""
        return float(rng.uniform(self.least, self.most))

    def apply(self, samples: Samples, rate: int, semitones: float) -> Samples:
        """Samples [n] of samples [n]; MissingExtraError if python-stretch is not installed."""
        return _stretched(samples, rate, semitones=semitones)

    def __call__(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """Draw and apply."""
        return self.apply(samples, rate, self.draw(rng))

    def says(self, rng: np.random.Generator) -> str:
        """Such as `+2.3 semitones`."""
        return f"{self.draw(rng):+.1f} semitones"


@dataclass(frozen=True)
class Speed:
    """Played at `speed` times the speed, at the same pitch: below 1 longer, above 1 shorter.

    By Signalsmith Stretch, see `Pitch`. Salamon and Bello (2017, arXiv:1608.04363), who compared such changes of
    pitch, speed and background for environmental sounds, took speeds from 0.81 to 1.23.
    """

    speed: float

    def __call__(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """Samples [n / speed, rounded] of samples [n]; MissingExtraError if python-stretch is not installed."""
        return _stretched(samples, rate, speed=self.speed)

    def says(self, rng: np.random.Generator) -> str:
        """Such as `0.70 x speed`."""
        return f"{self.speed:.2f} x speed"


@dataclass(frozen=True)
class Trim:
    """Without its silence: leading and trailing 10 ms that are more than `db` dB below the loudest are cut off.

    With `inner`, such silence of 0.2 s or more within the clip is cut out as well. A clip that is silent throughout
    comes back whole.
    """

    db: float = 50.0
    inner: bool = False

    def __call__(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """Samples [at most n] of samples [n]."""
        if not samples.any():
            return samples.copy()
        frame = max(1, round(FRAME * rate))
        loudness = np.add.reduceat(samples.astype(np.float64) ** 2, np.arange(0, len(samples), frame))
        kept = loudness >= loudness.max() * 10 ** (-self.db / 10)
        gap = SHORTEST_GAP / FRAME if self.inner else np.inf
        return samples[np.repeat(_without_short_gaps(kept, gap), frame)[: len(samples)]]

    def says(self, rng: np.random.Generator) -> str:
        """Such as `below -50 dB`."""
        return f"below -{self.db:g} dB"


@dataclass(frozen=True)
class Shift:
    """Later by a share of its length, `least` to `most`, negative ones earlier; zeros stand where nothing is left."""

    least: float
    most: float

    def draw(self, rng: np.random.Generator) -> float:
        """Share of the clip's length."""
        return float(rng.uniform(self.least, self.most))

    def apply(self, samples: Samples, share: float) -> Samples:
        """Samples [n] of samples [n]."""
        by = round(share * len(samples))
        shifted = np.zeros_like(samples)
        shifted[max(0, by) : len(samples) + min(0, by)] = samples[max(0, -by) : len(samples) - max(0, by)]
        return shifted

    def __call__(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """Draw and apply."""
        return self.apply(samples, self.draw(rng))

    def says(self, rng: np.random.Generator) -> str:
        """Such as `23 % later`."""
        share = self.draw(rng)
        return f"{abs(share):.0%} {'later' if share > 0 else 'earlier'}".replace("%", " %")


class NoiseDraw(NamedTuple):
    """What `Noise` draws."""

    snr: float  # dB by which the clip is louder than the noise
    slope: float  # the noise's power falls with this power of the frequency: 0 is white, 1 pink, 2 brown


@dataclass(frozen=True)
class Noise:
    """Under steady noise `least` to `most` dB below the clip's mean power, white to brown.

    The noise never falls below `floor` dB re full scale, so that a silent clip gets some as well.
    """

    least: float = 5.0
    most: float = 30.0
    brownest: float = 2.0
    floor: float = -90.0

    def draw(self, rng: np.random.Generator) -> NoiseDraw:
        """Level and colour."""
        return NoiseDraw(float(rng.uniform(self.least, self.most)), float(rng.uniform(0, self.brownest)))

    def apply(self, samples: Samples, rate: int, drawn: NoiseDraw, rng: np.random.Generator) -> Samples:
        """Samples [n] of samples [n]; the noise itself is drawn here."""
        if not samples.size:
            return samples.copy()
        power = float(np.mean(samples.astype(np.float64) ** 2))
        level = max(power * 10 ** (-drawn.snr / 10), 10 ** (self.floor / 10))
        noise = coloured_noise(len(samples), rate, drawn.slope, rng) * np.sqrt(level)
        return _limited(samples + noise, samples)

    def __call__(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """Draw and apply."""
        return self.apply(samples, rate, self.draw(rng), rng)

    def says(self, rng: np.random.Generator) -> str:
        """Such as `12 dB SNR, -3.1 dB/octave`."""
        drawn = self.draw(rng)
        return f"{drawn.snr:.0f} dB SNR, {-10 * np.log10(2) * drawn.slope:.1f} dB/octave"


WAVEFORM: dict[str, Waveform] = {
    "pitch_up": Pitch(1.0, 4.0),
    "pitch_down": Pitch(-4.0, -1.0),
    "slow": Speed(0.70),
    "fast": Speed(1.20),
    "trim": Trim(),
    "shift_left": Shift(-0.5, -0.1),
    "shift_right": Shift(0.1, 0.5),
    "noise": Noise(),
    "half_tone_down": Pitch(-1.0, -1.0),
    "half_tone_up": Pitch(1.0, 1.0),
    "whole_tone_down": Pitch(-2.0, -2.0),
    "whole_tone_up": Pitch(2.0, 2.0),
}
"""The audio-style augmentations by name."""

IN_PLACE = ("pitch_up", "pitch_down", "noise", "half_tone_down", "half_tone_up", "whole_tone_down", "whole_tone_up")
"""Those that leave every sound where it is in time."""


def _stretched(samples: Samples, rate: int, speed: float = 1.0, semitones: float = 0.0) -> Samples:
    """Samples [n / speed, rounded] at another pitch."""
    try:
        from python_stretch import Signalsmith
    except ImportError as error:
        raise MissingExtraError("changing pitch and speed (python-stretch)", "train") from error
    if not samples.size:
        return samples.copy()
    stretch = Signalsmith.Stretch(0)  # unless told a seed, it takes one from the machine
    stretch.preset(1, max(rate, LOWEST_RATE))
    stretch.setTransposeSemitones(semitones)
    stretch.setTimeFactor(speed)
    # Silence on both sides, cut off again: its windows fade in and out there, and clips may be shorter than one.
    margin = stretch.blockSamples()
    changed = np.asarray(stretch.process(np.pad(samples, margin)[None]), np.float32)[0]
    first, length = round(margin / speed), max(1, round(len(samples) / speed))
    return _limited(changed[first : first + length], samples)


def _limited(changed: NDArray[np.floating], before: Samples) -> Samples:
    """Made quieter where it exceeds full scale, unless the clip did so before."""
    most = max(1.0, float(np.abs(before).max(initial=0.0)))
    peak = float(np.abs(changed).max(initial=0.0))
    # As float32 the peak may come out a rounding error above.
    scale = most / peak if peak > most else 1.0
    return np.asarray(np.clip(changed * scale, -most, most), np.float32)


def _without_short_gaps(kept: NDArray[np.bool_], gap: float) -> NDArray[np.bool_]:
    """Marks [frames] with what lies between two marks marked as well, where it is shorter than `gap` frames."""
    filled = np.zeros_like(kept)
    indices = np.flatnonzero(kept)
    starts = [indices[0], *indices[1:][np.diff(indices) > gap]]
    ends = [*indices[:-1][np.diff(indices) > gap], indices[-1]]
    for start, end in zip(starts, ends, strict=True):
        filled[start : end + 1] = True
    return filled
