"""An index made and kept up to date in this process."""

import errno
import os
import shutil
import time

import fsspec
import pyarrow.parquet as pq
import pytest
from archive_making import copied, files_of, hidden, index_rows, make_archive
from model_making import LOW_HIGH, low_high_model, tones, write_wav

from earmark.archive import analysis, layout
from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import Listing, below, listed
from earmark.errors import EarmarkError
from earmark.models.labelling import label
from earmark.util.locks import lock_of


@pytest.fixture
def folder(archive, tmp_path):
    """A copy that may be changed."""
    copy = tmp_path / "recordings"
    shutil.copytree(archive, copy)
    return copy


def test_events_are_those_of_label(archive, indexed, low_high, tmp_path):
    report = indexed(archive, tmp_path / "index")
    rows = index_rows(tmp_path / "index")
    names = [row[0] for row in rows["recordings"]]
    assert (report.found, report.labelled, report.bad, len(names)) == (12, 12, [], 12)
    expected = []
    for name in names:
        timeline = label(archive / name, low_high)
        expected += [(name, e.onset, e.offset, e.label, pytest.approx(e.score, abs=1e-6)) for e in timeline.events]
    assert len(expected) >= 12
    assert sorted(row[:5] for row in rows["events"]) == sorted(expected, key=lambda row: row[:2])
    assert sum(row[3] for row in rows["recordings"]) == pytest.approx(report.seconds)
    assert not hidden(tmp_path / "index")


def test_times_of_day_and_seconds(archive_index):
    rows = index_rows(archive_index)
    started = {row[0]: row[4] for row in rows["recordings"]}
    assert {f"{time:%Y%m%d}" for time in started.values()} == {"20260511"}
    best = {(name, second, what): score for name, second, what, score in rows["seconds"]}
    for name, onset, _, what, score, began, *_ in rows["events"]:
        assert (began - started[name]).total_seconds() == pytest.approx(onset)
        reached = [best.get((name, second, what), 0) for second in range(3)]
        assert max(reached) == pytest.approx(score, abs=0.002)
    assert all(layout.LEAST_SCORE - 1e-3 <= score <= 1 for score in best.values())


def test_nothing_is_done_twice(archive, archive_index, indexed, tmp_path):
    out = copied(archive_index, tmp_path / "index")
    before = files_of(out)
    report = indexed(archive, out)
    assert (report.labelled, report.unchanged) == (0, 12)
    assert files_of(out) == before


def test_batches_make_no_difference(archive, archive_index, indexed, tmp_path):
    indexed(archive, tmp_path / "year=2026 'all'", most=1)
    assert index_rows(tmp_path / "year=2026 'all'") == index_rows(archive_index)


def test_new_changed_and_gone_recordings(folder, archive_index, indexed, tmp_path):
    out = copied(archive_index, tmp_path / "index", folder)
    names = [one.name for one in below(str(folder)).recordings]
    (folder / names[0]).unlink()
    write_wav(folder / names[1], tones(1.0, (0.2, 0.8, 300.0)))
    os.utime(folder / names[2], (1, 1))
    make_archive(folder / "more", 2, seed=7)
    report = indexed(folder, out)
    assert (report.labelled, report.changed, report.unchanged, report.gone, report.pruned) == (4, 2, 9, 1, 0)
    report = indexed(folder, out, prune=True)
    assert (report.labelled, report.gone, report.pruned) == (0, 1, 1)
    indexed(folder, tmp_path / "fresh")
    assert index_rows(out) == index_rows(tmp_path / "fresh")


def test_bad_recordings_are_rows_too(folder, archive_index, indexed, tmp_path):
    out = copied(archive_index, tmp_path / "index", folder)
    (folder / "broken.mp3").write_text("nothing")
    (folder / "empty.wav").touch()
    report = indexed(folder, out)
    assert [name for name, _ in report.bad] == ["broken.mp3", "empty.wav"]
    assert report.bad[1][1] == "is empty"
    rows = {row[0]: row for row in index_rows(out)["recordings"]}
    assert rows["empty.wav"][3:6] == (None, None, "is empty")
    write_wav(folder / "empty.wav", tones(1.0, (0.2, 0.8, 300.0)))
    report = indexed(folder, out)
    assert (report.labelled, report.bad, report.bad_before) == (1, [], 1)
    assert indexed(folder, out).bad_before == 1
    assert [name for name, _ in indexed(folder, out, retry_bad=True).bad] == ["broken.mp3"]


