"""Real background noise, without human voices."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import datasets
from earmark.datasets.clip import Clip
from earmark.errors import DatasetError
from earmark.media import read

VOICES = (
    "crying_baby", "sneezing", "breathing", "coughing", "laughing", "snoring", "children_playing", "music", "speech",
)  # fmt: skip
"""Labels of sounds in which people are heard: none of them is background."""
USUAL = ("esc50:4,5", "urbansound8k:2")
SILENT = 1e-4  # below this is the digital silence that short clips are padded with
FADE = 0.02  # seconds in which one clip gives way to the next
TRIES = 50

Samples = NDArray[np.float32]
Backgrounds = Mapping[str, Sequence[Clip]]
"""Clips by their first label."""

_PLACE = re.compile(r"(.+?)(?::(\d+(?:,\d+)*))?")


def backgrounds(places: Sequence[str], data_dir: Path | None = None) -> Backgrounds:
    """The clips of datasets by label, those with voices left out.

    Args:
        places: names or paths of datasets, with the folds to be used after a colon where not all are: `esc50:4,5`.
        data_dir: the folder that datasets are kept in.

    Raises:
        DatasetError: there is no such dataset, or nothing of it is left.
    """
    grouped: dict[str, list[Clip]] = defaultdict(list)
    for place in places:
        clips = _clips(place, data_dir)
        if not clips:
            raise DatasetError(place, "has no clip without voices in these folds", "choose other folds")
        for clip in clips:
            grouped[clip.labels[0] if clip.labels else ""].append(clip)
    return grouped


def _clips(place: str, data_dir: Path | None) -> list[Clip]:
    match = _PLACE.fullmatch(place)
    name, folds = (match[1], match[2]) if match else (place, None)
    root = datasets.find(name, data_dir)
    wanted = {int(fold) for fold in folds.split(",")} if folds else None
    clips = datasets.load(None, root).clips
    return [c for c in clips if (wanted is None or c.fold in wanted) and not set(VOICES).intersection(c.labels)]


def draw(grouped: Backgrounds, count: int, rate: int, rng: np.random.Generator) -> Samples:
    """So many samples of one kind of noise: clips of one label in a row, equally loud, of mean power 1.

    Raises:
        DatasetError: clips of this label are silent.
    """
    label = str(rng.choice(sorted(grouped)))
    clips, noise = grouped[label], np.zeros(0, np.float32)
    for _ in range(TRIES):
        clip = clips[int(rng.integers(len(clips)))]
        noise = _joined(noise, _sound(read(clip.path, rate, start=clip.start, end=clip.end)), rate)
        if len(noise) >= count:
            return _levelled(noise[:count])
    raise DatasetError(clips[0].path, f"clips of {label} are silent", "leave them out")


def _sound(samples: Samples) -> Samples:
    """A clip without the silence around it, of mean power 1."""
    loud = np.flatnonzero(np.abs(samples) > SILENT)
    if not len(loud):
        return samples[:0]
    return _levelled(samples[loud[0] : loud[-1] + 1])


def _levelled(samples: Samples) -> Samples:
    return np.asarray(samples / np.sqrt(np.mean(samples**2)), np.float32)


def _joined(first: Samples, second: Samples, rate: int) -> Samples:
    fade = min(round(FADE * rate), len(first), len(second))
    rising = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))
    over = first[len(first) - fade :] * rising[::-1] + second[:fade] * rising
    return np.concatenate([first[: len(first) - fade], over, second[fade:]])
