"""What `hostile.py` does to a service: kills, a full disk, and connections that say nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import psutil
from hostile_trying import EARMARK, REFUSED, LeftOutError, Tried, run
from service_load import ended, every
from service_process import Server

EXAMPLES = Path(__file__).parents[1] / "examples"
STREET, WORDS = EXAMPLES / "street.mp4", EXAMPLES / "five_words.flac"
CLIP = ("words.flac", WORDS.read_bytes())
CLIENTS = 6
PATIENCE = 120.0  # seconds after which a connection that is still open stays so

CONNECTIONS = (
    "Connections that are opened and then say nothing, or a byte a second, from addresses of the loopback network; "
    "meanwhile another address asks for `/healthz` and has a clip classified, over and over, until all are closed"
)
KILLS = (
    "Six clients send a video or a few words, wait for the job, compare its events with those of an undisturbed one, "
    "and send the next; whenever as much time has passed as a job took undisturbed, two seconds at least, a worker is "
    "killed, each tenth time the server (SIGKILL). Clients send "
    "again what was cut off. In the end the table of jobs and the folder are counted"
)
FULL_DISK = (
    "A tmpfs of 32 MB, filled but for some kB. Commands that write to it must say so in one line, leave nothing half "
    "written, and do all once there is room; the service on it must refuse what it cannot keep (507), keep what it "
    "accepted, and end every job, done or failed"
)


def kills(folder: Path, seconds: float) -> Iterator[Tried]:
    """Whatever was accepted is done once, with the right result."""
    with Server(folder / "service", "--workers", "2") as server:
        clients = Clients(server, seconds)
        killer, stop = Killer(server, np.random.default_rng(0)), threading.Event()
        striking = threading.Thread(target=every, args=(stop, max(2.0, clients.usual), killer.strike))
        striking.start()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(clients.work, range(CLIENTS)))
        stop.set()
        striking.join()
        server.until(
            lambda: not {"queued", "running"} & {job["state"] for job in server.client.get("/v1/jobs").json()["jobs"]}
        )
    with sqlite3.connect(folder / "service" / "jobs.sqlite") as table:
        rows = table.execute("SELECT id, name, state FROM jobs").fetchall()
    found, ids = clients.found, {row[0] for row in rows}
    names = Counter(name for _, name, _ in rows)
    twice = sum(count - 1 for name, count in names.items() if name not in clients.cut_off)
    folders = {path.name for path in (folder / "service" / "jobs").iterdir() if path.is_dir()}
    figures = {
        "accepted": len(clients.ids),
        "done, same events": found["same"],
        "other events": found["other"],
        "failed": found["failed"] + sum(state != "done" for *_, state in rows),
        "lost": found["lost"] + len(set(clients.ids) - ids),
        "done twice": twice,
        "folders without a job, or the reverse": len(folders ^ ids),
        "uploads cut off": len(clients.cut_off),
    }
    wrong = ("other events", "failed", "lost", "done twice", "folders without a job, or the reverse")
    holds = figures["accepted"] == figures["done, same events"] > 0 and not any(figures[name] for name in wrong)
    yield Tried(
        f"{killer.workers} workers and {killer.servers} servers killed", killer.workers + killer.servers, figures, holds
    )


class Clients:
    """What clients sent, and what came of it."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server = server
        self.ids: list[str] = []
        self.found: Counter[str] = Counter()
        self.cut_off: set[str] = set()
        began = time.monotonic()
        self.events = {file: self._events(self._sent(file, f"undisturbed-{file.name}")) for file in (STREET, WORDS)}
        self.ids.clear()
        self.usual = (time.monotonic() - began) / len(self.events)  # seconds that a job takes
        self.end = time.monotonic() + seconds

    def work(self, number: int) -> None:
        """One client: a job after the other until its time is over."""
        count = 0
        while time.monotonic() < self.end:
            file = (STREET, WORDS)[(number + count) % 2]
            events = self._events(self._sent(file, f"{number}-{count}-{file.name}"))
            if events is not None:
                self.found["same" if events == self.events[file] else "other"] += 1
            count += 1

    def _sent(self, file: Path, name: str) -> str:
        while True:
            try:
                answer = self.server.send(file, name)
                if answer.status_code == 202:
                    self.ids.append(answer.json()["id"])
                    return self.ids[-1]
            except (httpx.HTTPError, RuntimeError) as error:  # the server, or the client of the one before, is gone
                if not isinstance(error, httpx.ConnectError):
                    self.cut_off.add(name)
            time.sleep(0.5)

    def _events(self, job_id: str) -> object:
        state = ended(self.server, job_id)
        if state != "done":
            self.found[state] += 1
            return None
        while True:
            with suppress(httpx.HTTPError, RuntimeError):
                answer = self.server.result(job_id, to="json")
                if answer.status_code == 200:
                    return answer.json()["events"]
                if answer.status_code in (404, 410):
                    self.found["lost"] += 1
                    return None
            time.sleep(0.5)


