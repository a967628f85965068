import numpy as np
import pytest
import torch
from torch import nn

from earmark.training import recipe
from earmark.training.batches import TrainingSet
from earmark.training.networks import Network
from earmark.training.prepared import Prepared
from earmark.training.tasks import SoundTask, cross_entropy
from earmark.training.trainer import BestEpoch, start_fabric


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
    assert cross_entropy(Sure(1.5), held) == pytest.approx(np.log1p(np.exp(-1.5)), abs=1e-5)
    several = TrainingSet(held.features, held.targets, exclusive=False)
    expected = np.log(2) + np.log1p(np.exp(-1.5))  # that of the first label, which does not hold, and of the second
    assert cross_entropy(Sure(1.5), several) == pytest.approx(expected, abs=1e-5)


def test_stops_after_so_many_epochs_without_a_better_one(held):
    best = BestEpoch(patience=2)
    for sure, over in ((0.0, False), (1.0, False), (0.5, False), (0.9, True)):
        best.note(Sure(sure), cross_entropy(Sure(sure), held))
        assert best.over == over
    assert best.weights["sure"].item() == 1.0


def test_is_taken_up_where_it_stopped(held):
    best, later = BestEpoch(patience=2), BestEpoch(patience=2)
    for sure in (1.0, 0.5):
        best.note(Sure(sure), cross_entropy(Sure(sure), held))
    later.load(best.state())
    later.note(Sure(0.7), cross_entropy(Sure(0.7), held))
    assert later.over
    assert later.weights["sure"].item() == 1.0


@pytest.mark.parametrize("settings", [None, {"patience": 1}])
def test_without_settings_or_clips_it_never_stops(held, settings):
    content = {"name": "x", "dataset": [{"path": "x"}], "training": {"early_stopping": settings}}
    plan, best = recipe.check(content, "x", []), BestEpoch(patience=1)
    task = SoundTask(plan, held, start_fabric(plan, "cpu"), held if settings is None else None)
    for _ in range(30):
        best.note(Sure(3.0), task.validation_loss(Sure(3.0)))
    assert not best.over
    assert best.weights is None
