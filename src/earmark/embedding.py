"""Embeddings of recordings: what a backbone makes of each stretch of time, for whatever is to be built on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from earmark import media, streaming
from earmark.labelling import BLOCKS_AHEAD, CountedBlocks, Progress, loaded
from earmark.model import Model
from earmark.timeline import Array

BACKBONE = "mn04_as"


@dataclass(frozen=True, eq=False)
class Embeddings:
    """The embeddings of one recording; `numpy.asarray` gives the values.

    Attributes:
        recording: its name.
        model: the name of what made them.
        step: seconds from one to the next.
        values: float32 [steps, dimensions].
    """

    recording: str
    model: str
    step: float
    values: Array

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds [steps] on the media's clock: the middle of what each speaks for."""
        return times(0, len(self.values), self.step)

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype) if copy else np.asarray(self.values, dtype)


def embed(
    source: media.Source,
    model: str | os.PathLike[str] | Model = BACKBONE,
    *,
    track: int = 0,
    progress: Progress | None = None,
) -> Embeddings:
    """The embeddings of a recording: 17 MB for an hour by `mn04_as`.

    Args:
        source: path, bytes or binary file of any audio or video.
        model: the name of a backbone (`earmark models get` makes its file), or a model that was trained on one: its
            file's path, or the loaded model.
        track: which of the audio tracks, from 0.
        progress: told how far the work has come.

    Raises:
        MediaError: the recording cannot be read.
        ModelError: the model cannot be read, or has no embeddings.
    """
    chosen = loaded(model)
    with media.open_recording(source, track) as recording:
        parts = embedded(recording, chosen, progress)
        values = streaming.concatenate(parts, chosen.dimensions)
        return Embeddings(recording.name, chosen.description.name, chosen.description.step, values)


def embedded(recording: media.Recording, model: Model, progress: Progress | None = None) -> Iterator[Array]:
    """Embeddings [steps, dimensions] of a recording, some at a time, for one that is too long to hold those of all."""
    blocks = CountedBlocks(recording, model.description.front_end.rate, progress)
    return model.embed(streaming.ahead(iter(blocks), BLOCKS_AHEAD))


def times(first: int, last: int, step: float) -> NDArray[np.float64]:
    """When the steps from `first` to before `last` are, seconds."""
    return np.arange(first, last, dtype=np.float64) * step
