"""A small dataset that any network learns: noise of two colours and a tone."""

import numpy as np
from model_making import RATE, write_wav


def sound_of(label, seed, seconds=1.0):
    rng = np.random.default_rng([seed, len(label)])
    time = np.arange(int(RATE * seconds)) / RATE
    noise = rng.standard_normal(len(time))
    if label == "tone":
        return 0.3 * np.sin(2 * np.pi * rng.uniform(300, 2000) * time) + 0.001 * noise
    if label == "hiss":
        return 0.1 * np.diff(noise, prepend=0.0)
    return 0.02 * np.cumsum(noise - noise.mean()) / 5  # rumble


def write_dataset(root, each=8, labels=("hiss", "tone", "rumble"), seconds=1.0):
    """A folder per class."""
    for label in labels:
        for number in range(each):
            write_wav(root / label / f"{label}_{number}.wav", np.clip(sound_of(label, number, seconds), -1, 1))
    return root


SMALL = (  # trained in seconds
    "model.options={width: 4}",
    "front_end.bands=32",
    "augment={crop_seconds: 0.5, mask_frames: 4, mask_bands: 3}",
    "export.final=measured",
    "training={epochs: 12, batch: 8, learning_rate: 0.01, ema: 0.9, precision: 32-true}",
)
"""Changes to a recipe."""
