"""What every network offers to training and export; and the layers that several share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Network(nn.Module, ABC):
    """Maps features [batch, frames, bands] to logits [batch, steps, labels].

    Step j speaks for the time around frame `j * stride` and depends on `context` frames either side of it, no more;
    `steps == ceil(frames / stride)`. A clip's logits are the mean over its steps. Each is made for so many `bands`,
    values in a frame, and so many `labels`.
    """

    stride: int  # frames from one step to the next
    context: int  # frames on either side that a step's logits depend on
    ahead: int | None = None  # those after it, where they are fewer; None: `context`
    unexported: tuple[str, ...] = ()
    """How the names begin of weights that its answers do not need, and model files do not hold."""

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels]."""

    @property
    def felt(self) -> int:
        """Frames of the context that matter: what is further away changes nothing but roundings."""
        return self.context

    def name_labels(self, labels: Sequence[str]) -> None:
        """Say what the labels are called, which few networks need to know."""

    def initialise(self) -> None:
        """Set weights from elsewhere before training, which calls this once; by default none are.

        Not done as the network is built, since one that is trained already is built again from its file.
        """

    def penalty(self) -> Tensor | None:
        """What training adds to the loss for large weights, a scalar; None: nothing."""
        return None

    def stages(self) -> Sequence[nn.Module]:
        """Parts that can be trained one after the other, from the answer back to the input; by default one."""
        return [self]

    def unfreeze(self, stages: int) -> None:
        """Train only the first of the stages, so many of them; by default everything is trained always."""


class PatchNetwork(Network):
    """Answers once for each patch, which it needs whole; features [batch, patches * rows, columns].

    A step is a patch, on no other of which it depends. A front end with a `patch` gives its rows, the network's stride:
    those of a picture, or the one of summary features.
    """

    context = 0

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.stride = rows

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, patches, labels]."""
        batch, _, columns = features.shape
        logits = self.answer(features.reshape(-1, self.stride, columns))
        return logits.reshape(batch, -1, logits.shape[-1])

    @abstractmethod
    def answer(self, patches: Tensor) -> Tensor:
        """Logits [patches, labels] of patches [patches, rows, columns]."""


VECTOR = 16  # values of single precision in the longest vectors of any processor, those of AVX-512; AVX2's hold 8


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1, bias: bool = False) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, batch normalisation (Ioffe and Szegedy, 2015), ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class StridedPointwise(nn.Conv2d):
    """A 1x1 convolution with a stride, whose weights learn safely on every processor, however few channels it has.

    oneDNN, with which torch computes on a CPU, writes beyond its memory in the gradient of the weights of such a
    convolution if its input has fewer channels than a vector holds and they are last in memory
    (https://github.com/uxlfoundation/oneDNN/issues/6035): training crashes, if not worse. So few channels are taken
    where the stride, in rows and in columns, leaves them, then convolved without a stride: the same values.
    """

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, rows, columns] to [batch, outputs, rows', columns']."""
        if self.in_channels >= VECTOR:
            return super().forward(x)
        rows, columns = self.stride
        return functional.conv2d(x[:, :, ::rows, ::columns], self.weight)


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
