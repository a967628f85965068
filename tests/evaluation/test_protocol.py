from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from earmark.datasets import Clip
from earmark.errors import DatasetError
from earmark.evaluation.protocol import (
    CopyDivision,
    Division,
    by_fold,
    by_source,
    grouped_folds,
    guard,
    guard_copies,
    random_after_augmentation,
    validation,
    with_copies,
)

clip_lists = st.lists(
    st.builds(
        Clip,
        path=st.just(Path("a.wav")),
        labels=st.lists(st.sampled_from("abcd"), max_size=2, unique=True).map(tuple),
        fold=st.sampled_from([None, 1, 2, 3, 5]),
        source=st.sampled_from([f"s{i}" for i in range(8)]),
    ),
    min_size=1,
    max_size=40,
)


def sources(clips, places):
    return {clips[i].source for i in places}


def labels(clips, places):
    return {label for i in places for label in clips[i].labels}


@given(clip_lists)
def test_folds_hold_nothing_back_and_leak_nothing(clips):
    try:
        divisions = by_fold(clips)
    except DatasetError:
        assert len({clip.fold for clip in clips} - {None}) < 2
        return
    tested = np.concatenate([division.test for division in divisions])
    assert sorted(tested.tolist()) == [i for i, clip in enumerate(clips) if clip.fold is not None]
    for division in divisions:
        assert {clips[i].fold for i in division.test} == {int(division.name.removeprefix("fold-"))}
        assert not sources(clips, division.train) & sources(clips, division.test)
        # Whoever is on neither side is there because its source is tested.
        left_out = set(range(len(clips))) - set(division.train.tolist()) - set(division.test.tolist())
        assert sources(clips, left_out) <= sources(clips, division.test)


@given(clip_lists, st.floats(0, 1), st.integers(0, 5))
def test_held_out_sources_leak_nothing_and_leave_every_label(clips, share, seed):
    try:
        division = by_source(clips, share, np.random.default_rng(seed))
    except DatasetError:
        return
    assert sorted([*division.train, *division.test]) == list(range(len(clips)))
    assert len(division.test)
    assert not sources(clips, division.train) & sources(clips, division.test)
    assert labels(clips, division.train) == labels(clips, range(len(clips)))


def clip(label, source, fold=None):
    return Clip(Path(f"{label}.wav"), labels=(label,), source=source, fold=fold)


def test_about_so_many_sources_of_each_label_are_held_out():
    clips = [clip(label, f"{label}{i // 2}") for label in "ab" for i in range(40)]
    division = by_source(clips, 0.2, np.random.default_rng(0))
    assert len(division.test) == 16
    assert [sum(clips[i].labels == (label,) for i in division.test) for label in "ab"] == [8, 8]


def test_the_generator_alone_decides():
    clips = [clip(label, f"{label}{i}") for label in "ab" for i in range(20)]
    one, again, other = (by_source(clips, 0.3, np.random.default_rng(seed)).test.tolist() for seed in (1, 1, 2))
    assert one == again != other


def test_a_label_with_one_source_trains():
    clips = [clip("a", "1"), clip("b", "2"), clip("b", "3")]
    division = by_source(clips, 0.9, np.random.default_rng(0))
    assert labels(clips, division.test) == {"b"}


def test_a_source_of_several_labels_is_not_held_out_where_a_label_has_no_other():
    clips = [clip("a", "x"), clip("b", "x"), clip("a", "y"), clip("a", "z")]
    for seed in range(20):
        division = by_source(clips, 0.6, np.random.default_rng(seed))
        assert "x" in sources(clips, division.train)


def test_nothing_can_be_held_out():
    with pytest.raises(DatasetError, match="nothing can be held out"):
        by_source([clip("a", "1"), clip("b", "2")], 0.5, np.random.default_rng(0))


def test_only_the_folds_asked_for():
    clips = [clip("a", str(i), fold=i % 4) for i in range(8)]
    divisions = by_fold(clips, [3, 1])
    assert [d.name for d in divisions] == ["fold-1", "fold-3"]
    assert all(len(d.train) == 6 for d in divisions)
    with pytest.raises(DatasetError, match="no fold 7"):
        by_fold(clips, [1, 7])


def test_a_source_in_several_folds_never_trains_beside_its_test():
    clips = [clip("a", "s", 1), clip("a", "s", 2), clip("a", "t", 1), clip("a", "u", 2), clip("a", "s", None)]
    first, second = by_fold(clips)
    assert (first.train.tolist(), first.test.tolist()) == ([3], [0, 2])
    assert (second.train.tolist(), second.test.tolist()) == ([2], [1, 3])


