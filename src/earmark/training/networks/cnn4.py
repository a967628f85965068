"""Four convolutions and a dense layer, the network most often taught for spectrogram images; and a reduced one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from earmark.errors import RecipeError
from earmark.training.networks.convolutions import as_pictures, convolution
from earmark.training.networks.network import PatchNetwork

CHANNELS = (32, 64, 128, 256)
SMALLEST = 2 ** len(CHANNELS)  # rows and columns, which each pooling halves


class CNN4(PatchNetwork):
    """Convolutions of 32, 64, 128 and 256 channels, then 256 dense units, all with batch normalisation and dropout.

    Each 3x3 convolution is followed by batch normalisation, ReLU, 2x2 max pooling and dropout; what is left is
    flattened. For pictures of 128x128 and 3 labels it has 4,584,643 trainable parameters and 1,472 others, the means
    and variances of batch normalisation.

    Args:
        bands: columns of a picture, at least 16.
        labels: answers.
        rows: rows of a picture, at least 16.
        dropout: share of the values dropped in training after each pooling.
        dense_dropout: share of the dense units dropped.

    Raises:
        RecipeError: the picture is too small for four poolings.
    """

    def __init__(self, bands: int, labels: int, rows: int, dropout: float = 0.25, dense_dropout: float = 0.5) -> None:
        super().__init__(rows)
        refuse_smaller(rows, bands)
        self.layers = pooled_convolutions(CHANNELS, dropout)
        left = (rows // SMALLEST) * (bands // SMALLEST)
        self.dense = dense(left * CHANNELS[-1], 256, dense_dropout)
        self.head = nn.Linear(256, labels)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.dense(self.layers(as_pictures(patches)).flatten(1)))
        return logits


class CNN4Reduced(PatchNetwork):
    """`CNN4` with half the channels in each convolution, their mean in place of flattening, and 64 dense units.

    For 3 labels it has 106,211 trainable parameters and 608 others, whatever the size of the pictures.

    Args:
        bands: columns of a picture, at least 16.
        labels: answers.
        rows: rows of a picture, at least 16.
        dropout: share of the values dropped in training after each pooling.
        dense_dropout: share of the dense units dropped.

    Raises:
        RecipeError: the picture is too small for four poolings.
    """

    def __init__(self, bands: int, labels: int, rows: int, dropout: float = 0.1, dense_dropout: float = 0.25) -> None:
        super().__init__(rows)
        refuse_smaller(rows, bands)
        channels = [width // 2 for width in CHANNELS]
        self.layers = pooled_convolutions(channels, dropout)
        self.dense = dense(channels[-1], 64, dense_dropout)
        self.head = nn.Linear(64, labels)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.dense(self.layers(as_pictures(patches)).mean((2, 3))))
        return logits


def refuse_smaller(rows: int, columns: int) -> None:
    """Raise RecipeError for pictures that pooling would leave nothing of."""
    if min(rows, columns) < SMALLEST:
        reason = f"needs pictures of at least {SMALLEST}x{SMALLEST}, and these are {rows}x{columns}"
        raise RecipeError("model.network", reason, "set front_end.image")


def pooled_convolutions(channels: Sequence[int], dropout: float) -> nn.Sequential:
    """Convolutions with bias, each with its pooling and dropout."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((1, *channels), channels, strict=False):
        layers += [convolution(inputs, outputs, bias=True), nn.MaxPool2d(2), nn.Dropout(dropout)]
    return nn.Sequential(*layers)


def dense(inputs: int, units: int, dropout: float) -> nn.Sequential:
    """A dense layer with batch normalisation and dropout."""
    return nn.Sequential(nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(dropout))
