"""Apps for tests: called in this process, or behind the service's own uvicorn in a thread, with real sockets."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn
from starlette.testclient import TestClient

from earmark.service.server import Connections
from earmark.service.store import Job
from earmark.service.tasks import Work, do


@contextmanager
def serving(app, settings, lifespan="on", send_buffer=None):
    """The port of a server whose limits are those of `settings`."""
    with socket.create_server(("0.0.0.0", 0), backlog=512) as listening:
        if send_buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setblocking(False)
        protocols = Connections(settings).protocols()
        config = uvicorn.Config(app, log_level="critical", lifespan=lifespan, timeout_graceful_shutdown=1, **protocols)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        end = time.monotonic() + 300
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.01)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(60)


def line(port, source="127.0.0.1", receive_buffer=None):
    """A connection from an address of this machine."""
    found = socket.socket()
    if receive_buffer:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    found.bind((source, 0))
    found.settimeout(300)
    found.connect(("127.0.0.1", port))
    return found


def rest(connection):
    """All that comes until the other side closes."""
    said = b""
    while True:
        try:
            data = connection.recv(65_536)
        except ConnectionError:
            return said
        if not data:
            return said
        said += data


class Client(TestClient):
    """The app, whose jobs are done here instead of by workers."""

    def done(self, path, task, model, text=None, **options):
        """The address of a job."""
        service = self.app.state.service
        job_id, folder = service.storage.new()
        shutil.copyfile(path, folder.upload)
        if text:
            folder.text.write_text(text)
        service.store.add(Job(job_id, task, path.name, model, options))
        file = str(service.settings.models.get(model, model))
        duration = do(Work(folder.path, task, path.name, file, options, 60.0), lambda *_: None)
        service.store.claim(quick=False)
        service.store.finish(job_id, duration, folder.size())
        return f"/v1/jobs/{job_id}"
