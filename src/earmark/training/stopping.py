"""Early stopping: training ends when clips that neither train nor test are recognised no better."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from earmark.training.batches import TrainingSet
from earmark.training.measure import answer
from earmark.training.networks import Network
from earmark.training.recipe import EarlyStopping


class Stopping:
    """Looks at clips that neither train nor test after each epoch, and knows the best network so far."""

    def __init__(self, settings: EarlyStopping | None, validation: TrainingSet | None, exclusive: bool) -> None:
        self.patience = settings.patience if settings and validation is not None else None
        self.validation, self.exclusive = validation, exclusive
        self.best: dict[str, Tensor] | None = None
        self.lowest = float("inf")
        self.since = 0

    @property
    def over(self) -> bool:
        """Whether it has become no better for too long."""
        return self.patience is not None and self.since >= self.patience

    def look(self, network: Network) -> float | None:
        """The network's loss on the validation clips, which is noted."""
        if self.patience is None or self.validation is None:
            return None
        place = next(network.parameters()).device
        loss = validation_loss(network.cpu(), self.validation)
        network.to(place)
        self.since += 1
        if loss < self.lowest:
            self.lowest, self.since = loss, 0
            self.best = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
        return loss

    def restore(self, network: Network) -> None:
        """Give the network the weights of the best epoch."""
        if self.best is not None:
            network.load_state_dict(self.best)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self.best, "lowest": self.lowest, "since": self.since}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.best, self.lowest, self.since = state["best"], state["lowest"], state["since"]


def validation_loss(network: Network, data: TrainingSet) -> float:
    """Mean cross entropy of the answers to whole clips."""
    whole = answer(network, data.features, np.arange(len(data.features)), data.exclusive, 1).whole
    sure = np.clip(whole, 1e-6, 1 - 1e-6)
    wrong = 0.0 if data.exclusive else (1 - data.targets) * np.log(1 - sure)
    return float(-(data.targets * np.log(sure) + wrong).sum(1).mean())
