import numpy as np
import pytest
import torch

from earmark.augment.batch import BetweenClass, Gain, Mixup, NoiseFloor, Overlay, Response, SpecAugment, add_powers
from earmark.features.frontend import FrontEnd
from earmark.training.batches import vary
from earmark.training.recipe import Augmentation

CLIPS, FRAMES, BANDS, LABELS = 12, 50, 16, 5


@pytest.fixture
def features():
    return torch.from_numpy(np.random.default_rng(5).uniform(-90, 20, (CLIPS, FRAMES, BANDS)).astype(np.float32))


@pytest.fixture
def targets():
    return torch.eye(LABELS)[torch.arange(CLIPS) % LABELS]


def rng(seed=0):
    return np.random.default_rng(seed)


ON_FEATURES = [Gain(10.0), NoiseFloor(), SpecAugment(10, 4, 2)]
ON_BOTH = [Mixup(0.4), Overlay(0.5), BetweenClass()]


def applied(augmentation, features, targets, generator):
    if augmentation in ON_BOTH:
        return augmentation(features, targets, generator)
    return augmentation(features, generator), targets


@pytest.mark.parametrize("augmentation", ON_FEATURES + ON_BOTH)
def test_the_generator_alone_decides(augmentation, features, targets):
    kept = features.clone(), targets.clone()
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    one = applied(augmentation, features, targets, rng(3))
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(2)
    again = applied(augmentation, features, targets, rng(3))
    other = applied(augmentation, features, targets, rng(4))
    assert one[0].shape == features.shape
    assert one[1].shape == targets.shape
    assert one[0].dtype == one[1].dtype == torch.float32
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert not torch.equal(one[0], other[0])
    assert torch.equal(features, kept[0])  # what was passed in stays as it was
    assert torch.equal(targets, kept[1])


def test_gain_shifts_each_clip_as_a_whole(features):
    change = Gain(6.0)(features, rng()) - features
    each = change.mean((1, 2))
    torch.testing.assert_close(change, each[:, None, None].expand_as(change), atol=1e-4, rtol=0)
    assert each.abs().max() <= 6
    assert len({round(float(c), 3) for c in each}) == CLIPS


def test_mixup_is_convex(features, targets):
    mixed, both = Mixup(0.5)(features, targets, rng())
    torch.testing.assert_close(both.sum(1), torch.ones(CLIPS))
    assert (both >= 0).all()
    for i in range(CLIPS):
        own = int(targets[i].argmax())
        assert both[i, own] >= 0.5 - 1e-6
        share = [
            float((mixed[i] - features[j]).flatten() @ (features[i] - features[j]).flatten())
            / float((features[i] - features[j]).square().sum())
            if j != i
            else 1.0
            for j in range(CLIPS)
        ]
        blends = [
            torch.allclose(mixed[i], features[j] + s * (features[i] - features[j]), atol=1e-3) and 0.5 <= s <= 1.0001
            for j, s in enumerate(share)
        ]
        assert any(blends)


def test_powers_add():
    torch.testing.assert_close(add_powers(torch.tensor(0.0), torch.tensor(0.0)), torch.tensor(3.0103))
    torch.testing.assert_close(add_powers(torch.tensor(-100.0), torch.tensor(10.0)), torch.tensor(10.0))
    a, b = torch.rand(100) * 80 - 60, torch.rand(100) * 80 - 60
    torch.testing.assert_close(10 ** (add_powers(a, b) / 10), 10 ** (a / 10) + 10 ** (b / 10), rtol=1e-4, atol=0)


@pytest.mark.parametrize("quieter", [0.0, 40.0, 150.0])
def test_between_class_is_the_formula_of_its_paper(features, quieter):
    """Of the two clips and the share that the targets tell, whatever lies between their levels."""
    pair, classes = features[:2] - torch.tensor([0.0, quieter])[:, None, None], torch.eye(2)
    mixed, shares = BetweenClass()(pair, classes, rng(1))
    power = 10 ** (pair.double() / 10)
    level = 10 * power.sum(2).amax(1).log10()
    for one, other in ((0, 1), (1, 0)):
        r = float(shares[one, one])
        p = 1 / (1 + 10 ** ((level[one] - level[other]) / 20) * (1 - r) / r)
        expected = (p**2 * power[one] + (1 - p) ** 2 * power[other]) / (p**2 + (1 - p) ** 2)
        torch.testing.assert_close(mixed[one].double(), 10 * expected.log10(), atol=1e-2, rtol=0)


