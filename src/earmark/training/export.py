"""A trained network as one ONNX file that carries its labels, its front end and its card."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from earmark.models.model import Description, load_model, save_onnx
from earmark.training.networks import Network, PatchNetwork
from earmark.training.networks.mn import MobileNet
from earmark.util.types import Features

PREFIX = "network."  # of the names of weights in the file, before those in the network
BESIDE = PREFIX + "beside."  # before those of a network beside a backbone
HALF = "_half"  # behind the names of those stored in half precision
SUMS = "sliding_"  # before the names of the constants of sliding means
TURNED = "_turned"  # behind the names of matrices that are stored as [inputs, outputs]

_SLIDING_MEAN = (  # over the last of three dimensions
    "columns = Shape <start: int = 2, end: int = 3> (x)",
    "row = Concat <axis: int = 0> (one_row, columns)",
    "ones = Expand (one, row)",
    "padded = Pad (x, pads)",
    "padded_ones = Pad (ones, pads)",
    "sums = CumSum (padded, over_time)",
    "counts = CumSum (padded_ones, over_time)",
    "sums_later = Slice (sums, on, end, two)",
    "sums_before = Slice (sums, zero, back, two)",
    "counts_later = Slice (counts, on, end, two)",
    "counts_before = Slice (counts, zero, back, two)",
    "total = Sub (sums_later, sums_before)",
    "number = Sub (counts_later, counts_before)",
    "mean = Div (total, number)",
)


class _Probabilities(nn.Module):
    """A network whose answers are probabilities, not logits."""

    def __init__(self, network: Network, exclusive: bool) -> None:
        super().__init__()
        self.network = network
        self.exclusive = exclusive

    def forward(self, features: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if not isinstance(self.network, MobileNet):
            return self._scores(self.network(features))
        embedding = self.network.embed(features)
        return self._scores(self.network.judge(embedding, features)), embedding

    def _scores(self, logits: Tensor) -> Tensor:
        return logits.softmax(-1) if self.exclusive else logits.sigmoid()


@torch.no_grad()
def round_weights(network: Network) -> Network:
    """Round the weights to half precision, in which the file stores them.

    Done before the network is measured, so that figures are those of the file.
    """
    for value in network.parameters():
        value.copy_(value.half().float())
    return network


def export(network: Network, description: Description, path: Path) -> None:
    """Write the model file: under a temporary name, then renamed.

    Input `features` float32 [batch, frames, bands]; outputs `scores` float32 [batch, steps, labels] and, of a network
    that has one, `embedding` float32 [batch, steps, dimensions].
    """
    module = _Probabilities(network.cpu().float(), description.exclusive).eval()
    steps = 2 if isinstance(network, PatchNetwork) else 16
    model = _to_onnx(module, torch.zeros(2, steps * network.stride, description.front_end.size))
    name_turned(model, network)
    halve_weights(model)
    strip_traces(model)
    run_sums(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_onnx(model, description, path)


def _to_onnx(module: _Probabilities, example: Tensor) -> onnx.ModelProto:
    """The module as ONNX, for any number of frames.

    By the older of torch's two exporters: the newer unrolls a recurrent layer to the length of the example, or fails,
    and takes seconds where this one takes a tenth of one. It must leave batch normalisation apart: folded into a
    convolution, the weights would be rounded again.
    """
    outputs = ["scores", "embedding"] if isinstance(module.network, MobileNet) else ["scores"]
    axes = {"features": {0: "batch", 1: "frames"}} | {name: {0: "batch", 1: "steps"} for name in outputs}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            path,
            input_names=["features"],
            output_names=outputs,
            dynamic_axes=axes,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )
        return onnx.load(path)


def run_sums(model: onnx.ModelProto) -> None:
    """Make sliding means over time of running sums, the same but for rounding.

    They take a tenth of the time of ONNX Runtime's pooling, which was a quarter of the backbone's. At the ends of a
    recording windows hold fewer columns, as with pooling that does not count what it pads.
    """
    nodes: list[onnx.NodeProto] = []
    held: dict[str, Any] = {}
    for node in model.graph.node:
        about = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        width = about.get("kernel_shape", [0])[0]
        half = width // 2
        alike = {"kernel_shape": [2 * half + 1], "strides": [1], "pads": [half, half], "count_include_pad": 0}
        if node.op_type != "AveragePool" or any(about.get(name, 0) != value for name, value in alike.items()):
            nodes.append(node)
            continue
        held |= {"two": [2], "zero": [0], "end": [2**62], "over_time": 2, "one_row": [1, 1], "one": np.float32(1)}
        held |= {f"{half}_pads": [0, 0, half + 1, 0, 0, half], f"{half}_on": [width], f"{half}_back": [-width]}
        given = {"pads": f"{half}_pads", "on": f"{half}_on", "back": f"{half}_back"}
        for made in map(onnx.parser.parse_node, _SLIDING_MEAN):
            made.input[:] = [
                node.input[0]
                if name == "x"
                else SUMS + given.get(name, name)
                if given.get(name, name) in held
                else f"{node.name}/{name}"
                for name in made.input
            ]
            made.name = f"{node.name}/{made.output[0]}"
            made.output[:] = list(node.output) if made.output[0] == "mean" else [made.name]
            nodes.append(made)
    if held:
        values = {name: value if name == "one" else np.array(value, np.int64) for name, value in held.items()}
        model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), SUMS + n) for n, v in values.items())
        del model.graph.node[:]
        model.graph.node.extend(nodes)


def name_turned(model: onnx.ModelProto, network: Network) -> None:
    """Give matrices that the exporter turned, and named by number, the names that they have in the network."""
    held = {weight.name: weight for weight in model.graph.initializer}
    loose = {name: numpy_helper.to_array(weight) for name, weight in held.items() if not name.startswith(PREFIX)}
    for name, value in network.state_dict().items():
        if value.ndim != 2 or PREFIX + name in held:
            continue
        turned = value.detach().cpu().numpy().T
        given = next((own for own, other in loose.items() if np.array_equal(other, turned)), None)
        if given is None:
            continue
        del loose[given]
        held[given].name = PREFIX + name + TURNED
        for node in model.graph.node:
            for place, own in enumerate(node.input):
                if own == given:
                    node.input[place] = held[given].name


def halve_weights(model: onnx.ModelProto) -> None:
    """Store weights as float16 with a cast behind each, which ONNX Runtime folds as it loads the file.

    The arithmetic stays in float32: half the size, the same speed.
    """
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.ndim < 2:
            continue
        full = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), full + HALF))
        casts.append(onnx.helper.make_node("Cast", [full + HALF], [full], to=onnx.TensorProto.FLOAT))
    for position, node in enumerate(casts):
        model.graph.node.insert(position, node)


def restored(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the weights in single precision that `halve_weights` cast."""
    graph = model.graph
    halved = {weight.name: weight for weight in graph.initializer if weight.name.endswith(HALF)}
    for node in [node for node in graph.node if node.op_type == "Cast" and node.input[0] in halved]:
        weight = halved[node.input[0]]
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float32), node.output[0]))
        graph.node.remove(node)
    return model


