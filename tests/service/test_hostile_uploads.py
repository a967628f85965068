"""Uploads that are made to keep the service busy cost themselves, and nobody else."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from media_files import Track, many_tags, write
from service_process import Server

from earmark.errors import EarmarkError
from earmark.service.tasks import Work, do


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    path = tmp_path_factory.mktemp("tags") / "tags.mkv"
    path.write_bytes(many_tags(10_000))
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("service"), "--workers", "1") as running:
        yield running


def classify(server, path):
    with path.open("rb") as file:
        return server.client.post("/v1/classify", files={"file": (path.name, file)})


def test_one_that_keeps_ffmpeg_busy_stops_no_classify_of_others(own, tags, five_words):
    with ThreadPoolExecutor() as others:
        ready = [others.submit(classify, own, five_words) for _ in range(2)]  # both quick workers have loaded the model
        assert [one.result().status_code for one in ready] == [200, 200]
        bad = others.submit(classify, own, tags)
        time.sleep(1)
        assert classify(own, five_words).status_code == 200
        assert not bad.done()  # it has 10 s, and an ordinary clip takes a fraction of one
        answer = bad.result()
    assert answer.status_code == 422
    assert "tags.mkv: " in answer.json()["detail"]
    assert "takes" in answer.text or "nothing new was heard for 10 s" in answer.text


def test_a_job_that_keeps_ffmpeg_busy_fails_and_the_next_is_done(own, tags, street):
    first, second = own.send(tags).json()["id"], own.send(street).json()["id"]
    ended = own.ended(first)
    assert ended["state"] == "failed"
    assert "s to open" in ended["error"]["detail"]
    assert own.ended(second)["state"] == "done"


def test_what_opens_other_files_is_refused(own, tmp_path, street):
    (tmp_path / "film.mp4").write_text(f"ffconcat version 1.0\nfile {street}\n")
    answer = classify(own, tmp_path / "film.mp4")
    assert answer.status_code == 422
    assert "playlist" in answer.json()["detail"]


def test_very_many_samples_a_second_are_fewer_seconds(tmp_path):
    """655,350 Hz in 8 channels: 14 times what a second usually has."""
    for seconds in (2.0, 5.0):
        samples = np.zeros((8, round(655_350 * seconds)))
        write(tmp_path / "upload", "flac", Track(samples, 655_350, "flac", "7.1", frame=65_535))
        work = Work(tmp_path, "classify", "bats.flac", "sounds", {}, 40.0)
        if seconds < 2.9:
            assert do(work, lambda *_: None) == pytest.approx(seconds, abs=0.1)
        else:
            with pytest.raises(EarmarkError, match=r"longer than 2\.9 s of 8 channels at 655350 Hz"):
                do(work, lambda *_: None)
