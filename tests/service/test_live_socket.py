"""The live socket: what it answers, what it refuses, and that nothing a client sends ends it."""

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from live_making import container, pcm
from model_making import RATE, tones
from service_process import PATIENCE, Server
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from earmark.service import live
from earmark.service.metrics import Metrics
from earmark.service.settings import Settings


@pytest.fixture
def metrics():
    return Metrics()


def listening(metrics):
    return metrics.registry.get_sample_value("earmark_live_sessions")


@pytest.fixture
def client(low_high_file, metrics, monkeypatch):
    for limit in ("GREETING", "STARTING", "SILENT"):  # a busy machine is slow
        monkeypatch.setattr(live, limit, PATIENCE)
    settings = Settings(Path(), live_sessions=2, models={"tones": low_high_file})
    app = FastAPI()
    app.include_router(live.router(settings, metrics.live_sessions))
    with TestClient(app) as client:
        yield client
    assert listening(metrics) == 0


DEAF = """
import sys
print('{"type": "ready"}', flush=True)
while (head := sys.stdin.buffer.read(5)) and head[:1] != b"e":
    sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
print('{"type": "over"}')
"""


@pytest.fixture
def deaf(monkeypatch):
    """A session's process that starts at once and hears nothing, where what is heard does not matter."""
    monkeypatch.setattr(live, "SESSION", ["-S", "-c", DEAF])


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


def test_a_session(client):
    data = pcm(tones(3.5, (1.0, 2.0, 300.0)))
    messages = []
    with client.websocket_connect("/v1/live") as socket:
        socket.send_text(wish())
        for at in range(0, len(data), 4000):
            socket.send_bytes(data[at : at + 4000])
        while not messages or messages[-1]["type"] != "begin":  # captions come while it sounds
            messages.append(socket.receive_json())
        socket.send_text('{"type": "end"}')
        more, code = rest(socket)
    messages += more
    assert code == 1000
    kinds = [message["type"] for message in messages]
    assert [kind for kind in kinds if kind != "heard"] == ["ready", "begin", "end"]
    assert messages[0].keys() == {"type", "model", "latency"}
    begin, end = (next(m for m in messages if m["type"] == kind) for kind in ("begin", "end"))
    assert begin.keys() == {"type", "id", "label", "text", "onset", "score", "alarm"}
    assert end == {"type": "end", "id": begin["id"], "offset": pytest.approx(2.0, abs=0.1)}
    assert messages[-1] == {"type": "heard", "seconds": 3.5}


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
        "no json",
        "[" * 50_000,
        wish(rate=1),
        wish(model="../secret.onnx"),
        wish(model="/etc/passwd"),
    ],
    ids=lambda first: str(first)[:40],
)
def test_what_nobody_can_listen_to(client, first):
    messages, code = talk(client, first)
    assert [message["type"] for message in messages] == ["error"]
    assert messages[0]["detail"]
    assert code == 1003


def test_a_text_that_is_no_end(client, deaf):
    messages, code = talk(client, wish(), "no json")
    assert messages[-1]["type"] == "error"
    assert code == 1003
    for later in ("", "[]", '{"type": "stop"}', wish()):
        with pytest.raises(live.Refusal, match="after the first") as refused:
            live._check_end(later)
        assert refused.value.code == 1003


def test_too_large_a_message(client, deaf):
    messages, code = talk(client, wish(), bytes(live.LARGEST + 1))
    assert messages[-1]["type"] == "error"
    assert code == 1009


def test_noise_for_webm_is_one_error(client):
    blocks = np.random.default_rng(0).bytes(30_000)
    messages, code = talk(client, wish(format="webm"), blocks[:10_000], blocks[10_000:], '{"type": "end"}')
    assert [message["type"] for message in messages] == ["ready", "error"]
    assert code == 1003


def test_noise_for_samples_is_sound(client):
    messages, code = talk(client, wish(), np.random.default_rng(0).bytes(33_333), '{"type": "end"}')
    assert code == 1000
    assert messages[-1]["type"] == "heard"


def test_no_more_than_there_are_places_for(client, metrics, deaf):
    with client.websocket_connect("/v1/live"), client.websocket_connect("/v1/live"):
        Server.until(lambda: listening(metrics) == 2)  # they have a place before they say what they want
        messages, code = talk(client)
        assert "too many" in messages[0]["detail"]
        assert code == 1013
        assert listening(metrics) == 2
    assert talk(client, wish(), '{"type": "end"}')[1] == 1000


def test_a_crash_ends_one_session_only(client, monkeypatch, deaf):
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


def test_a_client_that_says_nothing(client, monkeypatch, deaf):
    monkeypatch.setattr(live, "GREETING", 0.1)
    messages, code = talk(client)
    assert messages[0]["type"] == "error"
    assert code == 1008
    monkeypatch.setattr(live, "GREETING", PATIENCE)
    monkeypatch.setattr(live, "SILENT", 0.1)
    messages, code = talk(client, wish())
    assert [message["type"] for message in messages] == ["ready", "error"]
    assert code == 1008


def test_a_client_that_goes_away(client, deaf):
    for _ in range(3):  # there are two places
        with client.websocket_connect("/v1/live") as socket:
            socket.send_text(wish())
            socket.receive_json()
            socket.send_bytes(bytes(1000))
    assert talk(client, wish(), '{"type": "end"}')[1] == 1000
