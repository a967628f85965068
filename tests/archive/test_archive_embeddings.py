"""Embeddings and highest scores of each second: what is kept, and when it is taken."""

import math
import shutil
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest
from archive_making import copied, files_of, hidden, index_rows, make_archive
from hypothesis import given
from hypothesis import strategies as st
from model_making import FRONT_END, LOW_HIGH, low_high_model

from earmark.archive import layout, workers
from earmark.archive.analysis import Analysis, MaxPerSecond
from earmark.archive.batches import Run
from earmark.archive.cluster import after_loss
from earmark.archive.embeddings import MeanPerSecond, Store
from earmark.archive.indexing import Settings, index, kept_embedder, options_for
from earmark.archive.layout import LEAST_SCORE
from earmark.archive.recordings import Recording, below
from earmark.archive.vectors import LARGEST, directions, packed
from earmark.errors import EarmarkError, ModelError
from earmark.models.embedding import embed
from earmark.models.model import load_model


@pytest.fixture
def folder(archive, tmp_path):
    copy = tmp_path / "recordings"
    shutil.copytree(archive, copy)
    return copy


def brought(folder, out, model, embedder=None, **settings):
    options = options_for(str(folder), str(model), embedder=embedder if embedder is None else str(embedder))
    return index(below(str(folder)), out, options, Settings(**{"jobs": 1, "most": 5, **settings}))


def vectors_of(out):
    """By recording."""
    store = Store(out, layout.read_options(out))
    return {name: store.of(name) for batch in store.batches for name in store.places(batch).names}


def test_packed_vectors_point_where_they_did():
    vectors = np.random.default_rng(0).standard_normal((50, 384)).astype(np.float32) * 7
    rows = packed(vectors)
    assert np.abs(rows).max(axis=1).tolist() == [LARGEST] * 50
    cosines = (directions(rows) * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).sum(axis=1)
    assert cosines.min() > 0.999
    assert not packed(np.zeros((2, 4), np.float32)).any()


@pytest.mark.parametrize("step", [0.02, 0.32, 0.16, 1.0])
def test_a_second_is_the_mean_of_its_steps(step):
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((round(7.3 / step), 16)).astype(np.float32)
    kept = MeanPerSecond(step, 16)
    for part in np.split(steps, sorted(rng.integers(0, len(steps), 6))):
        kept.add(part)
    rows = kept.rows(7.0)
    when = np.floor(np.arange(len(steps)) * step + 1e-6)
    expected = packed(np.stack([steps[when == second].mean(axis=0) for second in range(7)]))
    assert rows.shape == (7, 16)
    assert np.abs(rows.astype(int) - expected).max() <= 1  # summed in another order


def test_nothing_heard_is_no_second():
    assert MeanPerSecond(0.32, 8).rows(0.0).shape == (0, 8)


def test_one_pass_gives_what_embed_gives(archive, sensing_file, tmp_path):
    report = brought(archive, tmp_path / "index", sensing_file)
    assert (report.labelled, report.embedded, report.bad) == (12, 12, [])
    assert report.embedding_bytes > 0
    assert not hidden(tmp_path / "index")
    assert not hidden(tmp_path / "index" / layout.EMBEDDINGS)
    model = load_model(sensing_file)
    for name, rows in vectors_of(tmp_path / "index").items():
        alone = embed(archive / name, model)
        kept = MeanPerSecond(alone.step, alone.values.shape[1])
        kept.add(alone.values)
        assert np.abs(rows.astype(int) - kept.rows(len(rows))).max() <= 1
        assert len(rows) in (2, 3)


