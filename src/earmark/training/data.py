"""A recipe's datasets as clips, targets and prepared features, and the networks that it asks for.

The latter are its parts: which clips and copies train each network, stop it early, and test it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import datasets
from earmark.augment.copies import of_each
from earmark.datasets import Clip, Dataset, label_issues
from earmark.datasets.clips import source_of
from earmark.datasets.tables import read_events
from earmark.errors import DatasetError, EarmarkWarning, RecipeError
from earmark.evaluation import protocol
from earmark.evaluation.protocol import CopyDivision, Division
from earmark.events.timeline import Event
from earmark.features.frontend import IN_DECIBELS
from earmark.labels import SOUNDS
from earmark.labels.audioset import nearest_only
from earmark.labels.groups import ancestors
from earmark.training.batches import Activity, TrainingSet, by_events, overlapped, targets_of, where_loud, with_others
from earmark.training.prepared import Prepared, Progress, prepare
from earmark.training.recipe import DatasetPart, Recipe

OTHERS = "*"  # in `relabel`: all labels that are not named

Events = Sequence[Event] | None
"""Of a clip's recording; None: its dataset does not say when its labels hold."""
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingData:
    """Clips and their copies, with what training needs of them."""

    clips: tuple[Clip, ...]  # those that could be read; then, for each kind of copy, all of them once more
    originals: int  # how many there are without copies: clip `i` has its copies at `i + originals`, and so on
    names: tuple[str, ...]  # how each is shown: its path within its dataset, and which copy it is
    labels: tuple[str, ...]  # all labels, in the order of the targets' columns
    targets: NDArray[np.float32]  # [clips, labels], 1 where the label holds
    exclusive: bool  # whether each clip has exactly one label
    features: Prepared  # prepared features of each clip
    licence: str  # of all the data
    excerpts: NDArray[np.int64] | None = None  # how often each clip comes in an epoch [clips]; once if None
    activity: tuple[Activity, ...] | None = None  # when labels hold within each clip, if any dataset says so
    timed: NDArray[np.bool_] | None = None  # whether the dataset of each clip says so [clips], if any does
    taught: NDArray[np.bool_] | None = None  # [labels]: those that some clip has; None: all do

    @property
    def copies(self) -> int:
        """How many each clip has."""
        return len(self.clips) // self.originals - 1

    def subset(self, positions: NDArray[np.int64]) -> TrainingSet:
        """Some of the clips and copies, to train on."""
        activity = None if self.activity is None else [self.activity[i] for i in positions]
        own = self.features.take(positions), self.targets[positions]
        excerpts = None if self.excerpts is None else self.excerpts[positions]
        sources = np.unique([source_of(self.clips[i]) for i in positions], return_inverse=True)[1]
        return TrainingSet(*own, self.exclusive, activity, excerpts, taught=self.taught, sources=sources)


