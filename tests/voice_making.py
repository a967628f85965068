"""A voice with known words and a frame classifier that hears loudness: words whose times and pitch are known."""

from pathlib import Path

import numpy as np
from media_files import Track, write
from word_models import frame_classifier

from earmark.features.frontend import FrontEnd
from earmark.models.model import Description, Threshold

RATE = 16_000
FRONT_END = FrontEnd(rate=RATE, n_fft=512, hop=160, bands=40)
LOUD = Description(
    "loud", ("speech",), False, FRONT_END, stride=1, context=0, window=0.01, thresholds={"speech": Threshold(0.5, 0.4)}
)
LOUD_DB = -25.0  # a band louder than this is a voice
WORDS = ((0.5, 0.9, 120.0), (1.2, 1.5, 150.0), (2.0, 2.6, 100.0))
"""Onset, offset, F0."""


def loud_model(path: Path, metadata: Description = LOUD) -> Path:
    """Write a frame classifier that scores the loudest band."""
    return frame_classifier(path, metadata, LOUD_DB, 3.0)


def voice(seconds: float, *words: tuple[float, float, float], rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """Faint noise with harmonic tones; words are (onset, offset, F0). Float32 [samples]."""
    time = np.arange(round(seconds * rate)) / rate
    samples = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    for onset, offset, f0 in words:
        inside = slice(*np.searchsorted(time, (onset, offset)))
        at = time[inside]
        harmonics = sum(np.sin(2 * np.pi * n * f0 * at) / n for n in range(1, 20))
        ramp = np.clip(np.minimum(at - onset, offset - at) / 0.005, 0, 1)
        samples[inside] += ramp * level * harmonics / 2
    return samples.astype(np.float32)


def write_voice(path: Path, *words: tuple[float, float, float], seconds: float = 3.0, rate: int = RATE) -> Path:
    """Write such a voice as 16-bit WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "wav", Track(voice(seconds, *words, rate=rate)[None], rate))
    return path
