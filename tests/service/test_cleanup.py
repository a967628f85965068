import shutil

import pytest

from earmark.errors import EarmarkError
from earmark.service.app import create_app
from earmark.service.settings import Settings
from earmark.service.storage import MARKER, Storage
from earmark.service.store import Job, Store
from earmark.service.supervisor import Cleanup


def filled(tmp_path, count=4, **limits):
    storage, store = Storage(tmp_path), Store(tmp_path / "jobs.sqlite")
    ids = []
    for number in range(count):
        job_id, folder = storage.new()
        folder.upload.write_bytes(b"x" * 100)
        store.add(Job(job_id, "label", f"{number}.wav", "sounds", {}, bytes=100))
        ids.append(job_id)
    return Cleanup(Settings(tmp_path, **limits), store, storage), store, storage, ids


def finish(store, count):
    for _ in range(count):
        store.finish(store.claim(False).id, 1.0, 100)


def test_what_is_old_goes_and_what_is_not_finished_stays(tmp_path):
    cleanup, store, storage, ids = filled(tmp_path, keep_seconds=0.0)
    finish(store, 3)
    cleanup.sweep()
    assert [job.id for job in store.every()] == ids[3:]
    assert storage.ids() == ids[3:]


def test_the_oldest_go_until_the_rest_fits(tmp_path):
    cleanup, store, storage, ids = filled(tmp_path, keep_bytes=250)
    finish(store, 4)
    cleanup.sweep()
    assert [job.id for job in store.every()] == ids[2:]
    assert storage.ids() == sorted(ids[2:])


def test_an_upload_under_way_is_nobodys_stray(tmp_path):
    cleanup, _, storage, ids = filled(tmp_path)
    uploading, _ = storage.new()
    cleanup.sweep()
    assert storage.ids() == sorted([*ids, uploading])


def test_what_an_earlier_server_left_goes_at_once(tmp_path):
    cleanup, _, storage, ids = filled(tmp_path)
    Storage(tmp_path).new()
    cleanup.sweep()
    assert storage.ids() == sorted(ids)


def test_what_is_not_of_our_form_is_never_swept(tmp_path):
    cleanup, _, storage, ids = filled(tmp_path)
    jobs = tmp_path / "jobs"
    theirs = ["thesis", "0123456789ABCDEF", "0" * 15, "0" * 17]
    for name in theirs:
        (jobs / name).mkdir()
    (jobs / ("e" * 16)).write_text("a file")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (jobs / ("f" * 16)).symlink_to(outside)
    cleanup.sweep()
    assert storage.ids() == sorted(ids)
    assert all((jobs / name).exists() for name in (*theirs, "e" * 16, "f" * 16))
    assert (outside / "precious").exists()


def serve_once(folder):
    """What `earmark serve --folder` does before it listens, and its first sweep."""
    service = create_app(Settings(folder)).state.service
    Cleanup(service.settings, service.store, service.storage).sweep()
    service.store.close()
    service._held.close()
    return service


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "jobs" / "thesis").mkdir(parents=True)
    (tmp_path / "jobs" / "thesis" / "data.csv").write_text("precious")
    (tmp_path / "jobs").chmod(0o755)
    before = content(tmp_path / "jobs")
    with pytest.raises(EarmarkError, match=r"jobs: holds files .*; .*use another --folder"):
        serve_once(tmp_path)
    assert content(tmp_path / "jobs") == before
    assert (tmp_path / "jobs").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "jobs.sqlite").exists()


def test_a_new_database_does_not_sweep_the_jobs_of_the_old(tmp_path):
    """Lost, emptied, or another's: the recordings stay."""
    _, store, _, ids = filled(tmp_path)
    store.close()
    serve_once(tmp_path)
    old = tmp_path / "old.sqlite"
    (tmp_path / "jobs.sqlite").rename(old)
    other = tmp_path / "other"
    other.mkdir()
    serve_once(other)
    for database in (None, b"", (other / "jobs.sqlite").read_bytes()):
        for file in tmp_path.glob("jobs.sqlite*"):
            file.unlink()
        if database is not None:
            (tmp_path / "jobs.sqlite").write_bytes(database)
        with pytest.raises(EarmarkError, match="knows nothing of"):
            serve_once(tmp_path)
        assert sorted(name for name in content(tmp_path / "jobs") if name.name == "upload") == sorted(
            (tmp_path / "jobs" / job_id / "upload").relative_to(tmp_path / "jobs") for job_id in ids
        )
    for file in tmp_path.glob("jobs.sqlite*"):
        file.unlink()
    shutil.copy(old, tmp_path / "jobs.sqlite")
    assert serve_once(tmp_path).storage.ids() == sorted(ids)


def test_a_folder_from_before_there_were_marks_is_taken_over(tmp_path):
    _, store, _, ids = filled(tmp_path)
    store._database.execute("DROP TABLE mark")
    store.close()
    assert not (tmp_path / "jobs" / MARKER).exists()
    assert serve_once(tmp_path).storage.ids() == sorted(ids)
    assert (tmp_path / "jobs" / MARKER).exists()
    serve_once(tmp_path)


@pytest.mark.parametrize("kind", ["no database", "another's", "truncated"])
def test_a_database_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path, kind):
    import sqlite3

    path = tmp_path / "jobs.sqlite"
    if kind == "another's":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE jobs (id TEXT, wage INTEGER)")
        other.close()
    elif kind == "truncated":
        Store(path).close()
        path.write_bytes(path.read_bytes()[:5000])
    else:
        path.write_bytes(b"a list of jobs that I might apply for\n" * 100)
    before = path.read_bytes()
    with pytest.raises(EarmarkError, match=r"jobs\.sqlite: .*; move it away"):
        serve_once(tmp_path)
    assert path.read_bytes() == before
