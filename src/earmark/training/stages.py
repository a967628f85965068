"""A network trained in the recipe's stages one after the other, each resumable; and the weights that it starts from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import torch
from lightning_fabric import Fabric
from onnx import numpy_helper
from torch import Tensor

from earmark.errors import RecipeError
from earmark.models.model import Description, load_model
from earmark.training import networks
from earmark.training.batches import TrainingSet, as_embeddings
from earmark.training.data import Part, TrainingData
from earmark.training.export import HALF, PREFIX, TURNED
from earmark.training.networks import Network
from earmark.training.networks.mn import MobileNet
from earmark.training.networks.residual import EarmarkNet
from earmark.training.prepared import Progress
from earmark.training.recipe import Recipe
from earmark.training.ridge import solve_head
from earmark.training.run_folder import Listener, append_history
from earmark.training.tasks import SoundTask
from earmark.training.trainer import EpochReport, Report, fit
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

QUANTISED = "_quantized"  # behind the names of weights in 8 bits
Built = TypeVar("Built")

ANSWER = "head"  # every network's last layer, or a part's: a row of weights and a bias for each label


class Start:
    """The weights of a model file, or the mean of several, for networks of the same shape with whatever labels.

    Parameters
    ----------
    recipe
        Its `model.start` is the file's path, or the name of a bundled model; or several.
    beside
        Instead, its `model.beside_start`, for the network beside a backbone.

    Raises
    ------
    ModelError
        There is no such model.
    RecipeError
        One hears other features, or is another network, than the recipe says, or they know other labels.
    """

    def __init__(self, recipe: Recipe, beside: bool = False) -> None:
        self.beside = beside
        names = recipe.model.beside_starts if beside else recipe.model.starts
        models = [load_model(name, threads=1) for name in names]
        self.labels = models[0].labels
        held = []
        for name, model in zip(names, models, strict=True):
            if model.labels != self.labels:
                raise self._unfit(name, f"knows other labels than {names[0]}", "give files of one recipe")
            held.append(weights_of(onnx.load(model.path)))
            self._check(name, model.description, held[-1], recipe)
        self.weights = {name: np.mean([own[name] for own in held], axis=0) for name in held[0]}

    @torch.no_grad()
    def set(self, network: Network, labels: Sequence[str]) -> None:
        """Give a network, made by the recipe for these labels, the file's weights.

        The answers for labels that the file knows come with them; those for others, and what model files do not hold,
        stay as they were made.
        """
        rows = [(new, self.labels.index(label)) for new, label in enumerate(labels) if label in self.labels]
        for name, value in self._taken(network).items():
            given = torch.from_numpy(self.weights[name])
            if not _answers(name):
                value.copy_(given)
            elif len(given) == len(self.labels) and len(value) == len(labels):
                for new, old in rows:
                    value[new] = given[old]
            elif tuple(labels) == self.labels:
                value.copy_(given)

    def _taken(self, network: Network) -> dict[str, Tensor]:
        """The weights and statistics of a network that come from the file, by the names that they have in it."""
        if not self.beside:
            return _exported(network)
        assert isinstance(network, MobileNet)  # the recipe is checked for it
        assert network.beside is not None
        return {k: v for k, v in _exported(network.beside).items() if not k.startswith("normalise.")}

    def _check(self, name: str, about: Description, weights: Mapping[str, Array], recipe: Recipe) -> None:
        """Refuse a file that does not fit the recipe."""
        made = networks.build_for(recipe, len(about.labels))
        needed = {key: tuple(value.shape) for key, value in self._taken(made).items()}
        if self.beside:
            kind, pooled = "earmark", made.stride // EarmarkNet.STRIDE
            frame, bands = recipe.front_end.seconds * pooled, recipe.front_end.size // pooled
            if (about.front_end.size, round(about.front_end.seconds, 4)) != (bands, round(frame, 4)):
                remedy = f"give one that hears frames of {1000 * frame:g} ms in {bands} bands"
                raise self._unfit(name, "hears other frames or bands than the network beside", remedy)
        else:
            kind, wanted, own = recipe.model.network, about.front_end.to_dict(), recipe.front_end.to_dict()
            if wanted != own:
                other = {key: value for key, value in wanted.items() if value != own[key]}
                raise self._unfit(name, "hears other features", f"set front_end: {other}")
        if needed != {key: value.shape for key, value in weights.items() if key in needed}:
            remedy = "give the model.network and model.options that it was trained with"
            raise self._unfit(name, f"holds another network than {kind}", remedy)

    def _unfit(self, name: str, reason: str, remedy: str) -> RecipeError:
        return RecipeError(f"model.{'beside_start' if self.beside else 'start'}: {name}", reason, remedy)


def _exported(network: Network) -> dict[str, Tensor]:
    """The weights and statistics that a network's model file holds."""
    held = network.state_dict().items()
    return {k: v for k, v in held if v.is_floating_point() and not k.startswith(network.unexported)}


def _answers(name: str) -> bool:
    """Whether weights of this name are those of the last layer."""
    return ANSWER in name.split(".")[:-1]


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


CHECKPOINT, LEFT = "checkpoint-{}.pt", "stage-{}.pt"  # in a part's folder: a stage's state, and what it left


