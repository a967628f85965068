"""Runs the service with uvicorn: connections that say nothing make way, by a deadline for a request's head and caps."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import webbrowser
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any
from urllib.parse import quote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from earmark.errors import EarmarkError
from earmark.service.app import create_app
from earmark.service.settings import Settings, client_of
from earmark.util.text import visible


@dataclass(eq=False)
class _Line:
    transport: asyncio.Transport
    address: str
    deadline: asyncio.TimerHandle | None = None  # none while a request of it is answered
    unread: int = 0  # bytes of its last answer that it had still to take when it was looked at

    @property
    def is_silent(self) -> bool:
        return self.deadline is not None and not self.transport.get_write_buffer_size()


class Connections:
    """All open connections of a server, the oldest first.

    A connection is silent until the head of a request has come whole, and again once it was answered. A silent one is
    closed after `Settings.head_seconds`, and before that where another needs its place: the oldest of the same address
    if that has too many, or else of the address that has most. A new one is closed only where none of them is silent.
    """

    def __init__(self, settings: Settings) -> None:
        self._patience = settings.head_seconds
        self._most, self._most_each = settings.connections, settings.connections_each
        self._lines: dict[asyncio.Transport, _Line] = {}

    def protocols(self) -> dict[str, Any]:
        """What `uvicorn.Config` is told, so that its connections are these."""
        return {"http": partial(HttpProtocol, self), "ws": partial(SocketProtocol, self)}

    def opened(self, transport: asyncio.Transport) -> None:
        """Take a connection, which is silent as yet; another makes way for it, or it is closed."""
        line = _Line(transport, _address(transport))
        full = self._crowd(line.address)
        self._lines[transport] = line
        if full is None:
            return self.silent(transport)
        silent = [other for other in self._lines.values() if other.is_silent and other.address == full]
        self._end(silent[0] if silent else line)
        if silent:
            self.silent(transport)

    def silent(self, transport: asyncio.Transport) -> None:
        """From now on a connection has so long to send the head of a request; whatever it sends of it."""
        line = self._lines.get(transport)
        if line and not line.deadline:
            line.unread = 0
            self._wait(line)

    def busy(self, transport: asyncio.Transport) -> None:
        """A request has come."""
        line = self._lines.get(transport)
        if line and line.deadline:
            line.deadline.cancel()
            line.deadline = None

    def closed(self, transport: asyncio.Transport) -> None:
        """A connection is no more."""
        self.busy(transport)
        self._lines.pop(transport, None)

    def _crowd(self, address: str) -> str | None:
        """The address of which one must go before another of `address` may come."""
        numbers = Counter(line.address for line in self._lines.values())
        if numbers[address] >= self._most_each:
            return address
        if len(self._lines) < self._most:
            return None
        silent = Counter(line.address for line in self._lines.values() if line.is_silent)
        return max(silent, key=lambda one: silent[one], default=address)

    def _wait(self, line: _Line) -> None:
        line.deadline = asyncio.get_running_loop().call_later(self._patience, self._late, line)

    def _late(self, line: _Line) -> None:
        """Close a connection, unless it is still taking its last answer, and has taken some of it since."""
        unread = line.transport.get_write_buffer_size()
        if unread and unread != line.unread:
            line.unread = unread
            self._wait(line)
        else:
            self._end(line)

    def _end(self, line: _Line) -> None:
        self.closed(line.transport)
        line.transport.abort()  # `close` would wait for what it does not read


class HttpProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which tells what it is waiting for."""

    def __init__(self, lines: Connections, **how: Any) -> None:
        super().__init__(**how)
        self._lines = lines

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._lines.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.closed(self.transport)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        self._tell()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._tell()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._lines.busy(self.transport)  # from here on the other protocol has it
        super().handle_websocket_upgrade(event)

    def _tell(self) -> None:
        if self.transport.get_protocol() is not self:
            return
        waits = self.cycle is None or self.cycle.response_complete
        (self._lines.silent if waits else self._lines.busy)(self.transport)


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which tells when it is over."""

    def __init__(self, lines: Connections, **how: Any) -> None:
        super().__init__(**how)
        self._lines = lines

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.closed(self.transport)
        super().connection_lost(exc)


def _address(transport: asyncio.Transport) -> str:
    """Whose a connection is; empty where it has gone again."""
    peer = get_remote_addr(transport)
    return client_of(peer[0]) if peer else ""


GRACE = 5  # seconds that open requests get at the end


def run(settings: Settings, tell_token: bool, open_page: bool = False) -> None:
    """Serve until a signal ends it; the token is printed where nobody else knows it, the page opened in a browser here.

    Raises
    ------
    EarmarkError
        The address is taken or none of this machine's, or the folder is in use.
    """
    os.umask(0o077)  # whatever this process and its workers write is their account's alone
    _take_handles()
    listening = listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=1024**2,
        proxy_headers=True,
        forwarded_allow_ips=["127.0.0.1", "::1"],  # a proxy on this machine says whom it speaks for; nobody else does
        **Connections(settings).protocols(),
    )
    _tell(settings, port, tell_token)
    if open_page:
        Thread(target=webbrowser.open, args=(_page(settings, port),), daemon=True).start()  # it may wait for us
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        return


def _take_handles() -> None:
    """As many files and sockets as the system lets us have: workers and uploads need some beside the connections."""
    try:
        import resource
    except ImportError:  # Windows sets no such limit
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError):  # macOS says that there is no limit, and has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def listen(host: str, port: int, remedy: str = "use another --host or --port") -> socket.socket:
    """A socket that waits for connections.

    Raises
    ------
    EarmarkError
        The address is taken or none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listening = socket.create_server((host, port), family=found[0][0], backlog=512)
    except OSError as error:
        raise EarmarkError(f"{host}:{port}", f"cannot be listened on ({error.strerror})", remedy) from error
    # Connections inherit it: else the body of an answer waits for word of its head, 40 ms. asyncio sees to it
    # only where a socket names its protocol, as this one does not.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setblocking(False)
    return listening


def _tell(settings: Settings, port: int, tell_token: bool) -> None:
    query = f"/?token={settings.token}" if tell_token else ""
    print(f"Earmark listens on {_url(settings.host, port)}{query}  (Ctrl-C ends it)", file=sys.stderr, flush=True)
    print(f"Jobs are kept in {visible(settings.folder)}", file=sys.stderr, flush=True)


def _page(settings: Settings, port: int) -> str:
    """The page as a browser of this machine reaches it, with the token, for which it gets a session."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    query = f"?token={quote(settings.token, safe='')}" if settings.token else ""
    return f"{_url(host, port)}/{query}"


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