def load(recipe: Recipe, cache: Path | None = None, progress: Progress | None = None) -> TrainingData:
    """Read and prepare all the data of a recipe."""
    parts = [read for part in recipe.dataset if (read := _read(part)) is not None]
    if recipe.labels == "sounds":
        parts = [_in_groups(part) for part in parts]
    timed = any(part.events for part in recipe.dataset)
    if not parts:
        raise RecipeError(recipe.name, "none of its datasets is there", "see `earmark data list`")
    combined = datasets.combine([part.dataset for part in parts]) if len(parts) > 1 else parts[0].dataset
    names = [name for part in parts for name in part.names]
    events = [own for part in parts for own in part.events]
    excerpts = np.repeat([part.excerpts for part in parts], [len(part.names) for part in parts])
    copies = of_each(recipe.augment.copies, recipe.augment.copies_each, recipe.training.seed)
    features = prepare(combined.clips, recipe.front_end, cache, progress, copies)
    count = len(combined.clips)
    good = np.flatnonzero((features.first.reshape(-1, count) >= 0).all(0))
    clips = tuple(combined.clips[i] for i in good)
    names = [names[i] for i in good]
    there = {label for clip in clips for label in clip.labels}
    if lost := sorted({label for clip in combined.clips for label in clip.labels} - there):
        message = f"{combined.name}: none of the clips of {', '.join(lost)} can be read; nothing is learned of that"
        warnings.warn(EarmarkWarning(message), stacklevel=2)
    labels = tuple(sorted(there | (SOUNDS - nearest_only()) if recipe.labels == "sounds" else there))
    if len(there) < 2:
        raise DatasetError(combined.name, f"holds {len(there)} classes that can be read", "training needs two")
    exclusive = combined.exclusive and all(len(clip.labels) == 1 for clip in clips)
    if recipe.export.exclusive and not exclusive:
        raise RecipeError("export.exclusive", "some clips have several labels or none", "set it to false")
    versions = 1 + len(copies)
    targets = targets_of(clips, labels)
    data = TrainingData(
        clips=clips * versions,
        originals=len(clips),
        names=(*names, *(f"{name}#{copy.name}-{copy.number + 1}" for copy in copies for name in names)),
        labels=labels,
        targets=np.tile(targets, (versions, 1)),
        exclusive=exclusive if recipe.export.exclusive is None else recipe.export.exclusive,
        features=features.take(np.concatenate([good + count * version for version in range(versions)])),
        licence=recipe.export.licence or combined.licence,
        excerpts=np.tile(excerpts[good], versions),
        taught=None if len(labels) == len(there) else np.array([label in there for label in labels]),
    )
    if not timed:
        return _with_overlaps(data, recipe)
    known = [events[i] for i in good]
    timed_clips = np.tile(np.array([own is not None for own in known]), versions)
    return replace(data, activity=_activity(data, known, recipe), timed=timed_clips)


def _activity(data: TrainingData, events: Sequence[Events], recipe: Recipe) -> tuple[Activity, ...]:
    """When labels hold within each clip, and so within its copies."""
    own: list[Activity] = []
    for i, clip in enumerate(data.clips[: data.originals]):
        known, frames = events[i], int(data.features.length[i])
        if known is None:
            own.append(where_loud(data.targets[i], data.features.levels(i)))
        else:
            own.append(by_events(clip, known, data.labels, frames, recipe.front_end.seconds))
    return tuple(own) * (1 + data.copies)


def _with_overlaps(data: TrainingData, recipe: Recipe) -> TrainingData:
    """The data; where clips of one recording overlap, with when labels hold, as those of both do at once."""
    clips, front_end = data.clips[: data.originals], recipe.front_end
    if data.exclusive or front_end.patch is not None or front_end.kind not in IN_DECIBELS:
        return data
    if not (others := overlapped(clips)):
        return data
    own = [where_loud(data.targets[i], data.features.levels(i)) for i in range(data.originals)]
    for i, found in others.items():
        beside = [clips[j] for j in found]
        own[i] = with_others(own[i], clips[i], beside, data.labels, front_end.seconds)
    return replace(data, activity=tuple(own) * (1 + data.copies))


@dataclass(frozen=True)
class _Read:
    """One dataset; what each of its clips is called, and its events, None where the dataset does not say when."""

    dataset: Dataset
    names: list[str]
    events: list[Events]
    excerpts: int


def _read(part: DatasetPart) -> _Read | None:
    try:
        dataset = datasets.load(part.layout, part.path, **part.options)
        root = datasets.find(part.path)
    except DatasetError as error:
        if not part.optional:
            raise
        warnings.warn(EarmarkWarning(f"left out: {error}"), stacklevel=2)
        return None
    base = root if root.is_dir() else root.parent
    dataset = _marked(dataset, part.marks, root, base).map(lambda clip: _relabelled(clip, part.relabel))
    names = [_shown(clip.path, base) for clip in dataset.clips]
    if part.events is None:
        return _Read(dataset, names, [None] * len(names), part.excerpts)
    known = read_events(base / part.events)
    events: list[Events] = [_relabelled_events(known.get(name, ()), part.relabel) for name in names]
    return _Read(dataset, names, events, part.excerpts)


