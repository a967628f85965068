"""A backbone as a model file of its own, for embeddings and for AudioSet's own answers without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earmark._version import __version__
from earmark.errors import ModelError
from earmark.features.frontend import FrontEnd
from earmark.labels import audioset
from earmark.models import pretrained
from earmark.models.model import Description, Threshold, load_model, pretrained_model
from earmark.models.pretrained import PretrainedWeights
from earmark.training.export import export, round_weights
from earmark.training.networks.mn import AUDIOSET, EmbeddingHead, MobileNet

BANDS = 128  # features in a frame
MEAN = 1.0  # seconds of embeddings that are judged together
THRESHOLD = Threshold(on=0.2, off=0.1)


class AudioSetHead(EmbeddingHead):
    """What answers for AudioSet's classes alone, as published."""

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, 527] of embeddings [batch, steps, bands]."""
        return self.answers(features)[1]


class AudioSetNetwork(MobileNet):
    """A backbone whose labels are AudioSet's classes, with nothing taught anew; `mean` is one of `MobileNet`'s."""

    def __init__(self, width: float = 0.4, mean: float = MEAN, **options: Any) -> None:
        super().__init__(BANDS, AUDIOSET, width, means=(mean,), **options)
        self.answer = AudioSetHead(self.size, AUDIOSET, self.answer.hidden.out_features, self.answer.means)


def converted(name: str) -> Path:
    """The model file of some weights in the cache; made of the publisher's file unless it is there.

    One that is damaged, of other weights or otherwise described is made anew.

    Raises
    ------
    ModelError
        The weights are missing or damaged, or the file cannot be written.
    """
    weights = pretrained.known(name)
    source = pretrained.find(name)
    path = pretrained_model(name)
    with torch.random.fork_rng():
        network = AudioSetNetwork(width=weights.width)
    about = describe(network, weights, pretrained.sha256(source))
    if _describes_itself_as(about, path):
        return path
    network.load(source)
    try:
        export(round_weights(network), about, path)
    except OSError as error:
        raise ModelError(path, f"cannot be written ({error.strerror})", "name another folder: EARMARK_CACHE") from error
    return path


def describe(network: AudioSetNetwork, weights: PretrainedWeights, digest: str) -> Description:
    """What the model file says of itself; `digest` is the SHA-256 of the publisher's file."""
    labels = tuple(one.name for one in audioset.classes())
    step = network.stride * FrontEnd.audioset().seconds
    card = {
        "description": f"AudioSet's 527 classes and embeddings [{network.size}]; {weights.what}",
        "data": "AudioSet, two million clips of 10 s",
        "licence": f"{weights.licence}, {weights.licence_note}",
        "source": weights.source,
        "citation": weights.citation,
        "weights": {"file": weights.file, "sha256": digest},
        "converted": "squeeze-and-excitation over 3 s, answers for 1 s, weights in half precision; nothing taught",
        "earmark": __version__,
    }
    return Description(
        name=weights.name,
        labels=labels,
        exclusive=False,
        front_end=FrontEnd.audioset(),
        stride=network.stride,
        context=network.felt,
        window=step,  # the network itself judges a second
        pooling="linear_softmax",  # a class is rarely there all the time
        thresholds=dict.fromkeys(labels, THRESHOLD),
        card=card,
    )


def _describes_itself_as(about: Description, path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        return load_model(path).description.to_json() == about.to_json()
    except ModelError:
        return False
