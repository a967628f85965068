"""What tests find label issues in."""

from pathlib import Path

import numpy as np
from model_making import tones, write_wav

from earmark.datasets import Clip, Dataset
from earmark.evaluation.held_out_scores import HeldOut

NAMES = ("low/1.wav", "low/2.wav", "low/<b> & #1 ?.wav", "high/1.wav", "high/2.wav")


def write_clips(root: Path) -> Dataset:
    """A folder per class; the third of `low` is high."""
    for number, name in enumerate(NAMES):
        write_wav(root / name, tones(0.5, (0.1, 0.4, 400.0 if number < 2 else 4000.0)))
    return Dataset("pitch", tuple(Clip(root / name, labels=(name.split("/")[0],)) for name in NAMES))


def scores_of(dataset: Dataset, root: Path) -> HeldOut:
    """What good networks would say of them."""
    scores = np.array([[0.1, 0.9], [0.2, 0.8], [0.97, 0.03], [0.9, 0.1], [0.7, 0.3]], np.float32)
    names = [clip.path.relative_to(root).as_posix() for clip in dataset.clips]
    return HeldOut.of(dataset.clips, names, ("high", "low"), scores)
