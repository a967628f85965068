"""Networks by name. Each is a `Network`: a module that answers for each step of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earmark.errors import RecipeError
from earmark.training.networks.frames import GRUFrames, LinearFrames, MLPFrames, RNNFrames
from earmark.training.networks.imagenet import Pretrained
from earmark.training.networks.mn import MobileNet
from earmark.training.networks.network import Network, PatchNetwork
from earmark.training.networks.patches import CNN4, CNNSmall, Conv1D, DeepCNN, MLPBaseline
from earmark.training.networks.residual import CompactCNN, EarmarkNet, Segmenter

if TYPE_CHECKING:
    from earmark.training.recipe import Recipe

__all__ = ["NETWORKS", "CompactCNN", "EarmarkNet", "Network", "PatchNetwork", "build", "build_for"]

TRANSFERRED = ("mobilenet_v2", "efficientnet_b0", "squeezenet", "alexnet", "vgg16", "densenet161", "resnet152")

NETWORKS: dict[str, type[Network]] = {
    "compact_cnn": CompactCNN,
    "earmark": EarmarkNet,
    "segmenter": Segmenter,
    "mn": MobileNet,
    "least_squares": LinearFrames,
    "linear_svm": LinearFrames,
    "mlp": MLPFrames,
    "rnn": RNNFrames,
    "gru": GRUFrames,
    "mlp_baseline": MLPBaseline,
    "cnn_small": CNNSmall,
    "cnn4": CNN4,
    "cnn4_reduced": CNN4,
    "cnn7": DeepCNN,
    "cnn9": DeepCNN,
    "conv1d": Conv1D,
    **dict.fromkeys(TRANSFERRED, Pretrained),
}

SETTINGS: dict[str, dict[str, Any]] = {
    "cnn4_reduced": {"width": 16, "units": 64, "pooled": True, "dropout": 0.1, "dense_dropout": 0.25},
    "cnn9": {"groups": [[48], [64, 64], [128, 128], [256]], "dropout": 0.4},
    **{name: {"backbone": name} for name in TRANSFERRED},
    "squeezenet": {"backbone": "squeezenet1_1"},
}
"""Options of those that are one network in several settings; a recipe's own lie over them."""


def build_for(recipe: Recipe, labels: int) -> Network:
    """The network that a recipe names, for so many labels."""
    front_end = recipe.front_end
    return build(recipe.model.network, front_end.size, labels, recipe.model.options, front_end.rows)


def build(name: str, bands: int, labels: int, options: dict[str, Any], rows: int | None = None) -> Network:
    """The network `name` for features of `bands` values a frame and `labels` answers.

    `rows` are those of a patch, where the front end cuts patches: networks that answer for patches need them, and
    the others cannot use them.
    """
    if name not in NETWORKS:
        raise RecipeError(f"model.network: {name}", "is unknown", f"choose among {', '.join(NETWORKS)}")
    patched = issubclass(NETWORKS[name], PatchNetwork)
    if patched and rows is None:
        raise RecipeError(f"model.network: {name}", "answers for patches", "set front_end.patch")
    if not patched and rows is not None:
        raise RecipeError(f"model.network: {name}", "answers for frames, not for patches", "leave out front_end.patch")
    if patched:
        options = {**options, "rows": rows}
    try:
        return NETWORKS[name](bands=bands, labels=labels, **SETTINGS.get(name, {}) | options)
    except TypeError as error:
        raise RecipeError("model.options", str(error).split(") ")[-1]) from error
