"""Models for tests: one with known answers made by hand, one exported from a random network."""

from pathlib import Path

import numpy as np
from media_files import Track, write

from earmark.features.frontend import FrontEnd
from earmark.models.model import METADATA_KEY, Description

RATE = 22_050
FRONT_END = FrontEnd(rate=RATE, n_fft=1024, hop=441, bands=64)
LOW_HIGH = Description(
    name="low_high", labels=("low", "high"), exclusive=False, front_end=FRONT_END, stride=1, context=0, window=0.1
)
TONE_DB = -20.0  # a band louder than this holds a tone
NOISE_DB = -50.0  # no band of the noise of `tones` is as loud


def low_high_model(
    path: Path, metadata: str | None = LOW_HIGH.to_json(), labels: int = 2, embedding: bool = False
) -> Path:
    """Write a model that scores the loudest band below 1 kHz and the loudest above; others are as the second.

    Its embeddings, if it is to have any, are by how much its features are above the noise of `tones`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    border = int(np.searchsorted(FRONT_END.centres(), 1000.0))
    numbers = {"zero": 0, "border": border, "end": FRONT_END.bands, "axis": 2}
    constants = [numpy_helper.from_array(np.array([value], np.int64), name) for name, value in numbers.items()]
    constants += [numpy_helper.from_array(np.float32(value), name) for name, value in (("at", TONE_DB), ("by", 5.0))]
    nodes = [
        helper.make_node("Slice", ["features", "zero", "border", "axis"], ["below"]),
        helper.make_node("Slice", ["features", "border", "end", "axis"], ["above"]),
        helper.make_node("ReduceMax", ["below", "axis"], ["low"], keepdims=1),
        helper.make_node("ReduceMax", ["above", "axis"], ["high"], keepdims=1),
        helper.make_node("Concat", ["low", *["high"] * (labels - 1)], ["both"], axis=2),
        helper.make_node("Sub", ["both", "at"], ["over"]),
        helper.make_node("Div", ["over", "by"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frames", FRONT_END.bands])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "frames", labels])
    outputs = [scores]
    if embedding:
        constants.append(numpy_helper.from_array(np.float32(NOISE_DB), "noise"))
        nodes.append(helper.make_node("Sub", ["features", "noise"], ["louder"]))
        nodes.append(helper.make_node("Relu", ["louder"], ["embedding"]))
        shape = ["batch", "frames", FRONT_END.bands]
        outputs.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape))
    graph = helper.make_graph(nodes, "low_high", [features], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if metadata is not None:
        helper.set_model_props(model, {METADATA_KEY: metadata})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def random_network(seed: int = 0, **options):
    """A compact CNN whose batch normalisation is random too, as if trained."""
    import torch

    from earmark.training.networks import CompactCNN

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = CompactCNN(**{"bands": 64, "labels": 3, "width": 4, **options})
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
                torch.nn.init.uniform_(layer.running_var, 0.5, 2.0)
                torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
                torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
        network.normalise.running_mean.fill_(-40.0)
        network.normalise.running_var.fill_(400.0)
    return network.eval()


def compact_model(path: Path, exclusive: bool = False, **options):
    """Export a random network; the network, with its weights as stored, and the file."""
    from earmark.training.export import export, round_weights

    network = round_weights(random_network(**options))
    labels = tuple(f"label {i}" for i in range(network.head.out_features))
    about = Description("compact", labels, exclusive, FRONT_END, network.stride, network.context, card={"licence": "π"})
    export(network, about, path)
    return network, path


def tones(seconds: float, *marks: tuple[float, float, float], level: float = 0.3) -> np.ndarray:
    """Faint noise with sines; marks are (onset, offset, frequency). Float32 [samples] at RATE."""
    time = np.arange(round(seconds * RATE)) / RATE
    samples = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    for onset, offset, frequency in marks:
        inside = slice(*np.searchsorted(time, (onset, offset)))
        at = time[inside]
        ramp = np.clip(np.minimum(at - onset, offset - at) / 0.01, 0, 1)  # no click, which is all frequencies
        samples[inside] += ramp * level * np.sin(2 * np.pi * frequency * at)
    return samples.astype(np.float32)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Write mono samples as 16-bit WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "wav", Track(samples[None], rate, frame=1 << 16))
    return path


def causal_model(path: Path):
    """A segmenter that looks back only, with random weights, and its model file at `path`."""
    import torch

    from earmark.training.export import export, round_weights
    from earmark.training.networks import build

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build("segmenter", 64, 2, {"width": 4, "hidden": 16, "causal": True})
        network.train()(torch.randn(4, 400, 64) * 20 - 40)  # statistics as after training
    network = round_weights(network.eval())
    about = Description("live", ("a", "b"), False, FRONT_END, 4, network.context, window=0.4, ahead=network.ahead)
    export(network, about, path)
    return network


def backbone_model(path: Path):
    """A narrow backbone with random weights as a model file: AudioSet's labels, and 24 dimensions each 80 ms."""
    import torch

    from earmark.models.pretrained import PRETRAINED
    from earmark.training.backbone import AudioSetNetwork, describe
    from earmark.training.export import export, round_weights

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AudioSetNetwork(width=0.1, step=8, window=0.4, mean=0.4)
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = 1.0  # statistics as after training
        network.train()
        with torch.no_grad():
            network(torch.randn(4, 400, 128))
    network = round_weights(network.eval())
    export(network, describe(network, PRETRAINED["mn04_as"], "0" * 64), path)
    return network
