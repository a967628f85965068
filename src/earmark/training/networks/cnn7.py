"""Seven layers with L2 and dropout."""

from __future__ import annotations

from earmark.training.networks.penalised_cnn import PenalisedCNN


class CNN7(PenalisedCNN):
    """Five convolutions, of 32 (5x5, stride 2), 48, 96, 96 and 192 channels, then 128 dense units and the answer.

    Max pooling stands before the second, third and fourth convolution. Pictures of 128x128 cost 44 million
    multiplications.

    Args:
        bands: columns of a patch.
        labels: answers.
        rows: rows of a patch.
        l2: weight of the penalty.
        dropout: share of the values dropped before either dense layer.
        colours: see pictures in colours, not in grey.
    """

    def __init__(
        self, bands: int, labels: int, rows: int, l2: float = 1e-4, dropout: float = 0.3, colours: bool = False
    ) -> None:
        super().__init__(labels, rows, [[48], [96], [96, 192]], l2, dropout, colours)
