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


def in_colours(pictures: Tensor) -> Tensor:
    """Grey pictures [patches, 1, rows, columns] as red, green and blue [patches, 3, rows, columns].

    From blue for 0 over green to red for 1, as spectrograms are usually printed and saved (the colour map "jet").
    """
    centres = torch.tensor([0.75, 0.5, 0.25], dtype=pictures.dtype, device=pictures.device).view(1, 3, 1, 1)
    return (1.5 - 4 * (pictures - centres).abs()).clamp(0, 1).contiguous(memory_format=torch.channels_last)


def mean_and_peak(maps: Tensor) -> Tensor:
    """Of each channel of [patches, channels, rows, columns]: [patches, 2 * channels].

    The mean says what goes on throughout a patch, the largest value what happened in it once.
    """
    return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)
