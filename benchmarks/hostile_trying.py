"""How `hostile.py` tries something: commands watched from outside, and a process that labels what it is given."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from earmark.errors import EarmarkError

EARMARK = [sys.executable, "-c", "from earmark.cli import main; main()"]
MEMORY = 2 << 30
"""Bytes of data that a process may hold in which files are labelled, as a worker of the service."""

REFUSED, CRASHED, HUNG = "refused", "crashed", "hung"
LOOK_EVERY = 0.02


class LeftOutError(Exception):
    """Something cannot be tried here; says why."""


@dataclass(frozen=True)
class Tried:
    """One thing that was tried, and what came of it.

    what: in words. times: how often. found: figures by name. holds: whether all is as it should be.
    """

    what: str
    times: int
    found: dict[str, float]
    holds: bool


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status (None: its time was over), standard error, and what it used.

    A refusal is status 1 and lines for people, of Earmark's own; a traceback is a crash.
    """

    status: int | None
    told: str
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def outcome(self) -> str:
        """`done`, or one of those above."""
        if self.status in (None, 0):
            return HUNG if self.status is None else "done"
        lines = self.told.splitlines()
        ours = lines and all(line.startswith("earmark: ") for line in lines)
        return REFUSED if self.status == 1 and ours else CRASHED


def run(words: Sequence[object], stdin: Path | None = None, limit: float = 600.0) -> Ended:
    """Run a program, and end it with all that it started when `limit` seconds are over."""
    began, status = time.monotonic(), None
    with tempfile.TemporaryFile() as told, Path(stdin or os.devnull).open("rb") as source:
        process = subprocess.Popen(
            list(map(str, words)), stdin=source, stdout=subprocess.DEVNULL, stderr=told, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        while True:
            ended, how, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                process.returncode = os.waitstatus_to_exitcode(how)
                status = None if time.monotonic() - began > limit else process.returncode
                break
            if time.monotonic() - began > limit:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            time.sleep(LOOK_EVERY)
        told.seek(0)
        text = told.read().decode("utf-8", "replace")
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return Ended(status, text, time.monotonic() - began, cpu, peak)


class Labeller:
    """A process that labels one file after the other within limits, and is replaced when it ends or hangs."""

    def __init__(self, limit: float = 120.0) -> None:
        self.limit = limit
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_label_files, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it is ready

    def label(self, path: Path) -> tuple[str, str]:
        """What becomes of a file, and what is told of it."""
        self._pipe.send(path)
        try:
            if self._pipe.poll(self.limit):
                outcome, told = self._pipe.recv()
                return outcome, told
            outcome, told = HUNG, f"more than {self.limit:g} s"
        except EOFError:
            self._process.join()
            outcome, told = CRASHED, f"ended with {self._process.exitcode}"
        self.end()
        self._start()
        return outcome, told

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _label_files(pipe: Connection) -> None:
    from earmark.models.labelling import label
    from earmark.models.model import load_model
    from earmark.util.processes import end_with_parent, limit

    end_with_parent()
    limit(MEMORY)
    warnings.simplefilter("ignore")
    model = load_model("sounds", threads=1)
    pipe.send("ready")
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        try:
            label(path, model)
            pipe.send(("labelled", ""))
        except EarmarkError as error:
            pipe.send((CRASHED if "\n" in str(error) else REFUSED, str(error)))
        except Exception:
            pipe.send((CRASHED, traceback.format_exc()))