def test_a_recording_that_takes_too_long(folder, indexed, tmp_path, monkeypatch):
    """A clock that runs fast stands for a slow disk."""
    clock = time.monotonic
    with monkeypatch.context() as patch:
        patch.setattr(analysis.time, "monotonic", lambda: clock() * 1e6)
        report = indexed(folder, tmp_path / "index", timeout=1.0)
    assert len(report.bad) == 12
    assert report.bad[0][1] == "took longer than 1 s beside its own length; see --timeout"
    assert indexed(folder, tmp_path / "index", retry_bad=True).bad == []


def test_a_surprise_in_one_recording_is_its_own_affair(folder, indexed, tmp_path, monkeypatch):
    def surprised(source, *words, **options):
        if source.endswith("053.wav"):
            raise ZeroDivisionError("a surprise")
        return label(source, *words, **options)

    (folder / "053.wav").write_text("x")
    monkeypatch.setattr(analysis, "label", surprised)
    report = indexed(folder, tmp_path / "index")
    assert (report.labelled, report.bad) == (13, [("053.wav", "cannot be labelled (ZeroDivisionError: a surprise)")])


def test_damage_is_told(folder, archive_index, indexed, tmp_path):
    whole = next(folder.rglob("*.wav"))
    content = whole.read_bytes()
    (folder / "cut.wav").write_bytes(content[: len(content) // 2])
    report = indexed(folder, copied(archive_index, tmp_path / "index", folder))
    assert [name for name, _ in report.damaged] == ["cut.wav"]
    assert report.damaged[0][1].startswith("ends early")
    assert report.bad == []


def test_a_list_and_a_url(archive, archive_index, low_high_file, tmp_path):
    rows = index_rows(archive_index)
    system = fsspec.filesystem("memory")
    for file in archive.rglob("*.wav"):
        system.pipe(f"/indexed/{file.relative_to(archive)}", file.read_bytes())
    found = below("memory://indexed")
    index(found, tmp_path / "url", options_for("memory://indexed", str(low_high_file)), Settings(jobs=1))
    remote = index_rows(tmp_path / "url")
    assert (remote["events"], remote["seconds"]) == (rows["events"], rows["seconds"])
    listing = tmp_path / "list.txt"
    listing.write_text("\n".join(str(file) for file in archive.rglob("*.wav")))
    index(listed(listing), tmp_path / "list", options_for("", str(low_high_file)), Settings(jobs=1))
    named = index_rows(tmp_path / "list")["events"]
    assert [(row[0].removeprefix(f"{archive}/"), *row[1:]) for row in named] == rows["events"]


def test_another_model_file_of_the_same_name(archive, low_high_file, tmp_path):
    out, model = tmp_path / "index", tmp_path / "model.onnx"
    shutil.copy(low_high_file, model)
    found = below(str(archive))
    index(found, out, options_for(str(archive), str(model)), Settings(jobs=1))
    before = index_rows(out)
    low_high_model(model, LOW_HIGH.to_json().replace('"window": 0.1', '"window": 0.3'))
    report = index(found, out, options_for(str(archive), str(model)), Settings(jobs=1))
    assert (report.labelled, report.changed) == (12, 12)
    versions = {row[7] for row in index_rows(out)["recordings"]}
    assert versions == {layout.read_options(out).version} != {row[7] for row in before["recordings"]}


def test_an_index_of_something_else_is_left_alone(archive, archive_index, low_high_file, sensing_file, tmp_path):
    out = copied(archive_index, tmp_path / "index")
    before = files_of(out)
    found = below(str(archive))
    for options, what in (
        (options_for("/elsewhere", str(low_high_file)), "an index with recordings of .* at root in .*index.json"),
        (options_for(str(archive), str(sensing_file), embedder=""), "an index with a model,"),
        (options_for(str(archive), str(low_high_file), 0.7), "an index with --sensitivity 0.5, not 0.7"),
    ):
        with pytest.raises(EarmarkError, match=what):
            index(found, out, options, Settings(jobs=1))
    assert files_of(out) == before


def test_nothing_found_is_not_taken_for_gone(archive, archive_index, low_high_file, tmp_path):
    out = copied(archive_index, tmp_path / "index")
    options = options_for(str(archive), str(low_high_file))
    with pytest.raises(EarmarkError, match="is it mounted"):
        index(Listing([]), out, options, Settings(jobs=1, prune=True))
    seen = below(str(archive)).recordings[:3]
    with pytest.raises(EarmarkError, match="cannot tell what is gone"):
        index(Listing(seen, ["/x: cannot be read"]), out, options, Settings(jobs=1, prune=True))
    assert index(Listing([]), out, options, Settings(jobs=1)).gone == 12
    assert len(index_rows(out)["recordings"]) == 12


def test_a_list_of_what_is_not_mounted(folder, low_high_file, tmp_path):
    out, listing = tmp_path / "index", tmp_path / "list.txt"
    listing.write_text("\n".join(str(file) for file in folder.rglob("*.wav")))
    options = options_for("", str(low_high_file))
    index(listed(listing), out, options, Settings(jobs=1))
    before = index_rows(out)
    folder.rename(tmp_path / "elsewhere")
    report = index(listed(listing), out, options, Settings(jobs=1))
    assert (report.labelled, report.gone, report.bad) == (0, 12, [])
    with pytest.raises(EarmarkError, match="is it mounted"):
        index(listed(listing), out, options, Settings(jobs=1, prune=True))
    assert index_rows(out) == before


def test_one_run_at_a_time(archive, indexed, tmp_path):
    (tmp_path / "index").mkdir()
    with lock_of(tmp_path / "index" / "lock"), pytest.raises(EarmarkError, match="is being written by another"):
        indexed(archive, tmp_path / "index")
    assert indexed(archive, tmp_path / "index").labelled == 12


def test_an_archive_that_goes_away(folder, low_high_file, tmp_path):
    """As when a disk is unmounted between looking and labelling: no recording is to blame."""
    found, options = below(str(folder)), options_for(str(folder), str(low_high_file))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(EarmarkError, match="cannot be seen"):
        index(found, tmp_path / "index", options, Settings(jobs=1))
    assert index_rows(tmp_path / "index")["recordings"] == []


def test_an_index_that_cannot_be_written(archive, indexed, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EarmarkError, match="cannot be written"):
        indexed(archive, tmp_path / "file")


def test_a_damaged_batch_is_named(archive, archive_index, indexed, tmp_path):
    out = copied(archive_index, tmp_path / "index")
    (layout.batches(out)[0] / "recordings.parquet").write_bytes(b"PAR1")
    with pytest.raises(EarmarkError, match=r"recordings\.parquet: is damaged"):
        indexed(archive, out)


def test_a_batch_that_lacks_a_column_is_damaged(archive, archive_index, indexed, tmp_path):
    out = copied(archive_index, tmp_path / "index")
    (file, *_) = layout.files(out, "recordings")
    pq.write_table(pq.read_table(file).drop_columns(["modified"]), file)
    with pytest.raises(EarmarkError, match=r"recordings\.parquet: is damaged"):
        indexed(archive, out)


def test_a_damaged_batch_is_named_where_it_is_merged(folder, archive_index, indexed, tmp_path):
    out = copied(archive_index, tmp_path / "index", folder)
    (layout.batches(out)[0] / "events.parquet").write_bytes(b"PAR1")
    (folder / "new.wav").write_bytes(b"")
    with pytest.raises(EarmarkError, match=r"is damaged; delete .* and index again"):
        indexed(folder, out)


def test_a_file_system_without_locks(archive, indexed, tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refuse)
    with pytest.raises(EarmarkError, match="cannot be locked"):
        indexed(archive, tmp_path / "index")
