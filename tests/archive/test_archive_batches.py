"""Batches and merging, also when everything ends at any step."""

import itertools
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from archive_making import hidden, index_rows

from earmark.archive import batches, layout, tables
from earmark.archive.analysis import Analysis, MaxPerSecond
from earmark.archive.batches import Run, attempt, replace, sweep
from earmark.archive.layout import Options
from earmark.archive.recordings import Recording
from earmark.errors import EarmarkError
from earmark.events.timeline import Event

OPTIONS = Options("/archive", "sounds", "1", ("dog", "cat"))


class KilledHereError(BaseException):
    """What stands for SIGKILL: nothing of ours catches it."""


def heard(name, *labels):
    events = tuple(Event(float(i), i + 0.5, label, 0.9) for i, label in enumerate(labels))
    return Analysis(Recording(name, 10, 1.5), 4.0, None, events, MaxPerSecond(1.0, 2).seconds(4.0))


def batch_of(run, *recordings):
    name = run.begin()
    attempt(run.folder, name, tables.label_tables(recordings, OPTIONS))
    return run.place(name)


@pytest.fixture
def index(tmp_path):
    """An index of three batches, five recordings."""
    run = Run(tmp_path / "index")
    batch_of(run, heard("b", "dog", "cat"), heard("a", "cat"))
    batch_of(run, heard("d"), heard("c", "dog"))
    batch_of(run, heard("e", "cat", "dog", "cat"))
    run.end()
    return tmp_path / "index"


def names(index):
    return sorted(name for file in layout.files(index, "recordings") for name in recordings_of(file))


def recordings_of(file):
    return layout.read_table(file, ["recording"])["recording"].to_pylist()


def test_tables_are_sorted_and_read_as_written(index):
    batch = layout.batches(index)[0]
    read = tables.read_tables(batch)
    assert {name: table.schema for name, table in read.items()} == layout.TABLES
    assert read["recordings"]["recording"].to_pylist() == ["a", "b"]
    order = list(zip(*(read["events"][column].to_pylist() for column in ("label", "recording", "onset")), strict=True))
    assert order == sorted(order)


def test_whole_batches_alone_are_seen(index):
    run = Run(index)
    (run.folder / run.begin() / "half").mkdir()
    assert names(index) == list("abcde")


def test_the_first_attempt_stands(index):
    run = Run(index)
    name = run.begin()
    attempt(run.folder, name, tables.label_tables([heard("f", "dog")], OPTIONS))
    attempt(run.folder, name, tables.label_tables([heard("f", "cat")], OPTIONS))
    assert [row[3] for row in index_rows(index)["events"] if row[0] == "f"] == ["dog"]


def test_who_was_given_up_adds_nothing(index):
    run = Run(index)
    name = run.begin()
    assert not run.give_up(name)
    with pytest.raises(EarmarkError, match="another run has taken over"):
        attempt(run.folder, name, tables.label_tables([heard("f")], OPTIONS))
    assert names(index) == list("abcde")


def test_who_came_through_before_being_given_up_counts(index):
    run = Run(index)
    name = run.begin()
    attempt(run.folder, name, tables.label_tables([heard("f")], OPTIONS))
    assert run.give_up(name)


def test_a_run_that_is_swept_adds_nothing(index):
    """As a worker on another machine, whose command was killed and started again."""
    old = Run(index)
    name = old.begin()
    sweep(index)
    with pytest.raises(EarmarkError, match="another run has taken over"):
        attempt(old.folder, name, tables.label_tables([heard("f")], OPTIONS))
    assert names(index) == list("abcde")
    assert not hidden(index)


def test_what_has_no_name_of_ours_is_not_swept(index):
    """As in a folder `batches` that was there before."""
    theirs = [index / layout.BATCHES / name for name in (".git", ".notes.txt", "notes.txt")]
    theirs[0].mkdir()
    for path in (theirs[0] / "HEAD", *theirs[1:]):
        path.write_text("precious")
    Run(index)
    sweep(index)
    assert names(index) == list("abcde")
    assert all(path.exists() for path in theirs)
    assert sorted(path.name for path in (index / layout.BATCHES).glob(".*")) == [".git", ".notes.txt"]