class Killer:
    """Kills a worker each time, and the server at every tenth."""

    def __init__(self, server: Server, rng: np.random.Generator) -> None:
        self.server, self.rng = server, rng
        self.workers = self.servers = 0

    def strike(self) -> None:
        """Kill one."""
        if (self.workers + self.servers) % 10 == 9:
            self.server.kill()
            self.server.start()
            self.servers += 1
            return
        with suppress(psutil.Error, ValueError):  # none is there just now
            workers = self.server.workers()
            workers[int(self.rng.integers(len(workers)))].kill()
            self.workers += 1


def full_disk(folder: Path) -> Iterator[Tried]:
    """It is told of, and what is written is whole."""
    with small_disk(folder / "disk") as disk:
        recordings = folder / "recordings"
        recordings.mkdir()
        for number in range(3):
            shutil.copy(STREET, recordings / f"{number}.mp4")
        for words in (
            ["caption", STREET, "--out", disk / "captions"],
            ["caption", STREET, "--mux", disk / "captioned.mp4"],
            ["label", STREET, "--to", "json", "--out", disk / "labels"],
            ["label", STREET, "--plot", disk / "street.png"],
            ["words", WORDS, "--to", "json", "--out", disk / "words"],
            ["index", recordings, "--out", disk / "index", "--jobs", 1],
        ):
            yield _written(words, disk)
        yield from _served(disk)


def _written(words: list[object], disk: Path) -> Tried:
    """A command on a disk with 0, 4 or 64 kB left, and then with room."""
    figures: Counter[str] = Counter({"refused": 0, "done": 0, "half written": 0})
    for left in (0, 4, 64, None):
        with filled(disk, left):
            outcome = run([*EARMARK, *words]).outcome
            figures[outcome if left is not None else f"{outcome} with room"] += 1
            files = [path for path in disk.rglob("*") if path.is_file() and path.name != "filler"]
            figures["half written"] += sum(not _whole(path) for path in files)
            if outcome == REFUSED and words[0] != "index":
                figures["half written"] += len(files)
        if words[0] != "index" or left is None:
            _empty(disk)
    named = [str(word).replace(str(disk), "DISK") for word in (words[0], words[-2], words[-1])]
    holds = figures[REFUSED] and figures[REFUSED] + figures["done"] == 3 and figures["done with room"]
    return Tried(f"`earmark {' '.join(named)}`", 4, dict(figures), bool(holds) and not figures["half written"])


def _whole(path: Path) -> bool:
    """Whether a file of an index, or a result in JSON, is what it should be."""
    if path.suffix == ".parquet":
        return path.read_bytes().endswith(b"PAR1")
    if path.suffix == ".json":
        with suppress(ValueError):
            return bool(json.loads(path.read_text("utf-8")))
        return False
    return not path.name.endswith(".part")


def _served(disk: Path) -> Iterator[Tried]:
    """Uploads, corrections and results while there is no room for them."""
    with Server(disk / "service", "--workers", "1") as server:
        first = server.ended(server.send(STREET).json()["id"])["id"]
        events = server.result(first, to="json").json()["events"]
        answers: Counter[str] = Counter()
        jobs, alive = [], True
        for left in (0, 4, 100, 760, 800, 900, 1000, 1500):
            with filled(disk, left):
                for answer in (
                    server.send(STREET),
                    server.client.post("/v1/classify", files={"file": CLIP}),
                    server.client.put(f"/v1/jobs/{first}/events", json={"events": events * 40}),
                ):
                    answers[str(answer.status_code)] += 1
                    if answer.status_code == 202:
                        jobs.append(answer.json()["id"])
                alive &= server.client.get("/healthz").status_code == 200
                time.sleep(3)
        states = Counter(_state(server, job_id) for job_id in jobs)
        kept = server.result(first, to="json").json()["events"]
        server.client.delete(f"/v1/jobs/{first}/events")
        after = server.ended(server.send(STREET).json()["id"])
        folders = [path for path in (disk / "service" / "jobs").iterdir() if path.is_dir()]
        known = {job["id"] for job in server.client.get("/v1/jobs").json()["jobs"]}
        half = sum(path.name not in known for path in folders)
        half += sum(not _whole(path) for folder in folders for path in folder.iterdir())
    figures = {f"answered {status}": count for status, count in sorted(answers.items())}
    figures |= {f"jobs {state}": count for state, count in sorted(states.items())}
    figures |= {"half written": half, "done with room": int(after["state"] == "done")}
    holds = alive and set(answers) <= {"200", "202", "204", "422", "507"} and set(states) <= {"done", "failed"}
    ordered = [sorted(json.dumps(event) for event in own) for own in (kept, events, events * 40)]
    holds = holds and ordered[0] in ordered[1:] and after["state"] == "done" and not half and answers["507"]
    yield Tried("the service: jobs, clips, corrections", sum(answers.values()), figures, bool(holds))