def test_the_guard_refuses_a_crossing():
    clips = [clip("a", "s"), clip("a", "t"), clip("b", "s")]
    guard(clips, Division("mine", np.array([0, 2]), np.array([1])))
    with pytest.raises(DatasetError, match=r"split mine: 1 sources .* such as s"):
        guard(clips, Division("mine", np.array([0, 1]), np.array([2])))


def test_one_fold_is_fold_5_validation_as_published():
    clips = [clip("a", str(i), fold=1 + i % 5) for i in range(20)]
    (division,) = by_fold(clips, [5])
    assert division.name == "fold-5"
    assert {clips[i].fold for i in division.train} == {1, 2, 3, 4}
    assert [clips[i].fold for i in division.test] == [5] * 4
    assert len(division.train) + len(division.test) == len(clips)


@given(clip_lists, st.integers(-1, 6), st.integers(0, 5))
def test_grouped_folds_test_every_clip_once_and_leak_nothing(clips, k, seed):
    count = len({clip.source for clip in clips})
    if k < 2 or count < k:
        with pytest.raises(DatasetError, match=r"too few|cannot be cut"):
            grouped_folds(clips, k, np.random.default_rng(seed))
        return
    divisions = grouped_folds(clips, k, np.random.default_rng(seed))
    assert [d.name for d in divisions] == [f"fold-{n + 1}" for n in range(k)]
    assert sorted(np.concatenate([d.test for d in divisions]).tolist()) == list(range(len(clips)))
    for division in divisions:
        assert len(division.test)
        assert sorted([*division.train, *division.test]) == list(range(len(clips)))
        assert not sources(clips, division.train) & sources(clips, division.test)


@given(st.lists(st.sampled_from("abc"), min_size=5, max_size=60), st.integers(2, 5), st.integers(0, 5))
def test_with_a_source_for_each_clip_folds_are_stratified_to_a_clip(names, k, seed):
    """As scikit-learn's StratifiedKFold promises it."""
    clips = [clip(name, str(i)) for i, name in enumerate(names)]
    divisions = grouped_folds(clips, k, np.random.default_rng(seed))
    for label in set(names):
        each = [sum(names[i] == label for i in d.test) for d in divisions]
        assert max(each) - min(each) <= 1


def spread(counts):
    """Standard deviation over folds of each label's share, summed: counts are [folds, labels]."""
    return (counts / counts.sum(0)).std(0).sum()


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_spread_as_evenly_as_by_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    of_source = rng.integers(5, size=60)  # as in real datasets, a source has one label, and few or many clips
    source = np.repeat(np.arange(60), rng.integers(1, 9, 60))
    label = of_source[source]
    clips = [clip("abcde"[a], str(s)) for a, s in zip(label, source, strict=True)]

    def counts(tests):
        return np.array([np.bincount(label[test], minlength=5) for test in tests])

    ours = counts([d.test for d in grouped_folds(clips, 5, np.random.default_rng(seed))])
    peer = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(clips, label, source)
    assert spread(ours) <= spread(counts([test for _, test in peer])) * 1.1
    assert np.ptp(ours.sum(1)) < 0.15 * len(clips) / 5 + 8


def test_the_generator_alone_decides_folds():
    clips = [clip(label, f"{label}{i}") for label in "ab" for i in range(20)]
    one, again, other = (
        [d.test.tolist() for d in grouped_folds(clips, 4, np.random.default_rng(seed))] for seed in (1, 1, 2)
    )
    assert one == again != other


@given(clip_lists, st.floats(0, 1), st.integers(0, 5))
def test_what_validates_is_of_the_training_side_and_shares_no_source(clips, share, seed):
    rng = np.random.default_rng(seed)
    try:
        division = by_source(clips, 0.3, rng)
        train, held = validation(clips, division.train, share, rng)
    except DatasetError:
        return
    assert sorted([*train, *held]) == division.train.tolist()
    assert len(held)
    assert len(train)
    three = [sources(clips, side) for side in (train, held, division.test)]
    assert len(set.union(*three)) == sum(map(len, three))
    assert labels(clips, train) == labels(clips, division.train)


