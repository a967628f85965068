"""Batches spread over processes by Dask: those of this machine, or those of a scheduler that runs already."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dask
from distributed import Client, KilledWorker, LocalCluster, as_completed
from distributed.diagnostics.plugin import WorkerPlugin

from earmark._version import __version__
from earmark.archive.analysis import Analysis
from earmark.archive.batches import Run
from earmark.archive.tables import read_tables
from earmark.archive.workers import Batch, Done, Job, check, counted, keep, work
from earmark.errors import EarmarkError

MEMORY = "2 GiB"  # for each process of this machine: it is ended beyond that, and its batch done elsewhere
PATIENCE = 60.0  # seconds that a scheduler and the first worker may take
LOOK_EVERY = 5.0  # seconds between looks at how many workers there are
TASKS = Path("/proc/self/task")  # a folder for each thread of this process, on Linux
AT_WORKER = 2  # batches: the one in work and the next, without which 20 ms pass from one to the other
BROKE = "broke or hung up the process that read it, each time"

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1)

_OWN = {
    # Dask's own also sets MALLOC_TRIM_THRESHOLD_, with which every array is asked of the system anew: twice the time.
    "distributed.nanny.pre-spawn-environ": _ONE_THREAD,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-saturation": float(AT_WORKER),
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    # What Dask watches itself by takes 8 % of two cores from the workers, and nobody looks at it here. The nanny ends a
    # worker that outgrows its memory all the same.
    "distributed.worker.memory.pause": False,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}


class OneCore(WorkerPlugin):
    """Keeps each worker of this machine to a core of its own: what decodes, and what the network runs in, too.

    Processes that wander between cores, as two do on two, lose what caches hold. A worker that is started in the place
    of another has its name, and so its core.
    """

    name = "one core"

    def __init__(self, cores: list[int]) -> None:
        self.cores = cores

    def setup(self, worker: Any) -> None:
        """Called in each worker, before it does anything."""
        core = self.cores[int(worker.name) % len(self.cores)]
        for thread in TASKS.iterdir():  # those that are there; later ones have it from these
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), {core})


def _cores() -> list[int]:
    """That this process may use; none where the system does not say, or cannot keep to one."""
    if not hasattr(os, "sched_setaffinity") or not TASKS.is_dir():
        return []
    return sorted(os.sched_getaffinity(0))


@contextmanager
def local(jobs: int) -> Iterator[Any]:
    """So many processes of this machine, each with one thread; they end with the block, and with this process."""
    with dask.config.set(_OWN), ExitStack() as stack:
        with _interrupts_held():
            cluster = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=jobs,
                threads_per_worker=1,
                processes=True,
                memory_limit=MEMORY,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        stack.enter_context(cluster)
        client: Any = stack.enter_context(Client(cluster))  # type: ignore[no-untyped-call]
        cores = _cores()
        if 0 < len(cores) <= jobs:  # with fewer processes than cores, one decodes on another core than its network's
            client.register_plugin(OneCore(cores))
        yield client


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Threads and processes that are begun in the block never hear Ctrl-C, which a terminal sends to all: who began
    them does, and ends them.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # where it is begun later, that undoes what follows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def remote(scheduler: str, job: Job) -> Iterator[Any]:
    """The workers of a scheduler, after a look at whether they can do the work."""
    subject = f"--scheduler {scheduler}"
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client: Any = Client(scheduler, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise EarmarkError(subject, "does not answer", "start one with `dask scheduler`") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            remedy = f"start some: dask worker {scheduler} --nthreads 1"
            raise EarmarkError(subject, "has no workers", remedy) from error
        if max(client.nthreads().values()) > 1:
            raise EarmarkError(subject, "has workers with several threads", "start them with --nthreads 1")
        _check(client, subject, job)
        yield client


def _check(client: Any, subject: str, job: Job) -> None:
    try:
        answers = client.run(check, job.options.root, job.folder, __version__)
    except Exception as error:  # whatever a machine that lacks something says
        remedy = f"install earmark[archive] {__version__} there"
        raise EarmarkError(subject, f"has workers that cannot run this ({error})", remedy) from error
    for worker, trouble in answers.items():
        if trouble:
            raise EarmarkError(
                subject, f"has a worker, {worker}, that {trouble}", "it needs the same folders as this one"
            )


def each(client: Any, run: Run, job: Job, batches: Iterable[Batch]) -> Iterator[Done]:
    """Have all batches done, one by each worker, and one more that waits for it; what came of each, as they come.

    A batch whose workers die is tried elsewhere, then its recordings one by one; the one that ends them gets a row that
    says so. Raises EarmarkError where a worker cannot do its work at all, or the scheduler is gone.
    """
    todo, crew = iter(batches), _Crew(client)
    running: dict[str, Batch] = {}
    completed: Any = as_completed()  # type: ignore[no-untyped-call]
    while True:
        while len(running) < AT_WORKER * crew.size and (batch := next(todo, None)) is not None:
            running[batch.name] = batch
            completed.add(client.submit(work, job, batch, key=batch.name, pure=False))
        if not running:
            return
        future = next(completed)
        batch = running.pop(future.key)
        if isinstance(future.exception() if future.status == "error" else None, KilledWorker):
            done, again = after_loss(run, job, batch)
            todo = chain(again, todo)
        else:
            done, again = _outcome(future), []
        if done is not None:
            yield done


def _outcome(future: Any) -> Done:
    if future.status != "finished" and future.status != "error":
        raise EarmarkError("the scheduler", "is gone, or gave up", "start it again: the same command goes on")
    done = future.result()
    assert isinstance(done, Done)
    return done


def after_loss(run: Run, job: Job, batch: Batch) -> tuple[Done | None, list[Batch]]:
    """After a batch whose workers died: what came of it, if something did, and what is to be done in its place."""
    if run.give_up(batch.name):
        there = read_tables(run.place(batch.name), ["recordings"])
        return counted(there["recordings"], job.wanted), []
    if len(batch.recordings) > 1:
        return None, [Batch(run.begin(), (one,)) for one in batch.recordings]
    broken = Batch(run.begin(), batch.recordings)
    return keep(job, broken, [Analysis(one, error=BROKE) for one in batch.recordings]), []


class _Crew:
    """How many workers there are: on a cluster they come and go."""

    def __init__(self, client: Any) -> None:
        self._client, self._looked, self._size = client, -LOOK_EVERY, 1

    @property
    def size(self) -> int:
        """At least one: it may come back."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            self._size = max(1, len(self._client.nthreads()))
        return self._size
