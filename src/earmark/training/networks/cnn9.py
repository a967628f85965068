"""Nine layers with L2 and dropout."""

from __future__ import annotations

from earmark.training.networks.penalised_cnn import PenalisedCNN


class CNN9(PenalisedCNN):
    """Seven convolutions, of 32 (5x5, stride 2), 48, 64, 64, 128, 128 and 256 channels, 128 dense units, the answer.

    Max pooling stands before the second, third, fifth and seventh convolution. Pictures of 128x128 cost 53 million
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
        self, bands: int, labels: int, rows: int, l2: float = 1e-4, dropout: float = 0.4, colours: bool = False
    ) -> None:
        super().__init__(labels, rows, [[48], [64, 64], [128, 128], [256]], l2, dropout, colours)
