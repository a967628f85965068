import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from earmark.errors import EarmarkError
from earmark.service.security import COOKIE, LASTING, AccessControl, Sessions
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
    return TestClient(AccessControl(hello, settings), base_url=f"http://{host}")


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


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "203.0.113.5"},
        {"X-Forwarded-Proto": "https"},
        {"x-forwarded-host": "ears.example.org"},
        {"forwarded": "for=203.0.113.5"},
        {"x-real-ip": "203.0.113.5"},
        {"via": "1.1 Caddy"},
    ],
)
def test_what_a_proxy_passed_on_is_answered_with_a_token_only(headers):
    """Its Host is this machine's own where the proxy does not pass on the one it was asked for."""
    answer = client().get("/v1/jobs", headers=headers)
    assert answer.status_code == 403
    assert "--token-file" in answer.json()["detail"]
    assert client().get("/healthz", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/v1/live", headers={**OWN, **headers}):
        pass
    assert client(TOKEN).get("/v1/jobs", headers={**headers, **bearer(TOKEN)}).status_code == 200


def test_the_token_opens_as_bearer_and_in_the_pages_address_and_no_cookie_is_the_token():
    asked = client(TOKEN, host="ears.example.org")
    assert asked.get("/v1/jobs", headers=bearer(TOKEN)).status_code == 200
    assert asked.get("/v1/jobs", headers={"cookie": f'{COOKIE}="{TOKEN}"'}).status_code == 401
    assert asked.get("/", params={"token": TOKEN}).status_code == 200


def with_session(session):
    return client(TOKEN).get("/v1/jobs", headers={"cookie": f"{COOKIE}={session}"}).status_code


def test_a_session_opens_until_it_is_over_or_the_token_is_another(monkeypatch):
    session = Sessions(TOKEN).begin()
    assert TOKEN not in session
    assert Sessions(TOKEN).begin() != session
    assert with_session(session) == 200
    assert with_session(Sessions(TOKEN + "2").begin()) == 401
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + LASTING - 5)
    assert with_session(session) == 200
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + LASTING + 5)
    assert with_session(session) == 401


def test_a_session_that_was_changed_opens_nothing():
    sessions = Sessions(TOKEN)
    session = sessions.begin()
    for place in range(len(session) - 1):  # the last letter of all carries two bits that say nothing
        changed = session[:place] + ("A" if session[place] != "A" else "B") + session[place + 1 :]
        assert not sessions.knows(changed)
        if place % 10 == 0:
            assert with_session(changed) == 401


@pytest.mark.parametrize("session", ["", ".", "..", "a.b.c", "é", "." * 4000])
def test_what_is_no_session_opens_nothing(session):
    assert not Sessions(TOKEN).knows(session)


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
    theirs, own = "https://ears.example.org", "http://localhost:3000"
    allowed = client(TOKEN, origins=[theirs])
    assert allowed.post("/v1/jobs", headers={"origin": theirs, **bearer(TOKEN)}).status_code == 200
    assert allowed.post("/v1/jobs", headers={"origin": theirs}).status_code == 401
    assert client(origins=[own]).post("/v1/jobs", headers={"origin": own}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://ears.example.org", "http://10.0.0.7:8765", "https://127.0.0.1@evil.example"]
)
def test_pages_of_elsewhere_need_a_token(origin):
    with pytest.raises(EarmarkError, match="would let anybody in; add --token-file FILE"):
        Settings(Path(), origins=frozenset([origin]))
    Settings(Path(), token=TOKEN, origins=frozenset([origin]))


@pytest.mark.parametrize(
    "origin", ["", "ears.example.org", "https://ears.example.org/", "ftp://localhost", "http://[::1", "http://"]
)
def test_what_is_no_origin_is_told(origin):
    with pytest.raises(EarmarkError, match="is no origin; say one like"):
        Settings(Path(), token=TOKEN, origins=frozenset([origin]))


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
