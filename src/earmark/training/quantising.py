"""A model file whose convolutions and products are done with 8-bit integers.

Half the size, and several times as fast on processors that have instructions for it (VNNI, or ARM's dot products).
Batch normalisation stays apart, so that training can go on from the file (`model.start`).

Post-training static quantisation with a scale for each channel of weights and one for each tensor of activations
(Jacob et al., 2018, arXiv:1712.05877), by ONNX Runtime. Weights use seven of the eight bits, so that sums of two
products cannot overflow the 16 bits that processors without such instructions have for them: scores are the same
everywhere.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx

from earmark.models.model import describe, load_model
from earmark.training.export import restored, strip_traces
from earmark.util.atomic import atomic_write
from earmark.util.types import Features

EXCERPTS = 32  # heard to see how large activations become
FRAMES = 1200  # of each, at most
OPERATORS = ["Conv", "MatMul", "Gemm"]


def quantise(path: Path, examples: Iterable[Features]) -> None:
    """Replace a model file by one with 8-bit arithmetic, with the same description.

    Args:
        path: the model file, as `export` wrote it.
        examples: features [frames, size] of the kind that it will hear; a scale is what all of them fit into.
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
        full.write_bytes(restored(onnx.load(path)).SerializeToString())
        quantize_static(
            full,
            small,
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=OPERATORS,
        )
        model = onnx.load(small)
    strip_traces(model)
    describe(model, description)
    with atomic_write(path) as part:
        part.write_bytes(model.SerializeToString())


def excerpts(features: Iterable[Features], stride: int) -> Iterator[Features]:
    """The beginning of each of some recordings' features, as many whole steps as `FRAMES` hold."""
    for one in features:
        frames = min(len(one), FRAMES) // stride * stride
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