def test_merging_changes_no_row(index):
    before = index_rows(index)
    run = Run(index)
    batches.merge_small(run)
    run.end()
    (batch,) = layout.batches(index)
    assert index_rows(index) == before
    order = list(
        zip(*(tables.read_tables(batch)["events"][c].to_pylist() for c in ("label", "recording", "onset")), strict=True)
    )
    assert order == sorted(order)
    sweep(index)
    assert index_rows(index) == before
    assert not hidden(index)
    assert not list(index.rglob(layout.REPLACES))


def test_large_batches_are_left_alone(index, monkeypatch):
    before = layout.batches(index)
    monkeypatch.setattr(batches, "SMALL", 10)
    run = Run(index)
    batches.merge_small(run)
    assert layout.batches(index) == before


def test_groups_are_not_too_large(index, monkeypatch):
    sizes = [batches.size_of(batch) for batch in layout.batches(index)]
    monkeypatch.setattr(batches, "ENOUGH", sizes[0] + sizes[1])
    batches.merge_small(Run(index))
    assert [tables.read_tables(batch)["recordings"].num_rows for batch in layout.batches(index)] in ([1, 4], [4, 1])


def drop_c_and_merge(index):
    """All that a run does to batches that are there."""
    run = Run(index)
    for batch in layout.batches(index):
        if "c" in tables.read_tables(batch)["recordings"]["recording"].to_pylist():
            replace(run, [batch], lambda one: tables.without(one, ["c"]))
    batches.merge_small(run)
    run.end()


STEPS = ((Path, "replace"), (Path, "mkdir"), (Path, "write_text"), (shutil, "rmtree"), (batches, "settle"))


def killed_at(monkeypatch, step, work, after):
    """Do some work up to its `step`th step on the disk; whether that came. A removal is killed half way.

    `after`: up to the end of its `step`th new folder, which is empty then; after others all is as before the next.
    """
    count = itertools.count()
    with monkeypatch.context() as patch:
        for owner, name in STEPS:
            usual = getattr(owner, name)

            def counted(*words, usual=usual, name=name, **options):
                last = (not after or name == "mkdir") and next(count) == step
                if last and name == "rmtree":
                    files = sorted(Path(words[0]).iterdir())
                    [file.unlink() for file in files[:2] if file.is_file()]
                elif last and after:
                    usual(*words, **options)
                if last:
                    raise KilledHereError
                return usual(*words, **options)

            patch.setattr(owner, name, counted)
        try:
            work()
        except KilledHereError:
            return True
    return False


@pytest.mark.parametrize(("after", "least"), [(False, 20), (True, 1)], ids=["before a step", "after a step"])
def test_an_end_at_any_step_of_merging_or_dropping(index, tmp_path, monkeypatch, after, least):
    """Readers see each recording once, whether or not the next run has swept."""
    steps = 0
    for step in itertools.count():
        copy = tmp_path / f"copy{step}"
        shutil.copytree(index, copy)
        killed = killed_at(monkeypatch, step, lambda copy=copy: drop_c_and_merge(copy), after)
        rows = index_rows(copy)
        assert [row[0] for row in rows["recordings"]] in (list("abcde"), list("abde")), step
        sweep(copy)
        assert index_rows(copy) == rows
        assert not hidden(copy)
        drop_c_and_merge(copy)
        assert names(copy) == list("abde")
        steps += killed
        if not killed:
            break
    assert steps > least


@pytest.mark.parametrize(("after", "least"), [(False, 5), (True, 0)])
def test_an_end_at_any_step_of_sweeping(index, tmp_path, monkeypatch, after, least):
    """Of an index in its worst state: merged, nothing removed yet, and a leftover of a run."""
    before = index_rows(index)
    run = Run(index)
    whole = layout.batches(index)
    parts = [tables.read_tables(batch) for batch in whole]
    one = {name: tables.ordered(name, pa.concat_tables(part[name] for part in parts)) for name in layout.TABLES}
    attempt(run.folder, run.begin(), one, [batch.name for batch in whole])
    assert index_rows(index) == before
    for step in itertools.count():
        copy = tmp_path / f"copy{step}"
        shutil.copytree(index, copy)
        killed = killed_at(monkeypatch, step, lambda copy=copy: sweep(copy), after)
        assert index_rows(copy) == before
        sweep(copy)
        assert index_rows(copy) == before
        assert len(list((copy / layout.BATCHES).iterdir())) == 1
        if not killed:
            break
    assert step > least


def test_an_index_whose_list_of_replaced_batches_is_damaged(index):
    (layout.batches(index)[0] / layout.REPLACES).write_text("{")
    with pytest.raises(EarmarkError, match="is damaged"):
        layout.batches(index)
