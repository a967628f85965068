"""Sounds found by example in an archive of two kinds of tones."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from model_making import low_high_model, tones, write_wav

from earmark.archive import layout, similarity, tables
from earmark.archive.database import Index
from earmark.archive.embeddings import Places, Store
from earmark.archive.examples import Example, example, example_query, find_similar
from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below
from earmark.archive.search import Hours, Query, parse_during
from earmark.archive.similarity import Segment, best, direction, scores, segments
from earmark.archive.vectors import directions, packed, unit
from earmark.errors import EarmarkError

LOW, HIGH = 300.0, 3000.0
MARKS = {  # recording: seconds, and the tones in it
    "a/20260511_220000.wav": (12.0, [(2.0, 4.0, LOW)]),
    "a/20260511_100000.wav": (12.0, [(3.0, 5.0, HIGH)]),
    "b/20260512_100000.wav": (12.0, [(1.0, 3.0, LOW), (6.0, 9.0, HIGH)]),
    "b/plain.wav": (12.0, []),
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alike") / "recordings"
    for name, (seconds, marks) in MARKS.items():
        write_wav(folder / name, tones(seconds, *marks))
    return folder


@pytest.fixture(scope="module")
def opened(recordings, tmp_path_factory):
    """The index and its embeddings."""
    out = tmp_path_factory.mktemp("alike index") / "index"
    model = low_high_model(out.parent / "model.onnx", embedding=True)
    options = options_for(str(recordings), str(model))
    index(below(str(recordings)), out, options, Settings(jobs=1, most=2))
    return Index(out), Store(out, options)


@pytest.fixture(scope="module")
def low_clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return write_wav(folder / "hum.wav", tones(3.0, (0.5, 1.5, LOW)))


def found(opened, *like, unlike=(), query=None, limit=10, **options):
    wanted = example_query(opened[1], opened[0].options, [example(str(one)) for one in like], unlike, **options)
    return find_similar(*opened, wanted, query or Query(), limit)


def overlaps(one, tone):
    return [
        one.recording == name and one.onset < offset and one.offset > onset
        for name, (_, marks) in MARKS.items()
        for onset, offset, what in marks
        if what == tone
    ]


@pytest.mark.parametrize("tone", [LOW, HIGH])
def test_what_sounds_like_an_example_comes_first(opened, tone, tmp_path):
    clip = write_wav(tmp_path / "clip.wav", tones(1.0, (0.0, 1.0, tone)))
    events = found(opened, clip, limit=2)
    assert all(any(overlaps(one, tone)) for one in events)
    assert len({one.recording for one in events}) == 2
    assert {one.label for one in events} == {"clip"}
    assert 1 >= events[0].score >= events[1].score > 0.5


def test_an_excerpt_of_a_recording_of_the_index(opened):
    """The sound itself and the one that is like it are found."""
    events = found(opened, "b/20260512_100000.wav@6-9", limit=2, label="beep")
    other, itself = sorted(events, key=lambda one: one.recording)
    assert (itself.recording, itself.onset, itself.label) == ("b/20260512_100000.wav", 6.0, "beep")
    assert itself.offset == pytest.approx(9.0, abs=1)
    assert itself.score > 0.95
    assert other.recording == "a/20260511_100000.wav"
    assert other.began.isoformat() == "2026-05-11T10:00:03"


def test_the_span_of_a_file_decides(opened, recordings):
    file = recordings / "b" / "20260512_100000.wav"
    (low,) = found(opened, f"{file}@1.2-2.8", query=Query(recordings=("a/*",)), limit=1)
    (high,) = found(opened, f"{file}@0:06.5-0:08.5", query=Query(recordings=("a/*",)), limit=1)
    assert any(overlaps(low, LOW))
    assert any(overlaps(high, HIGH))


def test_not_like(opened, tmp_path):
    """What is like an example that is not wanted scores less, what is not scores more."""
    both = write_wav(tmp_path / "both.wav", tones(2.0, (0.0, 1.0, LOW), (1.0, 2.0, HIGH)))
    before = found(opened, both, limit=100)
    for tone, other in ((LOW, HIGH), (HIGH, LOW)):
        unlike = example(str(write_wav(tmp_path / f"{other}.wav", tones(1.0, (0.0, 1.0, other)))))
        after = found(opened, both, unlike=[unlike], limit=100)
        for what, sign in ((tone, 1), (other, -1)):
            best_of = [max(one.score for one in events if any(overlaps(one, what))) for events in (before, after)]
            assert sign * (best_of[1] - best_of[0]) > 0.05


def test_conditions(opened, low_clip):
    assert {one.recording for one in found(opened, low_clip, query=Query(recordings=("b/*",)))} <= {
        "b/20260512_100000.wav",
        "b/plain.wav",
    }
    night = Query(during=(parse_during("21:00-23:00"),))
    assert isinstance(night.during[0], Hours)
    assert {one.recording for one in found(opened, low_clip, query=night)} == {"a/20260511_220000.wav"}
    near = found(opened, low_clip, query=Query(near=(("high",),), within=3.5, min_score=0.4))
    assert [one.recording for one in near] == ["b/20260512_100000.wav"]
    alone = found(opened, low_clip, query=Query(absent=(("high",),), within=100.0, min_score=0.4))
    assert "b/20260512_100000.wav" not in {one.recording for one in alone}
    assert found(opened, low_clip, query=Query(longer=100.0)) == []
    with pytest.raises(EarmarkError, match="is no label of this index"):
        found(opened, low_clip, query=Query(near=(("hgih",),)))


def test_more_is_looked_at_until_there_are_enough(opened, low_clip):
    """The first two hundred stretches may all miss a condition that a later one meets."""
    every = found(opened, low_clip, limit=100)
    last = [one for one in every if one.recording == "b/plain.wav"]
    assert found(opened, low_clip, query=Query(recordings=("b/plain.wav",), shorter=50.0), limit=1) == last[:1]


def test_examples_as_people_write_them(tmp_path):
    assert example("a b.wav") == Example("a b.wav")
    assert example("a.wav@1.5-2") == Example("a.wav", 1.5, 2.0)
    assert example("a@b.wav@500ms-2min") == Example("a@b.wav", 0.5, 120.0)
    assert example("a.wav@1:02:03.5-1:02:04") == Example("a.wav", 3723.5, 3724.0)
    (tmp_path / "odd@1-2").touch()
    assert example(str(tmp_path / "odd@1-2")) == Example(str(tmp_path / "odd@1-2"))
    with pytest.raises(EarmarkError, match="ends before it begins"):
        example("a.wav@2-1")


def test_examples_that_are_not_there(opened, low_clip):
    with pytest.raises(EarmarkError, match="neither a file nor a recording"):
        found(opened, "nowhere.wav")
    for place in (low_clip, "b/plain.wav"):
        with pytest.raises(EarmarkError, match="holds nothing from 100 s on"):
            found(opened, f"{place}@100-101")


def test_the_model_that_made_them_is_needed_for_files_alone(recordings, low_clip, tmp_path):
    out, model = tmp_path / "index", low_high_model(tmp_path / "gone.onnx", embedding=True)
    options = options_for(str(recordings), str(model))
    index(below(str(recordings)), out, options, Settings(jobs=1))
    both = Index(out), Store(out, options)
    low_high_model(model, labels=3, metadata=None)
    with pytest.raises(EarmarkError, match=r"was not made by Earmark|not the file that made"):
        found(both, low_clip)
    model.unlink()
    with pytest.raises(EarmarkError, match="made the embeddings of this index, and is not here"):
        found(both, low_clip)
    assert found(both, "a/20260511_220000.wav@2-4", limit=1)[0].onset == 2.0


def test_scores_are_cosines_from_the_centre():
    rng = np.random.default_rng(3)
    rows = packed(rng.standard_normal((40, 24)).astype(np.float32) + 1)
    centre = directions(rows).mean(axis=0)
    wanted = direction([rows[:3], rows[5:6]], [rows[9:10]], centre)
    each = unit(directions(rows) - centre)
    like = unit(np.stack([unit(each[:3].mean(axis=0)), each[5]]).mean(axis=0))
    expected = unit(like - 0.4 * each[9])
    assert wanted == pytest.approx(expected, abs=1e-5)
    assert scores(rows, wanted, centre) == pytest.approx(each @ expected, abs=1e-4)


def test_stretches_hold_around_their_best_second():
    places = Places(
        ["a", "b"], np.array([0] * 6 + [1] * 4, np.int32), np.array([0, 1, 2, 3, 4, 5, 0, 1, 2, 9], np.int32)
    )
    score = np.array([0.1, 0.9, 1.0, 0.79, 0.2, 0.7, 0.69, 0.3, 0.31, 0.32], np.float32)
    rounded = [(round(one.score, 2), one.recording, one.first, one.last) for one in segments(places, score, 9, 0.25)]
    assert rounded == [
        (1.0, "a", 1, 3),
        (0.79, "a", 3, 4),
        (0.7, "a", 5, 6),
        (0.69, "b", 0, 1),
        (0.32, "b", 9, 10),
        (0.31, "b", 1, 3),
    ]
    assert [one.recording for one in segments(places, score, 9, 0.25, {"b"})] == ["b", "b", "b"]
    assert list(segments(Places([], places.recording[:0], places.second[:0]), score[:0], 9, 0.0)) == []


@pytest.fixture
def many(tmp_path):
    """A made-up store of three batches, the last a small one."""
    rng = np.random.default_rng(5)
    kinds = rng.standard_normal((30, 32))
    for number, size in enumerate((1500, 1500, 60)):
        vectors = packed((kinds[rng.integers(0, 30, size)] + 0.5 * rng.standard_normal((size, 32))).astype(np.float32))
        folder = tmp_path / layout.EMBEDDINGS / layout.BATCHES / f"{number:03}"
        folder.mkdir(parents=True)
        rows = {
            "recording": pa.array([f"{number}/{row // 50:03}" for row in range(size)]).dictionary_encode(),
            "second": pa.array(np.arange(size, dtype=np.int32) % 50),
            "vector": pa.array([row.tobytes() for row in vectors], pa.binary(32)),
        }
        recordings = [{"recording": name, "version": "v"} for name in sorted(set(rows["recording"].to_pylist()))]
        tables.write_tables(
            folder,
            {
                "recordings": pa.Table.from_pylist(recordings, layout.RECORDINGS),
                "vectors": pa.table(rows, layout.vectors_schema(32)),
            },
        )
    return Store(tmp_path, layout.Options("", "m", "v", embedder="m", embedder_version="v", dimensions=32))


def test_the_best_of_all_batches(many):
    wanted = unit(np.random.default_rng(1).standard_normal(32).astype(np.float32))
    found = best(many, wanted, 20)
    centre = many.centre
    score = np.concatenate([scores(rows, wanted, centre) for batch in many.batches for rows in many.vectors(batch)])
    assert len(found) == 20
    assert found[0].score == pytest.approx(score.max())
    assert found == sorted(found, key=lambda one: -one.score)
    assert all(isinstance(one, Segment) and one.last > one.first for one in found)
    assert best(many, wanted, 5) == found[:5]


def test_graphs_find_what_a_look_at_all_finds(many, monkeypatch):
    pytest.importorskip("usearch")
    monkeypatch.setattr(similarity, "LARGE_ARCHIVE", 3000)
    monkeypatch.setattr(similarity, "LARGE_BATCH", 1000)
    assert similarity.update_graphs(many) == 2
    assert similarity.update_graphs(many) == 0
    assert similarity.open_graph(many, many.batches[2]) is None
    graph = similarity.open_graph(many, many.batches[0])
    assert similarity.open_graph(many, many.batches[0]) is graph
    similarity.make_graph(many, many.batches[0], many.centre)
    assert similarity.open_graph(many, many.batches[0]) is not graph
    hits = 0
    for seed in range(10):
        wanted = unit(np.random.default_rng(seed).standard_normal(32).astype(np.float32))
        near, exact = best(many, wanted, 10), best(many, wanted, 10, exact=True)
        hits += len({(one.recording, one.first) for one in near} & {(one.recording, one.first) for one in exact})
        assert near[0].score == pytest.approx(exact[0].score, abs=0.02)
    assert hits >= 90


def test_graphs_go_with_their_centre(many, monkeypatch):
    pytest.importorskip("usearch")
    monkeypatch.setattr(similarity, "LARGE_ARCHIVE", 3000)
    monkeypatch.setattr(similarity, "LARGE_BATCH", 1000)
    similarity.update_graphs(many)
    file = many.folder / "centre.json"
    kept = json.loads(file.read_text())
    assert kept["rows"] == 3060
    file.write_text(json.dumps({**kept, "rows": 1000}))
    assert similarity.update_graphs(many) == 2
    assert json.loads(file.read_text()) == kept


def test_small_archives_have_no_graphs(many):
    assert similarity.update_graphs(many) == 0
    assert not list(many.folder.rglob(similarity.GRAPH_FILE))


def test_rows_as_they_lie_on_the_disk(opened):
    """In order, so that a recording's seconds follow one another."""
    _, store = opened
    for batch in store.batches:
        table = pq.read_table(batch / "vectors.parquet")
        rows = list(zip(table["recording"].to_pylist(), table["second"].to_pylist(), strict=True))
        assert rows == sorted(rows)
