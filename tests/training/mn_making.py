"""The backbone for tests: small and with random weights, files as its publisher makes them, and sounds for it."""

import csv
from pathlib import Path

import numpy as np
import torch
from patch_making import shaken

from earmark.training.networks import build

DATA = Path(__file__).parent / "data"
TINY = {"width": 0.1, "window": 0.3}


def tiny(labels=3, bands=64, mean=0.0, spread=1.0, **options):
    """A network of a tenth of the width, its weights random and its statistics as after training on such features."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build("mn", bands, labels, TINY | options)
        return shaken(network, torch.randn(4, 300, bands) * spread + mean)


def published(width):
    """Names and shapes of the weights in the publisher's file for a width of 0.4, 0.5 or 1.0."""
    with (DATA / "mn_shapes.csv").open(newline="") as file:
        return {row["name"]: tuple(map(int, row[f"{width:.1f}"].split("x"))) for row in csv.DictReader(file)}


def as_published(network, path):
    """Write a network's weights as its publisher does."""
    state = {}
    for name, value in network.state_dict().items():
        if name.startswith("features."):
            for part in (".fc1.", ".fc2."):
                name = name.replace(part, f".conc_se_layers.0{part}")
            state[name] = value
    state |= {f"classifier.2.{k}": v for k, v in network.answer.hidden.state_dict().items()}
    state |= {f"classifier.5.{k}": v for k, v in network.answer.audioset.state_dict().items()}
    torch.save({name: value.clone() for name, value in state.items()}, path)
    return path


def synthetic():
    """Features [frames, 128] that are the same everywhere: what looks like noise, a ramp, blocks on silence."""
    count = np.arange(320 * 128, dtype=np.float64)
    blocks = np.full((500, 128), -1.4)
    blocks[100:130, 20:60], blocks[300:, 80:] = 1.0, 0.5
    made = {
        "noise": 1.2 * np.sin(1e4 * np.sin(count)).reshape(320, 128),
        "ramp": np.linspace(-1, 1, 250 * 128).reshape(250, 128),
        "blocks": blocks,
    }
    return {name: values.astype(np.float32) for name, values in made.items()}