def fit_stages(
    recipe: Recipe,
    data: TrainingData,
    part: Part,
    home: Path,
    name: str,
    fabric: Fabric,
    listener: Listener,
    teachers: Sequence[Network] = (),
    cache: Path | None = None,
) -> Network:
    """A network trained on the clips of a part, with its checkpoints and history in `home`."""
    train = data.subset(part.train)
    validation = data.subset(part.validation) if len(part.validation) else None
    phases = recipe.phases()
    epochs = [phase.training.epochs for phase in phases]
    network: Network | None = None
    for number, phase in enumerate(phases):
        left = home / LEFT.format(number + 1)
        begin = partial(_begin, recipe, data.labels) if network is None else partial(_go_on, network)
        if left.exists():
            network = build_network(recipe, data)
            network.load_state_dict(torch.load(left, weights_only=True))
            continue

        def hear(epoch: EpochReport, done: int = sum(epochs[:number])) -> None:
            report = replace(epoch, epoch=epoch.epoch + done, epochs=sum(epochs))
            append_history(home, report)
            listener.epoch(name, report)

        checkpoint = home / CHECKPOINT.format(number + 1)
        if phase.training.freeze or phase.training.beside:
            rng = np.random.default_rng(phase.training.seed)
            begun = seeded(rng, partial(build_network, recipe, data))
            begin(begun)
            assert isinstance(begun, MobileNet)  # the recipe is checked for it
            if phase.training.optimizer == "ridge":
                original = _original(recipe, data) if phase.training.negatives else None
                network = solve_head(phase, begun, train, original, hear, cache)
            else:
                preparing = listener.preparing if fabric.is_global_zero else None
                network = fit_part(phase, begun, train, fabric, checkpoint, hear, validation, cache, preparing)
        else:
            original = _original(recipe, data) if phase.training.keep else None
            network = fit_network(phase, train, fabric, checkpoint, hear, validation, teachers, begin, original)
        if number + 1 < len(phases) and fabric.is_global_zero:
            with atomic_write(left) as file, file.open("wb") as opened:
                torch.save(network.state_dict(), opened)
    assert network is not None  # a recipe has a phase at least
    return network


def fit_network(
    recipe: Recipe,
    data: TrainingSet,
    fabric: Fabric,
    checkpoint: Path | None = None,
    report: Report | None = None,
    validation: TrainingSet | None = None,
    teachers: Sequence[Network] = (),
    begin: Callable[[Network], None] = methodcaller("initialise"),
    original: MobileNet | None = None,
) -> Network:
    """Train the recipe's network, all of it; `begin` sets the weights that it starts with, unless it is taken up."""
    rng = np.random.default_rng(recipe.training.seed)
    network = seeded(rng, partial(networks.build_for, recipe, data.targets.shape[1]))
    if checkpoint is None or not checkpoint.exists():
        begin(network)
    task = SoundTask(recipe, data, fabric, validation, teachers, original)
    return fit(network, task, recipe.training, fabric, rng, checkpoint, report)


def fit_part(
    recipe: Recipe,
    network: MobileNet,
    data: TrainingSet,
    fabric: Fabric,
    checkpoint: Path | None = None,
    report: Report | None = None,
    validation: TrainingSet | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> MobileNet:
    """Train a part of the network by itself; the backbone stays as it is.

    With `beside` it is the network beside the backbone: what both get wrong is then not the same. Otherwise what
    answers for the labels, on embeddings that are computed once. A copy goes to the devices.
    """
    if recipe.training.beside:
        assert network.beside is not None  # the recipe is checked for it
        part: Network = network.beside
    else:
        part = network.answer
        network.answer.hidden.requires_grad_(False)
        data = as_embeddings(data, network, cache, progress)
        validation = as_embeddings(validation, network, cache, progress) if validation else None
    rng = np.random.default_rng(recipe.training.seed)
    alone = seeded(rng, partial(copy.deepcopy, part))
    task = SoundTask(recipe, data, fabric, validation)
    part.load_state_dict(fit(alone, task, recipe.training, fabric, rng, checkpoint, report).state_dict())
    return network


def seeded(rng: np.random.Generator, build: Callable[[], Built]) -> Built:
    """What is built, its random weights drawn by the generator; torch's own is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        return build()


def build_network(recipe: Recipe, data: TrainingData) -> Network:
    """The recipe's network, for the data's labels."""
    return networks.build_for(recipe, len(data.labels))


def needs_weights(recipe: Recipe) -> bool:
    """Whether training takes the weights that the network names; not if it goes on from a file with all that counts."""
    return not recipe.model.start or any(phase.training.keep for phase in recipe.phases())


def starts_of(recipe: Recipe) -> list[Start]:
    """What training starts from, of all that the recipe names; what does not fit is told."""
    own = [Start(recipe)] if recipe.model.starts else []
    return own + ([Start(recipe, beside=True)] if recipe.model.beside_starts else [])


def clear_checkpoints(home: Path) -> None:
    """Remove what the stages of a part left to be taken up by."""
    for pattern in (CHECKPOINT, LEFT):
        for path in home.glob(pattern.format("*")):
            path.unlink()


def _begin(recipe: Recipe, labels: Sequence[str], network: Network) -> None:
    """Set the weights that training starts from; those of a model file lie over the published ones, if both count."""
    network.name_labels(labels)
    if needs_weights(recipe):
        network.initialise()
    for start in starts_of(recipe):
        start.set(network, labels)


def _go_on(before: Network, network: Network) -> None:
    network.load_state_dict(before.state_dict())


def _original(recipe: Recipe, data: TrainingData) -> MobileNet:
    """The backbone as it was published, to be held to its answers."""
    network = build_network(recipe, data)
    assert isinstance(network, MobileNet)
    network.initialise()
    return network
