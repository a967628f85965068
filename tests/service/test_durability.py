"""What was accepted is done, whatever is killed on the way."""

import json
import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from page_helpers import sound
from service_process import PATIENCE, Server, SmallServer

from earmark.service.metrics import Metrics
from earmark.service.registry import USUAL
from earmark.service.settings import Settings
from earmark.service.storage import Storage
from earmark.service.store import Job, Store
from earmark.service.supervisor import Supervisor


class Staff(Supervisor):
    """A supervisor in this process, of one worker that does jobs; use it with `with`."""

    def __init__(self, folder):
        settings = Settings(folder, workers=1, quick_workers=0)
        super().__init__(settings, Store(folder / "jobs.sqlite"), Storage(folder), Metrics())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.store.close()

    def send(self, path, task="label"):
        """The id of a new job."""
        job_id, folder = self.storage.new()
        folder.upload.write_bytes(path.read_bytes())
        self.store.add(Job(job_id, task, path.name, USUAL[task], {}))
        self.ring()
        return job_id

    def ended(self, job_id):
        """The job, once it is done or failed."""
        return Server.until(lambda: (job := self.store.get(job_id)).state in ("done", "failed") and job)

    def hung(self, path, crashes=0):
        """The worker, which hears nothing any more, and the id of a new job that it was given."""
        worker = Server.until(self._idle)
        os.kill(worker.process.pid, signal.SIGSTOP)
        job_id = self.send(path)
        if crashes:
            self.store.requeue(job_id, crashes=crashes)
        Server.until(lambda: worker.job_id == job_id)
        return worker, job_id

    def _idle(self):
        over = {job.state for job in self.store.every()} <= {"done", "failed"}
        return over and next((worker for worker in list(self.workers) if worker.ready and not worker.job_id), None)

    def lost(self):
        """How many workers have ended."""
        return self.metrics.registry.get_sample_value("earmark_workers_lost_total")


@pytest.fixture(scope="module")
def staff(tmp_path_factory):
    """Whatever becomes of its workers, it does the next test's jobs."""
    with Staff(tmp_path_factory.mktemp("staff")) as running:
        yield running


@contextmanager
def running_jobs(folder, *paths):
    """A server that is about to do some jobs, and their ids."""
    with SmallServer(folder) as server:
        ids = [server.send(path, task=task).json()["id"] for path, task in paths]
        server.until(lambda: server.job(ids[0])["state"] in ("running", "done"))
        yield server, ids


@pytest.mark.kill
def test_a_killed_server_finishes_its_jobs_when_it_is_started_again(tmp_path, street, five_words):
    with running_jobs(tmp_path / "own", *((street, "label"), (five_words, "words")) * 2) as (own, ids):
        own.kill()
    stray = own.folder / "jobs" / "00000000000000ff"  # an upload that was never accepted
    stray.mkdir()
    with Staff(own.folder) as again:
        assert [again.ended(job_id).state for job_id in ids] == ["done"] * 4
    assert not stray.exists()


@pytest.mark.kill
def test_a_killed_server_marks_with_what_it_was_taught(tmp_path, street):
    truth = json.loads(street.with_suffix(".truth.json").read_text(encoding="utf-8"))["events"]
    mine = [event | {"label": "my_dog"} for event in truth if event["label"] == "dog"]
    with SmallServer(tmp_path / "own") as own:
        job = own.done(street)
        assert own.client.put(f"/v1/jobs/{job}/events", json={"events": mine}).is_success
        made = own.client.post("/v1/models", json={"job": job, "label": "my_dog"}).json()
        assert (made["name"], made["taught"]["examples"]) == ("sounds+my_dog", len(mine))
        assert made["taught"]["others"] > 800
        own.kill()
        own.start()
        marked = own.done(street, model=made["name"])
        found = [event for event in own.result(marked).json()["events"] if event["label"] == "my_dog"]
        for one in mine:
            assert any(event["onset"] < one["offset"] and event["offset"] > one["onset"] for event in found)
        assert seconds(found) < 2 * seconds(mine) + 1
        assert own.client.delete(f"/v1/models/{made['taught']['id']}").status_code == 204
        assert own.send(street, model=made["name"]).status_code == 422


