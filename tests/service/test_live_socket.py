"""The live socket: what it answers, what it refuses, and that nothing a client sends ends it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi import FastAPI
from live_making import container, pcm
from model_making import RATE, tones
from service_process import PATIENCE, Server
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from earmark.service import live


class Gauge:
    """Notes how many listened at most, and how many do."""

    def __init__(self):
        self.now = self.most = 0

    def inc(self):
        self.now += 1
        self.most = max(self.most, self.now)

    def dec(self):
        self.now -= 1


@pytest.fixture
def gauge():
    return Gauge()


@pytest.fixture
def client(low_high_file, gauge, monkeypatch):
    for limit in ("GREETING", "STARTING", "SILENT"):  # a busy machine is slow
        monkeypatch.setattr(live, limit, PATIENCE)
    settings = SimpleNamespace(live_sessions=2, models={"tones": low_high_file})
    app = FastAPI()
    app.include_router(live.router(settings, gauge))
    with TestClient(app) as client:
        yield client
    assert gauge.now == 0


def wish(**values):
    return json.dumps({"format": "s16", "rate": RATE, "model": "tones", **values})


def rest(socket):
    """All messages up to the close, and its code."""
    messages = []
    while True:
        try:
            messages.append(socket.receive_json())
        except WebSocketDisconnect as over:
            return messages, over.code


def talk(client, *sent):
    """What is answered to some messages, and the code of the close."""
    with client.websocket_connect("/v1/live") as socket:
        for message in sent:
            (socket.send_bytes if isinstance(message, bytes) else socket.send_text)(message)
        return rest(socket)


def test_a_session(client, gauge):
    data = pcm(tones(3.5, (1.0, 2.0, 300.0)))
    blocks = [data[at : at + 4000] for at in range(0, len(data), 4000)]
    messages, code = talk(client, wish(), *blocks, '{"type": "end"}')
    assert code == 1000
    assert gauge.most == 1
    kinds = [message["type"] for message in messages]
    assert [kind for kind in kinds if kind != "heard"] == ["ready", "begin", "end"]
    assert messages[0].keys() == {"type", "model", "latency"}
    begin, end = (next(m for m in messages if m["type"] == kind) for kind in ("begin", "end"))
    assert begin.keys() == {"type", "id", "label", "text", "onset", "score", "alarm"}
    assert end == {"type": "end", "id": begin["id"], "offset": pytest.approx(2.0, abs=0.1)}
    assert messages[-1] == {"type": "heard", "seconds": 3.5}


def test_captions_come_while_it_sounds(client):
    data = pcm(tones(4.0, (1.0, 4.0, 300.0)))
    with client.websocket_connect("/v1/live") as socket:
        socket.send_text(wish())
        assert socket.receive_json()["type"] == "ready"
        for at in range(0, len(data), 4000):
            socket.send_bytes(data[at : at + 4000])
        kinds = []
        while "begin" not in kinds:  # nothing was said of an end
            kinds.append(socket.receive_json()["type"])


def test_a_browsers_microphone(client):
    data = container(np.repeat(tones(3.0, (0.5, 2.5, 300.0)), 2), rate=48_000)
    blocks = [data[at : at + 900] for at in range(0, len(data), 900)]
    messages, code = talk(client, wish(format="webm"), *blocks, '{"type": "end"}')
    assert code == 1000
    assert [m["label"] for m in messages if m["type"] == "begin"] == ["low"]


@pytest.mark.parametrize(
    "first",
    [
        b"\0\1",
        "",
        "no json",
        "[]",
        "null",
        "[" * 50_000,
        "{}",
        '{"format": "mp3"}',
        wish(rate=1),
        wish(rate="16000"),
        wish(model="../secret.onnx"),
        wish(model="/etc/passwd"),
        wish(model=["tones"]),
        wish(language="tlh"),
        wish(sensitivity=2),
        wish(include_speech=1),
    ],
    ids=lambda first: str(first)[:40],
)
def test_what_nobody_can_listen_to(client, first):
    messages, code = talk(client, first)
    assert [message["type"] for message in messages] == ["error"]
    assert messages[0]["detail"]
    assert code == 1003


def test_a_text_that_is_no_end(client):
    messages, code = talk(client, wish(), "no json")
    assert messages[-1]["type"] == "error"
    assert code == 1003
    for later in ("", "[]", '{"type": "stop"}', wish()):
        with pytest.raises(live.Refusal, match="after the first") as refused:
            live._check_end(later)
        assert refused.value.code == 1003


def test_too_large_a_message(client):
    messages, code = talk(client, wish(), bytes(live.LARGEST + 1))
    assert messages[-1]["type"] == "error"
    assert code == 1009


def test_faster_than_it_sounds(client):
    block = bytes(2 * RATE)
    messages, code = talk(client, wish(), *[block] * 40)
    assert "faster" in messages[-1]["detail"]
    assert code == 1003


def test_noise_for_webm_is_one_error(client):
    blocks = np.random.default_rng(0).bytes(30_000)
    messages, code = talk(client, wish(format="webm"), blocks[:10_000], blocks[10_000:], '{"type": "end"}')
    assert [message["type"] for message in messages] == ["ready", "error"]
    assert code == 1003


def test_noise_for_samples_is_sound(client):
    messages, code = talk(client, wish(), np.random.default_rng(0).bytes(33_333), '{"type": "end"}')
    assert code == 1000
    assert messages[-1]["type"] == "heard"


def test_no_more_than_there_are_places_for(client, gauge):
    with client.websocket_connect("/v1/live"), client.websocket_connect("/v1/live"):
        Server.until(lambda: gauge.now == 2)  # they have a place before they say what they want
        messages, code = talk(client)
        assert "too many" in messages[0]["detail"]
        assert code == 1013
        assert gauge.now == 2
    assert talk(client, wish(), '{"type": "end"}')[1] == 1000


def test_who_is_not_allowed_is_not_accepted(low_high_file):
    app = FastAPI()
    settings = SimpleNamespace(live_sessions=2, models={})
    app.include_router(live.router(settings, allowed=lambda socket: socket.headers.get("origin") == "http://ours"))
    with TestClient(app) as client:
        with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/v1/live"):
            pass
        assert refused.value.code == 1008
        with client.websocket_connect("/v1/live", headers={"origin": "http://ours"}) as socket:
            socket.send_text("?")
            assert rest(socket)[1] == 1003


def test_a_crash_ends_one_session_only(client, monkeypatch):
    usual = live.SESSION
    monkeypatch.setattr(live, "SESSION", ["-c", "import os; os.abort()"])
    messages, code = talk(client, wish())
    assert "unexpectedly" in messages[-1]["detail"]
    assert code == 1011
    monkeypatch.setattr(live, "SESSION", usual)
    assert talk(client, wish(), '{"type": "end"}')[1] == 1000


def test_a_session_that_cannot_begin_is_told(client, monkeypatch):
    def none(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(live.asyncio, "create_subprocess_exec", none)
    messages, code = talk(client, wish())
    assert "can't start new thread" in messages[-1]["detail"]
    assert code == 1011


def test_a_client_that_says_nothing(client, monkeypatch):
    monkeypatch.setattr(live, "GREETING", 0.1)
    messages, code = talk(client)
    assert messages[0]["type"] == "error"
    assert code == 1008
    monkeypatch.setattr(live, "GREETING", PATIENCE)
    monkeypatch.setattr(live, "SILENT", 0.1)
    messages, code = talk(client, wish())
    assert [message["type"] for message in messages] == ["ready", "error"]
    assert code == 1008


def test_a_client_that_goes_away(client, gauge):
    with client.websocket_connect("/v1/live") as socket:
        socket.send_text(wish())
        socket.receive_json()
        socket.send_bytes(bytes(1000))
    assert talk(client, wish(), '{"type": "end"}')[1] == 1000
