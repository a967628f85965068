from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets import Clip
from earmark.errors import RecipeError
from earmark.training.data import TrainingData, described, divide
from earmark.training.prepared import Prepared
from earmark.training.recipe import Recipe
from earmark.training.recipe_files import check_as
from earmark.training.study import LEAK, LeakyRecipe

COPIES = ["slow", "fast", "noise"]


def data_of(clips, copies):
    versions = 1 + copies
    rows = len(clips) * versions
    return TrainingData(
        clips=tuple(clips) * versions,
        originals=len(clips),
        names=tuple(f"{i}" for i in range(rows)),
        labels=("a", "b"),
        targets=np.zeros((rows, 2), np.float32),
        exclusive=True,
        features=Prepared(np.zeros((rows, 1), np.float16), np.arange(rows), np.ones(rows, np.int64)),
        licence="",
    )


def clips_of(sources):
    """Two clips of each source, of one of two labels, in one of three folds."""
    return [
        Clip(Path(f"{source}-{take}"), labels=("ab"[source % 2],), fold=1 + source % 3, source=str(source))
        for source in range(sources)
        for take in range(2)
    ]


def plan(protocol, copies=COPIES, **training):
    content = {"name": "x", "dataset": {"path": "x"}, "split": {"protocol": protocol}, "augment": {"copies": copies}}
    kind = LeakyRecipe if protocol == LEAK else Recipe
    return check_as(kind, {**content, "training": training}, "x", [])


def sources_of(data, rows):
    return {data.clips[row].source for row in rows}


@given(st.integers(12, 30), st.sampled_from(["folds", "grouped", "stratified"]), st.booleans())
def test_copies_stand_on_the_side_of_their_clips(sources, protocol, stopping):
    data = data_of(clips_of(sources), len(COPIES))
    early = {"early_stopping": {"share": 0.3}} if stopping else {}
    for part in divide(plan(protocol, **early), data):
        train, held, test = (sources_of(data, rows) for rows in (part.train, part.validation, part.test))
        assert not train & test
        assert not train & held
        assert not held & test
        assert (part.test < data.originals).all()  # copies do not test
        assert (part.validation < data.originals).all()
        assert bool(len(part.validation)) == stopping
        originals = part.train[part.train < data.originals]
        assert sorted(part.train) == sorted(np.concatenate([originals + n * data.originals for n in range(4)]))


def test_each_clip_is_tested_once():
    data = data_of(clips_of(20), 3)
    for protocol in ("folds", "stratified"):
        tested = np.concatenate([part.test for part in divide(plan(protocol), data)])
        assert sorted(tested) == list(range(data.originals))


def test_the_mistake_lets_copies_cross():
    data = data_of(clips_of(20), 3)
    parts = divide(plan(LEAK), data)
    assert len(parts) == 5
    tested = np.concatenate([part.test for part in parts])
    assert sorted(tested) == list(range(len(data.clips)))  # copies are tested too
    part = parts[0]
    assert set(part.train % data.originals) & set(part.test % data.originals)
    assert "a mistake" in described(plan(LEAK), 5)


def test_the_mistake_needs_copies():
    with pytest.raises(RecipeError, match=r"needs augment\.copies"):
        plan(LEAK, [])


def test_a_final_network_learns_from_everything():
    data = data_of(clips_of(12), 3)
    (part,) = divide(plan("none"), data)
    assert part.name == "final"
    assert sorted(part.train) == list(range(len(data.clips)))
    assert len(part.test) == len(part.validation) == 0