def strip_traces(model: onnx.ModelProto) -> None:
    """Leave out what the exporter notes of the source code: paths of the machine that trained it, names of modules.

    Names of weights stay; those of nodes and values, which were half of a small network's file, become numbers.
    """
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    values = [name for node in graph.node for name in node.output if name.startswith("/")]
    short = {name: f"v{number}" for number, name in enumerate(values)}
    for number, node in enumerate(graph.node):
        node.name = f"n{number}"
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]


EXCERPTS = 32  # heard to see how large activations become
LONGEST = 1200  # of each, at most
QUANTISED_OPERATORS = ["Conv", "MatMul", "Gemm"]


def quantise(path: Path, examples: Iterable[Features]) -> None:
    """Replace a model file by one with 8-bit arithmetic, with the same description.

    Where a network answers beside a backbone, only that one is: the backbone's depthwise convolutions would be slower.
    Examples are features [frames, size] of the kind that it will hear; a scale is what all of them fit into.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.waiting = iter(examples)

        def get_next(self) -> dict[str, Features] | None:
            example = next(self.waiting, None)
            return None if example is None else {"features": np.asarray(example, np.float32)[None]}

    description = load_model(path, threads=1).description
    with tempfile.TemporaryDirectory() as folder, _quiet():
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        original = restored(onnx.load(path))
        beside = [node.name for node in original.graph.node if any(name.startswith(BESIDE) for name in node.input)]
        full.write_bytes(original.SerializeToString())
        quantize_static(
            full,
            small,
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=QUANTISED_OPERATORS,
            nodes_to_quantize=beside or None,
        )
        model = onnx.load(small)
    if beside:
        halve_weights(model)  # of the backbone, as before
    strip_traces(model)
    save_onnx(model, description, path)


def excerpts(features: Iterable[Features], stride: int) -> Iterator[Features]:
    """The beginning of each of some recordings' features, as many whole steps as `LONGEST` hold."""
    for one in features:
        frames = min(len(one), LONGEST) // stride * stride
        if frames:
            yield np.asarray(one[:frames], np.float32)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the quantiser logs about layers that have no bias."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
