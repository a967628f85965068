"""A small convolutional network on log-mel."""

from __future__ import annotations

from torch import Tensor, nn

from earmark.training.networks.convolutions import as_pictures, convolution, mean_and_peak
from earmark.training.networks.network import PatchNetwork


class CNNSmall(PatchNetwork):
    """Three convolutions of 16, 32 and 64 channels, mean and peak of each over the whole patch, one linear layer.

    The first two convolutions are followed by max pooling. Inputs may have any range: each row is standardised.

    Args:
        bands: columns of a patch.
        labels: answers.
        rows: rows of a patch.
        width: channels of the first convolution; the others have two and four times as many.
        dropout: share of the last layer's inputs dropped in training.
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
