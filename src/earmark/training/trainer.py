"""The training loop of every network: on a CPU, a GPU or several, resumable after any epoch.

What differs between classifiers of clips, of steps, of patches and of words is what they learn from, their `Task`.
Every process draws the same batches from the same generator and takes its own share of each, so the result does not
depend on how many devices work, beyond rounding and the statistics of batch normalisation. What changes the weights is
here, too: optimizers, their learning rates, the running mean of the weights.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from earmark.errors import EarmarkError
from earmark.training.networks import Network
from earmark.training.recipe import TrainingLoop
from earmark.util.atomic import atomic_write

WARM_UP = 0.15  # share of the steps in which the one-cycle rate rises (Smith and Topin, 2018)
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as Jordan chose them
ITERATIONS = 5
RMS = 0.2  # root mean square of a step: about that of AdamW, whose rates then carry over (Liu et al., 2025)
MOMENTUM = 0.95  # of the matrices
BETAS = (0.9, 0.999)  # of the others
SMALLEST = 64  # inputs of a layer that is worth it; below, and for the vectors, AdamW does as well


class Muon(torch.optim.Optimizer):
    """Muon for the weights of layers, AdamW for everything else.

    The momentum of a layer's weights, as a matrix [outputs, inputs], is replaced by the nearest orthogonal one: rare
    directions count as much as common ones (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/). Small
    networks then learn in about half the epochs. Steps have the size of AdamW's, with the same decay of the weights
    (Liu et al., 2025, arXiv:2502.16982). torch.optim.Muon takes matrices alone: here
    most weights are of convolutions, and one optimizer, with one state in the checkpoint, does for all of a network.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 1e-3, weight_decay: float = 0.01) -> None:
        kept = {"momentum": MOMENTUM, "betas": BETAS}  # in the checkpoint, too
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, **kept})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step; parameters without a gradient rest."""
        for group in self.param_groups:
            with_gradient = [parameter for parameter in group["params"] if parameter.grad is not None]
            layers = [parameter for parameter in with_gradient if is_matrix(parameter)]
            others = [parameter for parameter in with_gradient if not is_matrix(parameter)]
            changes = [*self._orthogonal(layers, group), *(self._adam(own, own.grad, group) for own in others)]
            for parameter, change in zip([*layers, *others], changes, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(change, alpha=-group["lr"])

    def _orthogonal(self, parameters: Sequence[Tensor], group: dict[str, Any]) -> list[Tensor]:
        matrices = []
        for own in parameters:
            momentum: Tensor = self.state[own].setdefault("momentum", torch.zeros_like(own))
            gradient = cast(Tensor, own.grad)
            momentum.lerp_(gradient, 1 - group["momentum"])
            ahead = gradient.lerp(momentum, group["momentum"])  # Nesterov's
            matrices.append(ahead.reshape(len(ahead), -1))
        changes = [matrix * (RMS * max(matrix.shape) ** 0.5) for matrix in all_orthogonalised(matrices)]
        return [change.reshape(own.shape) for change, own in zip(changes, parameters, strict=True)]

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


def all_orthogonalised(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Each of the matrices orthogonalised.

    Where several processes train one network, all have the same matrices: each does a share and gets the others'.
    """
    if not (matrices and dist.is_available() and dist.is_initialized()):
        return [orthogonalised(matrix) for matrix in matrices]
    by_work = sorted(range(len(matrices)), key=lambda i: -matrices[i].numel() * min(matrices[i].shape))
    own = set(by_work[dist.get_rank() :: dist.get_world_size()])
    done = [orthogonalised(matrix) if i in own else torch.zeros_like(matrix) for i, matrix in enumerate(matrices)]
    together = torch.cat([matrix.flatten() for matrix in done])
    dist.all_reduce(together)  # a sum
    parts = torch.split(together, [matrix.numel() for matrix in matrices])
    return [part.reshape(matrix.shape) for part, matrix in zip(parts, matrices, strict=True)]


