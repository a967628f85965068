"""Transfer learning: convolutions that have learnt to tell photographs apart hear with the eyes.

Networks trained on ImageNet (Deng et al., 2009) do well on spectrograms as pictures, be they few (Palanisamy et al.,
2020, arXiv:2007.11154). Their architectures, and weights, are torchvision's.
"""

from __future__ import annotations

import importlib
import pickle
import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from earmark.errors import EarmarkError, MissingExtraError, RecipeError
from earmark.training.networks.network import PatchNetwork

MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue, which all its networks expect to be taken off
DEVIATION = (0.229, 0.224, 0.225)
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")  # named so in the file that torchvision offers


@dataclass(frozen=True)
class Architecture:
    """Where torchvision's model has what we take of it."""

    parts: tuple[int, int]  # positions among its convolutional parts where the second and the third of our three begin
    channels: int  # that its convolutions end with
    prefix: str = "features."  # of the names of the convolutions' weights
    smallest: int = 32  # rows and columns that a picture must have at least


ARCHITECTURES = {
    "alexnet": Architecture((3, 8), 256, smallest=64),  # Krizhevsky, 2014, arXiv:1404.5997: 2 million parameters
    "densenet161": Architecture((8, 10), 2208),  # Huang et al., 2017: 26 million
    "efficientnet_b0": Architecture((4, 6), 1280),  # Tan and Le, 2019: 4 million
    "mobilenet_v2": Architecture((7, 14), 1280),  # Sandler et al., 2018: 2 million
    "resnet152": Architecture((6, 7), 2048, prefix=""),  # He et al., 2016: 58 million
    "squeezenet1_1": Architecture((6, 9), 512),  # Iandola et al., 2016, arXiv:1602.07360: 1 million
    "vgg16": Architecture((17, 24), 512),  # Simonyan and Zisserman, 2015, without batch normalisation: 15 million
}
"""By torchvision's names; the numbers are of the convolutions alone."""


