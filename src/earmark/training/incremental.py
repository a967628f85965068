"""New labels for a model that is trained already: columns of their own on its embeddings, the old ones untouched."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from earmark import datasets
from earmark._version import __version__
from earmark.datasets import Dataset
from earmark.errors import DatasetError, ModelError
from earmark.evaluation import protocol
from earmark.events.boundaries import loud_steps
from earmark.features.frontend import IN_DECIBELS, FrontEnd
from earmark.models import negatives
from earmark.models.model import Description, Model, Threshold, load_model, save_onnx
from earmark.training.batches import LOUD_DB, targets_of
from earmark.training.networks import build
from earmark.training.networks.mn import EmbeddingHead, MobileNet
from earmark.training.prepared import Prepared, Progress, prepare
from earmark.training.presets import PARTS, PENALTY, fewest_sources
from earmark.training.ridge import THRESHOLDS, LinearHead, Rows, joined, known, rows_of_table, solve
from earmark.training.run_folder import finished, machine, opened, write_json
from earmark.util.types import Array

PREFIX = "added_"  # of all names in the graph that are new
OUTPUT, EMBEDDING = "scores", "embedding"
PASSED = {"Sigmoid", "Softmax", "Add", "QuantizeLinear", "DequantizeLinear", "Identity"}  # behind the last layer
LAST = {"MatMul", "Gemm"}
TABLE_STEPS = 3  # whose mean a row of the negatives is


@dataclass(frozen=True)
class Added:
    """What was added to a model, and how well held-out clips of it are told."""

    model: Path  # the new file
    labels: tuple[str, ...]  # that were added
    negatives: bool  # whether the bundled table of sounds, or clips without a label, taught what to leave unmarked, too
    figures: dict[str, dict[str, float]]
    """By label: share of its held-out clips that are marked, and of the other new labels' that are."""
    clips: int  # that taught


def add(name: str, path: Path, out: Path, cache: Path | None = None, progress: Progress | None = None) -> Added:
    """Teach a model the labels of a folder beside its own, whose scores stay as they are.

    Where a model has no embeddings, what its last layer sees takes their place. Of a folder per class, or a table of
    clips, one class is enough where clips without a label say what else occurs, as those of a review in an archive do,
    or where the model's embeddings are those of the backbone `mn04_as`, of which a table of other sounds is at hand.

    Raises
    ------
    ModelError
        The model is none that can be added to.
    DatasetError
        The clips hold labels that the model has, or too few.
    """
    model = load_model(name)
    about = model.description
    layout = datasets.guess_layout(datasets.find(path))
    dataset = datasets.load(layout, path, **({"fewest": 1} if layout == "folder" else {}))
    both = sorted(set(dataset.labels) & set(about.labels))
    if both:
        raise DatasetError(path, f"holds {both[0]}, which {about.name} knows", "name its folder otherwise")
    body = with_embedding(onnx.load(model.path), model.path)
    features = prepare(dataset.clips, about.front_end, cache, progress)
    good = np.flatnonzero(features.first >= 0)
    dataset = dataset.with_clips(dataset.clips[i] for i in good)
    steps = _embedded(body, model, features.take(good))
    head = _backbone_head(model)
    targets = targets_of(dataset.clips, dataset.labels)
    tells_others = head is not None or not targets.any(1).all()
    if not tells_others and len(dataset.labels) < 2:
        reason = f"holds one class, and what other sounds are to {about.name} is not known"
        remedy = "add other sounds: a folder beside it, or clips without a label; or give a model on mn04_as, untuned"
        raise DatasetError(path, reason, remedy)
    free = None if head is None else rows_of_table(head, negatives.bundled())
    rows = _rows(steps, _loud(features.take(good), about), head)
    figures = _held_out(dataset, rows, targets, free)
    solved = _solve(rows, np.arange(len(rows)), targets, free)
    with opened(out / f"{about.name}+{dataset.name}", f"model: {name}\nclips: {path}\n") as folder:
        _write(body, about, head, solved, dataset, figures, folder / "model.onnx")
        write_json(folder / "metrics.json", {"machine": machine(), "clips": len(dataset.clips), "added": figures})
        done = finished(folder)
    return Added(done / "model.onnx", dataset.labels, tells_others, figures, len(dataset.clips))


