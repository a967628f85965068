"""Fifty uploads at once, also while workers and the server are killed: are all answered, is none lost?

    python benchmarks/service_load.py --out results/service/load.json

The second run kills a worker every few seconds and the server once, with SIGKILL; clients send again what was refused
or cut off, as a client should, until they hold the id of a job.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil

from earmark.util.machine import in_words, machine

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "service")]

from service_process import Server  # noqa: E402

LOOK_EVERY = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--kill-every", type=float, default=3.0, help="seconds between kills of a worker")
    parser.add_argument("--file", type=Path, default=ROOT / "examples" / "street.mp4")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    report = {
        "machine": in_words(machine()),
        "undisturbed": run(asked.file, asked.uploads, None),
        "with_kills": run(asked.file, asked.uploads, asked.kill_every),
    }
    print(json.dumps(report, indent=2))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(report, indent=2) + "\n")


def run(file: Path, uploads: int, kill_every: float | None) -> dict[str, object]:
    """All uploads at once, from threads."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "service") as server:
        memory, stop = Memory(server), threading.Event()
        watchers = [threading.Thread(target=every, args=(stop, LOOK_EVERY, memory.look))]
        killer = Killer(server)
        if kill_every:
            watchers.append(threading.Thread(target=every, args=(stop, kill_every, killer.strike)))
        for watcher in watchers:
            watcher.start()
        began = time.monotonic()
        with ThreadPoolExecutor(uploads) as pool:
            ids = list(pool.map(lambda _: send(server, file), range(uploads)))
        accepted = time.monotonic() - began
        states = [ended(server, job_id) for job_id in ids]
        took = time.monotonic() - began
        stop.set()
        for watcher in watchers:
            watcher.join()
    return {
        "uploads": uploads,
        "distinct_jobs": len(set(ids)),
        "done": states.count("done"),
        "failed": states.count("failed"),
        "lost": states.count("lost"),
        "seconds_to_accept_all": round(accepted, 1),
        "seconds_to_do_all": round(took, 1),
        "largest_server_mb": round(memory.server),
        "largest_all_processes_mb": round(memory.all),
        "workers_killed": killer.workers,
        "servers_killed": killer.servers,
    }


def send(server: Server, file: Path) -> str:
    """The id of an accepted job; sent again as long as it is refused or cut off."""
    while True:
        try:
            answer = server.send(file)
        except (httpx.HTTPError, RuntimeError):  # the server, or the client of the one before, is gone
            time.sleep(0.5)
            continue
        if answer.status_code == 202:
            return str(answer.json()["id"])
        time.sleep(float(answer.headers.get("retry-after", 1)))


def ended(server: Server, job_id: str) -> str:
    """How a job ended."""
    while True:
        try:
            answer = server.client.get(f"/v1/jobs/{job_id}")
        except (httpx.HTTPError, RuntimeError):
            time.sleep(0.5)
            continue
        if answer.status_code == 404:
            return "lost"
        if answer.json().get("state") in ("done", "failed"):
            return str(answer.json()["state"])
        time.sleep(0.2)


def every(stop: threading.Event, seconds: float, act: Callable[[], None]) -> None:
    """Act again and again."""
    while not stop.wait(seconds):
        act()


class Killer:
    """Kills a worker each time, and the server at the fourth."""

    def __init__(self, server: Server) -> None:
        self.server, self.rng = server, np.random.default_rng(0)
        self.workers = self.servers = self.strikes = 0

    def strike(self) -> None:
        """Kill one."""
        self.strikes += 1
        if self.strikes == 4:
            self.server.kill()
            self.server.start()
            self.servers += 1
            return
        try:
            workers = self.server.workers()
            workers[int(self.rng.integers(len(workers)))].kill()
            self.workers += 1
        except (psutil.Error, ValueError):
            return


class Memory:
    """The most memory that was held, MB."""

    def __init__(self, server: Server) -> None:
        self.target, self.server, self.all = server, 0.0, 0.0

    def look(self) -> None:
        """Measure now."""
        try:
            process = psutil.Process(self.target.process.pid)
            own = process.memory_info().rss / 2**20
            rest = sum(child.memory_info().rss for child in process.children(recursive=True)) / 2**20
        except psutil.Error:
            return
        self.server, self.all = max(self.server, own), max(self.all, own + rest)


if __name__ == "__main__":
    main()
