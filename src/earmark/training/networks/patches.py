"""Networks that see a patch at once, taught from scratch: pictures, cepstra, summary features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from earmark.errors import RecipeError
from earmark.training.networks.network import PatchNetwork, as_pictures, convolution, in_colours, mean_and_peak


class MLPBaseline(PatchNetwork):
    """One hidden layer of 100 rectified units, then the answer, as scikit-learn's `MLPClassifier()` has by default.

    The weights start as there, too (Glorot and Bengio, 2010). Its other defaults belong into the recipe: Adam at a
    rate of 0.001 in batches of 200. The inputs are standardised first, by means and variances over all of training.

    Parameters
    ----------
    hidden
        Units of the hidden layer.
    """

    def __init__(self, bands: int, labels: int, rows: int, hidden: int = 100) -> None:
        super().__init__(rows)
        # No momentum: the statistics are means over all batches, which is right where the input does not change.
        self.standardise = nn.BatchNorm1d(rows * bands, momentum=None, affine=False)
        self.hidden = nn.Linear(rows * bands, hidden)
        self.head = nn.Linear(hidden, labels)
        for layer in (self.hidden, self.head):
            bound = math.sqrt(6 / (layer.in_features + layer.out_features))
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        values = patches.reshape(patches.shape[0], self.hidden.in_features)  # `flatten` hides the size from export
        logits: Tensor = self.head(self.hidden(self.standardise(values)).relu())
        return logits


TIME_CHANNELS = (64, 128)
TIME_DENSE = (256, 128)
SHORTEST = 10  # rows of which the two convolutions and poolings leave one


class Conv1D(PatchNetwork):
    """Convolutions over time of 64 and 128 channels, then 256 and 128 dense units, and the answer.

    Both convolutions have a kernel of 3, no padding, ReLU and max pooling by 2; the dense layers ReLU and dropout, and
    L2 on their weights. The columns of a patch, such as 20 cepstra, are the channels that come in.

    Parameters
    ----------
    rows
        Of a patch, at least 10.
    l2
        Weight of the penalty: of the sum of the squares of the dense layers' weights.
    dropout
        Share of the dense units dropped in training.

    Raises
    ------
    RecipeError
        The patch is too short.
    """

    def __init__(self, bands: int, labels: int, rows: int, l2: float = 0.001, dropout: float = 0.5) -> None:
        super().__init__(rows)
        if rows < SHORTEST:
            raise RecipeError("front_end.patch", f"has {rows} frames", f"this network needs {SHORTEST}")
        self.l2 = l2
        layers: list[nn.Module] = []
        left = rows
        for inputs, outputs in pairwise((bands, *TIME_CHANNELS)):
            layers += [nn.Conv1d(inputs, outputs, 3), nn.ReLU(), nn.MaxPool1d(2)]
            left = (left - 2) // 2
        self.layers = nn.Sequential(*layers)
        dense: list[nn.Module] = []
        for inputs, outputs in pairwise((left * TIME_CHANNELS[-1], *TIME_DENSE)):
            dense += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
        self.dense = nn.Sequential(*dense)
        self.head = nn.Linear(TIME_DENSE[-1], labels)
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


class CNNSmall(PatchNetwork):
    """Three convolutions of 16, 32 and 64 channels, mean and peak of each over the whole patch, one linear layer.

    The first two convolutions are followed by max pooling. Inputs may have any range: each row is standardised.

    Parameters
    ----------
    width
        Channels of the first convolution; the others have two and four times as many.
    dropout
        Share of the last layer's inputs dropped in training.
    """

    def __init__(self, bands: int, labels: int, rows: int, width: int = 16, dropout: float = 0.3) -> None:
        super().__init__(rows)
        self.normalise = nn.BatchNorm1d(rows)
        self.layers = nn.Sequential(
            convolution(1, width),
            nn.MaxPool2d(2, ceil_mode=True),
            convolution(width, 2 * width),
            nn.MaxPool2d(2, ceil_mode=True),
            convolution(2 * width, 4 * width),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8 * width, labels)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        maps = self.layers(as_pictures(self.normalise(patches)))
        logits: Tensor = self.head(self.dropout(mean_and_peak(maps)))
        return logits


FOUR = (1, 2, 4, 8)  # channels of the four convolutions, in widths
SMALLEST = 2 ** len(FOUR)  # rows and columns, which each pooling halves


class CNN4(PatchNetwork):
    """Four convolutions and a dense layer, the network most often taught for spectrogram images.

    Each 3x3 convolution is followed by batch normalisation, ReLU, 2x2 max pooling and dropout; what is left is
    flattened, or meaned over the picture, for a dense layer with batch normalisation and dropout. For pictures of
    128x128 and 3 labels `cnn4` has 4,584,643 trainable parameters and 1,472 others, the means and variances of batch
    normalisation. `cnn4_reduced` has half the channels, their mean, and 64 dense units: 106,211 and 608.

    Parameters
    ----------
    bands
        Columns of a picture, at least 16.
    rows
        Of it, as many.
    dropout
        Share of the values dropped in training after each pooling.
    dense_dropout
        Share of the dense units dropped.
    width
        Channels of the first convolution; each of the others has twice as many as the one before it.
    units
        Of the dense layer.
    pooled
        Mean each channel over the picture in place of flattening them.

    Raises
    ------
    RecipeError
        The picture is too small for four poolings.
    """

    def __init__(
        self,
        bands: int,
        labels: int,
        rows: int,
        dropout: float = 0.25,
        dense_dropout: float = 0.5,
        width: int = 32,
        units: int = 256,
        pooled: bool = False,
    ) -> None:
        super().__init__(rows)
        if min(rows, bands) < SMALLEST:
            reason = f"needs pictures of at least {SMALLEST}x{SMALLEST}, and these are {rows}x{bands}"
            raise RecipeError("model.network", reason, "set front_end.image")
        self.pooled = pooled
        channels = [width * factor for factor in FOUR]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((1, *channels)):
            layers += [convolution(inputs, outputs, bias=True), nn.MaxPool2d(2), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        left = channels[-1] * (1 if pooled else (rows // SMALLEST) * (bands // SMALLEST))
        self.dense = nn.Sequential(nn.Linear(left, units), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(dense_dropout))
        self.head = nn.Linear(units, labels)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        maps = self.layers(as_pictures(patches))
        logits: Tensor = self.head(self.dense(maps.mean((2, 3)) if self.pooled else maps.flatten(1)))
        return logits


STEM = 32  # channels of the first convolution, whose stride and pooling leave a sixteenth of the picture
DENSE = 128


class DeepCNN(PatchNetwork):
    """A 5x5 convolution of stride 2, groups of 3x3 convolutions with max pooling before each, two dense layers, and L2.

    Mean and peak of the last convolution's channels over the patch go to the dense layers. `cnn7` has seven layers:
    convolutions of 32, 48, 96, 96 and 192 channels; `cnn9` nine: 32, 48, 64, 64, 128, 128 and 256. Pictures of 128x128
    cost 44 and 53 million multiplications.

    Parameters
    ----------
    groups
        Channels of the convolutions that follow the first, in groups of one resolution.
    l2
        Weight of the penalty.
    dropout
        Share of the values dropped before either dense layer.
    colours
        See pictures in colours, not in grey.
    """

    def __init__(
        self,
        bands: int,
        labels: int,
        rows: int,
        groups: Sequence[Sequence[int]] = ((48,), (96,), (96, 192)),
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
