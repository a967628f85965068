"""A recipe's datasets as clips, targets and prepared features."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import datasets
from earmark.augment.copies import of_each
from earmark.datasets import Clip, Dataset
from earmark.errors import DatasetError, EarmarkWarning, RecipeError
from earmark.training.batches import TrainingSet
from earmark.training.prepared import Prepared, Progress, prepare
from earmark.training.recipe import DatasetPart, Recipe


@dataclass(frozen=True)
class TrainingData:
    """Clips and their copies, with what training needs of them.

    Attributes:
        clips: those that could be read; then, for each kind of copy, all of them once more.
        originals: how many there are without copies: clip `i` has its copies at `i + originals`, and so on.
        names: how each is shown: its path within its dataset, and which copy it is.
        labels: all labels, in the order of the targets' columns.
        targets: float32 [clips, labels], 1 where the label holds.
        exclusive: whether each clip has exactly one label.
        features: prepared features of each clip.
        licence: of all the data.
    """

    clips: tuple[Clip, ...]
    originals: int
    names: tuple[str, ...]
    labels: tuple[str, ...]
    targets: NDArray[np.float32]
    exclusive: bool
    features: Prepared
    licence: str

    def subset(self, positions: NDArray[np.int64]) -> TrainingSet:
        """Some of the clips and copies, to train on."""
        return TrainingSet(self.features.take(positions), self.targets[positions], self.exclusive)


def load(recipe: Recipe, cache: Path | None = None, progress: Progress | None = None) -> TrainingData:
    """Read and prepare all the data of a recipe."""
    parts = [read for part in recipe.dataset if (read := _read(part)) is not None]
    if not parts:
        raise RecipeError(recipe.name, "none of its datasets is there", "see `earmark data list`")
    whole = datasets.combine([dataset for dataset, _ in parts]) if len(parts) > 1 else parts[0][0]
    names = [name for _, part_names in parts for name in part_names]
    copies = of_each(recipe.augment.copies, recipe.augment.copies_each, recipe.training.seed)
    features = prepare(whole.clips, recipe.front_end, cache, progress, copies)
    count = len(whole.clips)
    good = np.flatnonzero((features.first.reshape(-1, count) >= 0).all(0))
    clips = tuple(whole.clips[i] for i in good)
    names = [names[i] for i in good]
    labels = tuple(sorted({label for clip in clips for label in clip.labels}))
    if len(labels) < 2:
        raise DatasetError(whole.name, f"holds {len(labels)} classes that can be read", "training needs two")
    exclusive = whole.exclusive and all(len(clip.labels) == 1 for clip in clips)
    if recipe.export.exclusive and not exclusive:
        raise RecipeError("export.exclusive", "some clips have several labels or none", "set it to false")
    versions = 1 + len(copies)
    return TrainingData(
        clips=clips * versions,
        originals=len(clips),
        names=(*names, *(f"{name}#{copy.name}-{copy.number + 1}" for copy in copies for name in names)),
        labels=labels,
        targets=np.tile(targets_of(clips, labels), (versions, 1)),
        exclusive=exclusive if recipe.export.exclusive is None else recipe.export.exclusive,
        features=features.take(np.concatenate([good + count * version for version in range(versions)])),
        licence=recipe.export.licence or whole.licence,
    )


def targets_of(clips: tuple[Clip, ...], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """1 where a label holds: float32 [clips, labels]."""
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(clips), len(labels)), np.float32)
    for row, clip in enumerate(clips):
        targets[row, [column[label] for label in clip.labels]] = 1
    return targets


def _read(part: DatasetPart) -> tuple[Dataset, list[str]] | None:
    try:
        dataset = datasets.load(part.layout, part.path, **part.options)
        root = datasets.find(part.path)
    except DatasetError as error:
        if not part.optional:
            raise
        warnings.warn(EarmarkWarning(f"left out: {error}"), stacklevel=2)
        return None
    dataset = dataset.map(lambda clip: _relabelled(clip, part.relabel))
    base = root if root.is_dir() else root.parent
    return dataset, [_shown(clip.path, base) for clip in dataset.clips]


def _relabelled(clip: Clip, relabel: dict[str, list[str]]) -> Clip:
    if not relabel:
        return clip
    labels = dict.fromkeys(new for label in clip.labels for new in relabel.get(label, [label]))
    return replace(clip, labels=tuple(labels))


def _shown(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
