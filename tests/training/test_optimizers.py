import multiprocessing
import sys

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

from earmark.training import trainer
from earmark.training.trainer import Muon, is_matrix, orthogonalised


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (40, 40)])
def test_singular_values_come_to_lie_near_one(shape):
    matrix = normal(*shape) * 1e-3
    found = torch.linalg.svdvals(orthogonalised(matrix))
    assert found.min() > 0.5
    assert found.max() < 1.3


def test_directions_stay():
    """The nearest orthogonal matrix, as singular value decomposition gives it."""
    matrix = normal(24, 80)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found, nearest = orthogonalised(matrix).flatten(), (u @ v).flatten()
    assert torch.cosine_similarity(found, nearest, dim=0) > 0.97


def share(rank, folder, counts):
    """One of two processes that train one network: it puts how many matrices it orthogonalised itself."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    shapes = ((40, 8), (16, 64), (24, 24))
    matrices = [torch.randn(shape, generator=torch.Generator().manual_seed(3)) for shape in shapes]
    done = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "orthogonalised", lambda matrix: done.append(matrix) or orthogonalised(matrix))
        found = trainer.all_orthogonalised(matrices)
    assert all(torch.equal(a, orthogonalised(b)) for a, b in zip(found, matrices, strict=True))
    counts.put(len(done))


def test_processes_share_the_matrices_and_get_all(tmp_path):
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")  # a fork has torch already
    counts = context.SimpleQueue()
    both = [context.Process(target=share, args=(rank, tmp_path, counts)) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=300)
    assert [process.exitcode for process in both] == [0, 0]
    assert sorted(counts.get() for _ in both) == [1, 2]


def test_small_layers_and_vectors_go_by_adamw():
    """As torch's own does, weight decay included."""
    small, bias = nn.Parameter(normal(8, 3, 3, 3)), nn.Parameter(normal(8, seed=1))
    own = [nn.Parameter(p.detach().clone()) for p in (small, bias)]
    assert not any(is_matrix(p) for p in own)
    theirs, ours = torch.optim.AdamW([small, bias], lr=0.01, weight_decay=0.1), Muon(own, lr=0.01, weight_decay=0.1)
    for step in range(5):
        for a, b in zip((small, bias), own, strict=True):
            a.grad = b.grad = normal(*a.shape, seed=step)
        theirs.step()
        ours.step()
    torch.testing.assert_close(own[0], small)
    torch.testing.assert_close(own[1], bias)


def test_a_step_of_a_convolution_has_its_size():
    weights = nn.Parameter(normal(64, 32, 3, 3))
    before = weights.detach().clone()
    weights.grad = normal(64, 32, 3, 3, seed=1) * 1e6
    Muon([weights], lr=0.5, weight_decay=0.0).step()
    change = (weights - before).detach()
    assert change.square().mean().sqrt() == pytest.approx(0.5 * 0.2, rel=0.25)  # singular values are only near 1
    assert (change * weights.grad).sum() < 0


def test_what_has_no_gradient_rests():
    weights = nn.Parameter(normal(64, 64))
    before = weights.detach().clone()
    Muon([weights], lr=0.5).step()
    assert torch.equal(weights, before)


def test_it_is_taken_up_where_it_stopped():
    def steps(optimizer, weights, seeds):
        for seed in seeds:
            for parameter in weights:
                parameter.grad = normal(*parameter.shape, seed=seed)
            optimizer.step()

    whole, halves = ([nn.Parameter(normal(70, 70)), nn.Parameter(normal(70))] for _ in range(2))
    steps(Muon(whole), whole, range(4))
    first = Muon(halves)
    steps(first, halves, range(2))
    later = Muon(halves)
    later.load_state_dict(first.state_dict())
    steps(later, halves, range(2, 4))
    for a, b in zip(whole, halves, strict=True):
        assert torch.equal(a, b)
