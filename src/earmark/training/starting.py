"""Training that goes on from a model file instead of from random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from earmark.errors import RecipeError
from earmark.model import load_model
from earmark.training import networks
from earmark.training.export import HALF, PREFIX
from earmark.training.networks import Network
from earmark.training.recipe import Recipe

ANSWER = "head"  # every network's last layer: a row of weights and a bias for each label


class Start:
    """The weights of a model file, for networks of the same shape with whatever labels.

    Args:
        recipe: its `model.start` is the file's path, or the name of a bundled model.

    Raises:
        ModelError: there is no such model.
        RecipeError: it hears other features, or is another network, than the recipe says.
    """

    def __init__(self, recipe: Recipe) -> None:
        assert recipe.model.start is not None
        model = load_model(recipe.model.start, threads=1)
        self.labels = model.labels
        self.name = recipe.model.start
        wanted, own = model.description.front_end.to_dict(), recipe.front_end.to_dict()
        if wanted != own:
            other = {key: value for key, value in wanted.items() if value != own[key]}
            raise self._unfit("hears other features", f"set front_end: {other}")
        self.weights = weights_of(onnx.load(model.path))
        self._check(recipe)

    def _check(self, recipe: Recipe) -> None:
        front_end = recipe.front_end
        name = recipe.model.network
        own = networks.build(name, front_end.size, len(self.labels), recipe.model.options, front_end.rows).state_dict()
        needed = {key: tuple(value.shape) for key, value in own.items() if value.is_floating_point()}
        if needed != {key: value.shape for key, value in self.weights.items() if key in needed}:
            remedy = "give the model.network and model.options that it was trained with, and a file of 16 bits"
            raise self._unfit(f"holds another network than {name}", remedy)

    def _unfit(self, reason: str, remedy: str) -> RecipeError:
        return RecipeError(f"model.start: {self.name}", reason, remedy)

    @torch.no_grad()
    def set(self, network: Network, labels: Sequence[str]) -> None:
        """Give a network, made by the recipe for these labels, the file's weights.

        The answers for labels that the file knows come with them; those for others stay as they were made.
        """
        rows = [(new, self.labels.index(label)) for new, label in enumerate(labels) if label in self.labels]
        for name, value in network.state_dict().items():
            if not value.is_floating_point():
                continue
            given = torch.from_numpy(self.weights[name])
            if not name.startswith(ANSWER + "."):
                value.copy_(given)
            elif len(given) == len(self.labels) and len(value) == len(labels):
                _copy_rows(value, given, rows)
            elif tuple(labels) == self.labels:
                value.copy_(given)


    def setter(self, labels: Sequence[str]) -> Callable[[Network], None]:
        """`set` for networks with these labels."""
        return lambda network: self.set(network, labels)


def _copy_rows(value: Tensor, given: Tensor, rows: Sequence[tuple[int, int]]) -> None:
    for new, old in rows:
        value[new] = given[old]


def weights_of(model: onnx.ModelProto) -> Mapping[str, NDArray[np.float32]]:
    """The weights of an exported model under the names that they have in the network."""
    return {
        weight.name.removeprefix(PREFIX).removesuffix(HALF): numpy_helper.to_array(weight).astype(np.float32)
        for weight in model.graph.initializer
        if weight.name.startswith(PREFIX)
    }
