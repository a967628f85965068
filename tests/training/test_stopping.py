import numpy as np
import pytest
import torch
from torch import nn

from earmark.training.batches import TrainingSet
from earmark.training.networks import Network
from earmark.training.prepared import Prepared
from earmark.training.recipe import EarlyStopping
from earmark.training.stopping import Stopping, validation_loss


class Sure(Network):
    """Always the same answer: how sure it is of the second label."""

    stride = 1
    context = 0

    def __init__(self, sure):
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(sure))

    def forward(self, features):
        return torch.stack([torch.zeros(features.shape[:2]), self.sure.expand(features.shape[:2])], 2)


@pytest.fixture
def held():
    features = Prepared(np.zeros((8, 3), np.float16), np.arange(4) * 2, np.full(4, 2))
    return TrainingSet(features, np.tile([0, 1], (4, 1)).astype(np.float32), exclusive=True)


def test_the_loss_is_cross_entropy(held):
    assert validation_loss(Sure(1.5), held) == pytest.approx(np.log1p(np.exp(-1.5)), abs=1e-5)
    several = TrainingSet(held.features, held.targets, exclusive=False)
    expected = np.log(2) + np.log1p(np.exp(-1.5))  # that of the first label, which does not hold, and of the second
    assert validation_loss(Sure(1.5), several) == pytest.approx(expected, abs=1e-5)


def test_stops_after_so_many_epochs_without_a_better_one(held):
    stopping = Stopping(EarlyStopping(patience=2), held, True)
    for sure, over in ((0.0, False), (1.0, False), (0.5, False), (0.9, True)):
        stopping.look(Sure(sure))
        assert stopping.over == over
    network = Sure(0.9)
    stopping.restore(network)
    assert network.sure.item() == 1.0


def test_is_taken_up_where_it_stopped(held):
    stopping, later = (Stopping(EarlyStopping(patience=2), held, True) for _ in range(2))
    stopping.look(Sure(1.0))
    stopping.look(Sure(0.5))
    later.load(stopping.state())
    later.look(Sure(0.7))
    assert later.over
    network = Sure(0.0)
    later.restore(network)
    assert network.sure.item() == 1.0


@pytest.mark.parametrize("settings", [None, EarlyStopping()])
def test_without_settings_or_clips_it_never_stops(held, settings):
    stopping = Stopping(settings, held if settings is None else None, True)
    network = Sure(3.0)
    assert [stopping.look(network) for _ in range(30)] == [None] * 30
    assert not stopping.over
    stopping.restore(network)
    assert network.sure.item() == 3.0
