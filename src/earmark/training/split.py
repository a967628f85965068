"""The networks that a recipe asks for: which clips and copies train each, stop it early, and test it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from earmark.datasets import Clip
from earmark.evaluation import protocol
from earmark.evaluation.protocol import CopyDivision, Division
from earmark.training.data import TrainingData
from earmark.training.recipe import Recipe

Positions = NDArray[np.int64]


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
