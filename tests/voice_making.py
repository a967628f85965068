"""A voice with known words and a frame classifier that hears loudness: words whose times and pitch are known."""

from pathlib import Path

import numpy as np
from media_files import Track, write

from earmark.features.frontend import FrontEnd
from earmark.models.model import METADATA_KEY, Description, Threshold

RATE = 16_000
FRONT_END = FrontEnd(rate=RATE, n_fft=512, hop=160, bands=40)
LOUD = Description(
    "loud", ("speech",), False, FRONT_END, stride=1, context=0, window=0.01, thresholds={"speech": Threshold(0.5, 0.4)}
)
LOUD_DB = -25.0  # a band louder than this is a voice
WORDS = ((0.5, 0.9, 120.0), (1.2, 1.5, 150.0), (2.0, 2.6, 100.0))
"""Onset, offset, F0."""


def loud_model(path: Path, metadata: Description = LOUD) -> Path:
    """Write a frame classifier that scores the loudest band."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = [numpy_helper.from_array(np.float32(value), name) for name, value in (("at", LOUD_DB), ("by", 3.0))]
    constants.append(numpy_helper.from_array(np.array([2], np.int64), "axis"))
    nodes = [
        helper.make_node("ReduceMax", ["features", "axis"], ["loudest"], keepdims=1),
        helper.make_node("Sub", ["loudest", "at"], ["over"]),
        helper.make_node("Div", ["over", "by"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frames", FRONT_END.bands])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "frames", 1])
    graph = helper.make_graph(nodes, "loud", [features], [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def voice(seconds: float, *words: tuple[float, float, float], rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """Faint noise with harmonic tones; words are (onset, offset, F0). Float32 [samples]."""
    time = np.arange(round(seconds * rate)) / rate
    samples = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    for onset, offset, f0 in words:
        inside = (time >= onset) & (time < offset)
        harmonics = sum(np.sin(2 * np.pi * n * f0 * time) / n for n in range(1, 20))
        ramp = np.clip(np.minimum(time - onset, offset - time) / 0.005, 0, 1)
        samples += inside * ramp * level * harmonics / 2
    return samples.astype(np.float32)


def write_voice(path: Path, *words: tuple[float, float, float], seconds: float = 3.0, rate: int = RATE) -> Path:
    """Write such a voice as 16-bit WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "wav", Track(voice(seconds, *words, rate=rate)[None], rate))
    return path