@given(clip_lists, st.integers(0, 4), st.integers(0, 5))
def test_copies_go_with_their_clips_whatever_the_clips(clips, copies, seed):
    try:
        divisions = by_fold(clips)
    except DatasetError:
        try:
            divisions = grouped_folds(clips, 2, np.random.default_rng(seed))
        except DatasetError:
            return
    for division in divisions:
        mixed = with_copies(division, copies)
        guard_copies(clips, mixed)
        assert mixed.name == division.name
        assert set(map(tuple, mixed.train)) == {(i, n) for i in division.train for n in range(copies + 1)}
        assert len(mixed.train) == len(division.train) * (copies + 1)
        assert mixed.test.tolist() == [[i, 0] for i in division.test]


@given(clip_lists, st.integers(0, 3), st.integers(2, 5), st.integers(0, 5))
def test_the_common_mistake_is_refused_whenever_something_crosses(clips, copies, k, seed):
    names = [clip.labels[0] if clip.labels else "" for clip in clips]
    if len(clips) * (copies + 1) < k:
        with pytest.raises(DatasetError, match="cannot be cut"):
            random_after_augmentation(names, copies, k, np.random.default_rng(seed))
        return
    divisions = random_after_augmentation(names, copies, k, np.random.default_rng(seed))
    every = {(i, n) for i in range(len(clips)) for n in range(copies + 1)}
    tested = [tuple(pair) for d in divisions for pair in d.test.tolist()]
    assert len(tested) == len(set(tested))
    assert set(tested) == every
    for division in divisions:
        train, test = set(map(tuple, division.train.tolist())), set(map(tuple, division.test.tolist()))
        assert train == every - test
        crossing = sources(clips, {i for i, _ in train}) & sources(clips, {i for i, _ in test})
        if crossing:
            with pytest.raises(DatasetError, match="both sides"):
                guard_copies(clips, division)
        else:
            guard_copies(clips, division)


@given(st.lists(st.sampled_from("abc"), min_size=5, max_size=30), st.integers(0, 4), st.integers(2, 5))
def test_the_common_mistake_spreads_labels_evenly_as_people_do(names, copies, k):
    divisions = random_after_augmentation(names, copies, k, np.random.default_rng(0))
    sizes = [len(d.test) for d in divisions]
    assert max(sizes) - min(sizes) <= 1
    for label in set(names):
        each = [sum(names[i] == label for i, _ in d.test) for d in divisions]
        assert max(each) - min(each) <= 1


def test_the_common_mistake_crosses_in_any_dataset_of_some_size():
    """Even where every clip has a source of its own: a clip and its copy part."""
    clips = [clip("ab"[i % 2], str(i)) for i in range(40)]
    divisions = random_after_augmentation([c.labels[0] for c in clips], 3, 5, np.random.default_rng(0))
    for division in divisions:
        with pytest.raises(DatasetError, match=r"clips have copies on both sides, such as .*\.wav; divide clips first"):
            guard_copies(clips, division)
    for division in grouped_folds(clips, 5, np.random.default_rng(0)):
        guard_copies(clips, with_copies(division, 3))


def test_the_guard_of_copies_sees_clips_and_sources():
    clips = [clip("a", "s"), clip("a", "t"), clip("b", "s")]

    def division(train, test):
        return CopyDivision("mine", np.array(train), np.array(test))

    guard_copies(clips, division([[0, 0], [0, 1], [2, 0]], [[1, 0]]))
    with pytest.raises(DatasetError, match=r"split mine: 1 clips have copies on both sides, such as a.wav"):
        guard_copies(clips, division([[0, 1], [1, 0]], [[0, 0]]))
    with pytest.raises(DatasetError, match=r"split mine: 1 sources stand on both sides, such as s"):
        guard_copies(clips, division([[0, 0], [1, 0]], [[2, 1]]))


@pytest.mark.shared
def test_real_esc50_folds(shared):
    from earmark import datasets

    clips = datasets.load("esc", shared / "esc50").clips
    divisions = by_fold(clips)
    assert [len(d.test) for d in divisions] == [400] * 5
    assert all(1500 < len(d.train) <= 1600 for d in divisions)
    assert all(labels(clips, d.train) == labels(clips, range(2000)) for d in divisions)


@pytest.mark.shared
def test_real_esc50_in_folds_of_our_own(shared):
    from earmark import datasets

    clips = datasets.load("esc", shared / "esc50").clips
    for division in grouped_folds(clips, 5, np.random.default_rng(0)):
        assert len(division.test) == pytest.approx(400, abs=5)
        each = Counter(clips[i].labels for i in division.test)
        assert set(each.values()) <= set(range(6, 11))