def test_another_model_gives_them_in_a_pass_of_its_own(archive, sensing_index, low_high_file, sensing_file, tmp_path):
    brought(archive, tmp_path / "two", low_high_file, sensing_file)
    one, two = vectors_of(sensing_index), vectors_of(tmp_path / "two")
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_an_index_without_them_gets_them_and_keeps_its_labels(
    folder, archive_index, low_high_file, sensing_file, tmp_path
):
    out = copied(archive_index, tmp_path / "index", folder)
    before = files_of(out)
    with pytest.raises(EarmarkError, match=r"keeps no embeddings.* --embeddings mn04_as adds them"):
        Store(out, layout.read_options(out))
    report = brought(folder, out, low_high_file, sensing_file)
    assert (report.labelled, report.embedded, report.unchanged) == (0, 12, 12)
    assert files_of(out) == before
    assert len(vectors_of(out)) == 12
    report = brought(folder, out, low_high_file, sensing_file)
    assert (report.labelled, report.embedded) == (0, 0)
    assert kept_embedder(out) == str(sensing_file)


def test_an_index_made_before_there_were_any(folder, sensing_file, tmp_path):
    out = tmp_path / "index"
    brought(folder, out, sensing_file, "")
    file = out / layout.OPTIONS
    lines = [line for line in file.read_text().splitlines() if "embedder" not in line and "dimensions" not in line]
    file.write_text("\n".join(lines).replace('"sensitivity": 0.5,', '"sensitivity": 0.5'))
    rows = index_rows(out)
    report = brought(folder, out, sensing_file)
    assert (report.labelled, report.embedded) == (0, 12)
    assert index_rows(out) == rows


def test_new_changed_and_gone(folder, sensing_index, sensing_file, tmp_path):
    out = copied(sensing_index, tmp_path / "index", folder)
    names = [one.name for one in below(str(folder)).recordings]
    (folder / names[0]).unlink()
    shutil.copy(folder / names[2], folder / names[1])
    make_archive(folder / "more", 2, seed=7)
    report = brought(folder, out, sensing_file, prune=True)
    assert (report.labelled, report.embedded, report.pruned) == (3, 3, 1)
    kept, fresh = vectors_of(out), tmp_path / "fresh"
    brought(folder, fresh, sensing_file)
    wanted = vectors_of(fresh)
    assert kept.keys() == wanted.keys()
    assert all(np.array_equal(kept[name], wanted[name]) for name in kept)


def test_bad_recordings_have_none(folder, sensing_index, sensing_file, tmp_path):
    (folder / "broken.mp3").write_text("nothing")
    report = brought(folder, copied(sensing_index, tmp_path / "index", folder), sensing_file)
    assert [name for name, _ in report.bad] == ["broken.mp3"]
    assert "broken.mp3" not in vectors_of(tmp_path / "index")
    report = brought(folder, tmp_path / "index", sensing_file)
    assert (report.embedded, report.bad_before) == (0, 1)


def test_different_networks_are_not_mixed(folder, low_high_file, sensing_file, tmp_path):
    out, other = tmp_path / "index", tmp_path / "other.onnx"
    shutil.copy(sensing_file, other)
    brought(folder, out, low_high_file, sensing_file)
    for embedder in (other, ""):
        with pytest.raises(EarmarkError, match="is an index with embeddings by"):
            brought(folder, out, low_high_file, embedder)
    with pytest.raises(ModelError, match="has no embeddings"):
        options_for(str(folder), str(low_high_file), embedder=str(low_high_file))


def test_another_file_of_the_same_name_takes_them_anew(folder, low_high_file, tmp_path):
    out, model = tmp_path / "index", tmp_path / "model.onnx"
    low_high_model(model, embedding=True)
    brought(folder, out, low_high_file, model)
    low_high_model(model, LOW_HIGH.to_json().replace('"window": 0.1', '"window": 0.3'), embedding=True)
    options = options_for(str(folder), str(low_high_file), embedder=str(model))
    layout.write_options(out, options)  # as a run that was killed right then leaves it
    with pytest.raises(EarmarkError, match="embeddings by two versions of a model"):
        Store(out, layout.read_options(out))
    report = brought(folder, out, low_high_file, model)
    assert (report.labelled, report.embedded) == (0, 12)
    assert len(vectors_of(out)) == 12


