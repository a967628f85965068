"""MobileNetV3 for audio: the network of the backbones that learned AudioSet, for streams of any length.

MobileNetV3-Large (Howard et al., 2019, arXiv:1905.02244) on a log-mel spectrogram, as Schmid, Koutini and Widmer taught
it AudioSet's 527 classes (2023, arXiv:2211.04772), at any width. Two things differ from theirs, neither in its weights:
squeeze-and-excitation looks at a window of time around each moment, not at the whole clip, so that the answer for a
moment depends on a bounded stretch around it; and the last strides over time may be left out, the filters behind them
being dilated instead (Yu and Koltun, 2016, arXiv:1511.07122), so that answers come each 320, 160 or 80 ms.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from earmark.errors import ModelError, RecipeError
from earmark.labels import audioset
from earmark.models import pretrained
from earmark.training.networks.network import Network
from earmark.training.networks.residual import EarmarkNet

AUDIOSET = 527  # classes
FRAME = 0.01  # seconds between the frames that the network is made for
EPSILON = 1e-3  # of batch normalisation
DIVISOR = 8  # of numbers of channels
STEPS = (32, 16, 8)  # frames
PARTS = (0, 3, 7, 11, 13, 15, 17)  # layers where each part of the backbone begins
OWN = ("answer.normalise.", "answer.own.", "answer.head.", "answer.classes", "beside.")  # not in the publisher's file
FELT = 512  # frames either side of a moment; what the backbone sees further away moves a score by less than 3e-5
LEAST = 1e-6  # odds of a label for which no class of AudioSet stands
SURER = 1.5  # added to AudioSet's log-odds: its scores are lower than a label's share of what is heard


@dataclass(frozen=True)
class _Row:
    """A row of table 1 of Howard et al. (2019)."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    hard_swish: bool
    stride: int


_TABLE = (
    _Row(3, 16, 16, False, False, 1),
    _Row(3, 64, 24, False, False, 2),
    _Row(3, 72, 24, False, False, 1),
    _Row(5, 72, 40, True, False, 2),
    _Row(5, 120, 40, True, False, 1),
    _Row(5, 120, 40, True, False, 1),
    _Row(3, 240, 80, False, True, 2),
    _Row(3, 200, 80, False, True, 1),
    _Row(3, 184, 80, False, True, 1),
    _Row(3, 184, 80, False, True, 1),
    _Row(3, 480, 112, True, True, 1),
    _Row(3, 672, 112, True, True, 1),
    _Row(5, 672, 160, True, True, 2),
    _Row(5, 960, 160, True, True, 1),
    _Row(5, 960, 160, True, True, 1),
)


class _LabelLayer(nn.Linear):
    """The last layer; with a prior, it learns how far that is right: nothing of its own at first."""

    scale: nn.Parameter
    shift: nn.Parameter

    def __init__(self, size: int, labels: int, prior: bool) -> None:
        super().__init__(size, labels)
        if prior:
            nn.init.zeros_(self.weight)
            nn.init.zeros_(self.bias)
            self.scale = nn.Parameter(torch.ones(labels))
            self.shift = nn.Parameter(torch.full((labels,), SURER))


