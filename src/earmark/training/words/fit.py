"""The training loop of the frame classifiers that are trained by gradients; resumable after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from earmark.training.networks.frame_classifiers import FrameClassifier
from earmark.training.recipe import TrainingLoop
from earmark.training.words.corpus import Sentences
from earmark.training.words.pieces import SPEECH, UNSURE
from earmark.util.atomic import atomic_write

AT_ONCE = 16  # sentences that are answered at once
WARM_UP = 0.15  # share of the steps in which the one-cycle rate rises (Smith and Topin, 2018)
LARGEST_GRADIENT = 1.0  # norm beyond which gradients are made smaller (Pascanu et al., 2013)


@dataclass(frozen=True)
class WordsEpoch:
    """How one epoch went: mean losses, natural units."""

    epoch: int
    epochs: int
    loss: float
    validation: float
    seconds: float


Report = Callable[[WordsEpoch], None]


def fit(
    network: FrameClassifier,
    settings: TrainingLoop,
    train: Sentences,
    validation: Sentences,
    checkpoint: Path,
    report: Report | None = None,
) -> list[WordsEpoch]:
    """Train a network in place; it has the weights of the epoch with the least loss on the validation sentences.

    Both sets of sentences hold local levels.

    The state is kept at `checkpoint` after each epoch, and a run that finds it there continues it.
    """
    trainer = _Trainer(network, settings, train, validation)
    if checkpoint.exists():
        trainer.load(checkpoint)
    while len(trainer.history) < settings.epochs:
        trainer.run_epoch()
        trainer.save(checkpoint)
        if report:
            report(trainer.history[-1])
    network.load_state_dict(trainer.best)
    network.cpu().eval()
    return trainer.history


@torch.no_grad()
def local_levels(network: FrameClassifier, sentences: Sentences) -> Sentences:
    """Sentences whose features are the local levels, which all classifiers learn from: computed once."""
    batches = range(0, len(sentences.marks), AT_ONCE)
    parts = [torch.from_numpy(sentences.features[i : i + AT_ONCE]).float() for i in batches]
    return replace(sentences, features=np.concatenate([network.local(part).half().numpy() for part in parts]))


@torch.no_grad()
def answers(network: FrameClassifier, local: Sentences) -> NDArray[np.float32]:
    """Logits [sentences, frames] of sentences that hold local levels."""
    network.eval()
    device = next(network.parameters()).device
    batches = range(0, len(local.marks), AT_ONCE)
    parts = [torch.from_numpy(local.features[i : i + AT_ONCE]).float().to(device) for i in batches]
    return np.concatenate([network.answer(part)[..., 0].cpu().numpy() for part in parts])


def loss_of(logits: Tensor, marks: Tensor) -> Tensor:
    """Mean cross-entropy over the frames that are certain; logits and marks are [batch, frames]."""
    certain = marks != UNSURE
    return functional.binary_cross_entropy_with_logits(logits[certain], (marks[certain] == SPEECH).float())


class _Trainer:
    def __init__(
        self, network: FrameClassifier, settings: TrainingLoop, train: Sentences, validation: Sentences
    ) -> None:
        self.network, self.settings, self.train, self.validation = network, settings, train, validation
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network.to(self.device)
        self.rng = np.random.default_rng(settings.seed)
        self.batch = min(settings.batch, len(train.marks))
        self.optimizer = torch.optim.AdamW(network.parameters(), weight_decay=settings.weight_decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            settings.learning_rate,
            total_steps=settings.epochs * (len(train.marks) // self.batch),
            pct_start=WARM_UP,
        )
        self.history: list[WordsEpoch] = []
        self.best: dict[str, Any] = {}

    def run_epoch(self) -> None:
        began = time.monotonic()
        self.network.train()
        order = self.rng.permutation(len(self.train.marks))
        with torch.random.fork_rng():  # dropout draws from torch's generator: seeded here, put back after
            torch.manual_seed(int(self.rng.integers(2**31)))
            whole = len(order) // self.batch * self.batch
            losses = [self._step(np.sort(chosen)) for chosen in order[:whole].reshape(-1, self.batch)]
        given = torch.from_numpy(answers(self.network, self.validation))
        held_out = float(loss_of(given, torch.from_numpy(self.validation.marks)))
        seconds = time.monotonic() - began
        epoch = WordsEpoch(len(self.history) + 1, self.settings.epochs, float(np.mean(losses)), held_out, seconds)
        if held_out <= min((e.validation for e in self.history), default=np.inf):
            self.best = {name: value.cpu().clone() for name, value in self.network.state_dict().items()}
        self.history.append(epoch)

    def _step(self, chosen: NDArray[np.int64]) -> float:
        features = torch.from_numpy(self.train.features[chosen]).float().to(self.device)
        marks = torch.from_numpy(self.train.marks[chosen]).to(self.device)
        loss = loss_of(self.network.answer(features)[..., 0], marks)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write the state under a temporary name, then rename it."""
        state = {
            "network": self.network.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": self.rng.bit_generator.state,
            "history": [vars(epoch) for epoch in self.history],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part, part.open("wb") as file:
            torch.save(state, file)

    def load(self, path: Path) -> None:
        """Go on where `save` was called."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.rng.bit_generator.state = state["rng"]
        self.best = state["best"]
        self.history = [WordsEpoch(**epoch) for epoch in state["history"]]
