import numpy as np
import pytest
import torch

from earmark.training import recipe
from earmark.training.batches import Batches, TrainingSet, draw_epoch, gather_patches, vary
from earmark.training.prepared import Prepared

ROWS, COLUMNS = 6, 9
FRONT_END = {"rate": 8000, "n_fft": 256, "hop": 80, "bands": 12, "patch": 1.0, "image": [ROWS, COLUMNS]}


def plan(front_end=FRONT_END, **augment):
    content = {"name": "x", "dataset": {"path": "x"}, "front_end": front_end, "augment": augment}
    return recipe.check(content, "x", [])


@pytest.fixture
def patches():
    """Three clips with 1, 3 and 2 patches whose values say which they are."""
    counts = np.array([1, 3, 2])
    values = np.repeat(np.arange(counts.sum()), ROWS)[:, None] * np.ones(COLUMNS)
    first = np.array([0, 1, 4]) * ROWS
    return Prepared((values / 10).astype(np.float16), first, counts * ROWS)


def test_each_clip_gives_one_whole_patch(patches):
    rng = np.random.default_rng(0)
    drawn = np.stack([gather_patches(patches, np.array([0, 1, 2]), ROWS, rng) for _ in range(50)])
    assert drawn.shape == (50, 3, ROWS, COLUMNS)
    assert (drawn == drawn[:, :, :1, :1]).all()  # never the end of one and the start of the next
    for clip, own in enumerate(([0.0], [0.1, 0.2, 0.3], [0.4, 0.5])):
        np.testing.assert_allclose(np.unique(drawn[:, clip]), own, atol=1e-3)


def test_pictures_stay_pictures(patches):
    data = TrainingSet(patches, np.eye(3, dtype=np.float32), exclusive=True)
    strong = plan(gain_db=60, noise_floor=True, overlay=0.5, mixup=0.5, masks=2, mask_frames=3, mask_bands=2)
    features, targets = Batches(strong, data).draw(np.array([0, 1, 2]), np.random.default_rng(0), lambda x: x)
    assert features.shape == (3, ROWS, COLUMNS)
    assert features.min() >= 0
    assert features.max() <= 1
    assert targets.shape == (3, 3)


def test_gain_makes_pictures_brighter_by_its_share_of_the_range():
    grey = torch.full((4, ROWS, COLUMNS), 0.5)
    about = plan(gain_db=10, mixup=0, masks=0)
    varied, _ = vary(grey, torch.eye(4), about.augment, np.random.default_rng(0), about.front_end)
    change = varied - 0.5
    assert change.abs().max() <= 0.1 + 1e-6  # 10 dB of 100
    assert change.abs().max() > 0.02
    assert (change == change[:, :1, :1]).all()


def test_masks_in_time_are_columns_of_a_picture():
    grey = torch.rand(8, ROWS, COLUMNS, generator=torch.Generator().manual_seed(0))
    about = plan(gain_db=0, mixup=0, masks=1, mask_frames=COLUMNS, mask_bands=0)
    varied, _ = vary(grey, torch.eye(8), about.augment, np.random.default_rng(0), about.front_end)
    changed = (varied - grey).abs() > 1e-5
    assert changed.any()
    assert (changed.float().mean(1) * ROWS > ROWS - 1.5)[changed.any(1)].all()  # whole columns


def test_summaries_are_only_mixed():
    about = plan(
        {"kind": "summary", "patch": 1.0},
        gain_db=10,
        noise_floor=True,
        masks=2,
        mixup=0,
        overlay=1.0,
        between_class=True,
    )
    features = torch.rand(4, 1, 7)
    varied, targets = vary(features, torch.eye(4), about.augment, np.random.default_rng(0), about.front_end)
    assert torch.equal(varied, features)
    assert torch.equal(targets, torch.eye(4))


def test_excerpts_are_as_long_warped_or_not():
    rng = np.random.default_rng(0)
    frames = rng.normal(-40, 10, (400, 12)).astype(np.float16)
    data = TrainingSet(Prepared(frames, np.array([0, 200]), np.array([200, 200])), np.eye(2, dtype=np.float32), True)
    front_end = {"rate": 8000, "n_fft": 256, "hop": 80, "bands": 12}
    for augment in ({}, {"speed": 0.3}, {"pitch_bands": 2}):
        batches = Batches(plan(front_end, crop_seconds=0.5, **augment), data)
        features, _ = batches.draw(np.array([0, 1, 1]), rng, lambda x: x)
        assert features.shape == (3, 50, 12)
        assert torch.isfinite(features).all()


def test_clips_come_as_often_as_they_should():
    targets, excerpts = np.eye(3, dtype=np.float32), np.array([1, 4, 2])
    order = draw_epoch(targets, 0.0, np.random.default_rng(0), excerpts)
    assert np.bincount(order).tolist() == [1, 4, 2]
    drawn = np.concatenate([draw_epoch(targets, 0.5, np.random.default_rng(i), excerpts) for i in range(500)])
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), excerpts / 7, atol=0.03)


def test_recordings_count_the_same_however_many_clips_they_gave():
    """Of two labels with eight clips each, one has a recording of six clips and two of one."""
    targets = np.repeat(np.eye(2, dtype=np.float32), 8, axis=0)
    sources = np.array([0, 0, 0, 0, 0, 0, 1, 2, *range(3, 11)])
    drawn = [draw_epoch(targets, 0.0, np.random.default_rng(i), None, sources, 1.0) for i in range(400)]
    share = np.bincount(np.concatenate(drawn), minlength=16) / (400 * 16)
    np.testing.assert_allclose([share[:6].sum(), share[6], share[7]], 1 / 6, atol=0.02)
    np.testing.assert_allclose(share[8:], 1 / 16, atol=0.02)
    both = [draw_epoch(targets, 0.5, np.random.default_rng(i), None, sources, 0.5) for i in range(400)]
    share = np.bincount(np.concatenate(both), minlength=16) / (400 * 16)
    np.testing.assert_allclose([share[:6].sum() / share[6], share[:8].sum()], [6**0.5, 0.5], rtol=0.1)
    once = draw_epoch(targets, 0.0, np.random.default_rng(0), None, sources)
    assert sorted(once.tolist()) == list(range(16))
