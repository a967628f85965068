import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.archive.analysis import MaxPerSecond
from earmark.archive.layout import LEAST_SCORE


def by_hand(scores, step, duration):
    best = defaultdict(float)
    for i, row in enumerate(scores):
        for label, score in enumerate(row):
            place = int(i * step + 1e-6), label
            best[place] = max(best[place], float(score))
    kept = {place: score for place, score in best.items() if score >= LEAST_SCORE and place[0] < math.ceil(duration)}
    return {place: round(score, 3) for place, score in kept.items()}


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.01, 0.16, 0.5, 1.0, 2.5]),
    st.lists(st.integers(0, 40), max_size=6),
    st.floats(0.5, 60),
)
def test_whatever_the_parts(seed, step, sizes, duration):
    rng = np.random.default_rng(seed)
    scores = (rng.random((sum(sizes), 3)) ** 3).astype(np.float32)
    highest = MaxPerSecond(step, 3)
    for part in np.split(scores, np.cumsum(sizes)[:-1]) if sizes else []:
        highest.add(part)
    found = highest.seconds(duration)
    rows = {(int(s), int(n)): float(v) for s, n, v in zip(found.second, found.label, found.score, strict=True)}
    assert len(rows) == len(found.second)
    assert rows == pytest.approx(by_hand(scores, step, duration), abs=1e-6)
    assert list(found.second) == sorted(found.second)


def test_of_nothing():
    assert len(MaxPerSecond(0.1, 2).seconds(0.0).second) == 0
