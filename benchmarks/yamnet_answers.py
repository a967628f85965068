"""YAMNet as a peer in `sounds_compared.py`: its events and clips' classes, by the scores of `yamnet_scores.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from earmark.events.hysteresis import EventFinder, EventRules
from earmark.events.timeline import Timeline
from earmark.labels import audioset
from earmark.media import open_recording
from earmark.media.writing import write_samples
from earmark.util.types import Array

RATE = 16000
STEP = 0.48  # seconds
POOLINGS = ("mean", "max")


@dataclass(frozen=True)
class Yamnet:
    """What YAMNet says of recordings, by AudioSet's names.

    Attributes:
        folder: where the scores are.
        on: the score at which events begin, of all classes; at half of it they end.
        pooling: how steps' scores become those of a clip: `mean` or `max`.
    """

    folder: Path
    on: float = 0.5
    pooling: str = "mean"

    def label(self, path: Path) -> Timeline:
        """What sounds in a recording, and when."""
        scored = _read(_file(self.folder, path))
        on: Array = np.full(len(scored.names), self.on, np.float32)
        finder = EventFinder(scored.names, on, on * np.float32(0.5), STEP, EventRules())
        # The finder takes the first score to be of the time around 0 s; YAMNet's first is of that around 0.48 s.
        finder.add(np.pad(scored.scores, ((1, 1), (0, 0)), "edge"))
        return Timeline(path.name, scored.seconds, "yamnet").with_events(finder.events(scored.seconds))

    def classify(self, path: Path) -> list[tuple[str, float]]:
        """What a recording is as a whole: (class, score)."""
        scored = _read(_file(self.folder, path))
        whole = scored.scores.mean(axis=0) if self.pooling == "mean" else scored.scores.max(axis=0)
        return list(zip(scored.names, whole.tolist(), strict=True))


def lay_out(folder: Path, recordings: Iterable[Path]) -> int:
    """Write recordings that have no scores yet as WAV files, for `yamnet_scores.py`; how many these are."""
    files = {_file(folder, path): path for path in recordings}
    missing = {file: path for file, path in files.items() if not file.is_file()}
    for file, path in missing.items():
        with open_recording(path) as recording:
            write_samples(file.with_suffix(".wav"), recording.blocks(RATE), RATE)
    return len(missing)


class _Scored(NamedTuple):
    """Scores [steps, classes] of a recording, the names of the classes, and the recording's length in seconds."""

    scores: Array
    names: tuple[str, ...]
    seconds: float


@cache
def _read(file: Path) -> _Scored:
    names = {one.id: one.name for one in audioset.classes()}
    with np.load(file) as stored:
        named = tuple(names[identifier] for identifier in stored["ids"].tolist())
        return _Scored(stored["scores"], named, round(float(stored["seconds"]), 3))


@cache
def _file(folder: Path, recording: Path) -> Path:
    """The scores of a recording: named by what is in it, so that a changed one is scored anew."""
    return folder / f"{hashlib.sha256(recording.read_bytes()).hexdigest()[:24]}.npz"
