"""A small residual network on log-mel, fully convolutional in time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.training.networks.convolutions import StridedPointwise
from earmark.training.networks.network import Network


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != (1, 1):
            self.shortcut = nn.Sequential(StridedPointwise(inputs, outputs, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, frames, bands] to [batch, outputs, frames', bands']."""
        return torch.relu(self.path(x) + self.shortcut(x))


def as_picture(normalise: nn.Module, features: Tensor) -> Tensor:
    """Features [batch, frames, bands], each band normalised, as convolutions take them: [batch, 1, frames, bands]."""
    normalised: Tensor = normalise(features.transpose(1, 2))
    return normalised.transpose(1, 2).unsqueeze(1).contiguous(memory_format=torch.channels_last)


def summed_up(x: Tensor) -> Tensor:
    """Channels over frequency by their mean and maximum: [batch, 2 * channels, frames] of [..., frames, bands]."""
    return torch.cat([x.mean(3), x.amax(3)], 1)


class CompactCNN(Network):
    """A 5x5 convolution and four residual blocks; the mean over frequency, then one linear layer for each step.

    Since the last layer is linear, the mean of the steps' logits over any stretch of time is what the network
    would answer for that stretch: windows that overlap share all their computation.

    Args:
        bands: features in a frame.
        labels: answers.
        width: channels of the first layers; the last have eight times as many.
        dropout: share of the channels dropped before the last layer in training.
    """

    stride = 8  # frames: halved by the first layer and by the second and third block
    context = 40  # frames: (2 + 4 + 6 + 12 + 16), layer by layer, of kernels of 5 and 3 at strides 1, 2, 4, 8

    def __init__(self, bands: int, labels: int, width: int = 32, dropout: float = 0.2) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(bands)
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            ResidualBlock(width, width, (1, 1)),
            ResidualBlock(width, 2 * width, (2, 2)),
            ResidualBlock(2 * width, 4 * width, (2, 2)),
            ResidualBlock(4 * width, 8 * width, (1, 2)),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8 * width, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels] of features [batch, frames, bands]."""
        x = self.layers(as_picture(self.normalise, features)).mean(3).transpose(1, 2)
        logits: Tensor = self.head(self.dropout(x))
        return logits
