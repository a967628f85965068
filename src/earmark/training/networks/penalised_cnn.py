"""What the networks of seven and nine layers share: a stack of convolutions, two dense layers, and L2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from earmark.training.networks.convolutions import as_pictures, convolution, in_colours, mean_and_peak
from earmark.training.networks.network import PatchNetwork

STEM = 32  # channels of the first convolution, whose stride and pooling leave a sixteenth of the picture
DENSE = 128


class PenalisedCNN(PatchNetwork):
    """A 5x5 convolution of stride 2, groups of 3x3 convolutions with max pooling before each, two dense layers.

    Mean and peak of the last convolution's channels over the patch go to the dense layers.

    Args:
        labels: answers.
        rows: rows of a patch.
        groups: channels of the convolutions that follow the first, in groups of one resolution.
        l2: weight of the penalty.
        dropout: share of the values dropped before either dense layer.
        colours: see pictures in colours, not in grey.
    """

    def __init__(
        self,
        labels: int,
        rows: int,
        groups: Sequence[Sequence[int]],
        l2: float = 1e-4,
        dropout: float = 0.3,
        colours: bool = False,
    ) -> None:
        super().__init__(rows)
        self.l2 = l2
        self.colours = colours
        channels = 3 if colours else 1
        layers: list[nn.Module] = [nn.BatchNorm2d(channels), convolution(channels, STEM, size=5, stride=2)]
        inputs = STEM
        for group in groups:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            for outputs in group:
                layers.append(convolution(inputs, outputs))
                inputs = outputs
        self.layers = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * inputs, DENSE), nn.ReLU(), nn.Dropout(dropout))
        self.head = nn.Linear(DENSE, labels)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        pictures = as_pictures(patches)
        maps = self.layers(in_colours(pictures) if self.colours else pictures)
        logits: Tensor = self.head(self.dense(mean_and_peak(maps)))
        return logits

    def penalty(self) -> Tensor:
        """L2: `l2` times the sum of the squares of all weights of convolutions and dense layers, biases apart.

        It takes part in the loss, as in Keras' `kernel_regularizer`. Weight decay as AdamW does it (Loshchilov and
        Hutter, 2019) is the recipe's `training.weight_decay`; choose one of the two.
        """
        weights = [part.weight for part in self.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
        return self.l2 * torch.stack([weight.square().sum() for weight in weights]).sum()
