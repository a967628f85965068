"""Batches: excerpts or patches of prepared clips, gathered and varied, with what networks learn of them.

Targets are labels of clips, and when they hold within them (strong labels), by frames or steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from earmark.augment.batch import BetweenClass, Gain, Mixup, NoiseFloor, Overlay, Response, SpecAugment, Warp
from earmark.datasets import Clip
from earmark.events.hysteresis import runs
from earmark.events.timeline import Event
from earmark.features.frontend import IN_DECIBELS, FrontEnd
from earmark.training.networks.mn import MobileNet
from earmark.training.prepared import Prepared, Progress, embedded
from earmark.training.recipe import Augmentation, Recipe
from earmark.util.types import Array

Activity = NDArray[np.uint8] | NDArray[np.float32]
"""[frames, labels] of a clip, 1 where the label holds; or [steps, labels], the share of each step in which it does."""

LOUD_DB = 40.0  # frames at most this much below a clip's loudest are what its label is about


def targets_of(clips: tuple[Clip, ...], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """1 where a label holds: float32 [clips, labels]."""
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(clips), len(labels)), np.float32)
    for row, clip in enumerate(clips):
        targets[row, [column[label] for label in clip.labels]] = 1
    return targets


def loud(levels: NDArray[np.float32]) -> NDArray[np.int64]:
    """The frames of a clip that are not much quieter than its loudest, by their levels [frames], dB."""
    return np.flatnonzero(levels >= levels.max() - LOUD_DB)


def by_events(clip: Clip, events: Sequence[Event], labels: Sequence[str], frames: int, seconds: float) -> Activity:
    """Where the events of a clip's recording say that each label holds; other labels are left out.

    Of so many frames, so many seconds apart, from the clip's start.
    """
    column = {label: i for i, label in enumerate(labels)}
    active = np.zeros((frames, len(labels)), np.uint8)
    for event in events:
        first, last = ((time - clip.start) / seconds for time in (event.onset, event.offset))
        if event.label in column and last > 0:
            begin = max(0, round(first))
            active[begin : max(begin, round(last)) + 1, column[event.label]] = 1
    return active


def where_loud(target: NDArray[np.float32], levels: NDArray[np.float32]) -> Activity:
    """A clip's labels [labels] hold wherever it is loud, by the levels of its frames [frames], dB."""
    active = np.zeros((len(levels), len(target)), np.uint8)
    active[loud(levels)] = target > 0
    return active


def in_steps(active: Tensor, stride: int) -> Tensor:
    """The share of each step of `stride` frames in which labels hold.

    [batch, steps, labels] of [batch, frames, labels].
    """
    return functional.avg_pool1d(active.transpose(1, 2), stride, ceil_mode=True).transpose(1, 2)


def overlapped(clips: Sequence[Clip]) -> dict[int, list[int]]:
    """By clip, which others of the same recording overlap it and have other labels."""
    by_recording: dict[Path, list[int]] = {}
    for i, clip in enumerate(clips):
        by_recording.setdefault(clip.path, []).append(i)
    found: dict[int, list[int]] = {}
    for together in by_recording.values():
        for i, j in permutations(together, 2):
            one, other = clips[i], clips[j]
            apart = (one.end is not None and one.end <= other.start) or (
                other.end is not None and other.end <= one.start
            )
            if not apart and set(one.labels) != set(other.labels):
                found.setdefault(i, []).append(j)
    return found


def with_others(
    active: Activity, clip: Clip, others: Sequence[Clip], labels: Sequence[str], seconds: float
) -> Activity:
    """The activity of a clip, and that of what else is marked in its recording at the same time."""
    column = {label: i for i, label in enumerate(labels)}
    both = active.copy()
    for other in others:
        first = max(0, round((other.start - clip.start) / seconds))
        last = len(both) if other.end is None else max(0, round((other.end - clip.start) / seconds))
        for label in other.labels:
            both[first:last, column[label]] = 1
    return both


def events_of(active: Activity, labels: tuple[str, ...], seconds: float) -> list[Event]:
    """The stretches in which labels hold, of frames `seconds` apart [frames, labels]."""
    found = [
        Event(first * seconds, last * seconds, label, 1.0)
        for column, label in zip(active.T, labels, strict=True)
        for first, last in runs(column > 0)
    ]
    return sorted(found, key=lambda event: (event.onset, event.offset, event.label))


@dataclass(frozen=True)
class TrainingSet:
    """Prepared clips and their targets."""

    features: Prepared  # of the clips
    targets: NDArray[np.float32]  # [clips, labels]
    exclusive: bool  # whether each clip has exactly one label
    activity: Sequence[Activity] | None = None
    """When labels hold within each clip, where steps of time are to be learned."""
    excerpts: NDArray[np.int64] | None = None  # how often each clip comes in an epoch [clips]; once if None
    stride: int = 1  # frames of the front end in a row of the features: more than one where they are embeddings
    taught: NDArray[np.bool_] | None = None
    """[labels]: those that the clips tell of; all if None. Of the others nothing is learned."""
    sources: NDArray[np.int64] | None = None  # a number for the recording that each clip is of [clips]

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
        settings, data = self.recipe.training, self.data
        return draw_epoch(data.targets, settings.balance, rng, data.excerpts, data.sources, settings.balance_sources)

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
    sources: NDArray[np.int64] | None = None,
    balance_sources: float = 0.0,
) -> NDArray[np.int64]:
    """Positions of the clips of one epoch, in order; a clip goes by its rarest label, one without labels as common."""
    often = np.ones(len(targets), np.int64) if excerpts is None else excerpts
    if balance == 0 and (balance_sources == 0 or sources is None):
        return rng.permutation(np.repeat(np.arange(len(targets)), often))
    weights = often * clip_weights(targets, balance, sources, balance_sources)
    return rng.choice(len(targets), int(often.sum()), p=weights / weights.sum())


def clip_weights(
    targets: NDArray[np.float32], balance: float, sources: NDArray[np.int64] | None, balance_sources: float
) -> Array:
    """What each clip counts for [clips], by how many have its rarest label, and how many its recording."""
    counts = np.maximum(1, targets.sum(axis=0))
    held = np.where(targets > 0, counts, np.inf)
    weights = np.minimum(held.min(axis=1), counts.max()) ** -balance
    if sources is None or balance_sources == 0:
        return np.asarray(weights)
    rarest = np.where(targets.any(axis=1), held.argmin(axis=1), len(counts))
    evened = weights * _clips_of_each(sources, rarest) ** -balance_sources
    evened *= _sums(weights, rarest) / _sums(evened, rarest)  # labels stay as common as they were
    return np.asarray(evened)


def _clips_of_each(sources: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many clips of the same recording and label there are, for each clip."""
    _, number, count = np.unique(np.stack([sources, labels]), axis=1, return_inverse=True, return_counts=True)
    return np.asarray(count[number.ravel()], np.float64)


def _sums(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """The sum of the values of each one's group."""
    return np.asarray(np.bincount(groups, values)[groups])


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
    front_end: FrontEnd,
) -> tuple[Tensor, Tensor]:
    """Augment a batch as the recipe says; what is no level in dB is turned into one for it, and back again."""
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
