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

Array = NDArray[np.float32]

QUANTISED = "_quantized"  # behind the names of weights in 8 bits
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
            remedy = "give the model.network and model.options that it was trained with"
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


def weights_of(model: onnx.ModelProto) -> dict[str, Array]:
    """The weights of an exported model, of 8 or 16 bits, under the names that they have in the network."""
    held = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    weights = {name.removeprefix(PREFIX): values for name, values in _in_full(held).items() if name.startswith(PREFIX)}
    if f"{ANSWER}.weight" not in weights and f"{ANSWER}.bias" in weights:
        turned = _turned(_in_full(held), len(weights[f"{ANSWER}.bias"]))
        weights |= {} if turned is None else {f"{ANSWER}.weight": turned}
    return weights


def _in_full(held: Mapping[str, Array]) -> dict[str, Array]:
    """All values as float32: those of half precision, and those of 8 bits times their scales, one for each channel."""
    full = {}
    for name, values in held.items():
        if name.endswith(QUANTISED):
            own = name.removesuffix(QUANTISED)
            scale = held[own + "_scale"].astype(np.float32)
            channels = 0 if own.startswith(PREFIX) else values.ndim - 1  # a matrix that was turned has them last
            shape = [-1 if axis == channels else 1 for axis in range(values.ndim)]
            full[own] = values.astype(np.float32) * scale.reshape(shape if scale.ndim else ())
        elif values.dtype in (np.float16, np.float32):
            full[name.removesuffix(HALF)] = values.astype(np.float32)
    return full


def _turned(full: Mapping[str, Array], labels: int) -> Array | None:
    """The last layer's weights, which an exporter may keep turned, [inputs, labels], under a name of its own."""
    matrices = [values for name, values in full.items() if not name.startswith(PREFIX) and values.ndim == 2]
    fitting = [values for values in matrices if values.shape[1] == labels]
    return np.ascontiguousarray(fitting[0].T) if len(fitting) == 1 else None
