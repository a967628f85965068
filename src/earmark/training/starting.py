"""Training that goes on from a model file instead of from random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from earmark.errors import RecipeError
from earmark.models.model import Description, load_model
from earmark.training import networks
from earmark.training.export import HALF, PREFIX, TURNED
from earmark.training.networks import Network
from earmark.training.recipe import Recipe

Array = NDArray[np.float32]

QUANTISED = "_quantized"  # behind the names of weights in 8 bits
ANSWER = "head"  # every network's last layer, or a part's: a row of weights and a bias for each label


class Start:
    """The weights of a model file, or the mean of several, for networks of the same shape with whatever labels.

    Args:
        recipe: its `model.start` is the file's path, or the name of a bundled model; or several.

    Raises:
        ModelError: there is no such model.
        RecipeError: one hears other features, or is another network, than the recipe says, or they know other labels.
    """

    def __init__(self, recipe: Recipe) -> None:
        names = recipe.model.starts
        models = [load_model(name, threads=1) for name in names]
        self.labels = models[0].labels
        held = []
        for name, model in zip(names, models, strict=True):
            if model.labels != self.labels:
                raise _unfit(name, f"knows other labels than {names[0]}", "give files of one recipe")
            held.append(weights_of(onnx.load(model.path)))
            _check(name, model.description, held[-1], recipe)
        self.weights = {name: np.mean([own[name] for own in held], axis=0) for name in held[0]}

    @torch.no_grad()
    def set(self, network: Network, labels: Sequence[str]) -> None:
        """Give a network, made by the recipe for these labels, the file's weights.

        The answers for labels that the file knows come with them; those for others, and what model files do not hold,
        stay as they were made.
        """
        rows = [(new, self.labels.index(label)) for new, label in enumerate(labels) if label in self.labels]
        for name, value in _exported(network).items():
            given = torch.from_numpy(self.weights[name])
            if not _answers(name):
                value.copy_(given)
            elif len(given) == len(self.labels) and len(value) == len(labels):
                _copy_rows(value, given, rows)
            elif tuple(labels) == self.labels:
                value.copy_(given)


def _check(name: str, about: Description, weights: Mapping[str, Array], recipe: Recipe) -> None:
    """Refuse a file that does not fit the recipe."""
    wanted, own = about.front_end.to_dict(), recipe.front_end.to_dict()
    if wanted != own:
        other = {key: value for key, value in wanted.items() if value != own[key]}
        raise _unfit(name, "hears other features", f"set front_end: {other}")
    kind = recipe.model.network
    made = networks.build_for(recipe, len(about.labels))
    needed = {key: tuple(value.shape) for key, value in _exported(made).items()}
    if needed != {key: value.shape for key, value in weights.items() if key in needed}:
        remedy = "give the model.network and model.options that it was trained with"
        raise _unfit(name, f"holds another network than {kind}", remedy)


def _exported(network: Network) -> dict[str, Tensor]:
    """The weights and statistics that a network's model file holds."""
    held = network.state_dict().items()
    return {k: v for k, v in held if v.is_floating_point() and not k.startswith(network.unexported)}


def _answers(name: str) -> bool:
    """Whether weights of this name are those of the last layer."""
    return ANSWER in name.split(".")[:-1]


def _unfit(name: str, reason: str, remedy: str) -> RecipeError:
    return RecipeError(f"model.start: {name}", reason, remedy)


def _copy_rows(value: Tensor, given: Tensor, rows: Sequence[tuple[int, int]]) -> None:
    for new, old in rows:
        value[new] = given[old]


def weights_of(model: onnx.ModelProto) -> dict[str, Array]:
    """The weights of an exported model, of 8 or 16 bits, under the names that they have in the network."""
    full = _in_full({weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer})
    for node in model.graph.node:  # of weights that are alike, an exporter may keep one
        if node.op_type == "Identity" and node.input[0] in full:
            full[node.output[0]] = full[node.input[0]]
    for name in [name for name in full if name.endswith(TURNED)]:
        full[name.removesuffix(TURNED)] = np.ascontiguousarray(full.pop(name).T)
    weights = {name.removeprefix(PREFIX): values for name, values in full.items() if name.startswith(PREFIX)}
    if f"{ANSWER}.weight" not in weights and f"{ANSWER}.bias" in weights:
        turned = _turned(full, len(weights[f"{ANSWER}.bias"]))
        weights |= {} if turned is None else {f"{ANSWER}.weight": turned}
    return weights


def _in_full(held: Mapping[str, Array]) -> dict[str, Array]:
    """All values as float32: those of half precision, and those of 8 bits times their scales, one for each channel."""
    full = {}
    for name, values in held.items():
        if name.endswith(QUANTISED):
            own = name.removesuffix(QUANTISED)
            scale = held[own + "_scale"].astype(np.float32)
            straight = own.startswith(PREFIX) and not own.endswith(TURNED)
            channels = 0 if straight else values.ndim - 1  # a matrix that was turned has them last
            shape = [-1 if axis == channels else 1 for axis in range(values.ndim)]
            full[own] = values.astype(np.float32) * scale.reshape(shape if scale.ndim else ())
        elif values.dtype in (np.float16, np.float32):
            full[name.removesuffix(HALF)] = values.astype(np.float32)
    return full


def _turned(full: Mapping[str, Array], labels: int) -> Array | None:
    """The last layer's weights, which files of before have turned, [inputs, labels], under a name of the exporter's."""
    matrices = [values for name, values in full.items() if not name.startswith(PREFIX) and values.ndim == 2]
    fitting = [values for values in matrices if values.shape[1] == labels]
    return np.ascontiguousarray(fitting[0].T) if len(fitting) == 1 else None
