"""A sound taught to the service: learned from the events of a job, a model beside the others from then on."""

import json
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from app_server import Client
from fastapi import FastAPI
from model_making import RATE, low_high_model, tones, write_wav
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from earmark import media
from earmark.archive.classifier import steps_of_second
from earmark.errors import EarmarkError
from earmark.events.timeline import Event
from earmark.models.labelling import label
from earmark.models.model import load_model
from earmark.models.negatives import bundled
from earmark.service import live, registry
from earmark.service.alike import Embeddings, means_around, packed
from earmark.service.app import create_app
from earmark.service.lesson import LEAST, learn
from earmark.service.registry import ModelRegistry
from earmark.service.settings import Settings
from earmark.service.state import LESSONS

HUM = 500.0
HUMS = [(3.0, 5.0), (18.0, 20.0), (32.0, 33.5), (46.0, 48.0)]
WIDTH = 7


def kept(*places, seconds=100.0, seed=0):
    """Random embeddings with a sound of a second at each place, somewhat different each time."""
    rng = np.random.default_rng(seed)
    rows, sound = rng.normal(size=(round(seconds / 0.16), 32)), 2 * np.random.default_rng(5).normal(size=32)
    for place in places:
        rows[round(place / 0.16) : round((place + 2) / 0.16)] += sound
    return Embeddings(packed(rows.astype(np.float32)), 0.16, seconds)


def events(*places):
    return [Event(place, place + 2.0, "hum", 1.0) for place in places]


def nothing(size=32):
    return np.empty((0, size), np.float32)


def taught(kept, *places, background=None):
    return learn(
        kept, events(*places), WIDTH, nothing() if background is None else background, np.random.default_rng(0)
    )


def test_what_was_marked_is_told_in_another_recording():
    lesson = taught(kept(10, 30, 50, 70), 10, 30, 50, 70)
    assert (lesson.examples, lesson.found) == (4, 4)
    assert (lesson.others, lesson.false) == (pytest.approx(84, abs=4), 0.0)
    other = kept(20, 60, seed=1)
    marked = lesson.head(means_around(other.rows, WIDTH), lesson.centre) > 0
    times = 0.16 * np.flatnonzero(marked)
    assert {round(time / 20) for time in times} == {1, 3}
    assert all(abs(time - (21 if time < 40 else 61)) < 1.6 for time in times)


def test_one_example_teaches_and_says_that_it_is_only_one():
    lesson = taught(kept(10), 10)
    assert (lesson.examples, lesson.found) == (1, None)
    assert (lesson.head(means_around(kept(50, seed=3).rows, WIDTH), lesson.centre) > 0).any()


def test_examples_that_have_nothing_in_common_are_not_said_to_be_found():
    lesson = taught(kept(), 10, 30, 50, 70)
    assert lesson.found < 3


def test_hardly_anything_else_is_marked_though_it_resembles_the_sound():
    """Four more sound nearly so and are not marked: the threshold rises above them."""
    lesson = taught(kept(10, 20, 30, 40, 50, 60, 70, 80), 10, 30, 50, 70)
    assert lesson.false <= 0.02


def test_too_little_of_anything_else_teaches_nothing_but_the_background_helps():
    short = Embeddings(kept(10).rows[:120], 0.16, 19.2)
    assert taught(short, 10) is None
    assert taught(Embeddings(short.rows[:0], 0.16, 0.1), 0) is None
    background = np.random.default_rng(4).normal(size=(LEAST, 32)).astype(np.float32)
    assert taught(short, 10, background=background).others >= LEAST


def test_the_bundled_background_is_that_of_sounds():
    model, table = load_model("sounds", threads=1), bundled("background")
    assert table.fits(lambda features: np.concatenate(list(model.score_features([features], "embedding"))))
    assert len(table.kinds) > 500


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("taught")


@pytest.fixture(scope="module")
def beeps(place):
    """A model with embeddings that knows no hum."""
    return low_high_model(place / "beeps.onnx", embedding=True)


@pytest.fixture(scope="module")
def client(place, beeps):
    settings = Settings(place / "service", models={"beeps": beeps, "plain": low_high_model(place / "plain.onnx")})
    return Client(create_app(settings), base_url="http://127.0.0.1")


def recording(path, *hums, seconds=58.0):
    """Hums among high beeps, with noise."""
    beeps = [(onset + 8, onset + 9, 3000.0) for onset, _ in HUMS]
    noise = np.random.default_rng(0).normal(0, 0.02, round(seconds * RATE)).astype(np.float32)
    return write_wav(path, tones(seconds, *((a, b, HUM) for a, b in hums), *beeps) + noise)


