"""The service as its users meet it: `earmark serve` as a process, and requests to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

COMMAND = [sys.executable, "-c", "from earmark.cli import main; main()", "serve", "--port", "0"]
BY_SETTINGS = """
import sys
from pathlib import Path
from earmark.service.server import run
from earmark.service.settings import Settings
run(Settings(Path(sys.argv[1]), port=0, {}), tell_token=False)
"""
PATIENCE = 300.0  # seconds; a busy machine is slow


def spawned(process: psutil.Process) -> bool:
    try:
        return any("spawn_main" in part for part in process.cmdline())
    except psutil.NoSuchProcess:  # it was killed, and nobody has taken note yet
        return False


class Server:
    """A running server; use it with `with`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        self.log = folder.with_name(folder.name + ".log")  # a pipe nobody reads is full one day

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def start(self):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command(), stderr=log, env=environment)
        found = self.until(self.listens)
        self.host, self.port, self.token = found[1], int(found[2]), found[3]
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        reach = "127.0.0.1" if self.host == "0.0.0.0" else self.host
        self.client = httpx.Client(base_url=f"http://{reach}:{self.port}", headers=headers, timeout=PATIENCE)
        self.until(self.answers)

    def command(self) -> list[str]:
        return [*COMMAND, "--folder", str(self.folder), *self.options]

    def listens(self):
        """Where it says that it does, if it has said so."""
        told = self.log.read_text()
        found = re.search(r"http://(\S+?):(\d+)(?:/\?token=(\S+))?  \(", told)
        assert found or self.process.poll() is None, told
        return found

    def answers(self):
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self):
        """As `kill -9` does, and whoever it left alone ends by itself."""
        left = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.client.close()
        psutil.wait_procs(left, timeout=PATIENCE)

    def workers(self):
        """Processes that do jobs."""
        return [child for child in psutil.Process(self.process.pid).children() if spawned(child)]

    def send(self, path: Path, name: str | None = None, **fields) -> httpx.Response:
        """A new job."""
        with path.open("rb") as file:
            return self.client.post("/v1/jobs", files={"file": (name or path.name, file)}, data=fields)

    def job(self, job_id: str) -> dict:
        return self.client.get(f"/v1/jobs/{job_id}").json()

    def ended(self, job_id: str) -> dict:
        """The job, once it is done or failed."""
        return self.until(lambda: (job := self.job(job_id))["state"] in ("done", "failed") and job)

    def done(self, path: Path, **fields) -> str:
        """The id of a new job, once it is done."""
        job = self.ended(self.send(path, **fields).json()["id"])
        assert job["state"] == "done", job
        return job["id"]

    def result(self, job_id: str, **query) -> httpx.Response:
        return self.client.get(f"/v1/jobs/{job_id}/result", params=query)

    @staticmethod
    def until(look):
        """What `look` gives as soon as it is true; it is asked more and more seldom, as to answer takes time, too."""
        end, pause = time.monotonic() + PATIENCE, 0.01
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(pause)
            pause = min(1.5 * pause, 0.2)
        raise AssertionError("it did not happen")


class SmallServer(Server):
    """One with as few workers as a test needs, which takes a second less for each: one for jobs, none for short clips.

    `settings` are others, as keywords.
    """

    def __init__(self, folder: Path, settings: str = "workers=1, quick_workers=0") -> None:
        super().__init__(folder)
        self.settings = settings

    def command(self) -> list[str]:
        return [sys.executable, "-c", BY_SETTINGS.format(self.settings), str(self.folder)]
