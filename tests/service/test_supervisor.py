"""What the supervisor forgets and takes back, step by step, without workers of its own."""

import sqlite3
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException

from earmark.service.metrics import Metrics
from earmark.service.settings import Settings
from earmark.service.storage import Storage
from earmark.service.store import Job, Store
from earmark.service.supervisor import MOST_KILLS, Cleanup, Supervisor


@pytest.fixture
def running(tmp_path):
    """A supervisor, and the id of a job that a worker of its does; `worker.ended` says whether the row was there."""
    storage, store = Storage(tmp_path), Store(tmp_path / "jobs.sqlite")
    supervisor = Supervisor(Settings(tmp_path, workers=0, quick_workers=0), store, storage, Metrics())
    job_id, folder = storage.new()
    storage.receiving.clear()
    folder.upload.write_bytes(b"a")
    store.add(Job(job_id, "label", "a.wav", "sounds", {}))
    store.claim(False)
    worker = SimpleNamespace(job_id=job_id, ended=None)
    worker.end = lambda: setattr(worker, "ended", store.get(job_id) is not None)
    supervisor.workers.append(worker)
    return supervisor, job_id, worker


def again(tmp_path):
    """The jobs after a kill and a new start."""
    store = Store(tmp_path / "jobs.sqlite")
    store.recover(MOST_KILLS)
    Cleanup(Settings(tmp_path), store, Storage(tmp_path)).sweep()
    return store.every(), Storage(tmp_path).ids()


def test_a_job_is_forgotten_by_its_worker_first_then_by_the_table(running, tmp_path):
    supervisor, job_id, worker = running
    future = supervisor.give_up(job_id)
    assert not future.done()
    supervisor._forget()
    assert future.result(0) is None
    assert worker.ended is True  # while there was a row
    assert supervisor.workers == []
    assert supervisor.store.get(job_id) is None
    assert Storage(tmp_path).ids() == [job_id]  # the files go last
    assert again(tmp_path) == ([], [])


def test_killed_before_the_row_goes_the_job_is_done_again(running, tmp_path, monkeypatch):
    supervisor, job_id, worker = running

    class Killed(BaseException):
        pass

    def killed(_):
        raise Killed

    monkeypatch.setattr(supervisor.store, "remove", killed)
    supervisor.give_up(job_id)
    with pytest.raises(Killed):
        supervisor._forget()
    assert worker.ended
    jobs, folders = again(tmp_path)
    assert [(job.id, job.state) for job in jobs] == [(job_id, "queued")]
    assert folders == [job_id]


def full(*_, **__):
    raise sqlite3.OperationalError("database or disk is full")


def test_what_cannot_be_forgotten_is_told_and_done_again(running, monkeypatch):
    supervisor, job_id, _ = running
    with monkeypatch.context() as patched:
        patched.setattr(supervisor.store, "remove", full)
        future = supervisor.give_up(job_id)
        supervisor._forget()
    with pytest.raises(sqlite3.OperationalError):
        future.result(0)
    assert supervisor.store.get(job_id).state == "running"  # by nobody
    supervisor._reclaim()
    assert supervisor.store.get(job_id).state == "queued"


def test_an_end_that_cannot_be_noted_is_no_job_that_runs_for_good(running, monkeypatch):
    supervisor, job_id, worker = running
    worker.began = 0.0
    with monkeypatch.context() as patched:
        patched.setattr(supervisor.store, "finish", full)
        with pytest.raises(sqlite3.OperationalError):
            supervisor._take(worker, ("done", 1.0, None))
    supervisor._amiss = True  # as its loop notes
    supervisor._reclaim()
    assert supervisor.store.get(job_id).state == "queued"


def test_what_a_worker_does_is_not_taken_from_it(running):
    supervisor, job_id, _ = running
    supervisor._amiss = True
    supervisor._reclaim()
    assert supervisor.store.get(job_id).state == "running"


def test_what_a_client_no_longer_waits_for_is_forgotten_all_the_same(running):
    supervisor, job_id, _ = running
    assert supervisor.give_up(job_id).cancel()
    supervisor._forget()
    assert supervisor.store.get(job_id) is None


def test_at_the_end_what_was_asked_is_done_and_what_comes_later_refused(tmp_path):
    storage, store = Storage(tmp_path), Store(tmp_path / "jobs.sqlite")
    supervisor = Supervisor(Settings(tmp_path, workers=0, quick_workers=0), store, storage, Metrics())
    job_id, _ = storage.new()
    store.add(Job(job_id, "label", "a.wav", "sounds", {}))
    supervisor.start()
    assert supervisor.give_up(job_id).result(60) is None
    supervisor.stop()
    with pytest.raises(HTTPException) as refused:
        supervisor.give_up(job_id).result(0)
    assert refused.value.status_code == 503


def test_the_end_of_a_job_is_heard(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    for number, end in enumerate(
        (lambda one: store.finish(one, 1.0, 1), lambda one: store.fail(one, {"title": "no"}), store.remove)
    ):
        job_id = f"{number:016x}"
        store.add(Job(job_id, "label", "a.wav", "sounds", {}))
        future = store.ending(job_id)
        assert not future.done()
        end(job_id)
        assert future.done()
        assert store.ending(job_id).done()  # it is over already
    assert store._awaited == {}
