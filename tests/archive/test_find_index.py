"""Indexes that are damaged, empty, strangely named, or being written to."""

import shutil

import pytest
from index_making import event, make_index

from earmark.archive import database, layout
from earmark.archive.database import Index
from earmark.archive.search import Detection, Query, each, find, total
from earmark.errors import EarmarkError

ONE = event("a.wav", 1.0, 2.0, "dog")
QUERY = Query(("dog",))


@pytest.mark.parametrize(
    "name", ["plain", 'it\'s "here"', "a [b] *c?", "größe ✓ $events", "label=dog", "100%; DROP TABLE"]
)
def test_any_path_works(tmp_path, name):
    make_index(tmp_path / "a b c", [event("other", 0.0, 1.0, "dog")])  # what `a [b] *c?` would match as a pattern
    assert find(Index(make_index(tmp_path / name, [ONE])), QUERY) == [ONE]


@pytest.mark.parametrize("text", ["'; DROP TABLE events; --", '" OR 1=1', "$value0", "dog'"])
def test_values_are_never_sql(tmp_path, text):
    index = Index(make_index(tmp_path, [ONE, event(text, 0.0, 1.0, text)]))
    assert find(index, Query((text,))) == [Detection(text, 0.0, 1.0, text, 0.9)]
    assert find(index, Query(recordings=(text,))) == [Detection(text, 0.0, 1.0, text, 0.9)]


@pytest.mark.parametrize("at_once", [1, 3, 7, 100])
def test_rows_one_by_one_are_the_same(tmp_path, monkeypatch, at_once):
    """Also where others are asked for meanwhile, and the files go: what was asked for is sorted by then."""
    monkeypatch.setattr(database, "ROWS_AT_ONCE", at_once)
    events = [event(f"{i}.wav", i / 10, i / 10 + 1, "dog") for i in range(7)]
    index = Index(make_index(tmp_path, events, batches=2))
    rows = each(index, QUERY)
    assert next(rows) == events[0]
    assert total(index, QUERY).events == 7
    shutil.rmtree(tmp_path / layout.BATCHES)
    assert list(rows) == events[1:]


def test_no_index(tmp_path):
    with pytest.raises(EarmarkError, match="is no index; make one: earmark index"):
        Index(tmp_path)


def test_an_index_without_recordings(tmp_path):
    layout.write_options(tmp_path, layout.Options("", "made", "v1"))
    (tmp_path / layout.BATCHES / ".half").mkdir(parents=True)
    with pytest.raises(EarmarkError, match="holds no recordings yet"):
        Index(tmp_path)


def test_an_index_without_events(tmp_path):
    index = Index(make_index(tmp_path, [], durations={"silent.wav": 10.0}))
    assert find(index, QUERY) == []
    assert total(index, Query(near=(("dog",),))).events == 0


@pytest.mark.parametrize("damage", ["short", "empty", "middle", "gone", "columns"])
def test_a_damaged_file_is_named(tmp_path, damage):
    events = [event(f"{i}.wav", j / 10, j / 10 + 1, "dog", (j * 37 % 100) / 100) for i in range(4) for j in range(500)]
    folder = make_index(tmp_path, events, batches=4)
    file = folder / layout.BATCHES / "002" / "events.parquet"
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "columns":
        shutil.copy(file.with_name("seconds.parquet"), file)
    else:
        file.write_bytes({"short": whole[:-9], "empty": b"", "middle": whole[:20] + b"x" * 900 + whole[920:]}[damage])
    with pytest.raises(EarmarkError, match=r"002.*delete the folder .*002, and run `earmark index` again") as told:
        find(Index(folder), Query())
    assert told.value.subject == str(file)


def test_a_batch_that_is_replaced_meanwhile_is_asked_for_again(tmp_path, monkeypatch):
    folder = make_index(tmp_path, [ONE])
    index = Index(folder)
    listed, batches = layout.files(folder, "events"), folder / layout.BATCHES
    (batches / "000").rename(batches / "001")
    answers = [listed]
    real = layout.files
    monkeypatch.setattr(layout, "files", lambda folder, table: answers.pop() if answers else real(folder, table))
    assert find(index, QUERY) == [ONE]


def test_unknown_labels_are_told_with_those_like_them(tmp_path):
    index = Index(make_index(tmp_path, [ONE], labels=("dog", "chirping_birds", "car_horn"), thresholds={}))
    for label, like in (("dgo", "dog"), ("birds", "chirping_birds"), ("Car Horn", "car_horn")):
        for query in (Query((label,)), Query(near=((label,),)), Query(absent=((label,),))):
            with pytest.raises(EarmarkError, match=f"{label}: is no label of this index; did you mean {like}"):
                find(index, query)
    with pytest.raises(EarmarkError, match="it knows car_horn, chirping_birds, dog"):
        find(index, Query(("zzz",)))
