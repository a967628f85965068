import copy
import inspect
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from mn_making import tiny
from model_making import random_network
from patch_making import shaken
from torch import nn

from earmark.errors import RecipeError
from earmark.training.networks import NETWORKS, PatchNetwork, build
from earmark.training.networks.frames import FrameClassifier
from earmark.training.networks.network import VECTOR, StridedPointwise


def random_small(name, **options):
    """A network of this kind, small."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(name, 64, 3, {"width": 4, "hidden": 32, **options})
        return shaken(network, torch.randn(4, 200, 64) * 20 - 40)


MADE = {  # at least one of each, its statistics as after training
    "compact_cnn": random_network,
    "earmark": partial(random_small, "earmark"),
    "earmark, of finer frames": partial(random_small, "earmark", pooled=2),
    "segmenter": partial(random_small, "segmenter"),
    "segmenter, causal": partial(random_small, "segmenter", causal=True),
    "mn, a step each 320 ms": partial(tiny, mean=-40, spread=20, step=32),
    "mn, a step each 160 ms": partial(tiny, mean=-40, spread=20, step=16, means=[0.0, 0.5]),
    "mn, a step each 80 ms": partial(tiny, mean=-40, spread=20, step=8, hidden=8),
    "mn, another beside it": partial(tiny, mean=-40, spread=20, step=16, beside=8),
    "mn, another beside it that looks further": partial(tiny, mean=-40, spread=20, window=0.01, beside=8),
}


def test_each_network_is_tested_here():
    """Those of the frame classifiers are in test_frames.py, those for patches in test_patch_networks.py."""
    general = {name for name, kind in NETWORKS.items() if not issubclass(kind, FrameClassifier | PatchNetwork)}
    assert {name.split(",")[0] for name in MADE} == general


@pytest.fixture(scope="module", params=sorted(MADE))
def network(request):
    return MADE[request.param]()


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 7, 8, 9, 16, 17, 100, 333])
def test_a_step_for_each_stride_begun(network, frames):
    logits = network(torch.zeros(2, frames, 64))
    assert logits.shape == (2, -(-frames // network.stride), 3)
    assert torch.isfinite(logits).all()


@torch.no_grad()
def test_a_step_depends_on_its_context_and_no_more(network):
    """In double precision, in which what is farthest away leaves its trace too."""
    network = copy.deepcopy(network).double()
    stride, context = network.stride, network.context
    ahead = context if network.ahead is None else network.ahead
    step = context // stride + 2
    at = step * stride
    sound = torch.from_numpy(np.random.default_rng(0).normal(-40, 20, (1, 2 * at, 64)))
    before = network(sound)[0, step]

    def unchanged(first, last):
        changed = sound.clone()
        changed[0, first:last] = 60.0 + 40 * torch.randn(last - first, 64)
        return torch.equal(network(changed)[0, step], before)

    assert unchanged(0, at - context)
    assert unchanged(at + ahead + 1, 2 * at)
    assert not unchanged(at - stride, at + stride)
    borders = [(at - context, at - context + stride), (at + ahead + 1 - stride, at + ahead + 1)]
    assert not all(unchanged(*border) for border in borders)  # the context is not larger than it must be


@torch.no_grad()
def test_clips_of_a_batch_do_not_touch_each_other(network):
    sound = torch.randn(3, 80, 64) * 20 - 40
    together, alone = network(sound), network(sound[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", sorted(n for n, kind in NETWORKS.items() if not issubclass(kind, PatchNetwork)))
def test_networks_are_small(name):
    assert sum(p.numel() for p in build(name, 64, 50, {}).parameters()) < 2e6


def test_an_unknown_network():
    with pytest.raises(RecipeError, match=r"model.network: resnet: is unknown; choose among .*compact_cnn"):
        build("resnet", 64, 2, {})


def test_an_unknown_option():
    with pytest.raises(RecipeError, match=r"model.options: .*colour"):
        build("compact_cnn", 64, 2, {"colour": 1})


@pytest.mark.parametrize("inputs", [1, 4, 7, 15, 16, 17])
def test_a_strided_pointwise_convolution_is_one(inputs):
    own = StridedPointwise(inputs, 5, (2, 3)).double()
    plain = nn.Conv2d(inputs, 5, 1, (2, 3), bias=False).double()
    plain.load_state_dict(own.state_dict())
    ours = torch.randn(2, inputs, 9, 12).double().contiguous(memory_format=torch.channels_last).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    own(ours).sin().sum().backward()
    plain(theirs).sin().sum().backward()
    torch.testing.assert_close(own(ours), plain(theirs))
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(own.weight.grad, plain.weight.grad)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_no_network_has_a_convolution_whose_gradient_damages_memory(name):
    """One of few channels, 1x1, with a stride, in torch's own way."""
    narrow = {"width": 4} if "width" in inspect.signature(NETWORKS[name]).parameters else {}
    with torch.device("meta"):
        network = build(name, 64, 3, narrow, 64 if issubclass(NETWORKS[name], PatchNetwork) else None)
    for part in network.modules():
        if isinstance(part, nn.Conv2d) and not isinstance(part, StridedPointwise) and part.kernel_size == (1, 1):
            assert part.stride == (1, 1) or part.in_channels >= VECTOR, part


NARROW = """
import torch
from earmark.training.networks import build
for name in ("compact_cnn", "earmark", "segmenter"):
    network = build(name, 16, 2, {"width": 4})
    for _ in range(10):
        network(torch.randn(8, 64, 16)).square().sum().backward()
"""


def test_narrow_networks_learn_on_a_processor_with_avx2_alone():
    surroundings = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", NARROW], env=surroundings, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
