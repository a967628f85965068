import numpy as np
import pytest
import torch

from earmark.augment.batch import BetweenClass

FLOOR = -100.0


class Drawn:
    """A generator whose shares are given; who is mixed with whom is drawn as usual."""

    def __init__(self, share):
        self.share, self.rng = share, np.random.default_rng(0)

    def random(self, count):
        return np.full(count, self.share)

    def choice(self, options):
        return self.rng.choice(options)


def tones(*levels):
    """A tone of each level in a band of its own, and nothing in the others."""
    features = torch.full((len(levels), 3, len(levels)), FLOOR)
    for clip, level in enumerate(levels):
        features[clip, :, clip] = level
    return features


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_share_is_that_of_loudness_whatever_the_levels(share):
    features, targets = BetweenClass()(tones(0.0, -30.0), torch.eye(2), Drawn(share))
    torch.testing.assert_close(targets, torch.tensor([[share, 1 - share], [1 - share, share]]))
    own, other = features[0, 0]
    heard = 10 ** ((own - other) / 20)  # amplitudes
    assert heard == pytest.approx(share / (1 - share), rel=1e-3)


def test_two_as_loud_stay_as_loud():
    features, _ = BetweenClass()(tones(-20.0, -20.0), torch.eye(2), Drawn(0.5))
    power = (10 ** (features / 10)).sum(2)
    torch.testing.assert_close(10 * power.log10(), torch.full((2, 3), -20.0))


def test_partners_are_of_another_class():
    targets = torch.eye(2)[torch.tensor([0, 0, 0, 1])]
    for seed in range(10):
        _, mixed = BetweenClass()(tones(0, 0, 0, 0), targets, np.random.default_rng(seed))
        assert (mixed.min(1).values > 0).all()


def test_a_batch_of_one_class_is_mixed_all_the_same():
    features, targets = BetweenClass()(tones(0.0, 0.0, 0.0), torch.ones(3, 1), np.random.default_rng(0))
    assert torch.equal(targets, torch.ones(3, 1))
    assert ((features > FLOOR + 1).sum(2) == 2).all()


def test_silence_and_single_clips_are_no_trouble():
    for features in (torch.full((2, 4, 3), FLOOR), torch.full((1, 4, 3), -10.0)):
        mixed, _ = BetweenClass()(features, torch.eye(len(features)), np.random.default_rng(0))
        assert torch.isfinite(mixed).all()
