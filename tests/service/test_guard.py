from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from earmark.service.guard import COOKIE, Guard
from earmark.service.settings import Settings, is_loopback

TOKEN = "a token of this test"


async def hello(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


OWN = {"origin": "http://127.0.0.1:8765", "host": "127.0.0.1:8765"}


def client(token=None, origins=(), host="127.0.0.1:8765"):
    settings = Settings(Path(), token=token, origins=frozenset(origins))
    return TestClient(Guard(hello, settings), base_url=f"http://{host}")


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:1", "[::1]:8765", "earmark.localhost"])
def test_on_this_machine_nothing_is_asked(host):
    assert client(host=host).get("/v1/jobs").text == "hello"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7:8765", "", "[::1", "localhost."])
def test_another_name_of_this_machine_is_refused_without_a_token(host):
    """DNS rebinding: a page of evil.example makes that name mean 127.0.0.1."""
    answer = client().get("/v1/jobs", headers={"host": host})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_token_opens_as_bearer_as_cookie_and_in_the_pages_address():
    asked = client(TOKEN, host="ears.example.org")
    assert asked.get("/v1/jobs", headers=bearer(TOKEN)).status_code == 200
    assert asked.get("/v1/jobs", headers={"cookie": f"{COOKIE}={TOKEN.replace(' ', '+')}"}).status_code == 401
    assert asked.get("/v1/jobs", headers={"cookie": f'{COOKIE}="{TOKEN}"'}).status_code == 200
    assert asked.get("/", params={"token": TOKEN}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong"),
        bearer(""),
        bearer("ünknown"),
        {"cookie": f"{COOKIE}=wrong"},
        {"cookie": "\x00=;;"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"},
    ],
)
def test_without_the_token_nothing_opens(headers):
    headers = {name: value.encode() for name, value in headers.items()}
    answer = client(TOKEN).get("/v1/jobs", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["title"] == "Unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_token_in_an_address_opens_the_page_only():
    assert client(TOKEN).get("/v1/jobs", params={"token": TOKEN}).status_code == 401
    assert client(TOKEN).get("/", params={"token": "wrong"}).status_code == 401


def test_a_probe_needs_no_token():
    assert client(TOKEN).get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1:8765.evil.example"]
)
def test_pages_of_another_origin_can_change_nothing(origin):
    for token in (None, TOKEN):
        headers = {"origin": origin, **bearer(TOKEN)}
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert client(token).request(method, "/v1/jobs", headers=headers).status_code == 403


def test_pages_of_this_origin_and_of_those_allowed_can():
    assert client().post("/v1/jobs", headers={"origin": "http://127.0.0.1:8765"}).status_code == 200
    allowed = client(origins=["https://ears.example.org"])
    assert allowed.post("/v1/jobs", headers={"origin": "https://ears.example.org"}).status_code == 200


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        (None, {"origin": "http://evil.example"}),
        (TOKEN, {}),
        (TOKEN, {"origin": "http://evil.example", **bearer(TOKEN)}),
    ],
)
def test_a_socket_is_refused_before_it_opens(token, headers):
    with pytest.raises(WebSocketDisconnect) as refused, client(token).websocket_connect("/v1/live", headers=headers):
        pass
    assert refused.value.code == 1008


def test_a_socket_of_ones_own_page_opens():
    with client().websocket_connect("/v1/live", headers=OWN):
        pass


def test_every_answer_brings_the_policy_with_a_nonce_of_its_own():
    answers = [client().get("/"), client().get("/"), client(TOKEN).get("/v1/jobs")]
    policies = {answer.headers["content-security-policy"] for answer in answers}
    assert len(policies) == 3
    for policy in policies:
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    assert all(answer.headers["x-content-type-options"] == "nosniff" for answer in answers)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_need_no_token(host, loopback):
    assert is_loopback(host) is loopback
