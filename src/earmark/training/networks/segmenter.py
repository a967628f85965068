"""A network for long tracks: an answer each 80 ms, for many sounds at once, of the past alone if need be."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from earmark.training.networks.compact_cnn import ResidualBlock, as_picture, summed_up
from earmark.training.networks.network import Network

DILATIONS = (1, 2, 4, 8)
GROUP = 16  # channels that a convolution over time sees together: it has to learn rhythms, not mixtures


class Segmenter(Network):
    """Three residual blocks on log-mel, then dilated convolutions over time, then one linear layer for each step.

    Frequency is summed up by its mean and its maximum, as in `EarmarkNet`. The convolutions over time have dilations of
    1, 2, 4 and 8 steps (a temporal convolutional network: Bai, Kolter and Koltun, 2018, arXiv:1803.01271), so a step
    hears 3.4 s at 20 ms a frame, for hardly more work than one.

    Args:
        bands: features in a frame.
        labels: answers.
        width: channels of the first layer; the last block has six times as many. 32 gives 1.08 million parameters.
        hidden: channels over time.
        dropout: share of the channels dropped before the last layer in training.
        causal: convolutions over time look back only; a step then waits for `ahead` frames, half a second.
    """

    stride = 4  # frames: halved by the first layer and by the first block
    NEAR = 24  # frames either side that the blocks see: 2 of the first layer, 6 + 8 + 8 of the blocks

    def __init__(
        self,
        bands: int,
        labels: int,
        width: int = 32,
        hidden: int = 256,
        dropout: float = 0.2,
        causal: bool = False,
    ) -> None:
        super().__init__()
        far = self.stride * sum(DILATIONS)
        self.context = self.NEAR + (2 * far if causal else far)
        self.ahead = self.NEAR if causal else None
        self.normalise = nn.BatchNorm1d(bands, affine=False)  # the layer behind it can do the rest
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            ResidualBlock(width, 2 * width, (2, 2)),
            ResidualBlock(2 * width, 4 * width, (1, 2)),
            ResidualBlock(4 * width, 6 * width, (1, 2)),
        )
        self.mix = nn.Sequential(nn.Conv1d(12 * width, hidden, 1, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())
        self.over_time = nn.Sequential(*(_OverTime(hidden, dilation, causal) for dilation in DILATIONS))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels] of features [batch, frames, bands]."""
        x = self.mix(summed_up(self.layers(as_picture(self.normalise, features))))
        x = torch.cat([x, self.over_time(x)], 1).transpose(1, 2)
        logits: Tensor = self.head(self.dropout(x))
        return logits


class _OverTime(nn.Module):
    """A convolution over three steps, `dilation` apart, around a shortcut."""

    def __init__(self, channels: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.padding = (2 * dilation, 0) if causal else (dilation, dilation)
        groups = max(1, channels // GROUP)
        self.path = nn.Sequential(
            nn.Conv1d(channels, channels, 3, dilation=dilation, groups=groups, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, steps], of the same shape."""
        return torch.relu(x + self.path(functional.pad(x, self.padding)))