def test_a_kill_between_the_two_batches(archive, sensing_index, sensing_file, tmp_path, monkeypatch):
    """Whatever was there already is there once, and the labels never without a chance of their embeddings."""
    out = tmp_path / "index"
    real, calls = workers.attempt, []

    def killed(place, name, made, *more):
        calls.append(name)
        if len(calls) == 4:  # the embeddings of the second batch are there, its labels are not
            raise KeyboardInterrupt
        real(place, name, made, *more)

    with monkeypatch.context() as patch:
        patch.setattr(workers, "attempt", killed)
        with pytest.raises(KeyboardInterrupt):
            brought(archive, out, sensing_file)
    report = brought(archive, out, sensing_file)
    assert (report.labelled, report.embedded) == (7, 2)
    assert index_rows(out) == index_rows(sensing_index)
    store = Store(out, layout.read_options(out))
    assert sum(map(store.size, store.batches)) == sum(map(len, vectors_of(sensing_index).values()))


def test_a_worker_that_died_between_the_two_batches(sensing_file, tmp_path):
    out = tmp_path / "index"
    options = options_for("", str(sensing_file))
    embeddings = Run(out / layout.EMBEDDINGS, layout.EMBEDDED)
    run = Run(out, beside=embeddings)
    job = workers.Job(str(run.folder), options, "both", str(embeddings.folder))
    recordings = (Recording("a.wav", 1, 1.0), Recording("b.wav", 1, 1.0))
    heard = [Analysis(one, 1.0, vectors=np.ones((1, FRONT_END.bands), np.int8)) for one in recordings]
    done = workers.Batch(run.begin(), recordings)
    workers.keep(job, done, heard)
    assert after_loss(run, job, done)[0].recordings == 2
    half = workers.Batch(run.begin(), recordings)
    workers.keep(workers.Job(str(embeddings.folder), options, "embeddings"), half, heard)
    none, again = after_loss(run, job, half)
    assert none is None
    assert [batch.recordings for batch in again] == [recordings[:1], recordings[1:]]
    assert [batch.name for batch in layout.batches(out / layout.EMBEDDINGS)] == [done.name]


def test_a_damaged_file_is_named(sensing_index, tmp_path):
    out = copied(sensing_index, tmp_path / "index")
    store = Store(out, layout.read_options(out))
    (store.batches[0] / "vectors.parquet").write_bytes(b"PAR1")
    with pytest.raises(EarmarkError, match=r"vectors\.parquet: is damaged; delete the folder"):
        list(store.vectors(store.batches[0]))


def test_any_reader_of_parquet_reads_them(sensing_index):
    table = pq.read_table(layout.files(sensing_index / layout.EMBEDDINGS, "vectors")[0])
    assert table.column_names == ["recording", "second", "vector"]
    vector = np.frombuffer(table["vector"][0].as_py(), np.int8)
    assert (len(vector), np.abs(vector).max()) == (FRONT_END.bands, LARGEST)


def test_pandas_is_not_waited_for(sensing_index):
    """pyarrow imports it, where it is installed, for what can be had without: a third of the time of a short query."""
    code = f"""
import sys
from pathlib import Path
from earmark.archive import planning, tables
from earmark.archive.embeddings import Store
from earmark.archive.layout import batches, read_options
index = Path({str(sensing_index)!r})
assert planning.known_rows(index)
store = Store(index, read_options(index))
assert all(len(store.of(name)) for name in store.places(store.batches[0]).names)
batch = tables.read_tables(batches(index)[0])
assert all(tables.ordered(name, table).num_rows == table.num_rows for name, table in batch.items())
assert "pandas" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_centre_is_the_mean_direction_and_stays(folder, sensing_index, sensing_file, tmp_path):
    out = copied(sensing_index, tmp_path / "index", folder)
    store = Store(out, layout.read_options(out))
    all_ = directions(np.concatenate(list(vectors_of(out).values())))
    expected = all_.sum(axis=0) / (len(all_) + 60)
    assert store.centre == pytest.approx(expected, abs=1e-4)
    assert store.centre_is_old()
    store.keep_centre()
    assert not store.centre_is_old()
    make_archive(folder / "more", 2, seed=7)
    brought(folder, out, sensing_file)
    assert Store(out, layout.read_options(out)).centre == pytest.approx(expected, abs=1e-4)


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
