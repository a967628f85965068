"""A model let loose on the clips of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets import Clip, Dataset
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation.naming import some
from earmark.models import labelling
from earmark.models.model import Model

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True)
class Answers:
    """What a model says of clips, beside what they are.

    Attributes:
        labels: of the model.
        exclusive: whether the model knows one label at a time.
        clips: those that could be read.
        truth: which labels each clip has, bool [clips, labels]; a clip may have none that the model knows.
        scores: for each clip as a whole, float32 [clips, labels].
        unreadable: why clips are missing.
    """

    labels: tuple[str, ...]
    exclusive: bool
    clips: tuple[Clip, ...]
    truth: NDArray[np.bool_]
    scores: NDArray[np.float32]
    unreadable: tuple[EarmarkError, ...] = ()


def ask(model: Model, dataset: Dataset, progress: Progress | None = None) -> Answers:
    """Classify every clip of a dataset. Labels that the model does not know count as none.

    Raises:
        DatasetError: the dataset has none of the model's labels, or no clip could be read.
    """
    if not set(dataset.labels) & set(model.labels):
        raise DatasetError(
            dataset.name,
            f"has none of the model's labels; it has {some(dataset.labels)}",
            f"rename some with relabel=; the model knows {some(model.labels)}",
        )
    read, scores, wrong = [], [], []
    for done, clip in enumerate(dataset.clips):
        try:
            scores.append(_scores(model, clip))
            read.append(clip)
        except EarmarkError as error:
            wrong.append(error)
        if progress:
            progress(done + 1, len(dataset.clips))
    if not read:
        raise DatasetError(dataset.name, "holds no clip that can be read")
    truth = np.array([[label in clip.labels for label in model.labels] for clip in read])
    exclusive = model.description.exclusive
    return Answers(model.labels, exclusive, tuple(read), truth, np.array(scores), tuple(wrong))


def _scores(model: Model, clip: Clip) -> NDArray[np.float32]:
    about = model.description
    samples = media.read(clip.path, about.front_end.rate, start=clip.start, end=clip.end)
    return about.whole(labelling.heard(model, [samples]))
