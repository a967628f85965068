"""Batches: excerpts or patches of prepared clips, gathered and varied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.augment.batch import BetweenClass, Gain, Mixup, NoiseFloor, Overlay, Response, SpecAugment, Warp
from earmark.features.frontend import IN_DECIBELS, FrontEnd
from earmark.training.networks.mn import MobileNet
from earmark.training.prepared import Prepared, Progress, embedded
from earmark.training.recipe import Augmentation, Recipe
from earmark.training.targets import Activity, in_steps, loud


@dataclass(frozen=True)
class TrainingSet:
    """Prepared clips and their targets.

    Attributes:
        features: of the clips.
        targets: float32 [clips, labels].
        exclusive: whether each clip has exactly one label.
        activity: when labels hold within each clip, where steps of time are to be learned.
        excerpts: how often each clip comes in an epoch, int64 [clips]; once if None.
        stride: frames of the front end in a row of the features: more than one where they are embeddings.
        taught: bool [labels]: those that the clips tell of; all if None. Of the others nothing is learned.
    """

    features: Prepared
    targets: NDArray[np.float32]
    exclusive: bool
    activity: Sequence[Activity] | None = None
    excerpts: NDArray[np.int64] | None = None
    stride: int = 1
    taught: NDArray[np.bool_] | None = None

    @property
    def epoch(self) -> int:
        """How many examples an epoch has."""
        return len(self.features) if self.excerpts is None else int(self.excerpts.sum())


def as_embeddings(
    data: TrainingSet, network: MobileNet, cache: Path | None = None, progress: Progress | None = None
) -> TrainingSet:
    """The training set with embeddings in place of features; when labels hold is told for steps."""
    steps = embedded(network, data.features, cache, progress)
    activity: Sequence[Activity] | None = None
    if data.activity is not None:
        activity = [_in_steps(own, network.stride) for own in data.activity]
    return replace(data, features=steps, activity=activity, stride=network.stride)


def _in_steps(active: Activity, stride: int) -> Activity:
    share: Activity = in_steps(torch.from_numpy(active.astype(np.float32))[None], stride)[0].numpy()
    return share


class Batches:
    """Draws batches of a training set as a recipe says.

    Networks that answer for frames get excerpts, those that answer for patches get one of each clip's patches.
    """

    def __init__(self, recipe: Recipe, data: TrainingSet) -> None:
        self.recipe, self.data = recipe, data
        self.rows = recipe.front_end.rows
        self.levels = data.stride == 1  # embeddings have none
        self.loud = [] if self.rows is not None else (loud_frames if self.levels else all_frames)(data.features)

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of the clips of one epoch."""
        return draw_epoch(self.data.targets, self.recipe.training.balance, rng, self.data.excerpts)

    def draw(
        self, clips: NDArray[np.int64], rng: np.random.Generator, to_device: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Features [clips, frames or rows, size] and targets of some clips, varied.

        Targets are [clips, labels], or [clips, frames, labels] where steps of time are to be learned.
        """
        augment = self.recipe.augment
        gathered, wanted = self._gather(clips, rng)
        features = to_device(torch.from_numpy(gathered)).float()
        targets = to_device(torch.from_numpy(wanted)).float()
        if not self.levels:
            return Mixup(augment.mixup)(features, targets, rng) if augment.mixup > 0 else (features, targets)
        if self.rows is None and augment.warps:
            features = Warp(augment.speed, augment.pitch_bands)(features, crop_frames(self.recipe), rng)
        if targets.ndim == 3:  # changes of speed, which would move them, are refused
            targets = targets[:, : features.shape[1]]
        return vary(features, targets, augment, rng, self.recipe.front_end)

    def _gather(self, clips: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.rows is not None:
            return gather_patches(self.data.features, clips, self.rows, rng), self.data.targets[clips]
        frames, augment = crop_frames(self.recipe), self.recipe.augment
        if not self.levels:
            longest = max(1, frames // self.data.stride)
        else:
            longest = Warp(augment.speed, augment.pitch_bands).longest(frames) if augment.warps else frames
        place = excerpts(self.data.features, self.loud, clips, longest, rng)
        features = self.data.features.frames[self.data.features.first[clips][:, None] + place]
        if self.data.activity is None:
            return features, self.data.targets[clips]
        return features, np.stack([self.data.activity[clip][own] for clip, own in zip(clips, place, strict=True)])


def crop_frames(recipe: Recipe) -> int:
    """Frames in a training excerpt."""
    return max(1, round(recipe.augment.crop_seconds / recipe.front_end.seconds))


def draw_epoch(
    targets: NDArray[np.float32],
    balance: float,
    rng: np.random.Generator,
    excerpts: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Positions of the clips of one epoch, in order; a clip goes by its rarest label, one without labels as common."""
    often = np.ones(len(targets), np.int64) if excerpts is None else excerpts
    if balance == 0:
        return rng.permutation(np.repeat(np.arange(len(targets)), often))
    counts = np.maximum(1, targets.sum(axis=0))
    rarest = np.where(targets > 0, counts, counts.max()).min(axis=1)
    weights = often * rarest**-balance
    return rng.choice(len(targets), int(often.sum()), p=weights / weights.sum())


def loud_frames(features: Prepared) -> list[NDArray[np.int64]]:
    """For each clip the frames that are not much quieter than its loudest."""
    return [loud(features.levels(clip)) for clip in range(len(features))]


def all_frames(features: Prepared) -> list[NDArray[np.int64]]:
    """For each clip all of its frames."""
    return [np.arange(length) for length in features.length]


def excerpts(
    features: Prepared,
    loud: Sequence[NDArray[np.int64]],
    clips: NDArray[np.int64],
    frames: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The frames of an excerpt of each clip [clips, frames], counted from its start, with something loud among them.

    One that runs over its clip's end goes on at its start: excerpts of short clips repeat them.
    """
    length = features.length[clips][:, None]
    held = np.array([[rng.choice(loud[clip])] for clip in clips])
    start = held - rng.integers(0, frames, (len(clips), 1))
    return np.asarray((start + np.arange(frames)) % length)


def gather_patches(
    features: Prepared, clips: NDArray[np.int64], rows: int, rng: np.random.Generator
) -> NDArray[np.float16]:
    """One patch [rows, size] of each clip: [clips, rows, size]."""
    patch = rng.integers(0, features.length[clips] // rows)
    place = (features.first[clips] + patch * rows)[:, None] + np.arange(rows)
    return np.asarray(features.frames[place])


def vary(
    features: Tensor,
    targets: Tensor,
    augment: Augmentation,
    rng: np.random.Generator,
    front_end: FrontEnd | None = None,
) -> tuple[Tensor, Tensor]:
    """Augment a batch as the recipe says; what is no level in dB is turned into one for it, and back again."""
    if front_end is None:
        return _vary(features, targets, augment, rng, True)
    if front_end.logarithm == "natural":
        levels, targets = _vary(front_end.decibels(features), targets, augment, rng, True)
        return front_end.from_decibels(levels), targets
    if front_end.rows is None or front_end.image is None:
        return _vary(features, targets, augment, rng, front_end.kind in IN_DECIBELS)
    low, high = front_end.image_range
    levels = (features * (high - low) + low).transpose(1, 2)
    levels, targets = _vary(levels, targets, augment, rng, True)
    return ((levels.transpose(1, 2) - low) / (high - low)).clamp(0, 1), targets


def _vary(
    features: Tensor, targets: Tensor, augment: Augmentation, rng: np.random.Generator, levels: bool
) -> tuple[Tensor, Tensor]:
    """The same of features [batch, frames, bands]; without `levels` only what makes sense for any features."""
    if levels and augment.gain_db > 0:
        features = Gain(augment.gain_db)(features, rng)
    if levels and augment.response_db > 0:
        features = Response(augment.response_db)(features, rng)
    if levels and augment.overlay > 0:
        features, targets = Overlay(augment.overlay)(features, targets, rng)
    if levels and augment.noise_floor:
        features = NoiseFloor()(features, rng)
    if levels and augment.between_class:
        features, targets = BetweenClass()(features, targets, rng)
    elif augment.mixup > 0:
        features, targets = Mixup(augment.mixup)(features, targets, rng)
    if levels and augment.masks > 0:
        features = SpecAugment(augment.mask_frames, augment.mask_bands, augment.masks)(features, rng)
    return features, targets