def test_overlay_adds_the_powers_of_two_clips_and_their_labels(features, targets):
    mixed, both = Overlay(share=1.0, db=0.0)(features, targets, rng())
    power = 10 ** (features.double() / 10)
    for i in range(CLIPS):
        rest = 10 ** (mixed[i].double() / 10) - power[i]
        other = [j for j in range(CLIPS) if torch.allclose(rest, power[j], rtol=1e-2, atol=1e-3)]
        assert len(other) == 1
        assert torch.equal(both[i], torch.maximum(targets[i], targets[other[0]]))


def test_overlay_touches_the_share_that_it_should(features, targets):
    many, labels = features.repeat(50, 1, 1), targets.repeat(50, 1)
    mixed, _ = Overlay(share=0.3)(many, labels, rng())
    assert (mixed != many).flatten(1).any(1).float().mean() == pytest.approx(0.3, abs=0.06)
    same, _ = Overlay(share=0.0)(features, targets, rng())
    assert torch.equal(same, features)


def test_overlay_only_ever_adds_sound_and_labels(features, targets):
    mixed, both = Overlay(share=1.0)(features, targets, rng())
    assert (mixed >= features - 1e-4).all()
    assert (both >= targets).all()
    assert set(both.unique().tolist()) == {0.0, 1.0}


def test_noise_floor_lifts_only_what_is_quiet():
    silence = torch.full((400, 20, BANDS), -100.0)
    floor = NoiseFloor(low=-80, high=-50, tilt=0)(silence, rng()).mean((1, 2))
    assert floor.min() > -82
    assert floor.max() < -48
    assert floor.max() - floor.min() > 25
    loud = torch.full((20, 20, BANDS), 10.0)
    torch.testing.assert_close(NoiseFloor()(loud, rng()), loud, atol=0.05, rtol=0)


@pytest.mark.parametrize(("frames", "bands", "masks"), [(10, 4, 2), (5, 0, 1), (0, 6, 3), (200, 200, 1)])
def test_masks_cover_no_more_than_they_may(frames, bands, masks):
    sound = torch.from_numpy(np.random.default_rng(1).normal(0, 10, (200, FRAMES, BANDS)).astype(np.float32))
    masked = SpecAugment(frames, bands, masks)(sound, rng())
    hidden = masked != sound
    torch.testing.assert_close(masked[hidden], sound.mean().expand(int(hidden.sum())))
    whole_frames, whole_bands = hidden.all(2), hidden.all(1)
    assert torch.equal(hidden, whole_frames[:, :, None] | whole_bands[:, None, :])
    if frames < FRAMES and bands < BANDS:
        assert whole_frames.sum(1).max() <= masks * frames
        assert whole_bands.sum(1).max() <= masks * bands
        assert hidden.any() == (frames > 0 or bands > 0)


def test_a_recipe_without_augmentation_changes_nothing(features, targets):
    nothing = Augmentation(gain_db=0, mixup=0, overlay=0, noise_floor=False, masks=0)
    same = vary(features, targets, nothing, rng(), FrontEnd())
    assert torch.equal(same[0], features)
    assert torch.equal(same[1], targets)


def test_everything_at_once_stays_finite(features, targets):
    everything = Augmentation(gain_db=10, mixup=0.2, overlay=0.3, noise_floor=True, masks=2)
    varied, labels = vary(features, targets, everything, rng(), FrontEnd())
    assert torch.isfinite(varied).all()
    assert ((labels >= 0) & (labels <= 1)).all()


def test_a_response_is_the_same_at_all_times_and_smooth_over_frequency():
    features = torch.zeros(6, 20, 64)
    changed = Response(10.0)(features, np.random.default_rng(0)).numpy()
    assert (changed == changed[:, :1]).all()
    curves = changed[:, 0]
    assert np.abs(curves).max() <= 10
    assert np.abs(np.diff(curves)).max() <= 20 / (63 / 4) + 1e-6
    assert curves.std(axis=0).min() > 1
    assert np.ptp(curves, axis=1).min() > 2
