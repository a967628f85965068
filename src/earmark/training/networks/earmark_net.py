"""Our own network for sounds: residual, convolutional in time, with a wide look around each step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.training.networks.compact_cnn import ResidualBlock, as_picture, summed_up
from earmark.training.networks.network import Network

GROUP = 16  # channels that a convolution around a step sees together: it has to learn rhythms, not mixtures


class EarmarkNet(Network):
    """A 5x5 convolution and five residual blocks, then a look at the steps around each, then one linear layer.

    Frequency is summed up by its mean and its maximum: a hum fills bands for long, a chirp touches one for a moment.
    The convolution around each step spans nine of them, so that a step hears 3.7 s: enough for a rotor, a saw or
    footsteps. The last layer is linear, so windows and clips share their computation (see `CompactCNN`).

    Args:
        bands: features in a frame.
        labels: answers.
        width: channels of the first layer; the last block has eight times as many. 32 gives 1.76 million parameters.
        hidden: channels after the blocks.
        dropout: share of the channels dropped before the last layer in training.
    """

    stride = 8  # frames: halved by the first layer and by the first and third block
    context = 92  # frames: 2 of the first layer, 6 + 8 + 12 + 16 + 16 of the blocks, 4 steps of 8 around

    def __init__(self, bands: int, labels: int, width: int = 32, hidden: int = 256, dropout: float = 0.2) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(bands, affine=False)  # the layer behind it can do the rest
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            ResidualBlock(width, 2 * width, (2, 2)),
            ResidualBlock(2 * width, 2 * width, (1, 1)),
            ResidualBlock(2 * width, 4 * width, (2, 2)),
            ResidualBlock(4 * width, 4 * width, (1, 1)),
            ResidualBlock(4 * width, 8 * width, (1, 2)),
        )
        self.mix = nn.Sequential(nn.Conv1d(16 * width, hidden, 1, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())
        self.around = nn.Sequential(
            nn.Conv1d(hidden, hidden, 5, padding=4, dilation=2, groups=max(1, hidden // GROUP), bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels] of features [batch, frames, bands]."""
        x = self.mix(summed_up(self.layers(as_picture(self.normalise, features))))
        x = torch.cat([x, self.around(x)], 1).transpose(1, 2)
        logits: Tensor = self.head(self.dropout(x))
        return logits
