"""Connections that say nothing: closed in time, and never in the way of those that ask for something."""

import asyncio
import http.client
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest
from app_server import line, rest, serving
from service_process import Server
from websockets.sync.client import connect

from earmark.service.server import Connections
from earmark.service.settings import Settings, client_of

until = Server.until
LAST = b"GET /%s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


class App:
    """Answers at once; `/wait` when it is let go, `/large` with 100 kB; its socket echoes."""

    def __init__(self):
        self.go = threading.Event()
        self.waiting = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})
            return
        self.waiting += 1
        while scope["path"] == "/wait" and not self.go.is_set():
            await asyncio.sleep(0.01)
        self.waiting -= 1
        body = b"x" * 100_000 if scope["path"] == "/large" else b"hello"
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def limits(**values):
    return Settings(Path(), **values)


def answered(port, source="127.0.0.1"):
    with line(port, source) as asking:
        asking.sendall(LAST % b"")
        return rest(asking).endswith(b"hello")


def drip(connection, text):
    for letter in text:
        connection.sendall(bytes([letter]))
        time.sleep(0.05)


def test_a_silent_connection_is_closed_whatever_it_drips():
    with serving(App(), limits(head_seconds=0.3), "off") as port:
        with line(port) as silent:
            assert rest(silent) == b""
        with line(port) as dripping, pytest.raises(ConnectionError):  # closed before its head was whole
            drip(dripping, LAST % b"")


@pytest.fixture
def late(monkeypatch):
    """Lets the time of all that are silent now be over, at once; nobody's is by itself."""
    waiting = []

    def wait(lines, one):
        loop = asyncio.get_running_loop()
        one.deadline = loop.call_later(3600, lines._late, one)
        waiting.append((loop, one.deadline, partial(lines._late, one)))

    def over():
        for loop, deadline, end in waiting:
            loop.call_soon_threadsafe(lambda deadline=deadline, end=end: deadline.cancelled() or end())
        waiting.clear()

    over.waiting = waiting
    monkeypatch.setattr(Connections, "_wait", wait)
    return over


def test_the_same_after_an_answer(late):
    with serving(App(), limits(), "off") as port:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        for number in range(1, 5):
            asking.request("GET", "/")
            assert asking.getresponse().read() == b"hello"
            until(lambda: len(late.waiting) == 1 + number)  # noqa: B023 - a deadline of its own after each answer
        assert [deadline.cancelled() for _, deadline, _ in late.waiting] == [True] * 4 + [False]
        asking.sock.sendall(b"G")
        late()
        assert rest(asking.sock) == b""
        asking.close()


def test_a_request_is_not_silent(late):
    app = App()
    with serving(app, limits(), "off") as port, line(port) as asking, line(port) as silent:
        asking.sendall(LAST % b"wait")
        until(lambda: app.waiting == 1)
        assert answered(port)
        late()
        assert rest(silent) == b""
        app.go.set()
        assert rest(asking).endswith(b"hello")


def test_a_socket_is_not_silent_and_frees_its_place(late):
    with serving(App(), limits(connections_each=1), "off") as port:
        for _ in range(2):
            with connect(f"ws://127.0.0.1:{port}/", open_timeout=300) as live:
                late()
                live.send("still there")
                assert live.recv(300) == "still there"
                with line(port) as other:
                    assert rest(other) == b""
        until(lambda: answered(port))


def test_five_hundred_silent_connections_are_in_nobodys_way():
    with serving(App(), limits(head_seconds=120.0), "off") as port, ExitStack() as held:
        lines = [held.enter_context(line(port)) for _ in range(505)]
        assert answered(port)
        assert answered(port, "127.0.0.2")
        assert rest(lines[0]) == b""  # the oldest made way
        lines[-1].sendall(LAST % b"")
        assert rest(lines[-1]).endswith(b"hello")


def test_nor_in_the_way_of_the_service_as_it_is_started(server):
    with ExitStack() as held:
        for _ in range(505):
            held.enter_context(line(server.port))
        assert httpx.get(f"http://127.0.0.1:{server.port}/healthz", timeout=300).status_code == 200


def test_nor_are_those_of_many_addresses():
    few = limits(head_seconds=120.0, connections=20, connections_each=5)
    with serving(App(), few, "off") as port, ExitStack() as held:
        for number in range(40):
            held.enter_context(line(port, f"127.0.0.{number % 8 + 10}"))
        assert answered(port, "127.0.0.2")


def test_requests_make_way_for_none_and_an_address_has_so_many_at_once():
    app = App()
    with serving(app, limits(connections=6, connections_each=4), "off") as port, ExitStack() as held:
        busy = [held.enter_context(line(port)) for _ in range(4)]
        for one in busy:
            one.sendall(LAST % b"wait")
        until(lambda: app.waiting == 4)
        with line(port) as fifth:
            assert rest(fifth) == b""
        assert answered(port, "127.0.0.2")
        others = [held.enter_context(line(port, f"127.0.0.{number}")) for number in (3, 4)]
        for one in others:
            one.sendall(LAST % b"wait")
        until(lambda: app.waiting == 6)
        with line(port, "127.0.0.5") as seventh:
            assert rest(seventh) == b""
        app.go.set()
        assert all(rest(one).endswith(b"hello") for one in (*busy, *others))
        until(lambda: answered(port))


def test_who_takes_an_answer_slowly_gets_it_and_who_takes_none_is_closed():
    with serving(App(), limits(head_seconds=2.0, connections_each=1), "off", send_buffer=4096) as port:
        with line(port, receive_buffer=4096) as slow:
            slow.sendall(LAST % b"large")
            said = b""
            while data := slow.recv(3000):
                said += data
                time.sleep(0.1)
            assert said.endswith(b"x" * 100_000)
        with line(port, "127.0.0.2", receive_buffer=4096) as never:
            never.sendall(LAST % b"large")
            until(lambda: answered(port, "127.0.0.2"))  # it has lost its place
            assert len(rest(never)) < 100_000


def test_a_household_is_one_client():
    assert client_of("192.0.2.1") == client_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert client_of("2001:db8:1:2::1") == client_of("2001:db8:1:2:3::4") != client_of("2001:db8:1:3::1")
    assert client_of("nobody") == client_of("") == ""