class EmbeddingHead(Network):
    """What answers on embeddings, for AudioSet's classes and for the recipe's labels; frames are steps here.

    Embeddings are averaged over one or more windows of time around each step, and AudioSet's hidden layer looks at each
    of these means. What answers for the labels sees the means and what the hidden layer makes of them. AudioSet's last
    layer is never trained: no label needs it, and what is to be kept is what it makes of the layers before it.

    Parameters
    ----------
    bands
        Values of an embedding.
    labels
        Answers.
    backbone_hidden
        Units of AudioSet's hidden layer.
    means
        Steps of the windows, odd numbers; 1 is the step itself.
    hidden
        Units of a hidden layer for the labels; 0: one linear layer.
    dropout
        Share of each layer's inputs that are dropped in training.
    prior
        Steps over which AudioSet's answers are averaged, which the answers for the labels then start from, each from
        the classes that stand for it: what is learned is how far they are right. So a label without any recording has
        AudioSet's answer. 0: the labels do not know AudioSet's.
    """

    stride = 1

    def __init__(
        self,
        bands: int,
        labels: int,
        backbone_hidden: int,
        means: Sequence[int] = (1,),
        hidden: int = 0,
        dropout: float = 0.2,
        prior: int = 0,
    ) -> None:
        super().__init__()
        self.means, self.prior = tuple(means), prior
        self.context = max(*self.means, prior) // 2
        self.hidden = nn.Linear(bands, backbone_hidden)
        self.audioset = nn.Linear(backbone_hidden, AUDIOSET).requires_grad_(False)
        self.dropout = nn.Dropout(dropout)
        size = len(self.means) * (bands + backbone_hidden)
        self.normalise = nn.BatchNorm1d(size, affine=False)
        self.own = nn.Sequential(nn.Linear(size, hidden), nn.Hardswish(), self.dropout) if hidden else nn.Identity()
        self.head = _LabelLayer(hidden or size, labels, prior > 0)
        self.classes: Tensor
        if prior:
            self.register_buffer("classes", torch.zeros(labels, AUDIOSET, dtype=torch.bool))

    def name_labels(self, labels: Sequence[str]) -> None:
        """Say what the labels are called, by which AudioSet's classes stand for them."""
        if not self.prior:
            return
        ids = {label: audioset.standing_for(label) for label in labels if label not in audioset.nearest_only()}
        classes = torch.zeros(len(labels), AUDIOSET, dtype=torch.bool)
        for label, indices in audioset.answering(ids, for_parents=True).items():
            classes[labels.index(label), indices] = True
        self.classes.copy_(classes)

    def answers(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the labels, and of AudioSet's classes over the longest window.

        [batch, steps, labels] and [batch, steps, 527] of [batch, steps, bands].
        """
        pooled, hidden = self._means(embeddings)
        widest = hidden[self.means.index(max(self.means))]
        return self._labels(torch.cat([*pooled, *hidden], -1), embeddings), self.audioset(widest)

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels] of embeddings [batch, steps, bands]."""
        return self._labels(self.joined(features), features)

    def joined(self, embeddings: Tensor) -> Tensor:
        """What the labels are judged by: the means, then the hidden layer's, [batch, steps, size] of embeddings."""
        pooled, hidden = self._means(embeddings)
        return torch.cat([*pooled, *hidden], -1)

    def _means(self, embeddings: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The means over each window, and what AudioSet's hidden layer makes of each."""
        pooled = [_sliding_mean(embeddings.transpose(1, 2), steps).transpose(1, 2) for steps in self.means]
        return pooled, [functional.hardswish(self.hidden(mean)) for mean in pooled]

    def _labels(self, joined: Tensor, embeddings: Tensor) -> Tensor:
        seen = self.dropout(self.normalise(joined.transpose(1, 2)).transpose(1, 2))
        logits: Tensor = self.head(self.own(seen))
        return logits + self.head.scale * self._known(embeddings) + self.head.shift if self.prior else logits

    def _known(self, embeddings: Tensor) -> Tensor:
        """The log of the sum of the odds of the classes that stand for each label, [batch, steps, labels]."""
        mean = _sliding_mean(embeddings.transpose(1, 2), self.prior).transpose(1, 2)
        odds: Tensor = self.audioset(functional.hardswish(self.hidden(mean))).exp()
        return (odds @ self.classes.float().T + LEAST).log()


class MobileNet(Network):
    """The backbone with its embeddings, and what answers on them.

    The embedding of a step is the mean over frequency of the last layer, 384 values at a width of 0.4.

    Parameters
    ----------
    bands
        Features in a frame, 128 for the published weights.
    labels
        Answers.
    width
        Factor of the numbers of channels: 0.4 in `mn04_as`, 0.5 in `mn05_as`, 1.0 in `mn10_as`.
    weights
        A name that `earmark models get` knows, or the path of such a file; None: random ones.
    step
        Frames from one answer to the next: 32, 16 or 8 (320, 160 or 80 ms).
    window
        Seconds that squeeze-and-excitation looks at, around each moment.
    means
        Seconds over which embeddings are averaged around a step before they are judged, each beside the others; 0 is
        the step itself, for labels that must be marked to the step. Where a clip has one label as a whole, one mean as
        long as the clips.
    hidden
        Units of a hidden layer for the labels; 0: one linear layer.
    dropout
        Share of the inputs of what answers that are dropped in training.
    prior
        Seconds over which AudioSet's answers are averaged that those for the labels start from, so that a label without
        any recording has AudioSet's; 0: none do.
    beside
        The width of an `EarmarkNet`, which knows nothing from elsewhere, that answers on the same features: log-odds
        are the mean of both. They err differently. 0: there is none.
    """

    def __init__(
        self,
        bands: int,
        labels: int,
        width: float = 0.4,
        weights: str | None = None,
        step: int = 32,
        window: float = 3.0,
        means: Sequence[float] = (0.0,),
        hidden: int = 0,
        dropout: float = 0.2,
        prior: float = 0.0,
        beside: int = 0,
    ) -> None:
        super().__init__()
        if step not in STEPS:
            raise RecipeError(f"model.options.step: {step}", "is not possible", "choose 32, 16 or 8 frames")
        if window <= 0 or not means or min(*means, prior) < 0:
            raise RecipeError("model.options", "window must be positive, means at least 0 and prior at least 0 seconds")
        self.stride, self.weights = step, weights
        channels = _channels(16 * width)
        self.features = nn.Sequential(_convolution(1, channels, 3, (2, 2), nn.Hardswish()))
        reach, frames, dilation = 1, 2, 1  # frames either side, frames from one column to the next, of the filters
        for row in _TABLE:
            stride = row.stride if frames * row.stride <= step else 1
            columns = _columns(window, frames * stride) if row.squeeze else None
            self.features.append(_Block(channels, row, width, stride, dilation, columns))
            reach += row.kernel // 2 * dilation * frames
            frames *= stride
            reach += 0 if columns is None else columns // 2 * frames
            dilation *= row.stride // stride
            channels = _channels(row.out * width)
        self.size = 6 * channels
        self.features.append(_convolution(channels, self.size, 1, (1, 1), nn.Hardswish()))
        steps = [_columns(seconds, step) for seconds in means]
        known = _columns(prior, step) if prior else 0
        self.answer = EmbeddingHead(self.size, labels, _channels(1280 * width), steps, hidden, dropout, known)
        self.unexported = () if prior else ("answer.audioset.",)
        self.reach = reach
        self.beside = EarmarkNet(bands, labels, beside, pooled=step // EarmarkNet.STRIDE) if beside else None
        own = reach + self.answer.context * step
        self.context = own if self.beside is None else max(own, self.beside.context)

    @property
    def felt(self) -> int:
        """Frames that matter: those of the answer's windows, and the nearer ones of the backbone's."""
        return min(self.reach, FELT) + self.context - self.reach

    def embed(self, features: Tensor) -> Tensor:
        """Embeddings [batch, steps, size] of features [batch, frames, bands]."""
        picture = features.transpose(1, 2).unsqueeze(1).contiguous(memory_format=torch.channels_last)
        x: Tensor = self.features(picture)  # channels last: half the time on a CPU, and safe as all come in eights
        return x.mean(2).transpose(1, 2)

    def answers(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the labels [batch, steps, labels], and of AudioSet's classes [batch, steps, 527]."""
        logits, known = self.answer.answers(self.embed(features))
        return self._with_beside(logits, features), known

    def forward(self, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels]."""
        return self.judge(self.embed(features), features)

    def judge(self, embeddings: Tensor, features: Tensor) -> Tensor:
        """Logits [batch, steps, labels] of features [batch, frames, bands] and their embeddings."""
        return self._with_beside(self.answer(embeddings), features)

    def _with_beside(self, logits: Tensor, features: Tensor) -> Tensor:
        return logits if self.beside is None else (logits + self.beside(features)) / 2

    def name_labels(self, labels: Sequence[str]) -> None:
        """Say what the labels are called, by which AudioSet's classes stand for them."""
        self.answer.name_labels(labels)

    def initialise(self) -> None:
        """Set the backbone's weights, and those of AudioSet's answers.

        Raises
        ------
        ModelError
            They are missing, damaged or of another network.
        """
        if self.weights is not None:
            self.load(pretrained.find(self.weights))

    def load(self, path: Path) -> None:
        """Take all weights of the publisher's file; what answers for the labels stays as it is.

        Raises
        ------
        ModelError
            The file is damaged, or its weights are those of another network.
        """
        try:
            published = _published(path, path.stat().st_mtime_ns)
            state = {_renamed(name): value for name, value in published.items()}
        except (OSError, EOFError, pickle.UnpicklingError, RuntimeError, ValueError, AttributeError) as error:
            raise ModelError(path, "is damaged, or holds no weights", "get it anew") from error
        state |= {name: value for name, value in self.state_dict().items() if name.startswith(OWN)}
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            raise ModelError(path, "holds the weights of another network", "set model.options.width") from error

    def stages(self) -> list[nn.Module]:
        """What answers, and the backbone in parts of some blocks, from the last to the first."""
        parts = [self.features[first:last] for first, last in pairwise(PARTS)]
        return [self.answer, *reversed(parts), *([] if self.beside is None else [self.beside])]

    def unfreeze(self, stages: int) -> None:
        """Train the first of the stages, so many of them, and let the others rest."""
        for position, stage in enumerate(self.stages()):
            stage.requires_grad_(position < stages)
        self.answer.audioset.requires_grad_(False)


class _Block(nn.Module):
    """An inverted residual: channels expanded, filtered one by one, weighed, and projected."""

    def __init__(self, channels: int, row: _Row, width: float, stride: int, dilation: int, columns: int | None) -> None:
        super().__init__()
        expanded, out = _channels(row.expanded * width), _channels(row.out * width)
        act: type[nn.Module] = nn.Hardswish if row.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != channels:
            layers.append(_convolution(channels, expanded, 1, (1, 1), act()))
        layers.append(_convolution(expanded, expanded, row.kernel, (row.stride, stride), act(), dilation, expanded))
        if columns is not None:
            layers.append(_SqueezeExcitation(expanded, columns))
        layers.append(_convolution(expanded, out, 1, (1, 1)))
        self.block = nn.Sequential(*layers)
        self.shortcut = row.stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, bands, columns]."""
        y: Tensor = self.block(x)
        return y + x if self.shortcut else y


class _SqueezeExcitation(nn.Module):
    """Channels weighed by what all of them do in the columns around (Hu, Shen and Sun, 2018, arXiv:1709.01507)."""

    def __init__(self, channels: int, columns: int) -> None:
        super().__init__()
        squeezed = _channels(channels // 4)
        self.columns = columns
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, bands, columns], of the same shape."""
        around = _sliding_mean(x.mean(2), self.columns).transpose(1, 2)
        weights: Tensor = self.fc2(functional.relu(self.fc1(around))).sigmoid()
        return x * weights.transpose(1, 2).unsqueeze(2)


def _convolution(
    channels: int,
    out: int,
    kernel: int,
    stride: tuple[int, int],
    activation: nn.Module | None = None,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """A convolution, dilated over time, with batch normalisation and activation."""
    padding = kernel // 2, kernel // 2 * dilation
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, padding, (1, dilation), groups, bias=False),
        nn.BatchNorm2d(out, eps=EPSILON, momentum=0.01),
    ]
    return nn.Sequential(*layers, *([] if activation is None else [activation]))


def _sliding_mean(x: Tensor, columns: int) -> Tensor:
    """The mean of so many columns, an odd number, around each of [batch, channels, columns]; of fewer at the ends."""
    if columns == 1:
        return x
    mean: Tensor = functional.avg_pool1d(x, columns, 1, columns // 2, count_include_pad=False)
    return mean


def _columns(seconds: float, frames: int) -> int:
    """A column and those around it, so many frames apart: half of so many seconds on either side, to the nearest."""
    return 2 * round(seconds / (frames * FRAME) / 2) + 1


def _channels(wanted: float) -> int:
    """The multiple of eight nearest to a number of channels, not below nine tenths of it."""
    near = max(DIVISOR, int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR)
    return near + DIVISOR if near < 0.9 * wanted else near


@lru_cache(maxsize=1)
def _published(path: Path, changed: int) -> dict[str, Tensor]:
    """The publisher's state dict, read once for all networks of a run."""
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _renamed(name: str) -> str:
    """Our name of one of the publisher's weights."""
    name = name.replace(".conc_se_layers.0.", ".")
    return name.replace("classifier.2.", "answer.hidden.").replace("classifier.5.", "answer.audioset.")