class Pretrained(PatchNetwork):
    """torchvision's convolutions, the mean of each of their channels over the picture, dropout, one linear layer.

    The dense layers for ImageNet's labels are left out, also the large ones of AlexNet and VGG-16: they hold nine
    tenths of the parameters, fit one size of picture only, and know photographs. The mean over whatever is left of a
    picture takes their place, so that any size of at least `smallest` will do. A grey picture with values from 0 to 1
    is given to all three colours.

    Weights are set by `initialise`, not as the network is built. There are four stages: the linear layer, then the
    convolutions in three parts, from the last to the first. What is not yet trained is fully at rest: its batch
    normalisation uses, and keeps, the statistics that it came with.

    Parameters
    ----------
    backbone
        torchvision's name of the model, one of `ARCHITECTURES`.
    weights
        `imagenet`, torchvision's own (`IMAGENET1K_V1`), which it downloads into its cache; `none`, random ones;
        otherwise the path of a file with the `state_dict` of torchvision's model of this name.
    dropout
        Share of the linear layer's inputs dropped in training.

    Raises
    ------
    RecipeError
        The pictures are too small.
    MissingExtraError
        torchvision is not installed.
    """

    def __init__(
        self,
        bands: int,
        labels: int,
        rows: int,
        backbone: str = "mobilenet_v2",
        weights: str = "imagenet",
        dropout: float = 0.2,
    ) -> None:
        super().__init__(rows)
        self.backbone, self.architecture = backbone, ARCHITECTURES[backbone]
        least = self.architecture.smallest
        if min(rows, bands) < least:
            reason = f"needs pictures of at least {least}x{least}, and these are {rows}x{bands}"
            raise RecipeError(f"model.network: {backbone}", reason, "set front_end.image")
        self.weights = weights
        self.trained = len(self.architecture.parts) + 2  # stages
        self.convolutions = convolutions_of(torchvision_models().get_model(backbone, weights=None), backbone)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.architecture.channels, labels)

    def answer(self, patches: Tensor) -> Tensor:
        """Logits."""
        colours = [(patches - mean) / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
        pictures = torch.stack(colours, 1).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.head(self.dropout(self.convolutions(pictures).mean((2, 3))))
        return logits

    def stages(self) -> list[nn.Module]:
        """The linear layer, and the convolutions' three parts from the last to the first."""
        second, third = self.architecture.parts
        return [self.head, self.convolutions[third:], self.convolutions[second:third], self.convolutions[:second]]

    def unfreeze(self, stages: int) -> None:
        """Train the first of the stages, so many of them, and let the others rest."""
        self.trained = stages
        for position, stage in enumerate(self.stages()):
            stage.requires_grad_(position < stages)
        self.train(self.training)

    def train(self, mode: bool = True) -> Pretrained:
        """Set to training or evaluation, which stages at rest are always in."""
        super().train(mode)
        for stage in self.stages()[self.trained :]:
            stage.eval()
        return self

    def initialise(self) -> None:
        """Set the convolutions' weights from where `weights` says.

        Raises
        ------
        EarmarkError
            torchvision cannot download the weights.
        RecipeError
            The file is missing, or holds no weights of this model.
        """
        if self.weights == "none":
            return
        state = self._downloaded() if self.weights == "imagenet" else self._from_file()
        own = {
            OLD_DENSENET.sub(r"\1\2", name).removeprefix(self.architecture.prefix): value
            for name, value in state.items()
            if name.startswith(self.architecture.prefix) and not name.startswith("fc.")
        }
        try:
            self.convolutions.load_state_dict(own)
        except RuntimeError as error:
            raise self._refused(f"holds no weights of torchvision's {self.backbone}") from error

    def _downloaded(self) -> dict[str, Tensor]:
        weights = torchvision_models().get_model_weights(self.backbone).IMAGENET1K_V1
        try:
            state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except (OSError, RuntimeError) as error:
            reason = f"cannot be downloaded ({' '.join(str(error).split())})"
            remedy = "fetch the file elsewhere and set model.options.weights to its path, or to none"
            raise EarmarkError(weights.url, reason, remedy) from error
        return state

    def _from_file(self) -> dict[str, Tensor]:
        try:
            state = torch.load(Path(self.weights).expanduser(), map_location="cpu", weights_only=True)
        except OSError as error:
            raise self._refused(f"cannot be read ({error.strerror})") from error
        except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
            raise self._refused("is no file of weights that torch can read") from error
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise self._refused("holds no weights by name, a state_dict")
        return state

    def _refused(self, reason: str) -> RecipeError:
        remedy = f"give imagenet, none, or a file with the state_dict of torchvision's {self.backbone}"
        return RecipeError(f"model.options.weights: {self.weights}", reason, remedy)


def convolutions_of(model: Any, backbone: str) -> nn.Sequential:
    """The part of torchvision's model that we take."""
    if backbone.startswith("resnet"):
        parts = [part for part in model.named_children() if part[0] not in ("avgpool", "fc")]
    else:
        parts = [*model.features.named_children()]
    if backbone.startswith("densenet"):
        parts.append(("relu", nn.ReLU()))
    for _, part in parts:
        for inner in part.modules():
            if hasattr(inner, "avgpool"):  # EfficientNet's, as torchvision writes them, take the ONNX exporter minutes
                inner.avgpool = Mean()
    return nn.Sequential(OrderedDict(parts))


class Mean(nn.Module):
    """Mean of each channel: [pictures, channels, rows, columns] to [pictures, channels, 1, 1]."""

    def forward(self, maps: Tensor) -> Tensor:
        """Means."""
        return maps.mean((2, 3), keepdim=True)


BOX_OPERATORS = ("nms", "qnms")  # compiled; torchvision describes them as it is imported, whether they are there or not


def torchvision_models() -> Any:
    """The module `torchvision.models`.

    torchvision from one source and torch from another often do not fit: its compiled part is not loaded then, which
    it allows for, but importing it fails with `operator torchvision::nms does not exist`. No classifier needs that
    operator, so that it is enough to declare it.

    Raises
    ------
    MissingExtraError
        torchvision is not installed.
    """
    try:
        try:
            return importlib.import_module("torchvision.models")
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
            _declare_box_operators()
            return importlib.import_module("torchvision.models")
    except ImportError as error:
        raise MissingExtraError("transfer learning", "pretrained") from error


@cache  # a declaration lasts as long as its library
def _declare_box_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in BOX_OPERATORS:
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    return library