@pytest.fixture(scope="module")
def marked(client, place):
    """The id of a job whose hums a person marked."""
    here = client.done(recording(place / "hums.wav", *HUMS), "label", "beeps")
    mine = [{"onset": a, "offset": b, "label": "hum"} for a, b in HUMS]
    assert client.put(
        f"{here}/events", json={"events": [*mine, {"onset": 56, "offset": 57, "label": "=1+1"}]}
    ).is_success
    return here.rpartition("/")[2]


@pytest.fixture
def hum(client, marked):
    answer = client.post("/v1/models", json={"job": marked, "label": "hum"})
    assert answer.status_code == 201, answer.text
    yield answer
    client.delete(answer.headers["location"])


def test_a_taught_sound_is_a_model_that_marks_it(client, hum, place, beeps):
    made, here = hum.json(), hum.headers["location"]
    assert (made["name"], made["labels"]) == ("beeps+hum", ["low", "high", "hum"])
    assert (made["taught"]["label"], made["taught"]["examples"], made["taught"]["found"]) == ("hum", 4, 4)
    assert made["taught"]["false"] < 0.01
    assert here == f"/v1/models/{made['taught']['id']}"
    listed = {one["name"]: one for one in client.get("/v1/models").json()["models"]}
    assert listed["beeps+hum"] == made == client.get(here).json()
    assert listed["beeps"]["taught"] is None
    assert client.get("/v1/phrases").json()["phrases"]["hum"] == "hum"

    new = recording(place / "new.wav", (30.0, 33.0))
    job = client.done(new, "label", "beeps+hum")
    found = [event for event in client.get(f"{job}/result").json()["events"] if event["label"] == "hum"]
    assert [(event["onset"], event["offset"]) for event in found] == [
        (pytest.approx(30, abs=0.7), pytest.approx(33, abs=0.7))
    ]
    before, after = (
        label(new, load_model(path)) for path in (beeps, client.app.state.service.models.added["beeps+hum"])
    )
    assert [event for event in after.events if event.label != "hum"] == list(before.events)


def test_scores_of_the_file_are_those_of_the_lesson(client, hum, marked):
    service = client.app.state.service
    model = load_model(service.models.added["beeps+hum"])
    kept = Embeddings.load(service.storage.of(marked).embeddings)
    width = steps_of_second(model.description)
    mine = [Event(a, b, "hum", 1.0) for a, b in HUMS]
    lesson = learn(kept, mine, width, nothing(kept.rows.shape[1]), np.random.default_rng(0))
    expected = 1 / (1 + np.exp(-lesson.head(means_around(kept.rows, width), lesson.centre)))
    samples = media.read(service.storage.of(marked).upload, model.description.front_end.rate)
    scores = np.concatenate(list(model.score([samples])))[:, 2]
    steady = np.abs(np.diff(expected, prepend=0)) < 0.05
    assert steady.mean() > 0.8
    assert np.abs(scores - expected)[steady].max() < 0.15


def test_another_sound_is_taught_upon_it_and_the_same_again_is_another_model(client, hum, marked, place):
    again = client.post("/v1/models", json={"job": marked, "label": "hum"})
    assert again.json()["name"] == "beeps+hum_2"
    job = client.done(recording(place / "more.wav", *HUMS[:2]), "label", "beeps+hum")
    mine = [{"onset": onset + 8, "offset": onset + 9, "label": "beep"} for onset, _ in HUMS]
    assert client.put(f"{job}/events", json={"events": mine}).is_success
    both = client.post("/v1/models", json={"job": job.rpartition("/")[2], "label": "beep", "name": "Η πόρτα μου"})
    assert both.json()["labels"] == ["low", "high", "hum", "Η πόρτα μου"]
    assert both.json()["name"] == "beeps+hum+Η πόρτα μου"
    for one in (again, both):
        assert client.delete(one.headers["location"]).status_code == 204


