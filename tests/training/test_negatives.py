import numpy as np

from earmark.training import negatives
from earmark.training.negatives import Negatives, probe_features


def test_a_table_comes_back_as_it_was_written_but_for_its_fineness(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((50, 6)).astype(np.float32) * [1, 10, 0.1, 1, 1, 1]
    kinds = tuple(rng.choice(["music", "speech"], 50).tolist())
    Negatives(values.astype(np.float32), kinds, values[0].astype(np.float32), ("here",)).save(tmp_path / "t.npz")
    back = Negatives.load(tmp_path / "t.npz")
    assert back.kinds == kinds
    assert back.about == ["here"]
    assert (np.abs(back.embeddings - values) <= values.std(0) / negatives.FINENESS / 2 + 1e-5).all()


def test_the_bundled_table():
    table = negatives.bundled()
    assert table.embeddings.shape == (len(table.kinds), 384)
    assert {"speech", "music", "sound", "place", "noise"} == set(table.kinds)
    assert np.isfinite(table.embeddings).all()


def test_another_backbone_is_known_by_its_embedding():
    table = negatives.bundled()
    assert table.fits(lambda features: np.repeat(table.probe[None], 3, axis=0))
    assert table.fits(lambda features: 1.01 * table.probe[None])
    assert not table.fits(lambda features: 1.2 * table.probe[None])
    assert not table.fits(lambda features: np.zeros((3, 384), np.float32))
    assert not table.fits(lambda features: np.zeros((3, 512), np.float32))
    assert probe_features().shape == (96, 128)
