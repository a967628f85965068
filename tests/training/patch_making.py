"""Networks for patches: built with a seed, shaken as training would, exported and run again."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from earmark.features.frontend import FrontEnd
from earmark.models.model import Description
from earmark.training.export import export, round_weights
from earmark.training.networks import build

LABELS = ("a", "b", "c")


def made(name, rows, columns, seed=0, **options):
    """The network, its random weights from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build(name, columns, len(LABELS), options, rows)


def pictures(count, rows, columns):
    """Patches [count, rows, columns] of noise, from bright to dark."""
    noise = torch.from_numpy(np.random.default_rng(2).random((count, rows, columns), dtype=np.float32))
    return noise ** torch.linspace(-1.5, 1.5, count).exp()[:, None, None]


@torch.no_grad()
def shaken(network, features):
    """The network with the statistics of these features, and weights of batch normalisation, as after training."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.momentum = 1.0
                if part.affine:
                    nn.init.uniform_(part.weight, 0.5, 1.5)
                    nn.init.uniform_(part.bias, -0.5, 0.5)
        network.train()(features)
    return network.eval()


@torch.no_grad()
def level(network, features):
    """Give the logits for these features mean 0 and variance 1, so that answers differ, and none is certain."""
    logits = network(features).flatten(0, 1)
    network.head.bias.sub_(logits.mean(0)).div_(logits.std(0))
    network.head.weight.div_(logits.std(0)[:, None])


@torch.no_grad()
def compare_with_file(network, columns: int, path: Path, patches: int = 2):
    """Export the network, and compare its answers with those of the file.

    Its batch normalisation must have the statistics of what it sees (`shaken`): without them rounding errors grow ten
    thousandfold in deep networks with random weights, differently on each processor.
    """
    rows = network.stride
    features = pictures(2 * patches, rows, columns).reshape(2, patches * rows, columns)
    level(network, features)
    front_end = FrontEnd(patch=1.0, image=(rows, columns))
    export(round_weights(network), Description("x", LABELS, True, front_end, rows, 0), path)
    expected = network(features).softmax(-1).numpy()
    assert expected.std(axis=(0, 1)).max() > 0.05
    session = onnxruntime.InferenceSession(str(path))
    found = session.run(["scores"], {"features": features.numpy()})[0]
    assert found.shape == expected.shape == (2, patches, len(LABELS))
    (fewer,) = session.run(["scores"], {"features": features[1:, :rows].numpy()})  # another shape than was exported
    np.testing.assert_allclose(fewer, found[1:, :1], atol=1e-4)
    np.testing.assert_allclose(found, expected, atol=1e-4)
