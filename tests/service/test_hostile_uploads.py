"""Uploads that are made to keep the service busy cost themselves, and nobody else."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import hasty_worker
import httpx
import numpy as np
import pytest
from app_server import serving
from media_files import Track, many_tags, write
from service_process import PATIENCE, Server

from earmark.errors import EarmarkError
from earmark.service.app import create_app
from earmark.service.settings import Settings
from earmark.service.tasks import Work, do


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    path = tmp_path_factory.mktemp("tags") / "tags.mkv"
    path.write_bytes(many_tags(10_000))
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A client of a service in this process, and the service; where somebody waits, a busy machine is waited for."""
    settings = Settings(tmp_path_factory.mktemp("service"), workers=1, queue=3, quick_stall_seconds=PATIENCE)
    app = create_app(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("earmark.service.worker.serve", hasty_worker.serve)
        patch.setattr("earmark.service.state.PATIENCE", PATIENCE)
        with serving(app, settings) as port, httpx.Client(timeout=PATIENCE) as client:
            client.base_url = f"http://127.0.0.1:{port}"
            yield client, app.state.service


def post(own, path, to="classify"):
    with path.open("rb") as file:
        return own[0].post(f"/v1/{to}", files={"file": (path.name, file)})


@pytest.mark.posix
def test_one_that_keeps_ffmpeg_busy_stops_no_classify_of_others(own, tags, five_words):
    def quick():
        return [worker for worker in list(own[1].supervisor.workers) if worker.quick and worker.ready]

    first, second = Server.until(lambda: len(found := quick()) == 2 and found)
    os.kill(first.process.pid, signal.SIGSTOP)  # so that it is busy for as long as the other is looked at
    with ThreadPoolExecutor(1) as others:
        bad = others.submit(post, own, tags)
        Server.until(lambda: first.job_id)
        assert post(own, five_words).status_code == 200
        assert not bad.done()
        os.kill(first.process.pid, signal.SIGCONT)
        answer = bad.result(PATIENCE)
    assert answer.status_code == 422
    assert "tags.mkv: takes more than 1 s to open" in answer.json()["detail"]
    assert quick() == [first, second]


@pytest.mark.posix
def test_a_job_that_keeps_ffmpeg_busy_fails_and_the_next_is_done(own, tags, five_words):
    def ended(answer):
        address = answer.json()["links"]["self"]
        return Server.until(lambda: (job := own[0].get(address).json())["state"] in ("done", "failed") and job)

    first, second = post(own, tags, "jobs"), post(own, five_words, "jobs")
    assert ended(first)["state"] == "failed"
    assert "s to open" in ended(first)["error"]["detail"]
    assert ended(second)["state"] == "done"


@pytest.mark.posix
def test_a_burst_is_held_by_the_queue_and_clips_have_a_lane_of_their_own(own, five_words):
    service = own[1]

    def idle():
        return next((one for one in list(service.supervisor.workers) if one.ready and not one.quick), None)

    worker = Server.until(idle)
    os.kill(worker.process.pid, signal.SIGSTOP)  # no job comes to its end, however fast the machine is
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: post(own, five_words, "jobs"), range(12)))
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert {answer.status_code for answer in refused} == {429}
    assert min(int(answer.headers["retry-after"]) for answer in refused) >= 1
    assert len(taken) in (3, 4)  # waiting, and the one that a worker had been given
    assert post(own, five_words).status_code == 200
    os.kill(worker.process.pid, signal.SIGCONT)
    Server.until(lambda: [service.store.get(job_id).state for job_id in taken] == ["done"] * len(taken))


def test_what_opens_other_files_is_refused(own, tmp_path, street):
    (tmp_path / "film.mp4").write_text(f"ffconcat version 1.0\nfile {street}\n")
    answer = post(own, tmp_path / "film.mp4")
    assert answer.status_code == 422
    assert "playlist" in answer.json()["detail"]


def test_very_many_samples_a_second_are_fewer_seconds(tmp_path):
    """655,350 Hz in 8 channels: 14 times what a second usually has."""
    for seconds in (0.2, 0.5):
        samples = np.zeros((8, round(655_350 * seconds)))
        write(tmp_path / "upload", "flac", Track(samples, 655_350, "flac", "7.1", frame=65_535))
        work = Work(tmp_path, "classify", "bats.flac", "sounds", {}, 4.0)
        if seconds < 0.3:
            assert do(work, lambda *_: None) == pytest.approx(seconds, abs=0.01)
        else:
            with pytest.raises(EarmarkError, match=r"longer than 0\.3 s of 8 channels at 655350 Hz"):
                do(work, lambda *_: None)
