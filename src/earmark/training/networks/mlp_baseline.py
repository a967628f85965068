"""The plainest baseline: a two-layer perceptron on the summary features of a patch."""

from __future__ import annotations

import math

from torch import Tensor, nn

from earmark.training.networks.network import PatchNetwork


class MLPBaseline(PatchNetwork):
    """One hidden layer of 100 rectified units, then the answer, as scikit-learn's `MLPClassifier()` has by default.

    The weights start as there, too (Glorot and Bengio, 2010). Its other defaults belong into the recipe: Adam at a
    rate of 0.001 in batches of 200. The inputs are standardised first, by means and variances over all of training.

    Args:
        bands: features in a row.
        labels: answers.
        rows: rows of a patch; summary features have one.
        hidden: units of the hidden layer.
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
        logits: Tensor = self.head(self.hidden(self.standardise(patches.flatten(1))).relu())
        return logits