def with_embedding(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model with the output `embedding`: its own, or what its last layer sees.

    Raises
    ------
    ModelError
        Nothing like a last layer is found.
    """
    graph = model.graph
    if any(output.name == EMBEDDING for output in graph.output):
        return model
    maker = {output: node for node in graph.node for output in node.output}
    node = maker.get(OUTPUT)
    while node is not None and node.op_type in PASSED:
        node = next((maker[name] for name in node.input if name in maker), None)
    if node is None or node.op_type not in LAST:
        raise ModelError(path, "has neither embeddings nor a last layer to add to", "train one on mn04_as")
    seen = node.input[0]
    while (before := maker.get(seen)) is not None and before.op_type in PASSED - {"Add"}:
        seen = before.input[0]
    # A new name leaves the rest as it is: what is an output is not folded into what comes after it.
    graph.node.append(helper.make_node("Identity", [seen], [EMBEDDING]))
    graph.output.append(helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["batch", "steps", None]))
    return model


def _embedded(body: onnx.ModelProto, model: Model, features: Prepared) -> list[Array]:
    """Embeddings [steps, size] of each clip."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(body, path)
        seeing = Model(path)
        return [
            np.concatenate(list(seeing.score_features([features[clip]], EMBEDDING))) for clip in range(len(features))
        ]


def _loud(features: Prepared, about: Description) -> list[Any]:
    """Which steps of each clip are not much quieter than its loudest."""
    if about.front_end.kind not in IN_DECIBELS:
        return [slice(None)] * len(features)
    return [loud_steps(features.levels(clip), about.stride, LOUD_DB) for clip in range(len(features))]


def _backbone_head(model: Model) -> EmbeddingHead | None:
    """What the table of negatives goes with, if the model's backbone is the one that made it, unchanged."""
    if model.description.front_end != FrontEnd.audioset():
        return None
    if not model.dimensions or not negatives.bundled().fits(
        lambda features: next(model.score_features([features], EMBEDDING))
    ):
        return None
    network = build("mn", model.description.front_end.size, 1, dict(negatives.OPTIONS))
    assert isinstance(network, MobileNet)
    network.initialise()
    return network.answer.eval()


def _rows(steps: Sequence[Array], loud: Sequence[Any], head: EmbeddingHead | None) -> list[Rows]:
    """What the new columns see of each clip."""
    rows = []
    for own, active in zip(steps, loud, strict=True):
        values = (own if head is None else joined(head, own))[active]
        logits = None if head is None else known(head, values)
        rows.append(Rows(values, np.full(len(values), 1 / len(values), np.float32), logits))
    return rows


def _solve(rows: Sequence[Rows], clips: NDArray[np.int64], targets: Array, free: Rows | None) -> LinearHead:
    """Columns that these clips teach; without `free`, those that have no label say what is nobody's."""
    labelled = targets[clips].any(1)
    if free is None and not labelled.all():
        clips, free = clips[labelled], _joined([rows[i] for i in clips[~labelled]])
    chosen = [rows[i] for i in clips]
    held = np.repeat(targets[clips], [len(row.values) for row in chosen], axis=0)
    return solve(_joined(chosen), held, PENALTY, free)


def _joined(rows: Sequence[Rows]) -> Rows:
    logits = [row.known for row in rows if row.known is not None]
    return Rows(
        np.concatenate([row.values for row in rows]),
        np.concatenate([row.weights for row in rows]),
        np.concatenate(logits) if logits else None,
    )


def _held_out(dataset: Dataset, rows: Sequence[Rows], targets: Array, free: Rows | None) -> dict[str, dict[str, float]]:
    """Of each new label: share of its clips marked somewhere, and of the others', by columns they did not teach."""
    sources = fewest_sources(dataset)
    if sources < 2:
        return {}
    rng = np.random.default_rng(0)
    marked = np.full(targets.shape, np.nan)
    for division in protocol.grouped_folds(dataset.clips, min(PARTS, sources), rng):
        if not targets[division.train].any(0).all():
            continue  # a label has too few sources
        columns = _solve(rows, division.train, targets, free)
        for clip in division.test:
            marked[clip] = (columns(rows[clip].values) >= 0).any(0)  # log-odds: a score of a half
    figures = {}
    for i, label in enumerate(dataset.labels):
        tested = ~np.isnan(marked[:, i])
        own, others = marked[tested & (targets[:, i] > 0), i], marked[tested & (targets[:, i] == 0), i]
        figures[label] = {key: round(float(v.mean()), 4) for key, v in (("found", own), ("false", others)) if len(v)}
    return figures


def _write(
    body: onnx.ModelProto,
    about: Description,
    head: EmbeddingHead | None,
    solved: LinearHead,
    dataset: Dataset,
    figures: dict[str, dict[str, float]],
    path: Path,
) -> None:
    """The model file: the old graph, the new columns beside it, both in one output."""
    steps = 1 if head is None else TABLE_STEPS
    hidden = None if head is None else (head.hidden.weight.detach().numpy(), head.hidden.bias.detach().numpy())
    graft(body, solved, steps, hidden)
    new = {label: Threshold(*THRESHOLDS) for label in dataset.labels}
    added = {
        "labels": list(dataset.labels),
        "data": dataset.name,
        "clips": len(dataset.clips),
        "held_out": figures,
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
    }
    further = steps // 2 * about.stride
    description = replace(
        about,
        name=f"{about.name}+{dataset.name}",
        labels=(*about.labels, *dataset.labels),
        exclusive=False,
        context=about.context + further,
        ahead=None if about.ahead is None else about.ahead + further,
        thresholds={**{label: about.threshold(label) for label in about.labels}, **new},
        card={**about.card, "added": [*about.card.get("added", []), added]},
    )
    save_onnx(body, description, path)


def graft(
    model: onnx.ModelProto, solved: LinearHead, steps: int = 1, hidden: tuple[Array, Array] | None = None
) -> None:
    """Put columns for new labels behind a model's own scores.

    Parameters
    ----------
    model
        With the outputs `scores` and `embedding`, and changed in place; its own scores are computed as before.
    solved
        The columns.
    steps
        An odd number of steps over whose mean embeddings are judged.
    hidden
        Weight [units, size] and bias of a layer with hard swish, which is judged beside the mean.
    """
    graph = model.graph
    already = sum(value.name.startswith(PREFIX) for value in graph.initializer)
    prefix = f"{PREFIX}{already}_"
    old = prefix + "old_scores"
    for node in graph.node:
        node.output[:] = [old if name == OUTPUT else name for name in node.output]
        node.input[:] = [old if name == OUTPUT else name for name in node.input]
    weight = solved.weight / solved.deviation
    constants = {"weight": weight.T, "bias": solved.bias - weight @ solved.mean}
    nodes, seen = [], EMBEDDING
    if steps > 1:
        nodes += [
            helper.make_node("Transpose", [EMBEDDING], [prefix + "over_time"], perm=[0, 2, 1]),
            helper.make_node(
                "AveragePool", [prefix + "over_time"], [prefix + "means"], kernel_shape=[steps],
                pads=[steps // 2, steps // 2], count_include_pad=0,
            ),
            helper.make_node("Transpose", [prefix + "means"], [prefix + "mean"], perm=[0, 2, 1]),
        ]  # fmt: skip
        seen = prefix + "mean"
    if hidden is not None:
        constants |= {"hidden_weight": hidden[0].T, "hidden_bias": hidden[1]}
        nodes += [
            helper.make_node("MatMul", [seen, prefix + "hidden_weight"], [prefix + "product"]),
            helper.make_node("Add", [prefix + "product", prefix + "hidden_bias"], [prefix + "sum"]),
            helper.make_node("HardSigmoid", [prefix + "sum"], [prefix + "gate"], alpha=1 / 6, beta=0.5),
            helper.make_node("Mul", [prefix + "sum", prefix + "gate"], [prefix + "hidden"]),
            helper.make_node("Concat", [seen, prefix + "hidden"], [prefix + "joined"], axis=2),
        ]
        seen = prefix + "joined"
    nodes += [
        helper.make_node("MatMul", [seen, prefix + "weight"], [prefix + "logits"]),
        helper.make_node("Add", [prefix + "logits", prefix + "bias"], [prefix + "log_odds"]),
        helper.make_node("Sigmoid", [prefix + "log_odds"], [prefix + "scores"]),
        helper.make_node("Concat", [old, prefix + "scores"], [OUTPUT], axis=2),
    ]
    graph.node.extend(nodes)
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), prefix + name))
    outputs = {output.name: output.type.tensor_type.shape.dim[2] for output in graph.output}
    outputs[OUTPUT].Clear()  # more labels than before
    outputs[EMBEDDING].dim_value = len(solved.mean) if hidden is None else hidden[0].shape[1]