def _in_groups(part: _Read) -> _Read:
    """With the parents of each label beside it; without labels that are no sounds of ours."""
    kept = {label: (label, *ancestors(label)) for label in SOUNDS}

    def clip(one: Clip) -> Clip:
        return replace(one, labels=tuple(dict.fromkeys(new for label in one.labels for new in kept.get(label, ()))))

    events: list[Events] = [
        None if own is None else [replace(event, label=new) for event in own for new in kept.get(event.label, ())]
        for own in part.events
    ]
    return replace(part, dataset=part.dataset.map(clip), events=events)


def _relabelled_events(events: Sequence[Event], relabel: dict[str, list[str]]) -> Sequence[Event]:
    return [replace(event, label=new) for event in events for new in _new(event.label, relabel)]


def _new(label: str, relabel: dict[str, list[str]]) -> list[str]:
    return relabel.get(label, relabel.get(OTHERS, [label]))


def _marked(dataset: Dataset, table: str | None, root: Path, base: Path) -> Dataset:
    """Without the clips that the user dropped, and with the labels that the user gave."""
    if table is None:
        return dataset
    beside, path = base / table, Path(table).expanduser()
    path = beside if not path.exists() and beside.exists() else path
    return label_issues.apply_decisions(dataset, label_issues.read_decisions(path, root))


def _relabelled(clip: Clip, relabel: dict[str, list[str]]) -> Clip:
    if not relabel:
        return clip
    labels = dict.fromkeys(new for label in clip.labels for new in _new(label, relabel))
    return replace(clip, labels=tuple(labels))


def _shown(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name


@dataclass(frozen=True)
class Part:
    """One network of a run, as positions in the training data; no clip tests the final one."""

    name: str
    train: Positions
    validation: Positions
    test: Positions


@singledispatch
def divide(recipe: Recipe, data: TrainingData) -> list[Part]:
    """The networks that the recipe asks for. Copies go with their clips."""
    clips = data.clips[: data.originals]
    rng = np.random.default_rng(recipe.training.seed)
    parts = [_honest(recipe, data, division, rng) for division in _divisions(recipe, clips, rng)]
    return parts + ([final(data)] if recipe.split.protocol == "none" or recipe.export.final == "all" else [])


def final(data: TrainingData) -> Part:
    """The network that learns from everything, and is not tested."""
    everything = np.arange(len(data.clips))
    return Part("final", everything, everything[:0], everything[:0])


def _divisions(recipe: Recipe, clips: Sequence[Clip], rng: np.random.Generator) -> list[Division]:
    split = recipe.split
    if split.protocol == "folds":
        return protocol.by_fold(clips, split.folds)
    if split.protocol == "grouped":
        return [protocol.by_source(clips, split.held_out, rng)]
    if split.protocol == "stratified":
        return protocol.grouped_folds(clips, split.parts, rng)
    return []


def _honest(recipe: Recipe, data: TrainingData, division: Division, rng: np.random.Generator) -> Part:
    """Early stopping takes clips away from those that train, with their copies."""
    clips = data.clips[: data.originals]
    stopping = recipe.training.early_stopping
    train, held = division.train, division.train[:0]
    if stopping:
        train, held = protocol.validation(clips, division.train, stopping.share, rng)
    mixed = protocol.with_copies(Division(division.name, train, division.test), data.copies)
    protocol.guard_copies(clips, mixed)
    return part_of(data, mixed, np.stack([held, np.zeros_like(held)], 1))


def part_of(data: TrainingData, division: CopyDivision, validation: Positions) -> Part:
    """A network, by clips and copies; its validation has pairs [clips, 2] as a division has."""
    train, held, test = (_rows(data, pairs) for pairs in (division.train, validation, division.test))
    return Part(division.name, train, held, test)


def _rows(data: TrainingData, pairs: Positions) -> Positions:
    """Positions in the training data of pairs of clip and copy."""
    return pairs[:, 0] + data.originals * pairs[:, 1]


@singledispatch
def described(recipe: Recipe, tested: int) -> str:
    """The protocol in words."""
    split = recipe.split
    if split.protocol == "folds":
        return f"the dataset's own folds, {tested} tested, each by a network that never saw it"
    if split.protocol == "grouped":
        return f"{split.held_out:.0%} of each label's sources held out"
    if split.protocol == "stratified":
        return f"{split.parts} folds by source, each label spread evenly, each tested by a network that never saw it"
    return "nothing held out"
