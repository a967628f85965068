"""Runs the service with uvicorn, and says where it is."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress

import uvicorn

from earmark.errors import EarmarkError
from earmark.service.app import create_app
from earmark.service.connections import Connections
from earmark.service.settings import Settings
from earmark.util.text import visible

GRACE = 5  # seconds that open requests get at the end


def run(settings: Settings, tell_token: bool) -> None:
    """Serve until a signal ends it.

    Args:
        settings: see there.
        tell_token: print the token: nobody else knows it.

    Raises:
        EarmarkError: the address is taken or none of this machine's, or the folder is in use.
    """
    os.umask(0o077)  # whatever this process and its workers write is their account's alone
    _take_handles()
    listening = _listen(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=1024**2,
        **Connections(settings).protocols(),
    )
    _tell(settings, listening, tell_token)
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


def _listen(settings: Settings) -> socket.socket:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        listening = socket.create_server((settings.host, settings.port), family=found[0][0], backlog=512)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise EarmarkError(
            where, f"cannot be listened on ({error.strerror})", "use another --host or --port"
        ) from error
    listening.setblocking(False)
    return listening


def _tell(settings: Settings, listening: socket.socket, tell_token: bool) -> None:
    port = listening.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    query = f"/?token={settings.token}" if tell_token else ""
    print(f"Earmark listens on http://{host}:{port}{query}  (Ctrl-C ends it)", file=sys.stderr, flush=True)
    print(f"Jobs are kept in {visible(settings.folder)}", file=sys.stderr, flush=True)