def orthogonalised(matrix: Tensor) -> Tensor:
    """Roughly the orthogonal matrix nearest to one [rows, columns]: its singular values come to lie near 1.

    By Newton and Schulz's iteration: on a GPU in bfloat16, as its inventor does, which processors without instructions
    for it compute twenty times as slowly as single precision.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x.bfloat16() if x.is_cuda else x.float()
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


BatchNorm = torch.nn.modules.batchnorm._BatchNorm
ALL_STAGES = 1000  # more than any network has
CHECKPOINT_SECONDS = 30.0  # work that a kill may cost


class Task(ABC):
    """What a network learns, and from what."""

    methods: tuple[str, ...] = ()  # of the network that `loss` calls, besides the network itself
    cycle: tuple[float, float] = (10.0, 100.0)
    """By what the learning rate is divided where it begins to rise, and that by what where it has fallen."""
    largest_gradient: float | None = None
    """The norm beyond which gradients are made smaller (Pascanu et al., 2013); None: as they are."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Steps in an epoch, and examples in each; those that fill no batch wait for another epoch."""

    @abstractmethod
    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of the examples of one epoch."""

    @abstractmethod
    def loss(self, network: Any, examples: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
        """The loss of a batch, and what is minimised besides, which is not reported."""

    def validation_loss(self, network: Network) -> float | None:
        """The loss on what neither trains nor tests, by which the best epoch is known; None: there is nothing such."""
        return None


@dataclass(frozen=True)
class EpochReport:
    """How one epoch went; `validation` is the loss on what neither trains nor tests, where there is any."""

    epoch: int
    epochs: int
    loss: float
    seconds: float
    validation: float | None = None


Report = Callable[[EpochReport], None]


def fit(
    network: Network,
    task: Task,
    settings: TrainingLoop,
    fabric: Fabric,
    rng: np.random.Generator,
    checkpoint: Path | None = None,
    report: Report | None = None,
) -> Network:
    """Train a network; the mean of its weights over the last steps comes back, on the CPU.

    With `checkpoint`, the state is kept there as work goes on, and a run that finds it continues it. The same task,
    settings and generator give the same network, interrupted or not. Where the task validates, the network of the best
    epoch comes back.
    """
    steps, batch = task.shape
    mean = averaged(network, settings.ema)
    kept = cast(Network, fabric.to_device(mean.module))
    plain_optimizer = optimizer_of(network, settings)
    schedule = scheduled(plain_optimizer, settings, steps * settings.epochs, task.cycle)
    model, optimizer = fabric.setup(network, plain_optimizer)
    for method in task.methods:
        model.mark_forward_method(method)
    best = BestEpoch(settings.early_stopping.patience if settings.early_stopping else settings.epochs)
    parts: dict[str, Any] = {"network": network, "mean": kept, "optimizer": optimizer, "schedule": schedule}
    done = 0
    if checkpoint and checkpoint.exists():
        state = torch.load(checkpoint, map_location=fabric.device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        rng.bit_generator.state = state["rng"]
        best.load(state["stopping"])
        done, taken = state["progress"]
        mean.n_averaged.fill_(1 + taken)
    saved = time.monotonic()
    for epoch in range(done, settings.epochs):
        if best.over:
            break
        began = time.monotonic()
        model.train()
        network.unfreeze(1 + sum(epoch >= start for start in settings.stages) if settings.stages else ALL_STAGES)
        if settings.batch_norm == "frozen":
            for layer in network.modules():
                if isinstance(layer, BatchNorm):
                    layer.eval()
        order = task.order(rng)
        losses = []
        with torch.random.fork_rng():  # dropout draws from torch's generator: seeded here, put back after
            torch.manual_seed(int(rng.integers(2**31)))
            for step in range(steps):
                loss, further = task.loss(model, order[step * batch : (step + 1) * batch], rng)
                optimizer.zero_grad()
                minimised = loss
                for more in (network.penalty(), further):
                    minimised = minimised if more is None else minimised + more
                fabric.backward(minimised)
                if task.largest_gradient is not None:
                    torch.nn.utils.clip_grad_norm_(network.parameters(), task.largest_gradient)
                optimizer.step()
                schedule.step()
                mean.update_parameters(network)
                losses.append(loss.detach())
        quality = task.validation_loss(kept)
        best.note(kept, quality)
        if report and fabric.is_global_zero:
            average, seconds = float(torch.stack(losses).double().mean()), time.monotonic() - began
            report(EpochReport(epoch + 1, settings.epochs, average, seconds, quality))
        last = epoch + 1 == settings.epochs or best.over
        due = last or time.monotonic() - saved > CHECKPOINT_SECONDS
        if checkpoint and fabric.broadcast(due):  # clocks differ, and all processes must do the same
            if fabric.is_global_zero:
                state = {
                    **{name: part.state_dict() for name, part in parts.items()},
                    "rng": rng.bit_generator.state,
                    "progress": (epoch + 1, steps * (epoch + 1)),
                    "stopping": best.state(),
                }
                checkpoint.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(checkpoint) as begun, begun.open("wb") as file:
                    torch.save(state, file)
            fabric.barrier()
            saved = time.monotonic()
    if best.weights is not None:
        kept.load_state_dict(best.weights)
    return kept.cpu().eval()


class BestEpoch:
    """Knows the best network so far, by the loss on what neither trains nor tests.

    Parameters
    ----------
    patience
        Epochs without a better one after which training ends (early stopping).
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.weights: dict[str, Tensor] | None = None
        self.lowest = float("inf")
        self.since = 0

    @property
    def over(self) -> bool:
        """Whether it has become no better for too long."""
        return self.since >= self.patience

    def note(self, network: Network, loss: float | None) -> None:
        """An epoch is over, with this validation loss; without one, nothing is better or worse."""
        if loss is None:
            return
        self.since += 1
        if loss < self.lowest:
            self.lowest, self.since = loss, 0
            self.weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self.weights, "lowest": self.lowest, "since": self.since}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.weights, self.lowest, self.since = state["best"], state["lowest"], state["since"]


def computes_bfloat16(accelerator: str = "auto") -> bool:
    """Whether what a network would be trained on has instructions for bfloat16; imitating them takes ten times as long.

    Parameters
    ----------
    accelerator
        As Fabric has it.
    """
    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(supported is not None and supported() for supported in known)


def precision_of(recipe: Any, accelerator: str) -> Literal["bf16-mixed", "32-true"]:
    """What a recipe is trained in on such devices, where it leaves that open."""
    stated: Literal["auto", "bf16-mixed", "32-true"] = recipe.training.precision
    if stated == "auto":
        return "bf16-mixed" if computes_bfloat16(accelerator) else "32-true"
    return stated


def start_fabric(recipe: Any, accelerator: str = "auto", devices: str = "auto") -> Fabric:
    """The devices to train on, in the precision of the recipe: all GPUs there are, otherwise the CPU."""
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    one = devices == "auto" and not torch.cuda.is_available()
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=int(devices) if devices.isdigit() else 1 if one else devices,
            precision=precision_of(recipe, accelerator),
        )
    except (ValueError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise EarmarkError(f"accelerator={accelerator} devices={devices}", reason, "leave both out") from error
    fabric.launch()
    return fabric
