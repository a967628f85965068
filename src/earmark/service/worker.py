"""A process that does jobs, one after the other, within limits; a file that breaks a decoder breaks nothing else."""

from __future__ import annotations

import signal
import time
import warnings
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from earmark.errors import EarmarkError
from earmark.util.atomic import is_full

if TYPE_CHECKING:
    from earmark.service.tasks import Work

ENDING = 60.0  # seconds that the system may take to end one that was killed
TOLD_EVERY = 0.25  # seconds between two messages about one job's progress

Message = tuple[str, Any, Any]
"""`ready`, `heard` seconds of a duration, `done` with its duration, or `failed` with title and detail."""


class Worker:
    """The supervisor's end: a process that may hold so many bytes of data, and the job it does.

    A `quick` one only does what a request waits for.
    """

    def __init__(self, memory: int, quick: bool) -> None:
        context = get_context("spawn")
        self.quick = quick
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, memory), daemon=True, name="earmark-worker")
        self.process.start()
        theirs.close()
        self.job_id: str | None = None
        self.ready = False
        self.began = self.last_report = 0.0

    def give(self, job_id: str, work: Work) -> None:
        """Let it do a job."""
        self.job_id = job_id
        self.began = self.last_report = time.monotonic()
        self.pipe.send(work)

    def end(self) -> None:
        """Kill it; it keeps nothing that matters."""
        self.process.kill()
        self.process.join(ENDING)
        self.pipe.close()


def serve(pipe: Connection, memory: int) -> None:
    """Do jobs until the supervisor is gone."""
    from earmark.service.tasks import warm_up
    from earmark.util.processes import end_with_parent, limit

    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the server ends its workers itself
    limit(memory)
    warnings.simplefilter("ignore")  # what was damaged in a recording is not the operator's business
    warm_up()
    pipe.send(("ready", None, None))
    while True:
        try:
            work: Work = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(work, pipe))


def _answer(work: Work, pipe: Connection) -> Message:
    from earmark.service.tasks import do

    last = 0.0

    def progress(seconds: float, duration: float | None) -> None:
        nonlocal last
        if time.monotonic() - last > TOLD_EVERY:
            last = time.monotonic()
            pipe.send(("heard", seconds, duration))

    try:
        return "done", do(work, progress), None
    except EarmarkError as error:
        detail = f"{work.name}: {error.reason}" + (f"; {error.remedy}" if error.remedy else "")
        return "failed", "This recording cannot be used", detail
    except MemoryError:
        return "failed", "This recording needs too much memory", f"{work.name}: more than a worker may use"
    except OSError as error:
        title = "The service has no room left" if is_full(error) else "This recording cannot be used"
        return "failed", title, f"{work.name}: {error.strerror or error}"
    except Exception as error:  # a file may find a fault of ours, which must not cost the worker its life
        return "failed", "This recording cannot be used", f"{work.name}: {type(error).__name__}"
