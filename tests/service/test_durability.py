"""What was accepted is done, whatever is killed on the way."""

import json
import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from service_process import PATIENCE, Server

from earmark.service.metrics import Metrics
from earmark.service.settings import Settings
from earmark.service.storage import Storage
from earmark.service.store import Job, Store
from earmark.service.supervisor import Supervisor


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A server of this file's own, that may be hurt: whatever becomes of it, it does the next test's jobs."""
    with Server(tmp_path_factory.mktemp("own"), "--workers", "1") as running:
        yield running


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """One where few jobs may wait."""
    with Server(tmp_path_factory.mktemp("narrow"), "--workers", "1", "--queue", "3") as running:
        yield running


@contextmanager
def held(server):
    """No job comes to its end within the block, however fast the machine is."""
    workers = server.until(lambda: len(found := server.workers()) == 3 and found)  # two are for clips
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


@pytest.mark.kill
def test_a_killed_server_finishes_its_jobs_when_it_is_started_again(own, street, five_words):
    ids = [own.send(path, task=task).json()["id"] for path, task in ((street, "label"), (five_words, "words")) * 2]
    own.until(lambda: own.job(ids[0])["state"] == "running" or own.job(ids[0])["state"] == "done")
    own.kill()
    stray = own.folder / "jobs" / "00000000000000ff"  # an upload that was never accepted
    stray.mkdir()
    own.start()
    assert [own.ended(job_id)["state"] for job_id in ids] == ["done"] * 4
    assert not stray.exists()


@pytest.mark.kill
def test_workers_are_killed_and_no_job_is_lost(own, street):
    before = lost(own)
    ids = [own.send(street).json()["id"] for _ in range(4)]
    for _ in range(3):
        own.until(
            lambda: {own.job(job_id)["state"] for job_id in ids} & {"running"} or own.job(ids[-1])["state"] == "done"
        )
        for worker in own.until(own.workers):
            worker.kill()
    assert [own.ended(job_id)["error"] for job_id in ids] == [None] * 4
    assert lost(own) >= before + 3


def lost(server):
    """How many workers have ended."""
    lines = server.client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("earmark_workers_lost_t")).split()[1])


def crash(server, job_id):
    """Do to the job's worker what a decoder does that reads where it must not."""
    server.until(lambda: server.job(job_id)["state"] in ("running", "done"))
    for worker in server.workers():
        worker.send_signal(signal.SIGSEGV)


def test_a_recording_that_breaks_what_reads_it_costs_one_job(own, street, five_words):
    first, second = own.send(street).json()["id"], own.send(five_words).json()["id"]
    crash(own, first)
    own.until(lambda: own.job(first)["state"] != "running")  # it has another try
    crash(own, first)
    ended = own.ended(first)
    if ended["state"] == "failed":  # it may be done in time
        assert "breaks down" in ended["error"]["detail"]
    assert own.ended(second)["state"] == "done"


@pytest.mark.kill
def test_a_recording_that_hangs_costs_one_job(tmp_path, street, five_words):
    settings = Settings(tmp_path, workers=1, stall_seconds=15.0)
    storage, store = Storage(tmp_path), Store(tmp_path / "jobs.sqlite")
    supervisor = Supervisor(settings, store, storage, Metrics())
    ids = []
    for path in (street, five_words):
        job_id, folder = storage.new()
        folder.upload.write_bytes(path.read_bytes())
        store.add(Job(job_id, "label", path.name, "sounds", {}))
        ids.append(job_id)
    supervisor.start()
    try:
        Server.until(lambda: store.get(ids[0]).state == "running")
        stopped = next(worker for worker in supervisor.workers if worker.job_id == ids[0])
        os.kill(stopped.process.pid, signal.SIGSTOP)
        Server.until(lambda: store.get(ids[0]).state == "failed")
        assert "15 s" in store.get(ids[0]).error["detail"]
        Server.until(lambda: store.get(ids[1]).state == "done")
        assert not psutil.pid_exists(stopped.process.pid)
    finally:
        supervisor.stop()


def test_a_job_that_is_given_up_stops(own, street):
    first, second = (own.send(street).json()["id"] for _ in range(2))
    own.until(lambda: own.job(first)["state"] in ("running", "done"))
    assert own.client.delete(f"/v1/jobs/{first}").status_code == 204
    assert own.client.get(f"/v1/jobs/{first}").status_code == 404
    assert own.ended(second)["state"] == "done"
    own.until(lambda: not (own.folder / "jobs" / first).exists())


