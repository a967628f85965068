"""Sounds of a recording that are like one of its events."""

from itertools import pairwise

import numpy as np
import pytest
from app_server import Client
from hypothesis import given
from hypothesis import strategies as st
from model_making import RATE, low_high_model, tones, write_wav

from earmark.service import alike as module
from earmark.service.alike import LEAST, Embeddings, KeptEmbeddings, alike
from earmark.service.app import create_app
from earmark.service.settings import Settings

STEP = 0.16
LOW, HIGH = 300.0, 3000.0
BEEPS = ((3, 4, HIGH), (7, 8.5, LOW), (12, 13, HIGH), (17, 18, LOW), (22, 23, HIGH))


def recording(*places, seconds=60.0, seed=0) -> Embeddings:
    """Random embeddings with one and the same, hardly changed, at places of one second each."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(round(seconds / STEP), 32))
    sound = rng.normal(size=32)
    for place in places:
        rows[round(place / STEP) : round((place + 1) / STEP)] = sound
    rows += rng.normal(0, 0.05, rows.shape)
    return Embeddings(module.packed(rows.astype(np.float32)), STEP, seconds)


def test_what_is_the_same_is_found_and_nothing_else():
    found = alike(recording(5, 20, 40, 58.9), 5.0, 6.0, 10)
    assert sorted(one.onset for one in found) == pytest.approx([20, 40, 58.9], abs=0.5)
    assert all(one.offset - one.onset == pytest.approx(1.0) for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert min(one.score for one in found) > 0.9
    assert alike(recording(5, 20, 40), 5.0, 6.0, 1) == alike(recording(5, 20, 40), 5.0, 6.0, 10)[:1]


def test_a_long_recording_is_compared_in_blocks_to_the_same_result(monkeypatch):
    whole = alike(recording(5, 20, 40), 5.0, 6.0, 10)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert alike(recording(5, 20, 40), 5.0, 6.0, 10) == whole


@given(st.integers(0, 300), st.floats(0, 20), st.floats(0.001, 20), st.integers(0, 9))
def test_stretches_lie_within_the_recording_and_apart(steps, onset, length, seed):
    duration = onset + length + 0.1 * seed  # steps that are too few or too many are not its own
    kept = Embeddings(recording(2, 8, 14, seconds=48.0, seed=seed).rows[:steps], STEP, duration)
    found = alike(kept, onset, onset + length, 50)
    stretches = sorted([(onset, onset + length), *((one.onset, one.offset) for one in found)])
    assert all(0 <= first < last <= duration + 1e-3 for first, last in stretches)
    assert all(this[1] <= following[0] + 2e-3 for this, following in pairwise(stretches))
    assert all(LEAST <= one.score <= 1.001 for one in found)


def test_embeddings_are_kept_as_they_come(tmp_path):
    kept, rows = KeptEmbeddings(STEP, 8), np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    for part in (rows[:20], rows[20:]):
        kept.add(part)
    kept.save(tmp_path / "embeddings.npz", 8.0004)
    read = Embeddings.load(tmp_path / "embeddings.npz")
    assert (read.step, read.duration) == (STEP, 8.0)
    cosine = (module.directions(read.rows) * module.directions(rows)).sum(axis=1)
    assert cosine.min() > 0.999


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return Client(create_app(Settings(tmp_path_factory.mktemp("alike"))), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    noise = np.random.default_rng(0).normal(0, 0.02, round(25 * RATE)).astype(np.float32)
    return write_wav(tmp_path_factory.mktemp("beeps") / "beeps.wav", tones(25, *BEEPS) + noise)


@pytest.fixture(scope="module")
def beeps(client, path):
    model = low_high_model(path.parent / "model.onnx", embedding=True)
    return client.done(path, "label", str(model))


def test_a_job_tells_what_is_like_an_event(client, beeps):
    found = client.get(f"{beeps}/alike", params={"onset": 3, "offset": 4}).json()["candidates"]
    assert sorted(one["onset"] for one in found) == pytest.approx([12, 22], abs=0.3)
    (found,) = client.get(f"{beeps}/alike", params={"onset": 7, "offset": 8.5, "limit": 1}).json()["candidates"]
    assert found["onset"] == pytest.approx(16.75, abs=0.5)
    assert found["offset"] - found["onset"] == pytest.approx(1.5)
    assert client.get(beeps).json()["links"]["alike"] == f"{beeps}/alike"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"onset": 3},
        {"onset": 4, "offset": 4},
        {"onset": 4, "offset": 3},
        {"onset": -1, "offset": 3},
        {"onset": 24, "offset": 25.01},
        {"onset": "nan", "offset": 3},
        {"onset": 3, "offset": "inf"},
        {"onset": 3, "offset": 4, "limit": 0},
        {"onset": 3, "offset": 4, "limit": 101},
    ],
)
def test_what_is_no_event_is_refused(client, beeps, asked):
    answer = client.get(f"{beeps}/alike", params=asked)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_jobs_without_embeddings_say_why(client, path, five_words):
    asked = {"onset": 1, "offset": 2}
    plain = client.done(path, "label", str(low_high_model(path.parent / "plain.onnx")))
    answer = client.get(f"{plain}/alike", params=asked)
    assert (answer.status_code, "no embeddings" in answer.json()["detail"]) == (409, True)
    assert "alike" not in client.get(plain).json()["links"]
    assert client.get(f"{client.done(five_words, 'words', 'words/rnn')}/alike", params=asked).status_code == 409
    assert client.get("/v1/jobs/0123456789abcdef/alike", params=asked).status_code == 404


def test_damaged_embeddings_are_gone(client, path):
    here = client.done(path, "label", str(low_high_model(path.parent / "other.onnx", embedding=True)))
    client.app.state.service.storage.of(here.rpartition("/")[2]).embeddings.write_bytes(b"no zip")
    assert client.get(f"{here}/alike", params={"onset": 1, "offset": 2}).status_code == 410
