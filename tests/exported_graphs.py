"""The exporter of torch, which takes seconds for each network, asked once for each architecture."""

import hashlib
import io
import os
import pickle
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from earmark.training.networks.imagenet import Pretrained
from earmark.training.networks.mn import MobileNet

UNNAMED = torch.nn.RNNBase | Pretrained | MobileNet  # the older exporter, which is quick, names not all their weights


class ExportedGraphs:
    """Stands for the export of a module: another with the same parts gets the same graph, with its own weights.

    What makes two modules the same is everything in them but the values of their parameters and buffers.
    `test_export.py` shows that files are the same to the byte.
    """

    def __init__(self, exporter, folder: Path):
        self.exporter, self.folder = exporter, folder

    def __call__(self, module, example):
        if any(isinstance(part, UNNAMED) for part in module.modules()):
            return self.exporter(module, example)
        path = self.folder / f"{architecture(module, example)}.onnx"
        if path.exists():
            model, values = onnx.load(path), module.state_dict()
            for weight in model.graph.initializer:
                if weight.name in values:
                    weight.CopyFrom(numpy_helper.from_array(values[weight.name].numpy(), weight.name))
            return model
        model = self.exporter(module, example)
        part = path.with_suffix(f".{os.getpid()}")
        self.folder.mkdir(parents=True, exist_ok=True)
        part.write_bytes(model.SerializeToString())
        part.replace(path)
        return model


def architecture(module: torch.nn.Module, example: torch.Tensor) -> str:
    """A digest of a module without its weights, and of the shape of its input."""
    weights = {id(value): name for name, value in (*module.named_parameters(), *module.named_buffers())}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, torch.Tensor) and id(value) in weights:
                return weights[id(value)], str(value.dtype), tuple(value.shape)
            return None

    content = io.BytesIO()
    Pickler(content).dump((module, tuple(example.shape)))
    return hashlib.sha256(content.getvalue()).hexdigest()