def _state(server: Server, job_id: str) -> str:
    """How a job ended, `never ended` after a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = str(server.job(job_id)["state"])
        if state in ("done", "failed"):
            return state
        time.sleep(0.2)
    return "never ended"


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 32 MB."""
    if os.geteuid():
        raise LeftOutError("only root may mount a tmpfs")
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "hostile", place], check=False).returncode:
        raise LeftOutError("no tmpfs can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def filled(disk: Path, left: int | None) -> Iterator[None]:
    """Only so many kB are left on it; None: as many as there are."""
    filler = disk / "filler"
    if left is not None:
        state = os.statvfs(disk)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - left * 1024))
    try:
        yield
    finally:
        filler.unlink(missing_ok=True)


def _empty(disk: Path) -> None:
    for path in disk.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def connections(folder: Path) -> Iterator[Tried]:
    """They end by themselves, and stop nobody else."""
    many = [f"127.0.{third}.{fourth}" for third in (1, 2, 3) for fourth in range(1, 201)]
    head = b"POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\n"
    form = head + b"content-type: multipart/form-data; boundary=x\r\ncontent-length: 1000000\r\n\r\n"
    with Server(folder / "service", "--workers", "1") as server:
        for what, addresses, count, said in (
            ("silent, of one address", many[:1], 600, b""),
            ("silent, of 600 addresses", many, 600, b""),
            ("that send a head by a byte a second", many[:20], 300, head),
            ("that send an upload by a byte a second", many[:20], 64, form),
            ("that send a clip by a byte a second", many[:20], 64, form.replace(b"jobs", b"classify")),
        ):
            yield _crowd(server, f"{count} {what}", addresses, count, said)


def _crowd(server: Server, what: str, addresses: list[str], count: int, said: bytes) -> Tried:
    """So many connections, from these addresses in turn; others ask and send meanwhile."""
    lines = []
    for number in range(count):
        with suppress(OSError):  # refused, which is well
            line = socket.create_connection(("127.0.0.1", server.port), 10, (addresses[number % len(addresses)], 0))
            line.sendall(said)
            line.setblocking(False)
            lines.append(line)
    began, answers, slowest = time.monotonic(), Counter[int](), 0.0
    while lines and time.monotonic() - began < PATIENCE:
        for ask in (
            lambda: httpx.get(f"http://127.0.0.1:{server.port}/healthz", timeout=60),
            lambda: httpx.post(f"http://127.0.0.1:{server.port}/v1/classify", files={"file": CLIP}, timeout=60),
        ):
            asked = time.monotonic()
            try:
                answers[ask().status_code] += 1
            except httpx.HTTPError:
                answers[0] += 1
            slowest = max(slowest, time.monotonic() - asked)
        time.sleep(1.0)
        lines = [line for line in lines if _is_open(line, b"x" if said else b"")]
    figures = {
        "others answered": answers[200],
        "others told to come again (429)": answers[429],
        "others not": answers.total() - answers[200] - answers[429],
        "slowest answer, seconds": round(slowest, 1),
        "all ended after, seconds": round(time.monotonic() - began),
        "still open": len(lines),
    }
    for line in lines:
        line.close()
    return Tried(what, count, figures, not (lines or figures["others not"]) and answers[200] > 0)


def _is_open(line: socket.socket, more: bytes) -> bool:
    try:
        line.sendall(more)
        while line.recv(4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    line.close()
    return False