def seconds(events):
    return sum(event["offset"] - event["onset"] for event in events)


@pytest.mark.kill
def test_ctrl_c_costs_no_job(tmp_path, street):
    with running_jobs(tmp_path / "own", *[(street, "label")] * 2) as (own, ids):
        for worker in own.workers():
            worker.send_signal(signal.SIGINT)  # as the terminal sends it to the whole group
        own.process.send_signal(signal.SIGINT)
        own.process.wait(PATIENCE)
    with Staff(own.folder) as again:
        assert [again.ended(job_id).state for job_id in ids] == ["done"] * 2


@pytest.mark.kill
def test_workers_are_killed_and_no_job_is_lost(staff, street):
    before = staff.lost()
    for number in (1, 2):
        worker, killed = staff.hung(street)
        waiting = staff.send(street)
        worker.process.kill()
        Server.until(lambda: staff.lost() == before + number)  # noqa: B023 - it is over before the next
        assert [staff.ended(job_id).error for job_id in (killed, waiting)] == [None] * 2
        assert staff.store.get(killed).kills == 1


def crash(worker):
    """Do to a worker what a decoder does that reads where it must not."""
    os.kill(worker.process.pid, signal.SIGSEGV)
    os.kill(worker.process.pid, signal.SIGCONT)


@pytest.mark.kill
def test_a_recording_that_breaks_what_reads_it_costs_one_job(staff, street, five_words):
    worker, first = staff.hung(street)
    crash(worker)
    ended = staff.ended(first)
    assert (ended.state, ended.crashes) == ("done", 1)  # it had another try
    worker, second = staff.hung(street, crashes=1)
    waiting = staff.send(five_words)
    crash(worker)
    ended = staff.ended(second)
    assert ended.state == "failed"
    assert "breaks down" in ended.error["detail"]
    assert staff.ended(waiting).state == "done"


@pytest.mark.kill
def test_a_recording_that_hangs_costs_one_job(staff, street, five_words):
    worker, first = staff.hung(street)
    second = staff.send(five_words)
    worker.last_report -= staff.settings.stall_seconds
    ended = staff.ended(first)
    assert ended.state == "failed"
    assert "120 s" in ended.error["detail"]
    assert staff.ended(second).state == "done"
    assert not psutil.pid_exists(worker.process.pid)


@pytest.mark.kill
def test_the_supervisor_outlives_what_goes_wrong(staff, five_words, monkeypatch):
    claim, broken = staff.store.claim, [sqlite3.OperationalError("database or disk is full")] * 3

    def sometimes(quick):
        if broken:
            raise broken.pop()
        return claim(quick)

    monkeypatch.setattr(staff.store, "claim", sometimes)
    assert staff.ended(staff.send(five_words, "words")).state == "done"
    assert not broken
    assert staff.alive


def test_a_job_that_is_given_up_stops(server, street, five_words):
    first, second = (server.send(path).json()["id"] for path in (street, five_words))
    server.until(lambda: server.job(first)["state"] in ("running", "done"))
    assert server.client.delete(f"/v1/jobs/{first}").status_code == 204
    assert server.client.get(f"/v1/jobs/{first}").status_code == 404
    assert server.ended(second)["state"] == "done"
    server.until(lambda: not (server.folder / "jobs" / first).exists())


def test_fifty_at_once_are_all_answered(server, tmp_path):
    path = sound(tmp_path / "tone.wav", (0.2, 0.6, 200), seconds=1.0)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: server.send(path, task="words"), range(50)))
    ids = {answer.json()["id"] for answer in answers}
    assert [answer.status_code for answer in answers] == [202] * 50
    assert len(ids) == 50
    assert {server.ended(job_id)["state"] for job_id in ids} == {"done"}
