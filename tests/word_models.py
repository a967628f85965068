"""For tests of words: frame classifiers with known answers, and recordings whose words are known."""

import json
from pathlib import Path

import numpy as np
from media_files import Track, write

from earmark.features.frontend import FrontEnd
from earmark.models.model import METADATA_KEY, Description, Threshold

RATE = 16_000
FRONT_END = FrontEnd(rate=RATE, n_fft=256, hop=160, bands=24)


def level_classifier(path: Path, name: str = "level", at: float = -45.0, by: float = 4.0) -> Path:
    """Write a classifier to which a frame is speech whose loudest band is above `at` dB."""
    thresholds = {"speech": Threshold(0.6, 0.4)}
    return frame_classifier(
        path, Description(name, ("speech",), False, FRONT_END, 1, 0, window=0.01, thresholds=thresholds), at, by
    )


def frame_classifier(path: Path, about: Description, at: float, by: float) -> Path:
    """Write a frame classifier that scores the loudest band: logits are decibels above `at`, divided by `by`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = [numpy_helper.from_array(np.float32(value), name) for name, value in (("at", at), ("by", by))]
    constants.append(numpy_helper.from_array(np.array([2], np.int64), "axis"))
    nodes = [
        helper.make_node("ReduceMax", ["features", "axis"], ["loudest"], keepdims=1),
        helper.make_node("Sub", ["loudest", "at"], ["over"]),
        helper.make_node("Div", ["over", "by"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    size = about.front_end.size
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frames", size])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "frames", 1])
    graph = helper.make_graph(nodes, about.name, [features], [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: about.to_json()})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def spoken(path: Path, *words: tuple[float, float], seconds: float = 2.0, noise: float = 1e-4, truth: bool = True):
    """Write a recording in which a tone stands for each word, (onset, offset), and its truth beside it."""
    time = np.arange(round(seconds * RATE)) / RATE
    samples = noise * np.random.default_rng(0).standard_normal(len(time))
    for onset, offset in words:
        inside = slice(*np.searchsorted(time, (onset, offset)))
        here = time[inside]
        ramp = np.clip(np.minimum(here - onset, offset - here) / 0.004, 0, 1)
        samples[inside] += ramp * 0.3 * np.sin(2 * np.pi * 440 * here)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "wav", Track(samples.astype(np.float32)[None], RATE))
    if truth:
        entries = [{"onset": onset, "offset": offset} for onset, offset in words]
        content = {"recording": path.name, "duration": seconds, "words": entries}
        path.with_suffix(".words.json").write_text(json.dumps(content))
    return path
