"""Embeddings of recordings: what a backbone makes of each stretch of time, for whatever is to be built on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from earmark import media
from earmark.media import Given, Sound
from earmark.models.labelling import BLOCKS_AHEAD, CountedBlocks, loaded
from earmark.models.model import Model
from earmark.util import streams
from earmark.util.blas import one_thread
from earmark.util.progress import reported
from earmark.util.types import Array, Progress

BACKBONE = "mn04_as"


@dataclass(frozen=True, eq=False)
class Embeddings:
    """The embeddings of one recording, to be used as an array [steps, dimensions].

    Attributes
    ----------
    recording
        Its name.
    model
        The name of what made them.
    step
        Seconds from one to the next.
    values
        float32 [steps, dimensions].
    """

    recording: str
    model: str
    step: float
    values: Array

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds [steps] on the media's clock: the middle of what each speaks for."""
        return np.arange(len(self.values), dtype=np.float64) * self.step

    @property
    def shape(self) -> tuple[int, ...]:
        """Steps and dimensions."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, place: Any) -> Any:
        """As that of `values`: `embeddings[0]` is the first, float32 [dimensions]."""
        return self.values[place]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype) if copy else np.asarray(self.values, dtype)


def embed(
    source: Given,
    model: str | os.PathLike[str] | Model = BACKBONE,
    *,
    sample_rate: float | None = None,
    track: int = 0,
    progress: Progress | bool | None = None,
) -> Embeddings:
    """The embeddings of a recording: 17 MB for an hour by `mn04_as`.

    Parameters
    ----------
    source
        Audio, or video with an audio track: a path, an address (http:// or https://), the bytes of a file, a binary
        file object; or samples, [samples] or [samples, channels].
    model
        The name of a backbone, whose file `earmark models get` makes, or a model that was trained on one: its file's
        path, or the loaded model. Default `"mn04_as"`.
    sample_rate
        Hz; needed with samples, and only there.
    track
        Which of the audio tracks, from 0.
    progress
        Called with the seconds done and the recording's length; or True for a line on standard error.

    Returns
    -------
    Embeddings
        An array, float32 [steps, dimensions], with the time of each step in seconds as `times`.

    Raises
    ------
    MediaError
        The recording cannot be fetched or read; or the samples are of a shape, type or scale that sound has not.
    ModelError
        The model cannot be read, or has no embeddings.
    ArgumentError
        `sample_rate` does not fit.

    Examples
    --------
    >>> import earmark
    >>> embeddings = earmark.embed("street.mp4", model="backbone.onnx")
    >>> len(embeddings) == len(embeddings.times)
    True
    """
    sound = Sound(source, sample_rate, track)
    chosen = loaded(model)
    with one_thread(), reported(progress) as report, sound.open() as recording:
        parts = embedded(recording, chosen, report)
        values = streams.concatenate(parts, chosen.dimensions)
        return Embeddings(sound.name, chosen.description.name, chosen.description.step, values)


def embedded(recording: media.Recording, model: Model, progress: Progress | None = None) -> Iterator[Array]:
    """Embeddings [steps, dimensions] of a recording, some at a time, for one that is too long to hold those of all."""
    blocks = CountedBlocks(recording, model.description.front_end.rate, progress)
    return model.embed(streams.ahead(iter(blocks), BLOCKS_AHEAD))
