"""A part's network, trained in the recipe's stages one after the other, each resumable."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric

from earmark.training import networks
from earmark.training.batches import TrainingSet
from earmark.training.data import TrainingData
from earmark.training.division import Part
from earmark.training.embeddings import as_embeddings
from earmark.training.fit import EpochReport, Report, fit
from earmark.training.history import append_history
from earmark.training.networks import Network
from earmark.training.networks.mn import EmbeddingHead, MobileNet
from earmark.training.prepared import Progress
from earmark.training.recipe import Recipe
from earmark.training.solved_head import solve_head
from earmark.training.starting import Start
from earmark.util.atomic import atomic_write

CHECKPOINT, LEFT = "checkpoint-{}.pt", "stage-{}.pt"  # in a part's folder: a stage's state, and what it left


class Listener(Protocol):
    """Hears how a run goes on: the command line draws progress bars with it."""

    def preparing(self, done: int, total: int) -> None:
        """Some features have been prepared."""

    def starting(self, networks: int, at_once: int) -> None:
        """So many networks are to be trained, so many at a time."""

    def epoch(self, part: str, report: EpochReport) -> None:
        """An epoch of one division is over."""


def fit_stages(
    recipe: Recipe,
    data: TrainingData,
    part: Part,
    home: Path,
    name: str,
    fabric: Fabric,
    listener: Listener,
    teachers: Sequence[Network] = (),
    cache: Path | None = None,
) -> Network:
    """A network trained on the clips of a part, with its checkpoints and history in `home`."""
    train = data.subset(part.train)
    validation = data.subset(part.validation) if len(part.validation) else None
    phases = recipe.phases()
    epochs = [phase.training.epochs for phase in phases]
    network: Network | None = None
    for number, phase in enumerate(phases):
        left = home / LEFT.format(number + 1)
        begin = partial(_begin, recipe, data.labels) if network is None else partial(_go_on, network)
        if left.exists():
            network = build_network(recipe, data)
            network.load_state_dict(torch.load(left, weights_only=True))
            continue

        def hear(epoch: EpochReport, done: int = sum(epochs[:number])) -> None:
            told = replace(epoch, epoch=epoch.epoch + done, epochs=sum(epochs))
            append_history(home, told)
            listener.epoch(name, told)

        checkpoint = home / CHECKPOINT.format(number + 1)
        if phase.training.optimizer == "ridge":
            begun = _begun(recipe, data, begin)
            original = _original(recipe, data) if phase.training.negatives else None
            network = solve_head(phase, begun, train, original, hear, cache)
        elif phase.training.freeze:
            begun = _begun(recipe, data, begin)
            told = listener.preparing if fabric.is_global_zero else None
            network = fit_head(phase, begun, train, fabric, checkpoint, hear, validation, cache, told)
        else:
            original = _original(recipe, data) if phase.training.keep else None
            network = fit(phase, train, fabric, checkpoint, hear, validation, teachers, begin, original=original)
        if number + 1 < len(phases) and fabric.is_global_zero:
            with atomic_write(left) as file, file.open("wb") as opened:
                torch.save(network.state_dict(), opened)
    assert network is not None  # a recipe has a phase at least
    return network


def fit_head(
    recipe: Recipe,
    network: MobileNet,
    data: TrainingSet,
    fabric: Fabric,
    checkpoint: Path | None = None,
    report: Report | None = None,
    validation: TrainingSet | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> MobileNet:
    """Train only what answers for the labels, on the embeddings of a backbone that stays as it is."""
    train = as_embeddings(data, network, cache, progress)
    held = as_embeddings(validation, network, cache, progress) if validation else None

    def make() -> EmbeddingHead:
        head = copy.deepcopy(network.answer)
        head.hidden.requires_grad_(False)
        return head

    head = fit(recipe, train, fabric, checkpoint, report, held, begin=_as_it_is, make=make)
    network.answer.load_state_dict(head.state_dict())
    return network


def build_network(recipe: Recipe, data: TrainingData) -> Network:
    """The recipe's network, for the data's labels."""
    return networks.build_for(recipe, len(data.labels))


def needs_weights(recipe: Recipe) -> bool:
    """Whether training takes the weights that the network names; not if it goes on from a file with all that counts."""
    return not recipe.model.start or any(phase.training.keep for phase in recipe.phases())


def clear_checkpoints(home: Path) -> None:
    """Remove what the stages of a part left to be taken up by."""
    for pattern in (CHECKPOINT, LEFT):
        for path in home.glob(pattern.format("*")):
            path.unlink()


def _begin(recipe: Recipe, labels: Sequence[str], network: Network) -> None:
    """Set the weights that training starts from; those of a model file lie over the published ones, if both count."""
    network.name_labels(labels)
    if needs_weights(recipe):
        network.initialise()
    if recipe.model.start:
        Start(recipe).set(network, labels)


def _go_on(before: Network, network: Network) -> None:
    network.load_state_dict(before.state_dict())


def _as_it_is(network: Network) -> None:
    """Leave the weights as they were made."""


def _begun(recipe: Recipe, data: TrainingData, begin: Callable[[Network], None]) -> MobileNet:
    """The recipe's backbone with the weights that a stage starts from."""
    rng = np.random.default_rng(recipe.training.seed)
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        network = build_network(recipe, data)
    begin(network)
    assert isinstance(network, MobileNet)  # the recipe is checked for it
    return network


def _original(recipe: Recipe, data: TrainingData) -> MobileNet:
    """The backbone as it was published, to be held to its answers."""
    network = build_network(recipe, data)
    assert isinstance(network, MobileNet)
    network.initialise()
    return network
