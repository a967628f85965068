"""What a run's networks say of the clips that tested them: all scores, kept beside the run's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from earmark.datasets import Clip
from earmark.datasets.label_issues import clip_key, shown_path
from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write

SCORES = "scores.npz"
"""The file's name in a run folder."""

Place = tuple[str, float, float | None]
"""A clip by its path, start and end, seconds. The path is within its dataset, or absolute: see `HeldOut.of`."""


@dataclass(frozen=True)
class HeldOut:
    """Scores of clips by networks that never heard them."""

    places: tuple[Place, ...]  # which clip each row is of
    labels: tuple[str, ...]  # of the columns
    scores: NDArray[np.float32]  # 0 to 1 [clips, labels]

    @classmethod
    def of(
        cls, clips: Sequence[Clip], names: Sequence[str], labels: tuple[str, ...], scores: NDArray[np.float32]
    ) -> HeldOut:
        """Of clips that are shown by these names; a bare file name could be that of several, so its path is kept."""
        pairs = zip(clips, names, strict=True)
        places = tuple((name if "/" in name else _absolute(clip), clip.start, clip.end) for clip, name in pairs)
        return cls(places, labels, scores)

    def find(self, clips: Sequence[Clip], root: Path) -> NDArray[np.int64]:
        """The row of each clip of the dataset that lies at `root`, -1 for one that is not there, int64 [clips]."""
        rows = {place: row for row, place in enumerate(self.places)}

        def row(clip: Clip) -> int:
            names = (shown_path(clip.path, root), _absolute(clip))
            return next((rows[place] for name in names if (place := (name, clip.start, clip.end)) in rows), -1)

        return np.array([row(clip) for clip in clips], np.int64)

    def save(self, folder: Path) -> None:
        """Keep them in a run folder."""
        with atomic_write(folder / SCORES) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                path=np.array([path for path, _, _ in self.places], str),
                start=np.array([start for _, start, _ in self.places], float),
                end=np.array([math.nan if end is None else end for _, _, end in self.places], float),
                labels=np.array(self.labels, str),
                scores=self.scores.astype(np.float32),
            )


def _absolute(clip: Clip) -> str:
    return clip_key(clip)[0]


def load(folder: Path) -> HeldOut:
    """Read back what a run kept.

    Raises
    ------
    EarmarkError
        There is no such file, or it is damaged.
    """
    path = folder / SCORES
    try:
        with np.load(path) as stored:
            spans = zip(stored["path"], stored["start"], stored["end"], strict=True)
            places = tuple((str(p), float(s), None if math.isnan(e) else float(e)) for p, s, e in spans)
            labels, scores = tuple(map(str, stored["labels"])), np.asarray(stored["scores"], np.float32)
    except FileNotFoundError as error:
        remedy = "give the folder of a finished run of this version that has tested clips, or leave --run out"
        raise EarmarkError(folder, f"holds no scores of tested clips ({SCORES})", remedy) from error
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise EarmarkError(path, "is damaged", "train again") from error
    if scores.shape != (len(places), len(labels)):
        raise EarmarkError(path, "is damaged: its parts do not fit each other", "train again")
    return HeldOut(places, labels, scores)
