"""The training loop: one network on one set of prepared clips, on a CPU, a GPU or several, resumable.

Every process draws the same batches from the same generator and takes its own share of each, so the result does not
depend on how many devices work, beyond rounding and the statistics of batch normalisation.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from earmark.errors import EarmarkError
from earmark.training import networks
from earmark.training.activity import in_steps
from earmark.training.batches import Batches, TrainingSet
from earmark.training.muon import Muon
from earmark.training.networks import Network
from earmark.training.networks.mn import MobileNet
from earmark.training.recipe import Recipe, TrainingLoop
from earmark.training.stopping import Stopping
from earmark.util.atomic import atomic_write

WARM_UP = 0.15  # share of the steps in which the one-cycle rate rises (Smith and Topin, 2018)
BatchNorm = torch.nn.modules.batchnorm._BatchNorm
ALL_STAGES = 1000  # more than any network has
CHECKPOINT_SECONDS = 30.0  # work that a kill may cost


@dataclass(frozen=True)
class EpochReport:
    """How one epoch went; `validation` is the loss on clips that neither train nor test, where there are any."""

    epoch: int
    epochs: int
    loss: float
    seconds: float
    validation: float | None = None


Report = Callable[[EpochReport], None]


def start_fabric(recipe: Recipe, accelerator: str = "auto", devices: str = "auto") -> Fabric:
    """The devices to train on: all GPUs there are, otherwise the CPU."""
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=int(devices) if devices.isdigit() else _devices(devices),
            precision=recipe.training.precision,
        )
    except (ValueError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise EarmarkError(f"accelerator={accelerator} devices={devices}", reason, "leave both out") from error
    fabric.launch()
    return fabric


def _devices(devices: str) -> Any:
    return devices if devices != "auto" or torch.cuda.is_available() else 1


def fit(
    recipe: Recipe,
    data: TrainingSet,
    fabric: Fabric,
    checkpoint: Path | None = None,
    report: Report | None = None,
    validation: TrainingSet | None = None,
    teachers: Sequence[Network] = (),
    begin: Callable[[Network], None] = methodcaller("initialise"),
    make: Callable[[], Network] | None = None,
    original: MobileNet | None = None,
) -> Network:
    """Train the recipe's network; the mean of its weights over the last steps comes back, on the CPU.

    `make` builds it, where it is not the recipe's own, and `begin` sets the weights that it starts with. `original` is
    what it must not forget, where the recipe says `keep`. With `checkpoint`, the state is kept there as work goes on,
    and a run that finds it continues it. The same recipe and data give the same network, interrupted or not. With
    `validation` and the recipe's early stopping, the network of the best epoch comes back. With `teachers`, it learns
    from their answers as well.
    """
    taken_up = checkpoint is not None and checkpoint.exists()
    trainer = _Trainer(recipe, data, fabric, teachers, None if taken_up else begin, make, original)
    stopping = Stopping(recipe.training.early_stopping, validation, data.exclusive)
    if checkpoint and taken_up:
        stopping.load(trainer.load(checkpoint))
    saved = time.monotonic()
    for epoch in range(trainer.epoch, recipe.training.epochs):
        if stopping.over:
            break
        began = time.monotonic()
        loss = trainer.run_epoch()
        quality = stopping.look(trainer.mean)
        if report and fabric.is_global_zero:
            seconds = time.monotonic() - began
            report(EpochReport(epoch + 1, recipe.training.epochs, loss, seconds, quality))
        last = epoch + 1 == recipe.training.epochs or stopping.over
        due = last or time.monotonic() - saved > CHECKPOINT_SECONDS
        if checkpoint and fabric.broadcast(due):  # clocks differ, and all processes must do the same
            trainer.save(checkpoint, stopping.state())
            saved = time.monotonic()
    stopping.restore(trainer.mean)
    trainer.mean.cpu().eval()
    return trainer.mean


class _Trainer:
    """Everything that changes while a network is trained."""

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingSet,
        fabric: Fabric,
        teachers: Sequence[Network],
        begin: Callable[[Network], None] | None,
        make: Callable[[], Network] | None,
        original: MobileNet | None,
    ) -> None:
        self.recipe, self.data, self.fabric = recipe, data, fabric
        settings = recipe.training
        self.rng = np.random.default_rng(settings.seed)
        with torch.random.fork_rng():
            torch.manual_seed(int(self.rng.integers(2**31)))
            network = make() if make else networks.build_for(recipe, data.targets.shape[1])
        if begin:  # otherwise the weights come from a checkpoint
            begin(network)
        self.mean = copy.deepcopy(network).requires_grad_(False)
        fabric.to_device(self.mean)
        self.teachers = [fabric.to_device(teacher.eval().requires_grad_(False)) for teacher in teachers]
        self.batches = Batches(recipe, data)
        self.taught = None if data.taught is None else torch.from_numpy(data.taught).to(fabric.device)
        self.original = original
        if original:
            fabric.to_device(original.eval().requires_grad_(False))
        kind = Muon if settings.optimizer == "muon" else torch.optim.AdamW
        groups: Any = in_groups(network, settings) if settings.layer_decay < 1 else network.parameters()
        optimizer = kind(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self.schedule = scheduled(optimizer, settings, self.steps * settings.epochs)
        self.plain = network
        self.network, self.optimizer = fabric.setup(network, optimizer)
        if self.original:
            self.network.mark_forward_method("answers")
        self.epoch = 0
        self.step = 0

    @property
    def batch(self) -> int:
        return min(self.recipe.training.batch, len(self.data.features))

    @property
    def steps(self) -> int:
        """Steps in an epoch; clips that fill no batch wait for another epoch."""
        return self.data.epoch // self.batch

    def run_epoch(self) -> float:
        """One pass over the clips; the mean loss."""
        self.network.train()
        stages = self.recipe.training.stages
        self.plain.unfreeze(1 + sum(self.epoch >= start for start in stages) if stages else ALL_STAGES)
        if self.recipe.training.batch_norm == "frozen":
            for part in self.plain.modules():
                if isinstance(part, BatchNorm):
                    part.eval()
        order = self.batches.order(self.rng)
        with torch.random.fork_rng():  # dropout draws from torch's generator: seeded here, put back after
            torch.manual_seed(int(self.rng.integers(2**31)))
            losses = [self._run_step(order[i * self.batch : (i + 1) * self.batch]) for i in range(self.steps)]
        self.epoch += 1
        return float(torch.stack(losses).mean())

    def _run_step(self, clips: NDArray[np.int64]) -> Tensor:
        features, targets = self._batch(clips)
        steps, forgotten = self._answers(features)
        logits = steps.mean(1)
        if targets.ndim == 3:
            share = in_steps(targets, self.plain.stride)
            loss = loss_of_steps(*(one if self.taught is None else one[..., self.taught] for one in (steps, share)))
        else:
            loss = loss_of(logits, self._smoothed(targets), self.data.exclusive)
        if self.teachers and self.recipe.training.distillation:
            settings = self.recipe.training.distillation
            soft = distillation_loss(logits, self._taught(features), settings.temperature, self.data.exclusive)
            loss = (1 - settings.weight) * loss + settings.weight * soft
        self.optimizer.zero_grad()
        penalty = self.plain.penalty()
        self.fabric.backward(loss + forgotten if penalty is None else loss + penalty + forgotten)
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        self._update_mean()
        return loss.detach()

    def _smoothed(self, targets: Tensor) -> Tensor:
        share = self.recipe.training.label_smoothing if self.data.exclusive else 0.0
        return (1 - share) * targets + share / targets.shape[-1] if share else targets

    def _answers(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the steps, and how far the answers for AudioSet's classes are from those of the original."""
        if self.original is None:
            return self.network(features).float(), torch.zeros((), device=features.device)
        steps, known = cast(MobileNet, self.network).answers(features)
        with torch.no_grad(), self.fabric.autocast():
            wanted = self.original.answers(features)[1].float()
        return steps.float(), self.recipe.training.keep_weight * forgotten_loss(known.float(), wanted)

    @torch.no_grad()
    def _taught(self, features: Tensor) -> Tensor:
        """The teachers' logits [teachers, batch, labels]."""
        with self.fabric.autocast():
            return torch.stack([teacher(features).float().mean(1) for teacher in self.teachers])

    def _batch(self, clips: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """This process's share of an augmented batch."""
        features, targets = self.batches.draw(clips, self.rng, self.fabric.to_device)
        own = slice(self.fabric.global_rank, None, self.fabric.world_size)
        return features[own], targets[own]

    @torch.no_grad()
    def _update_mean(self) -> None:
        decay = min(self.recipe.training.ema, (1 + self.step) / (10 + self.step))
        mean, now = self.mean.state_dict(), self.plain.state_dict()
        floats = [name for name, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_([mean[n] for n in floats], [now[n] for n in floats], 1 - decay)

    def save(self, path: Path, stopping: dict[str, Any]) -> None:
        """Write the state, and that of early stopping, under a temporary name, then rename it."""
        if self.fabric.is_global_zero:
            state = {
                "network": self.plain.state_dict(),
                "mean": self.mean.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "rng": self.rng.bit_generator.state,
                "progress": (self.epoch, self.step),
                "stopping": stopping,
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as part, part.open("wb") as file:
                torch.save(state, file)
        self.fabric.barrier()

    def load(self, path: Path) -> dict[str, Any]:
        """Take up the state that `save` wrote; that of early stopping comes back."""
        state = torch.load(path, map_location=self.fabric.device, weights_only=True)
        self.plain.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.rng.bit_generator.state = state["rng"]
        self.epoch, self.step = state["progress"]
        stopping: dict[str, Any] = state["stopping"]
        return stopping


def scheduled(
    optimizer: torch.optim.Optimizer, settings: TrainingLoop, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate of each of so many steps."""
    if settings.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=steps,
        pct_start=WARM_UP,
        div_factor=10,
        final_div_factor=100,
    )


def in_groups(network: Network, settings: TrainingLoop) -> list[dict[str, Any]]:
    """The network's parts, from the answer back to the input, each with a lower learning rate than the one before."""
    return [
        {"params": list(part.parameters()), "lr": settings.learning_rate * settings.layer_decay**depth}
        for depth, part in enumerate(network.stages())
    ]


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
