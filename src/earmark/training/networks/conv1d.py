"""Convolutions over time on cepstra, as instruments are often taught."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from earmark.errors import RecipeError
from earmark.training.networks.network import PatchNetwork

CHANNELS = (64, 128)
DENSE = (256, 128)
SMALLEST = 10  # rows of which the two convolutions and poolings leave one


class Conv1D(PatchNetwork):
    """Convolutions over time of 64 and 128 channels, then 256 and 128 dense units, and the answer.

    Both convolutions have a kernel of 3, no padding, ReLU and max pooling by 2; the dense layers ReLU and dropout, and
    L2 on their weights. The columns of a patch, such as 20 cepstra, are the channels that come in.

    Args:
        bands: columns of a patch.
        labels: answers.
        rows: rows of a patch, at least 10.
        l2: weight of the penalty: of the sum of the squares of the dense layers' weights.
        dropout: share of the dense units dropped in training.

    Raises:
        RecipeError: the patch is too short.
    """

    def __init__(self, bands: int, labels: int, rows: int, l2: float = 0.001, dropout: float = 0.5) -> None:
        super().__init__(rows)
        if rows < SMALLEST:
            raise RecipeError("front_end.patch", f"has {rows} frames", f"this network needs {SMALLEST}")
        self.l2 = l2
        layers: list[nn.Module] = []
        left = rows
        for inputs, outputs in pairwise((bands, *CHANNELS)):
            layers += [nn.Conv1d(inputs, outputs, 3), nn.ReLU(), nn.MaxPool1d(2)]
            left = (left - 2) // 2
        self.layers = nn.Sequential(*layers)
        dense: list[nn.Module] = []
        for inputs, outputs in pairwise((left * CHANNELS[-1], *DENSE)):
            dense += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
        self.dense = nn.Sequential(*dense)
        self.head = nn.Linear(DENSE[-1], labels)
        self._start()

    def _start(self) -> None:
        """As in Keras, where the network was first described: Glorot's uniform weights, no biases."""
        for part in self.modules():
            if isinstance(part, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                assert part.bias is not None  # those of both kinds have one by default
                nn.init.zeros_(part.bias)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.dense(self.layers(patches.transpose(1, 2)).flatten(1)))
        return logits

    def penalty(self) -> Tensor:
        """L2 of the dense layers' weights, as Keras' `kernel_regularizer` adds it to the loss."""
        weights = [part.weight for part in self.dense if isinstance(part, nn.Linear)]
        return self.l2 * torch.stack([weight.square().sum() for weight in weights]).sum()