def test_fifty_at_once_are_all_answered(own, five_words):
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: own.send(five_words, task="words"), range(50)))
    ids = {answer.json()["id"] for answer in answers}
    assert [answer.status_code for answer in answers] == [202] * 50
    assert len(ids) == 50
    assert {own.ended(job_id)["state"] for job_id in ids} == {"done"}


def test_the_supervisor_outlives_what_goes_wrong(tmp_path, five_words, monkeypatch):
    storage, store = Storage(tmp_path), Store(tmp_path / "jobs.sqlite")
    supervisor = Supervisor(Settings(tmp_path, workers=1), store, storage, Metrics())
    claim, broken = store.claim, [sqlite3.OperationalError("database or disk is full")] * 3

    def sometimes(quick):
        if broken:
            raise broken.pop()
        return claim(quick)

    monkeypatch.setattr(store, "claim", sometimes)
    job_id, folder = storage.new()
    folder.upload.write_bytes(five_words.read_bytes())
    store.add(Job(job_id, "words", "five", "words/gru", {}))
    supervisor.start()
    try:
        Server.until(lambda: store.get(job_id).state == "done")
        assert not broken
        assert supervisor.alive
    finally:
        supervisor.stop()


def test_a_burst_is_held_by_the_queue_and_clips_have_a_lane_of_their_own(narrow, street, five_words):
    with held(narrow), ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: narrow.send(street), range(12)))
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} == {202, 429}
    assert len(taken) in (3, 4)  # waiting, and the one that a worker had been given
    with five_words.open("rb") as file:
        assert narrow.client.post("/v1/classify", files={"file": file}).status_code == 200
    assert [narrow.ended(job_id)["state"] for job_id in taken] == ["done"] * len(taken)


def test_too_many_jobs_are_told_to_come_again(narrow, street):
    with held(narrow):
        answers = [narrow.send(street) for _ in range(5)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert [narrow.ended(job_id)["state"] for job_id in taken] == ["done"] * len(taken)


def test_no_more_waits_than_the_disk_may_hold(tmp_path, street):
    size = street.stat().st_size / 1024**3
    with Server(tmp_path / "service", "--workers", "1", "--keep-gb", f"{2.5 * size:.6f}") as server:
        with held(server):
            answers = [server.send(street) for _ in range(4)]
        assert {answer.status_code for answer in answers} == {202, 507}
        taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        server.until(lambda: {server.job(job_id).get("state") for job_id in taken} <= {"done", None})


def test_ctrl_c_costs_no_job(own, street, five_words):
    ids = [own.send(street).json()["id"] for _ in range(2)]
    own.until(lambda: own.job(ids[0])["state"] in ("running", "done"))
    for worker in own.workers():
        worker.send_signal(signal.SIGINT)  # as the terminal sends it to the whole group
    own.process.send_signal(signal.SIGINT)
    own.process.wait(PATIENCE)
    own.client.close()
    own.start()
    assert [own.ended(job_id)["state"] for job_id in ids] == ["done"] * 2


@pytest.mark.kill
def test_a_killed_server_marks_with_what_it_was_taught(own, street):
    truth = json.loads(street.with_suffix(".truth.json").read_text(encoding="utf-8"))["events"]
    mine = [event | {"label": "my_dog"} for event in truth if event["label"] == "dog"]
    job = own.send(street).json()["id"]
    assert own.ended(job)["state"] == "done"
    assert own.client.put(f"/v1/jobs/{job}/events", json={"events": mine}).is_success
    made = own.client.post("/v1/models", json={"job": job, "label": "my_dog"}).json()
    assert (made["name"], made["taught"]["examples"]) == ("sounds+my_dog", len(mine))
    assert made["taught"]["others"] > 800
    own.kill()
    own.start()
    marked = own.send(street, model=made["name"]).json()["id"]
    assert own.ended(marked)["state"] == "done"
    found = [event for event in own.result(marked).json()["events"] if event["label"] == "my_dog"]
    for one in mine:
        assert any(event["onset"] < one["offset"] and event["offset"] > one["onset"] for event in found)
    assert seconds(found) < 2 * seconds(mine) + 1
    assert own.client.delete(f"/v1/models/{made['taught']['id']}").status_code == 204
    assert own.send(street, model=made["name"]).status_code == 422


def seconds(events):
    return sum(event["offset"] - event["onset"] for event in events)
