"""What changes a network's weights: optimizers, their learning rates, the running mean of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from earmark.training.networks import Network
from earmark.training.recipe import TrainingLoop

WARM_UP = 0.15  # share of the steps in which the one-cycle rate rises (Smith and Topin, 2018)
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as Jordan chose them
ITERATIONS = 5
RMS = 0.2  # root mean square of a step: about that of AdamW, whose rates then carry over (Liu et al., 2025)
SMALLEST = 64  # inputs of a layer that is worth it; below, and for the vectors, AdamW does as well


class Muon(torch.optim.Optimizer):
    """Muon for the weights of layers, AdamW for everything else.

    The momentum of a layer's weights, as a matrix [outputs, inputs], is replaced by the nearest orthogonal one: rare
    directions count as much as common ones (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/). Small
    networks then learn in about half the epochs. Steps have the size of AdamW's, with the same decay of the weights
    (Liu et al., 2025, arXiv:2502.16982). torch.optim.Muon takes matrices alone: here
    most weights are of convolutions, and one optimizer, with one state in the checkpoint, does for all of a network.

    Args:
        parameters: of the network.
        lr: rate.
        weight_decay: decoupled, as in AdamW.
        momentum: of the matrices.
        betas: of the others.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step; parameters without a gradient rest."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    change = self._orthogonal if is_matrix(parameter) else self._adam
                    parameter.add_(change(parameter, parameter.grad, group), alpha=-group["lr"])

    def _orthogonal(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[parameter]
        momentum: Tensor = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(momentum, group["momentum"])  # Nesterov's
        matrix = ahead.reshape(len(ahead), -1)
        change: Tensor = orthogonalised(matrix) * (RMS * max(matrix.shape) ** 0.5)
        return change.reshape(parameter.shape)

    def _adam(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[parameter]
        mean: Tensor = state.setdefault("mean", torch.zeros_like(parameter))
        square: Tensor = state.setdefault("square", torch.zeros_like(parameter))
        state["steps"] = steps = state.get("steps", 0) + 1
        slow, slower = group["betas"]
        mean.lerp_(gradient, 1 - slow)
        square.lerp_(gradient.square(), 1 - slower)
        spread = (square / (1 - slower**steps)).sqrt().add_(1e-8)
        change: Tensor = mean / (1 - slow**steps) / spread
        return change


def is_matrix(parameter: Tensor) -> bool:
    """Whether these are the weights of a layer with enough inputs."""
    return parameter.ndim >= 2 and parameter[0].numel() >= SMALLEST


def orthogonalised(matrix: Tensor) -> Tensor:
    """Roughly the orthogonal matrix nearest to one [rows, columns]: its singular values come to lie near 1.

    By Newton and Schulz's iteration, in bfloat16 as its inventor does.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).bfloat16()
    x = x / (x.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    nearest: Tensor = x if wide else x.T
    return nearest.to(matrix.dtype)


def optimizer_of(network: Network, settings: TrainingLoop) -> torch.optim.Optimizer:
    """What changes the network's weights."""
    kind = Muon if settings.optimizer == "muon" else torch.optim.AdamW
    parameters: Any = in_groups(network, settings) if settings.layer_decay < 1 else network.parameters()
    return kind(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def in_groups(network: Network, settings: TrainingLoop) -> list[dict[str, Any]]:
    """The network's parts, from the answer back to the input, each with a lower learning rate than the one before."""
    return [
        {"params": list(part.parameters()), "lr": settings.learning_rate * settings.layer_decay**depth}
        for depth, part in enumerate(network.stages())
    ]


def scheduled(
    optimizer: torch.optim.Optimizer, settings: TrainingLoop, steps: int, cycle: tuple[float, float]
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate of each of so many steps; `cycle` as `Task` has it."""
    if settings.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=steps,
        pct_start=WARM_UP,
        div_factor=cycle[0],
        final_div_factor=cycle[1],
    )


def averaged(network: Network, decay: float) -> AveragedModel:
    """The running mean of a network's weights and statistics; shorter in the first steps, so that it forgets them."""

    @torch.no_grad()
    def lerp(means: Any, now: Any, steps: Tensor | int) -> None:
        if means[0].is_floating_point():
            torch._foreach_lerp_(means, now, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

    mean = AveragedModel(network, multi_avg_fn=lerp, use_buffers=True)
    mean.module.requires_grad_(False)
    mean.n_averaged.fill_(1)  # it begins with the weights of the start
    return mean
