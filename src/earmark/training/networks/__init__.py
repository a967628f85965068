"""Networks by name. Each is a `Network`: a module that answers for each step of time."""

from __future__ import annotations

from typing import Any

from earmark.errors import RecipeError
from earmark.training.networks.compact_cnn import CompactCNN
from earmark.training.networks.frame_classifiers import GRUFrames, LinearFrames, MLPFrames, RNNFrames
from earmark.training.networks.network import Network

__all__ = ["NETWORKS", "CompactCNN", "Network", "build"]

NETWORKS: dict[str, type[Network]] = {
    "compact_cnn": CompactCNN,
    "least_squares": LinearFrames,
    "linear_svm": LinearFrames,
    "mlp": MLPFrames,
    "rnn": RNNFrames,
    "gru": GRUFrames,
}


def build(name: str, bands: int, labels: int, options: dict[str, Any]) -> Network:
    """The network `name` for features of `bands` values a frame and `labels` answers."""
    if name not in NETWORKS:
        raise RecipeError(f"model.network: {name}", "is unknown", f"choose among {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](bands=bands, labels=labels, **options)
    except TypeError as error:
        raise RecipeError("model.options", str(error).split(") ")[-1]) from error
