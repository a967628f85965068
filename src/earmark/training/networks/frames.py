"""Frame classifiers: foreground against background, an answer for every frame. None holds a convolution.

All see the same: how far each band is above the quietest it has been around (its noise floor), and how far the frame
is below the loudest around. Constants of level and channel drop out, as in cepstral mean subtraction (Atal, 1974), with
the minimum in place of the mean: what the floor is does not depend on how much is spoken (Martin, 1994).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from earmark.training.networks.network import Network

REACHES = (1, 3, 9, 27, 81, 243)  # each a maximum of three values so far apart: together, of 729 frames in a row
SMOOTHED = 2  # frames either side of one that its level is the mean of, before the quietest is sought
DEEPEST_DB = 70.0  # below the loudest around: quieter floors are all the same, also digital silence
SCALE_DB = 10.0
HIGHEST = 6.0  # above the floor, in units of SCALE_DB
OFFSETS = (-24, -12, -6, -3, -1, 0, 1, 3, 6, 12, 24)  # frames that a classifier without memory sees
LOCAL_REACH = sum(REACHES) + SMOOTHED


def around(values: Tensor) -> Tensor:
    """Largest of the values [batch, channels, frames] within `sum(REACHES)` frames of each."""
    for reach in REACHES:
        padded = functional.pad(values, (reach, reach), value=-1e4)
        values = torch.maximum(torch.maximum(padded[..., : -2 * reach], padded[..., 2 * reach :]), values)
    return values


def smoothed(values: Tensor) -> Tensor:
    """Mean of each of the values [batch, channels, frames] and the SMOOTHED either side; the ends are repeated."""
    padded = functional.pad(values, (SMOOTHED, SMOOTHED), mode="replicate")
    width, length = 2 * SMOOTHED + 1, values.shape[2]
    return torch.stack([padded[..., i : i + length] for i in range(width)]).mean(0)


class LocalLevels(nn.Module):
    """Log-mel in dB [batch, frames, bands] relative to what is around: [batch, frames, bands + 2]."""

    def forward(self, features: Tensor) -> Tensor:
        """The height of each band above its floor, then that of the whole, then how far that is below its peak."""
        bands = features.transpose(1, 2)
        total = 10 * torch.log10((10 ** (bands / 10)).sum(1, keepdim=True))
        levels = torch.cat([bands, total], 1)
        smooth = smoothed(levels)
        floor = -around(-smooth)
        peak = around(smooth[:, -1:])
        floor = torch.maximum(floor, peak - DEEPEST_DB)
        heights = ((levels - floor) / SCALE_DB).clamp(-1.0, HIGHEST)
        below = ((total - peak) / SCALE_DB).clamp(-DEEPEST_DB / SCALE_DB, 1.0)
        return torch.cat([heights, below], 1).transpose(1, 2)


def stacked(frames: Tensor) -> Tensor:
    """Each frame [batch, frames, size] with those at OFFSETS from it: [batch, frames, size * len(OFFSETS)]."""
    reach = max(OFFSETS)
    padded = functional.pad(frames.transpose(1, 2), (reach, reach), mode="replicate").transpose(1, 2)
    length = frames.shape[1]
    return torch.cat([padded[:, reach + offset : reach + offset + length] for offset in OFFSETS], 2)


class FrameClassifier(Network):
    """Logits [batch, frames, labels] of log-mel [batch, frames, bands]."""

    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.local = LocalLevels()

    def forward(self, features: Tensor) -> Tensor:
        """Logits of features as the front end makes them."""
        return self.answer(self.local(features))

    @abstractmethod
    def answer(self, frames: Tensor) -> Tensor:
        """Logits of local levels [batch, frames, bands + 2], which training computes once."""


class StackedFrames(FrameClassifier):
    """Classifiers that see a frame together with some around it."""

    context = LOCAL_REACH + max(OFFSETS)

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.inputs = (bands + 2) * len(OFFSETS)
        self.mean = nn.Buffer(torch.zeros(self.inputs))
        self.deviation = nn.Buffer(torch.ones(self.inputs))
        """Of the inputs over the training data: set before training."""

    def standardised(self, frames: Tensor) -> Tensor:
        """What the classifier sees, with mean 0 and variance 1 over the training data: [batch, frames, inputs]."""
        return (stacked(frames) - self.mean) / self.deviation


class LinearFrames(StackedFrames):
    """One weight for each input: least squares or a support vector machine, as it was fitted."""

    def __init__(self, bands: int, labels: int) -> None:
        super().__init__(bands)
        self.head = nn.Linear(self.inputs, labels)

    def answer(self, frames: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.standardised(frames))
        return logits


class MLPFrames(StackedFrames):
    """A perceptron with three hidden layers."""

    def __init__(self, bands: int, labels: int, hidden: Sequence[int] = (128, 64, 32), dropout: float = 0.1) -> None:
        super().__init__(bands)
        sizes = [self.inputs, *hidden]
        layers: list[nn.Module] = []
        for size, following in pairwise(sizes):
            layers += [nn.Linear(size, following), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], labels))

    def answer(self, frames: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.layers(self.standardised(frames))
        return logits


class RNNFrames(StackedFrames):
    """A plain recurrent network (Elman, 1990), forwards in time."""

    context = StackedFrames.context + 200  # what it has heard earlier has long lost its weight

    def __init__(self, bands: int, labels: int, units: int = 32) -> None:
        super().__init__(bands)
        self.memory = nn.RNN(self.inputs, units, batch_first=True)
        self.head = nn.Linear(units, labels)

    def answer(self, frames: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.memory(self.standardised(frames))[0])
        return logits


class GRUFrames(FrameClassifier):
    """Gated recurrent units (Cho et al., 2014) in both directions of time, two frames a step: memory finds the context.

    Parameters
    ----------
    units
        In each direction of each layer.
    layers
        One on the other.
    dropout
        Between the layers, in training.
    """

    context = LOCAL_REACH + 300
    frames_a_step = 2

    def __init__(self, bands: int, labels: int, units: int = 64, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.labels = labels
        self.memory = nn.GRU(
            self.frames_a_step * (bands + 2),
            units,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.head = nn.Linear(2 * units, self.frames_a_step * labels)

    def answer(self, frames: Tensor) -> Tensor:
        """Logits."""
        batch, length, size = frames.shape
        pairs = functional.pad(frames, (0, 0, 0, self.frames_a_step - 1))
        steps = (length + self.frames_a_step - 1) // self.frames_a_step
        pairs = pairs[:, : steps * self.frames_a_step].reshape(batch, steps, self.frames_a_step * size)
        logits: Tensor = self.head(self.memory(pairs)[0])
        return logits.reshape(batch, steps * self.frames_a_step, self.labels)[:, :length]
