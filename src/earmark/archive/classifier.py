"""A linear head on embeddings, fitted to yes and no, and the model file with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earmark._version import __version__
from earmark.archive.vectors import Vectors, directions, unit
from earmark.models.model import Description, Model, Threshold, save_onnx
from earmark.util.types import Array

if TYPE_CHECKING:
    from onnx import GraphProto

SHARPNESS = 10.0  # log-odds between a vector along the head and one across it, to begin with
STIFFNESS = 10.0  # of the prior, in answers


@dataclass(frozen=True, eq=False)
class Head:
    """Scores by a line: the log-odds of a vector, of length 1 from the centre, are `weights @ vector + bias`."""

    weights: Array
    bias: float

    def __call__(self, rows: Vectors, centre: Array) -> Array:
        """Log-odds [rows] of embeddings as they are kept [rows, dimensions]."""
        return np.asarray(unit(directions(rows) - centre) @ self.weights + np.float32(self.bias), np.float32)


def fitted(wanted: Array, vectors: Array, answers: NDArray[np.bool_]) -> Head:
    """The head that answers speak for; without any, it is the direction of the examples, `wanted` [dimensions].

    `vectors` are those of what was answered [answers, dimensions], of length 1 from the centre.
    """
    from scipy.optimize import minimize  # slow to import: the service starts without it

    prior = np.concatenate([SHARPNESS * wanted, [-SHARPNESS / 2]])
    design = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1).astype(np.float64)
    sign = np.where(answers, 1.0, -1.0)
    each = np.where(answers, max(1, (~answers).sum()), max(1, answers.sum())).astype(float)
    each *= len(answers) / each.sum() if len(answers) else 1.0  # yes and no weigh alike, however many there are of each
    stiff = np.concatenate([np.full(len(wanted), STIFFNESS / SHARPNESS**2), [1e-3]])

    def loss(head: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (design @ head)
        slope = -sign * each / (1.0 + np.exp(np.clip(margin, -50, 50)))
        away = head - prior
        value = each @ np.logaddexp(0.0, -margin) + 0.5 * stiff @ away**2
        return float(value), design.T @ slope + stiff * away

    head = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return Head(head[:-1].astype(np.float32), float(head[-1]))


def write_model(
    path: Path,
    label: str,
    head: Head,
    centre: Array,
    embedder: Model,
    learned: Mapping[str, Any],
    name: str | None = None,
) -> None:
    """Write a model file: the network that gives the embeddings, and behind it the head, which marks `label`.

    Parameters
    ----------
    path
        The file.
    label
        The model's name, too, unless it has another.
    head
        Of embeddings as `vectors.unit` has them, apart from the centre.
    centre
        Of the embeddings [dimensions].
    embedder
        What made the embeddings.
    learned
        For the model's card: from how much, and how well it is told.
    name
        Of a model where the label goes beside those of the embedder, whose scores stay; None: it is the only one.
    """
    import onnx
    from onnx.utils import Extractor

    about = embedder.description
    steps = steps_of_second(about)
    body = onnx.load(embedder.path)
    if name is None:
        body = Extractor(body).extract_model(["features"], ["embedding"])
    _put(body.graph, head, centre, steps, name is not None)
    further = steps // 2 * about.stride
    made = {"embeddings": about.name, "date": datetime.now(UTC).date().isoformat(), "earmark": __version__}
    card = {**learned, **made}
    described = replace(
        about,
        labels=(label,),
        exclusive=False,
        window=0.0,  # the head sees the mean of a second
        windows={},
        context=about.context + further,
        ahead=None if about.ahead is None else about.ahead + further,
        thresholds={label: Threshold()},
        parents={},
        name=label,
        card={key: about.card[key] for key in ("source", "licence") if key in about.card} | {"reviewed": card},
    )
    if name is not None:
        described = replace(
            described,
            name=name,
            labels=(*about.labels, label),
            window=about.window,
            windows={**about.windows, label: 0.0},
            thresholds={**about.thresholds, label: Threshold()},
            parents=about.parents,
            card={**about.card, "taught": [*about.card.get("taught", ()), {"label": label} | card]},
        )
    save_onnx(body, described, path)


def steps_of_second(about: Description) -> int:
    """The odd number of steps that is nearest to a second: over as many the head's embeddings are averaged."""
    return max(1, 2 * round((1 / about.step - 1) / 2) + 1)


def _put(graph: GraphProto, head: Head, centre: Array, steps: int, beside: bool) -> None:
    """Scores of the head, from embeddings averaged over so many steps: as of an index's seconds."""
    from onnx import TensorProto, helper, numpy_helper

    prefix = f"head{sum(value.name.endswith('_centre') for value in graph.initializer)}_"
    names = ["over_time", "means", "mean", "direction", "apart", "vector", "product", "odds"]
    over_time, means, mean, direction, apart, vector, product, odds = (prefix + name for name in names)
    constants = {"centre": centre, "weights": head.weights[:, None], "bias": np.array([head.bias])}
    ends: dict[str, Any] = {"kernel_shape": [steps], "pads": [steps // 2, steps // 2], "count_include_pad": 0}
    base, own = f"{prefix}base", f"{prefix}scores" if beside else "scores"
    for node in graph.node:
        node.output[:] = [base if name == "scores" else name for name in node.output]
        node.input[:] = [base if name == "scores" else name for name in node.input]
    graph.node.extend(
        [
            helper.make_node("Transpose", ["embedding"], [over_time], perm=[0, 2, 1]),
            helper.make_node("AveragePool", [over_time], [means], **ends),
            helper.make_node("Transpose", [means], [mean], perm=[0, 2, 1]),
            helper.make_node("LpNormalization", [mean], [direction], axis=2, p=2),
            helper.make_node("Sub", [direction, f"{prefix}centre"], [apart]),
            helper.make_node("LpNormalization", [apart], [vector], axis=2, p=2),
            helper.make_node("MatMul", [vector, f"{prefix}weights"], [product]),
            helper.make_node("Add", [product, f"{prefix}bias"], [odds]),
            helper.make_node("Sigmoid", [odds], [own]),
        ]
    )
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), prefix + name))
    if not beside:
        graph.output.insert(0, helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "steps", 1]))
        return
    graph.node.append(helper.make_node("Concat", [base, own], ["scores"], axis=2))
    (output,) = (one for one in graph.output if one.name == "scores")
    output.type.tensor_type.shape.dim[2].Clear()  # more labels than before