def test_it_survives_a_restart_and_a_kill_while_it_was_written(client, hum, place):
    settings = client.app.state.service.settings
    folder = settings.folder / "models"
    (folder / ".0123456789ab.part").write_bytes(b"half")
    (folder / "mine.txt").write_text("not ours")
    (folder / f"{16 * '0'}.onnx").write_bytes(b"damaged")
    (folder / f"{16 * '1'}.onnx").write_bytes((place / "beeps.onnx").read_bytes())  # nobody taught it
    later = ModelRegistry(Settings(settings.folder), folder)
    later.recall()
    assert {name: one.id for name, one in later.taught.items()} == {"beeps+hum": hum.json()["taught"]["id"]}
    assert later.added == {"beeps+hum": folder / f"{hum.json()['taught']['id']}.onnx"}
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(hum.json()["taught"]["id"])) == [
        f"{16 * '0'}.onnx",
        f"{16 * '1'}.onnx",
        "mine.txt",
    ]
    (place / "file").write_text("a file")
    with pytest.raises(EarmarkError, match="cannot be used"):
        ModelRegistry(Settings(settings.folder), place / "file").recall()


def test_live_captions_know_it(client, hum):
    service, app = client.app.state.service, FastAPI()
    app.include_router(live.router(service.settings, service.metrics.live_sessions))
    with TestClient(app) as other, other.websocket_connect("/v1/live") as socket:
        socket.send_text(json.dumps({"format": "s16", "rate": RATE, "model": "beeps+hum"}))
        socket.send_text(json.dumps({"type": "end"}))
        assert socket.receive_json()["type"] == "ready"
        with suppress(WebSocketDisconnect):
            while True:
                assert socket.receive_json()["type"] != "error"


def test_a_deleted_one_is_gone(client, marked, place):
    here = client.post("/v1/models", json={"job": marked, "label": "hum"}).headers["location"]
    name = client.get(here).json()["name"]
    job = client.done(recording(place / "last.wav", *HUMS), "label", name)
    file = client.app.state.service.models.added[name]
    assert client.delete(here).status_code == 204
    assert not file.exists()
    assert [client.delete(here).status_code, client.get(here).status_code] == [404, 404]
    assert name not in {one["name"] for one in client.get("/v1/models").json()["models"]}
    assert client.get(f"{job}/result").json()["events"]  # stays
    assert client.put(f"{job}/events", json={"events": [{"onset": 3, "offset": 5, "label": "x"}]}).is_success
    answer = client.post("/v1/models", json={"job": job.rpartition("/")[2], "label": "x"})
    assert (answer.status_code, "is gone" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"label": "nobody"}, 422),
        ({"label": ""}, 422),
        ({"label": 5}, 422),
        ({"name": "high"}, 422),
        ({"name": ""}, 422),
        ({"name": "../../etc/passwd"}, 422),
        ({"name": "a:0.5"}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": "x" * 81}, 422),
        ({"label": "=1+1"}, 422),
        ({"more": 1}, 422),
        ({"job": "../../../etc"}, 422),
        ({"job": 16 * "0"}, 404),
    ],
)
def test_nonsense_is_refused(client, marked, changed, status):
    answer = client.post("/v1/models", json={"job": marked, "label": "hum"} | changed)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert not client.app.state.service.models.taught


@pytest.mark.parametrize("address", ["beeps", "sounds", "..%2Fjobs", "0"])
def test_what_was_not_taught_is_not_deleted(client, address):
    assert client.delete(f"/v1/models/{address}").status_code in (404, 405, 422)
    assert {"beeps", "sounds"} <= {one["name"] for one in client.get("/v1/models").json()["models"]}


def test_what_cannot_teach_says_why(client, place, five_words):
    def asked(job):
        client.put(f"{job}/events", json={"events": [{"onset": 1, "offset": 2, "label": "hum"}]})
        answer = client.post("/v1/models", json={"job": job.rpartition("/")[2], "label": "hum"})
        return answer.status_code, answer.json()["detail"]

    short = recording(place / "short.wav", seconds=20.0)
    status, detail = asked(client.done(short, "label", "beeps"))
    assert (status, "take a longer recording" in detail) == (422, True)
    status, detail = asked(client.done(short, "label", "plain"))
    assert (status, "no embeddings" in detail) == (409, True)
    assert asked(client.done(five_words, "words", "words/rnn"))[0] == 409


def test_only_so_many_are_taught_at_a_time(client, marked):
    with ExitStack() as held:
        for _ in range(LESSONS):
            held.enter_context(client.app.state.service.teaching)
        answer = client.post("/v1/models", json={"job": marked, "label": "hum"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_only_so_many_are_kept(client, hum, marked, monkeypatch):
    monkeypatch.setattr(registry, "MOST", 1)
    assert client.post("/v1/models", json={"job": marked, "label": "hum", "name": "other"}).status_code == 409
