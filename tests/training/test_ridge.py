import numpy as np
import pytest
import torch

from earmark.models import negatives
from earmark.models.negatives import Negatives, probe_features
from earmark.training.networks.mn import AUDIOSET, EmbeddingHead
from earmark.training.ridge import LinearHead, Rows, fill, joined, known, rows_of_table, solve

SIZE = 12


def rows(rng, middles, each, spread=1.0, known=None):
    """Rows around some middles [places, size], so many of each."""
    values = np.repeat(middles, each, axis=0) + spread * rng.standard_normal((len(middles) * each, SIZE))
    return Rows(values.astype(np.float32), np.full(len(values), 1 / each, np.float32), known)


@pytest.fixture
def places():
    """Two labels, a third place that is nobody's, and what is in between."""
    rng = np.random.default_rng(1)
    return rng, 6 * np.eye(SIZE)[:3]


def test_labels_are_told_apart_and_what_is_nobodys_is_marked_by_none(places):
    rng, middles = places
    own, targets = rows(rng, middles[:2], 20), np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    nobodys = rows(rng, np.concatenate([middles[2:], 0 * middles[:1]]), 100)
    new = rows(rng, middles, 50).values
    logits = solve(own, targets, 0.3, nobodys)(new)
    assert (logits[:50, 0] > 0).mean() > 0.8
    assert (logits[50:100, 1] > 0).mean() > 0.8
    assert (logits[:50, 1] > 0).mean() < 0.05
    assert (logits[100:] > 0).mean() < 0.02


def test_without_negatives_what_is_nobodys_is_marked_more(places):
    rng, middles = places
    own, targets = rows(rng, middles[:2], 20), np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    nobodys = rows(rng, 0 * middles[:1], 200)
    new = rows(rng, 0 * middles[:1], 200, spread=1.5).values
    alone, taught = solve(own, targets, 1.0)(new), solve(own, targets, 1.0, nobodys)(new)
    assert (taught > 0).mean() < (alone > 0).mean()


def test_negatives_that_are_what_a_label_is_do_not_count_against_it(places):
    """Half of nobody's rows are the first label's sound by name; AudioSet's answers say so."""
    rng, middles = places
    named = np.repeat([[4.0, 0.0, 0.0]], 20, axis=0), np.repeat([[0.0, 4.0, 0.0]], 20, axis=0)
    own = rows(rng, middles[:2], 20, known=np.concatenate(named).astype(np.float32))
    targets = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    said = np.repeat([[4.0, -1.0, -1.0], [-1.0, -1.0, 4.0]], 100, axis=0).astype(np.float32)
    said += 0.1 * rng.standard_normal(said.shape).astype(np.float32)
    mixed = rows(rng, middles[[0, 2]], 100)
    new = rows(rng, middles[:1], 200).values
    deaf = solve(own, targets, 0.3, mixed)(new)[:, 0]
    heard = solve(own, targets, 0.3, Rows(mixed.values, mixed.weights, said))(new)[:, 0]
    assert (heard > 0).mean() > 0.7
    assert (heard > 0).mean() > (deaf > 0).mean() + 0.2


def test_several_labels_may_hold_at_once(places):
    rng, middles = places
    together = np.concatenate([middles[:2], middles[:1] + middles[1:2]])
    own = rows(rng, together, 30)
    targets = np.repeat(np.array([[1, 0], [0, 1], [1, 1]], np.float32), 30, axis=0)
    logits = solve(own, targets, 0.3, rows(rng, np.concatenate([middles[2:], 0 * middles[:1]]), 60))(
        rows(rng, together[2:], 50).values
    )
    assert (logits > 0).mean() > 0.8


def test_one_clip_of_each_is_enough_for_a_head(places):
    rng, middles = places
    own = rows(rng, middles[:2], 1)
    head = solve(own, np.eye(2, dtype=np.float32), 3.0, rows(rng, 0 * middles[:1], 100))
    assert np.isfinite(head.weight).all()
    assert np.isfinite(head.bias).all()
    assert (head(rows(rng, middles[:2], 50).values).argmax(1) == np.repeat([0, 1], 50)).mean() > 0.9


def test_weights_of_rows_count_as_so_many_rows(places):
    rng, middles = places
    own = rows(rng, middles[:2], 3)
    targets = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    nobodys = rows(rng, middles[2:], 9)
    twice = Rows(np.concatenate([own.values, own.values]), np.concatenate([own.weights, own.weights]) / 2)
    once, doubled = solve(own, targets, 1.0, nobodys), solve(twice, np.concatenate([targets, targets]), 1.0, nobodys)
    np.testing.assert_allclose(once.weight, doubled.weight, atol=1e-5)


def test_rows_of_the_table_are_what_the_head_sees():
    torch.manual_seed(0)
    head, other = EmbeddingHead(384, 2, 16, (3,)).eval(), EmbeddingHead(384, 2, 16, (3,)).eval()
    table = negatives.bundled()
    for own in (head, other, head):
        rows = rows_of_table(own, table)
        for row in (0, 100):
            seen = joined(own, table.embeddings[[row]])  # a step alone is its own mean
            np.testing.assert_allclose(rows.values[[row]], seen, atol=1e-4)
            np.testing.assert_allclose(rows.known[[row]], known(own, seen), atol=1e-4)
        assert rows.known.shape == (len(table.kinds), AUDIOSET)


def test_a_head_that_is_filled_answers_as_solved():
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    head = EmbeddingHead(6, 3, 4, (3,)).eval()
    of = rng.standard_normal
    solved = LinearHead(*(v.astype(np.float32) for v in (of(10), rng.uniform(0.5, 2, 10), of((3, 10)), of(3))))
    fill(head, solved)
    embeddings = rng.standard_normal((9, 6)).astype(np.float32)
    with torch.no_grad():
        answer = head(torch.from_numpy(embeddings)[None])[0].numpy()
    np.testing.assert_allclose(answer, solved(joined(head, embeddings)), atol=1e-4)


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
