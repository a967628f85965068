"""Excerpts as a dataset, and the recordings they are cut from."""

import csv
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_making import event, make_index
from model_making import RATE, tones, write_wav

from earmark import datasets, media
from earmark.archive.database import Index
from earmark.archive.excerpts import cut, excerpts
from earmark.archive.recordings import Archive, place_of
from earmark.archive.search import Query, find
from earmark.datasets.tables import read_events
from earmark.errors import EarmarkError

NAMES = ("a/one.wav", "b/one.wav", "c/größe [1] it's.wav")
EVENTS = [
    event(NAMES[0], 1.0, 2.0, "dog"),
    event(NAMES[0], 1.4, 2.2, "siren"),
    event(NAMES[0], 3.5, 4.0, "dog"),
    event(NAMES[0], 9.0, 9.9, "dog"),
    event(NAMES[1], 0.2, 0.7, "dog"),
    event(NAMES[2], 4.0, 5.0, "dog"),
]
QUERY = Query(("dog",))


@pytest.fixture(scope="module")
def sound():
    return tones(10.0, (1.0, 2.0, 400.0), (4.0, 5.0, 900.0))


@pytest.fixture
def archive(tmp_path, sound):
    for name in NAMES:
        write_wav(tmp_path / "sounds" / name, sound)
    return tmp_path / "sounds"


@pytest.fixture
def index(tmp_path, archive):
    return Index(make_index(tmp_path / "index", EVENTS, root=archive, durations=dict.fromkeys(NAMES, 10.0)))


def cut_dogs(index, archive, out, margin=1.0):
    failed = []
    there = cut(index, QUERY, find(index, QUERY), Archive(str(archive)), out, margin, failed.append)
    return there, failed


def test_excerpts_are_a_dataset_with_their_events(tmp_path, archive, index):
    there, failed = cut_dogs(index, archive, tmp_path / "out")
    assert failed == []
    assert [(e.recording, e.begin, e.end) for e, _ in there] == [
        (NAMES[0], 0.0, 5.0), (NAMES[0], 8.0, 10.0), (NAMES[1], 0.0, 1.7), (NAMES[2], 3.0, 6.0),
    ]  # fmt: skip
    for excerpt, path in there:
        wanted = media.read(archive / excerpt.recording, RATE, start=excerpt.begin, end=excerpt.end)
        np.testing.assert_allclose(media.read(path, RATE), wanted, rtol=0, atol=1e-4)
    dataset = datasets.load(None, tmp_path / "out" / "clips.csv")
    assert [(c.start, c.end, c.labels, c.source) for c in dataset.clips] == [
        (1.0, 2.0, ("dog", "siren"), NAMES[0]),
        (3.5, 4.0, ("dog",), NAMES[0]),
        (1.0, 1.9, ("dog",), NAMES[0]),
        (0.2, 0.7, ("dog",), NAMES[1]),
        (1.0, 2.0, ("dog",), NAMES[2]),
    ]
    events = read_events(tmp_path / "out" / "events.csv")
    first = events[there[0][0].name]
    assert [(e.onset, e.offset, e.label) for e in first] == [(1.0, 2.0, "dog"), (1.4, 2.2, "siren"), (3.5, 4.0, "dog")]


def test_it_goes_on_where_it_was_interrupted(tmp_path, archive, index):
    there, _ = cut_dogs(index, archive, tmp_path / "out")
    kept, gone = there[0][1], there[1][1]
    kept.write_bytes(b"kept")
    gone.unlink()
    again, _ = cut_dogs(index, archive, tmp_path / "out")
    assert again == there
    assert kept.read_bytes() == b"kept"
    assert gone.stat().st_size > 1000


def test_a_recording_that_cannot_be_read_is_told_and_the_others_are_cut(tmp_path, archive, index):
    (archive / NAMES[0]).write_text("no sound")
    (archive / NAMES[1]).unlink()
    there, failed = cut_dogs(index, archive, tmp_path / "out")
    assert [excerpt.recording for excerpt, _ in there] == [NAMES[2]]
    assert [str(error).partition(": ")[0] for error in failed] == [str(archive / name) for name in NAMES[:2]]
    with (tmp_path / "out" / "clips.csv").open() as file:
        assert {row["source"] for row in csv.DictReader(file)} == {NAMES[2]}


def test_other_excerpts_are_not_mixed_in(tmp_path, archive, index):
    cut_dogs(index, archive, tmp_path / "out")
    with pytest.raises(EarmarkError, match="holds excerpts made with other options; choose another folder for --cut"):
        cut_dogs(index, archive, tmp_path / "out", margin=0.5)


def test_recordings_on_other_machines(tmp_path, archive, index):
    there, failed = cut_dogs(index, f"file://{archive}", tmp_path / "out")
    assert (len(there), failed) == (4, [])


def test_an_archive_that_has_moved(tmp_path):
    with pytest.raises(EarmarkError, match="say where the recordings are now: --root DIR"):
        Archive(str(tmp_path / "gone"))
    assert place_of("a/b.wav", str(tmp_path)) == str(tmp_path / "a/b.wav")
    assert place_of("/a/b.wav", "") == "/a/b.wav"
    assert place_of("a b.wav", "s3://bucket") == "s3://bucket/a b.wav"
    assert place_of("s3://other/b.wav", "") == "s3://other/b.wav"


TIMES = st.integers(0, 50_000).map(lambda n: n / 1000)
FOUND = st.builds(
    lambda name, begin, length: event(name, begin, begin + length, "dog"),
    st.sampled_from(NAMES), TIMES, st.integers(1, 9000).map(lambda n: n / 1000),
)  # fmt: skip


@given(st.lists(FOUND, max_size=20), st.sampled_from([0.0, 0.5, 3.0]))
def test_each_event_is_in_one_excerpt_and_no_two_overlap(found, margin):
    made = excerpts(found, margin, dict.fromkeys(NAMES, 60.0))
    parts = [part for parts in made.values() for part in parts]
    assert sorted(map(repr, found)) == sorted(repr(one) for part in parts for one in part.found)
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        assert 0 <= part.begin <= part.end <= 60
        for one in part.found:
            assert part.recording == one.recording
            assert part.begin <= max(0.0, one.onset - margin) + 0.001
            assert part.end >= min(60.0, one.offset + margin) - 0.001
    for mine in made.values():
        assert all(before.end < after.begin for before, after in pairwise(mine))
