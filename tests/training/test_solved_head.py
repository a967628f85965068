import numpy as np
import torch

from earmark.training import negatives
from earmark.training.networks.mn import AUDIOSET, EmbeddingHead
from earmark.training.ridge import LinearHead, fill, joined, known, rows_of_table


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
