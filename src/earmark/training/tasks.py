"""What networks for sounds learn: labels of clips, or of steps of time within them; and the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from earmark.training.batches import Batches, TrainingSet, in_steps
from earmark.training.held_out import answer
from earmark.training.networks import Network
from earmark.training.networks.mn import MobileNet
from earmark.training.recipe import Recipe
from earmark.training.trainer import Task


class SoundTask(Task):
    """Labels of clips, or of steps of time where it is known when they hold.

    Parameters
    ----------
    recipe
        Of this stage.
    data
        What trains.
    fabric
        The devices.
    validation
        By what early stopping is decided, where the recipe has it.
    teachers
        Networks whose answers are learned, too, as the recipe's `distillation` says.
    original
        The backbone whose answers for AudioSet's classes are to be kept, where the recipe says `keep`.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingSet,
        fabric: Fabric,
        validation: TrainingSet | None = None,
        teachers: Sequence[Network] = (),
        original: MobileNet | None = None,
    ) -> None:
        self.settings, self.data, self.fabric = recipe.training, data, fabric
        self.validation = validation if recipe.training.early_stopping else None
        self.batches = Batches(recipe, data)
        self.teachers = [fabric.to_device(teacher.eval().requires_grad_(False)) for teacher in teachers]
        self.original = original
        if original:
            fabric.to_device(original.eval().requires_grad_(False))
        self.methods = ("answers",) if original else ()
        self.taught = None if data.taught is None else torch.from_numpy(data.taught).to(fabric.device)

    @property
    def shape(self) -> tuple[int, int]:
        """Steps in an epoch, and clips in each."""
        batch = min(self.settings.batch, len(self.data.features))
        return self.data.epoch // batch, batch

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of the clips of one epoch."""
        return self.batches.order(rng)

    def loss(self, network: Any, examples: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
        """Of this process's share of an augmented batch."""
        own = slice(self.fabric.global_rank, None, self.fabric.world_size)
        features, targets = (part[own] for part in self.batches.draw(examples, rng, self.fabric.to_device))
        steps, forgotten = self._answers(network, features)
        logits = steps.mean(1)
        if targets.ndim == 3:
            share = in_steps(targets, network.stride)
            loss = loss_of_steps(*(one if self.taught is None else one[..., self.taught] for one in (steps, share)))
        else:
            loss = loss_of(logits, self._smoothed(targets), self.data.exclusive)
        if self.teachers and (distillation := self.settings.distillation):
            with torch.no_grad(), self.fabric.autocast():
                taught = torch.stack([teacher(features).float().mean(1) for teacher in self.teachers])
            soft = distillation_loss(logits, taught, distillation.temperature, self.data.exclusive)
            loss = (1 - distillation.weight) * loss + distillation.weight * soft
        return loss, forgotten

    def validation_loss(self, network: Network) -> float | None:
        """Mean cross entropy of the answers to whole clips, made on the CPU."""
        if self.validation is None:
            return None
        place = next(network.parameters()).device
        loss = cross_entropy(network.cpu(), self.validation)
        network.to(place)
        return loss

    def _answers(self, network: Any, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of the steps, and how far the answers for AudioSet's classes are from those of the original."""
        if self.original is None:
            return network(features).float(), None
        steps, known = network.answers(features)
        with torch.no_grad(), self.fabric.autocast():
            wanted = self.original.answers(features)[1].float()
        return steps.float(), self.settings.keep_weight * forgotten_loss(known.float(), wanted)

    def _smoothed(self, targets: Tensor) -> Tensor:
        share = self.settings.label_smoothing if self.data.exclusive else 0.0
        return (1 - share) * targets + share / targets.shape[-1] if share else targets


def loss_of(logits: Tensor, targets: Tensor, exclusive: bool) -> Tensor:
    """Cross entropy over labels that exclude each other, otherwise the sum of each label's own."""
    if exclusive:
        return -(targets * functional.log_softmax(logits, 1)).sum(1).mean()
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1).mean()


def loss_of_steps(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum of each label's cross entropy, meaned over all steps; both [batch, steps, labels]."""
    return loss_of(logits.flatten(0, 1), targets.flatten(0, 1), False)


def forgotten_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """How far logits are from those wanted, both [batch, steps, classes]: the Kullback-Leibler divergence.

    Summed over classes, each of which holds or not, and meaned over all steps. Nothing is lost where they agree.
    """
    answers = wanted.sigmoid()
    cross = functional.binary_cross_entropy_with_logits(logits, answers, reduction="none")
    own = functional.binary_cross_entropy_with_logits(wanted, answers, reduction="none")
    return (cross - own).sum(-1).mean()


def distillation_loss(logits: Tensor, taught: Tensor, temperature: float, exclusive: bool) -> Tensor:
    """How far logits [batch, labels] are from the teachers' mean answer, of logits [teachers, batch, labels].

    Cross entropy of both answers softened by the temperature, times its square, so that the gradient keeps its size
    (Hinton et al., 2015).
    """
    softened = taught / temperature
    answers = softened.softmax(-1) if exclusive else softened.sigmoid()
    return loss_of(logits / temperature, answers.mean(0), exclusive) * temperature**2


def cross_entropy(network: Network, data: TrainingSet) -> float:
    """The mean over clips of the loss of the answers to them as a whole."""
    whole = answer(network, data.features, np.arange(len(data.features)), data.exclusive, 1).whole
    sure = np.clip(whole, 1e-6, 1 - 1e-6)
    wrong = 0.0 if data.exclusive else (1 - data.targets) * np.log(1 - sure)
    return float(-(data.targets * np.log(sure) + wrong).sum(1).mean())
