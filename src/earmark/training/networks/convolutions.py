"""Parts that the convolutional networks for patches share."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1, bias: bool = False) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, batch normalisation (Ioffe and Szegedy, 2015), ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def as_pictures(patches: Tensor) -> Tensor:
    """Patches [patches, rows, columns] as grey pictures [patches, 1, rows, columns], channels last in memory."""
    return patches.unsqueeze(1).contiguous(memory_format=torch.channels_last)


def mean_and_peak(maps: Tensor) -> Tensor:
    """Of each channel of [patches, channels, rows, columns]: [patches, 2 * channels].

    The mean says what goes on throughout a patch, the largest value what happened in it once.
    """
    return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)
