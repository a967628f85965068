"""A backbone's embeddings of prepared clips, computed once and kept beside their features."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from earmark.features.frontend import FrontEnd
from earmark.training.activity import Activity, in_steps
from earmark.training.batches import TrainingSet
from earmark.training.networks.mn import MobileNet
from earmark.training.prepared import Computed, Index, Prepared, Progress, Work, default_cache, filled


def embedded(
    network: MobileNet, features: Prepared, cache: Path | None = None, progress: Progress | None = None
) -> Prepared:
    """Embeddings [steps, size] of each clip, by a backbone as it is.

    Args:
        network: whose weights tell the store, beside the front end: another backbone, or another step, has another.
        features: of clips that could be read.
        cache: where stores lie; the usual place if None.
        progress: told how far the work has come.
    """
    network.eval()

    def work(index: Index) -> Work:
        missing = {key: i for i, key in enumerate(features.keys) if key not in index}
        return {(key,): partial(_compute, network, features, i) for key, i in missing.items()}

    folder = (cache or default_cache()) / ("embeddings-" + fingerprint(network, features.front_end))
    return filled(folder, network.size, features.keys, work, features.front_end, progress)


@torch.no_grad()
def _compute(network: MobileNet, features: Prepared, clip: int) -> Sequence[Computed]:
    values = network.embed(torch.from_numpy(features[clip])[None])[0]
    return [values.numpy().astype(np.float16)]


def fingerprint(network: MobileNet, front_end: FrontEnd) -> str:
    """What tells a backbone's embeddings from those of others, or of other features."""
    text = hashlib.sha256(f"{network.stride}:{network.reach}:{front_end}".encode())
    for name, value in network.features.state_dict().items():
        text.update(name.encode() + value.numpy().tobytes())
    return text.hexdigest()[:16]


def as_embeddings(
    data: TrainingSet, network: MobileNet, cache: Path | None = None, progress: Progress | None = None
) -> TrainingSet:
    """The training set with embeddings in place of features; when labels hold is told for steps."""
    steps = embedded(network, data.features, cache, progress)
    activity: Sequence[Activity] | None = None
    if data.activity is not None:
        activity = [_in_steps(own, network.stride) for own in data.activity]
    return replace(data, features=steps, activity=activity, stride=network.stride)


def _in_steps(active: Activity, stride: int) -> Activity:
    share: Activity = in_steps(torch.from_numpy(active.astype(np.float32))[None], stride)[0].numpy()
    return share
