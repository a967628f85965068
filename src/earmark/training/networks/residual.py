"""Residual networks on log-mel, fully convolutional in time: small, with a wide look around, and for long tracks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from earmark.training.networks.network import Network, StridedPointwise


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


def _stem(width: int) -> tuple[nn.Module, ...]:
    """The first layer: a 5x5 convolution that halves frames and bands."""
    return nn.Conv2d(1, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU()


def _mix(channels: int, hidden: int) -> nn.Sequential:
    """What makes `hidden` channels of a step's."""
    return nn.Sequential(nn.Conv1d(channels, hidden, 1, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())


def summed_up(x: Tensor) -> Tensor:
    """Channels over frequency by their mean and maximum: [batch, 2 * channels, frames] of [..., frames, bands]."""
    return torch.cat([x.mean(3), x.amax(3)], 1)


class CompactCNN(Network):
    """A 5x5 convolution and four residual blocks; the mean over frequency, then one linear layer for each step.

    Since the last layer is linear, the mean of the steps' logits over any stretch of time is what the network
    would answer for that stretch: windows that overlap share all their computation.

    Parameters
    ----------
    width
        Channels of the first layers; the last have eight times as many.
    dropout
        Share of the channels dropped before the last layer in training.
    """

    stride = 8  # frames: halved by the first layer and by the second and third block
    context = 40  # frames: (2 + 4 + 6 + 12 + 16), layer by layer, of kernels of 5 and 3 at strides 1, 2, 4, 8

    def __init__(self, bands: int, labels: int, width: int = 32, dropout: float = 0.2) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(bands)
        self.layers = nn.Sequential(
            *_stem(width),
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


GROUP = 16  # channels that a convolution over time sees together: it has to learn rhythms, not mixtures


class EarmarkNet(Network):
    """A 5x5 convolution and five residual blocks, then a look at the steps around each, then one linear layer.

    Frequency is summed up by its mean and its maximum: a hum fills bands for long, a chirp touches one for a moment.
    The convolution around each step spans nine of them, so that a step hears 3.7 s: enough for a rotor, a saw or
    footsteps. The last layer is linear, so windows and clips share their computation (see `CompactCNN`).

    Parameters
    ----------
    width
        Channels of the first layer; the last block has eight times as many. 32 gives 1.76 million parameters.
    hidden
        Channels after the blocks.
    dropout
        Share of the channels dropped before the last layer in training.
    pooled
        Frames and bands of which the mean is taken before the first layer, where they are finer than it needs.
    """

    STRIDE = 8  # frames: halved by the first layer and by the first and third block
    CONTEXT = 92  # frames: 2 of the first layer, 6 + 8 + 12 + 16 + 16 of the blocks, 4 steps of 8 around

    def __init__(
        self, bands: int, labels: int, width: int = 32, hidden: int = 256, dropout: float = 0.2, pooled: int = 1
    ) -> None:
        super().__init__()
        self.pooled = pooled
        self.stride = self.STRIDE * pooled
        self.context = self.CONTEXT * pooled + pooled - 1  # the last of the frames whose mean is one
        self.normalise = nn.BatchNorm1d(bands, affine=False)  # the layer behind it can do the rest
        self.layers = nn.Sequential(
            *_stem(width),
            ResidualBlock(width, 2 * width, (2, 2)),
            ResidualBlock(2 * width, 2 * width, (1, 1)),
            ResidualBlock(2 * width, 4 * width, (2, 2)),
            ResidualBlock(4 * width, 4 * width, (1, 1)),
            ResidualBlock(4 * width, 8 * width, (1, 2)),
        )
        self.mix = _mix(16 * width, hidden)
        self.around = nn.Sequential(
            nn.Conv1d(hidden, hidden, 5, padding=4, dilation=2, groups=max(1, hidden // GROUP), bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels] of features [batch, frames, bands]."""
        picture = as_picture(self.normalise, features)
        if self.pooled > 1:  # of what is left over at the ends, the mean of so many
            picture = functional.avg_pool2d(picture, self.pooled, ceil_mode=True, count_include_pad=False)
        x = self.mix(summed_up(self.layers(picture)))
        x = torch.cat([x, self.around(x)], 1).transpose(1, 2)
        logits: Tensor = self.head(self.dropout(x))
        return logits


DILATIONS = (1, 2, 4, 8)


class Segmenter(Network):
    """Three residual blocks on log-mel, then dilated convolutions over time, then one linear layer for each step.

    Frequency is summed up by its mean and its maximum, as in `EarmarkNet`. The convolutions over time have dilations of
    1, 2, 4 and 8 steps (a temporal convolutional network: Bai, Kolter and Koltun, 2018, arXiv:1803.01271), so a step
    hears 3.4 s at 20 ms a frame, for hardly more work than one.

    Parameters
    ----------
    width
        Channels of the first layer; the last block has six times as many. 32 gives 1.08 million parameters.
    hidden
        Channels over time.
    dropout
        Share of the channels dropped before the last layer in training.
    causal
        Convolutions over time look back only; a step then waits for `ahead` frames, half a second.
    """

    stride = 4  # frames: halved by the first layer and by the first block
    NEAR = 24  # frames either side that the blocks see: 2 of the first layer, 6 + 8 + 8 of the blocks

    def __init__(
        self, bands: int, labels: int, width: int = 32, hidden: int = 256, dropout: float = 0.2, causal: bool = False
    ) -> None:
        super().__init__()
        far = self.stride * sum(DILATIONS)
        self.context = self.NEAR + (2 * far if causal else far)
        self.ahead = self.NEAR if causal else None
        self.normalise = nn.BatchNorm1d(bands, affine=False)  # the layer behind it can do the rest
        self.layers = nn.Sequential(
            *_stem(width),
            ResidualBlock(width, 2 * width, (2, 2)),
            ResidualBlock(2 * width, 4 * width, (1, 2)),
            ResidualBlock(4 * width, 6 * width, (1, 2)),
        )
        self.mix = _mix(12 * width, hidden)
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
