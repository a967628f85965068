import numpy as np
import pytest
import torch

from earmark.augment.batch import Warp


class Drawn:
    """A generator that draws what it is told, in turn."""

    def __init__(self, *values):
        self.values = list(values)

    def uniform(self, low, high, shape):
        return np.full(shape, self.values.pop(0))


def ramp(frames, bands):
    """Features [1, frames, bands] that say their place: frame + band / 100."""
    return torch.arange(frames)[None, :, None] + torch.arange(bands)[None, None, :] / 100


def test_speed_and_pitch_are_those_drawn():
    warped = Warp(0.5, 3)(ramp(40, 10), 20, Drawn(np.log(1.5), 2.0))
    expected = torch.arange(20)[:, None] * 1.5 + (torch.arange(10) + 2).clamp(max=9)[None] / 100
    torch.testing.assert_close(warped[0], expected.float())


def test_nothing_drawn_changes_nothing():
    plain = ramp(30, 8)
    torch.testing.assert_close(Warp(0.2, 2)(plain, 24, Drawn(0.0, 0.0)), plain[:, :24].float())


@pytest.mark.parametrize("speed", [0.0, 0.1, 0.5])
def test_the_fastest_clip_still_fills_the_excerpt(speed):
    warp = Warp(speed, 0)
    longest = warp.longest(25)
    warped = warp(ramp(longest, 4), 25, Drawn(np.log1p(speed), 0.0))
    assert warped.shape == (1, 25, 4)
    steps = warped[0].diff(dim=0)
    torch.testing.assert_close(steps, torch.full_like(steps, 1 + speed))  # it never stands still at an end


def test_the_generator_decides():
    features = torch.rand(5, 40, 8, generator=torch.Generator().manual_seed(0))
    one, same, other = (Warp(0.3, 2)(features, 30, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
