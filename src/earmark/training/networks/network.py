"""What every network offers to training and export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """Maps features [batch, frames, bands] to logits [batch, steps, labels].

    Step j speaks for the time around frame `j * stride` and depends on `context` frames either side of it, no more;
    `steps == ceil(frames / stride)`. A clip's logits are the mean over its steps.

    Attributes:
        stride: frames from one step to the next.
        context: frames on either side that a step's logits depend on.
        felt: those of them that matter, where what is further away changes nothing but roundings; None: `context`.
        ahead: those after it, where they are fewer; None: `context`.
        unexported: how the names begin of weights that its answers do not need, and model files do not hold.
    """

    stride: int
    context: int
    felt: int | None = None
    ahead: int | None = None
    unexported: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels]."""

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

    A step is a patch. A front end with a `patch` gives its rows: those of a picture, or the one of summary features.

    Args:
        rows: rows of a patch, the network's stride; no step depends on another patch.
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
