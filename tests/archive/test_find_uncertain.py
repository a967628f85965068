"""What a model is least sure of."""

import math
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_making import LABELS, make_index

from earmark.archive.database import Index
from earmark.archive.search import Query
from earmark.archive.uncertainty import AROUND, FROM_ONE, least_certain


def opened(folder, seconds, **options):
    return Index(make_index(folder, [], seconds=seconds, **options))


def test_the_nearest_to_each_threshold_comes_first(tmp_path):
    seconds = [("a", 10, "dog", 0.6), ("b", 10, "dog", 0.52), ("c", 10, "cat", 0.19), ("d", 10, "cat", 0.5)]
    index = opened(tmp_path, seconds, thresholds={"dog": 0.5, "cat": 0.2}, started={"b": datetime(2026, 5, 1)})
    found = least_certain(index, Query(), 10)
    assert [(one.recording, one.label, one.score, one.threshold) for one in found] == [
        ("c", "cat", 0.19, 0.2),
        ("b", "dog", 0.52, 0.5),
        ("a", "dog", 0.6, 0.5),
    ]  # 0.5 is 1.4 in log-odds from 0.2, and sure
    assert [one.began for one in found] == [None, datetime(2026, 5, 1, 0, 0, 10), None]
    assert [one.recording for one in least_certain(index, Query(("dog",)), 1)] == ["b"]
    assert [one.recording for one in least_certain(index, Query(recordings=("[ac]",)), 9)] == ["c", "a"]


def test_a_label_without_a_threshold_has_one_half(tmp_path):
    found = least_certain(opened(tmp_path, [("a", 3, "dog", 0.45)], thresholds={}), Query(), 5)
    assert [(one.score, one.threshold) for one in found] == [(0.45, 0.5)]


def test_neighbours_are_one_stretch(tmp_path):
    scores = {3: 0.7, 4: 0.6, 5: 0.51, 6: 0.4, 7: 0.99, 8: 0.6}
    index = opened(tmp_path, [("a", second, "dog", score) for second, score in scores.items()])
    (found,) = least_certain(index, Query(), 5)
    assert (found.onset, found.offset, found.score) == (3.0, 7.0, 0.51)


def test_what_is_unsure_for_long_gives_short_stretches(tmp_path):
    index = opened(tmp_path, [("a", second, "dog", 0.55) for second in range(100)])
    found = least_certain(index, Query(), 50)
    assert len(found) == FROM_ONE
    assert all(one.length <= 2 * AROUND + 1 for one in found)


def test_labels_take_turns(tmp_path):
    seconds = [(f"r{i}", 5, "dog", 0.5001) for i in range(30)] + [(f"s{i}", 5, "cat", 0.6) for i in range(2)]
    found = least_certain(opened(tmp_path, seconds), Query(), 6)
    assert [one.label for one in found] == ["dog", "cat", "dog", "cat", "dog", "dog"]


SECONDS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 60),
        st.sampled_from(LABELS),
        st.sampled_from([n / 20 for n in range(1, 20)]),
    ),
    max_size=80,
    unique_by=lambda row: row[:3],
)


@pytest.fixture(scope="module")
def kept_open(tmp_path_factory):
    """An index that is shown other folders: to open DuckDB takes as long as to search."""
    index = opened(tmp_path_factory.mktemp("index"), [])
    index._connection.execute("SET threads = 1")  # of so few seconds several take longer
    return index


@settings(max_examples=15)
@given(SECONDS, st.integers(1, 20))
def test_whatever_the_scores(kept_open, tmp_path_factory, seconds, limit):
    kept_open.folder = make_index(tmp_path_factory.mktemp("index"), [], seconds=seconds, durations={"a": 30.5})
    found = least_certain(kept_open, Query(), limit)
    assert len(found) <= limit
    assert all(many <= FROM_ONE for many in Counter(one.recording for one in found).values())
    known = {row[:3]: row[3] for row in seconds}
    for one in found:
        inside = [known[one.recording, second, one.label] for second in range(int(one.onset), math.ceil(one.offset))]
        assert all(abs(math.log(score / (1 - score))) <= 1 for score in inside)
        assert any(score == pytest.approx(one.score, abs=1e-4) for score in inside)
        for other in found:
            apart = one.offset <= other.onset or other.offset <= one.onset
            assert one is other or one.recording != other.recording or apart
    unsure = {label for (_, _, label), score in known.items() if abs(math.log(score / (1 - score))) <= 1}
    assert bool(found) == bool(unsure)
