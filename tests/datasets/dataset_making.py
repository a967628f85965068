"""What tests make datasets of."""

import csv
from pathlib import Path

import numpy as np
import soundfile


def noise(seed: int, seconds: float = 1.5, rate: int = 22050) -> np.ndarray:
    """Noise in bursts, as no other seed makes it."""
    random = np.random.default_rng(seed)
    samples = random.normal(size=int(seconds * rate)) * 0.1
    envelope = np.interp(np.arange(samples.size), np.linspace(0, samples.size, 20), random.uniform(0.1, 1, 20))
    return (samples * envelope).astype(np.float32)


def write_sound(path: Path, samples: np.ndarray, rate: int = 22050) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sound")
    return path


def write_csv(path: Path, *rows: tuple) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path
