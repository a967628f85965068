"""Gives jobs to workers, notes what becomes of them, replaces workers that end, and deletes what is old."""

from __future__ import annotations

import logging
import signal
import time
from concurrent.futures import Future
from multiprocessing import Pipe
from multiprocessing.connection import wait
from queue import SimpleQueue
from threading import Lock, Thread

from earmark.service.metrics import Metrics
from earmark.service.problems import refusal
from earmark.service.settings import Settings
from earmark.service.storage import Storage
from earmark.service.store import Job, Store
from earmark.service.tasks import Work
from earmark.service.worker import ENDING, Message, Worker


class Cleanup:
    """See `Settings.keep_seconds` and `keep_bytes`."""

    def __init__(self, settings: Settings, store: Store, storage: Storage) -> None:
        self.settings, self.store, self.storage = settings, store, storage

    def sweep(self) -> None:
        """Delete finished jobs that are older than they may be, then the oldest until all fit; and what is nobody's."""
        jobs = self.store.every()
        total = sum(job.bytes for job in jobs if job.finished is not None)
        for job in jobs:
            if job.finished is None:
                continue
            if time.time() - job.finished > self.settings.keep_seconds or total > self.settings.keep_bytes:
                total -= job.bytes
                self.store.remove(job.id)
                self.storage.of(job.id).remove()
        self._sweep_strays()

    def _sweep_strays(self) -> None:
        """Folders whose upload never became a job, or whose job was forgotten when the server was killed."""
        for job_id in self.storage.ids():
            receiving = job_id in self.storage.receiving  # looked at first: it is until there is a job
            if not receiving and self.store.get(job_id) is None:
                self.storage.of(job_id).remove()


MOST_CRASHES = 2  # of workers, after which the job is to blame
MOST_KILLS = 20  # by others: the system short of memory, an operator
LOOK_EVERY = 0.5  # seconds between looks at the clock
CLEANUP_EVERY = 30.0
STUCK = 60.0  # seconds without a turn that went well, after which no jobs are being done
ENDED_BY_OTHERS = {-number for number in signal.Signals if number.name in ("SIGKILL", "SIGTERM", "SIGINT")}

logger = logging.getLogger(__name__)


class Supervisor:
    """A thread beside the server: the only one that talks to workers."""

    def __init__(self, settings: Settings, store: Store, storage: Storage, metrics: Metrics) -> None:
        self.settings, self.store, self.storage, self.metrics = settings, store, storage, metrics
        self.workers: list[Worker] = []
        self._cleanup = Cleanup(settings, store, storage)
        self._bell, self._bell_rope = Pipe(duplex=False)
        self._rope_lock = Lock()
        self._unwanted: SimpleQueue[tuple[str, Future[None]]] = SimpleQueue()
        self._stopping = self._stopped = False
        self._amiss = False  # something went wrong, after which a job may seem to run that no worker does
        self._went_well = time.monotonic()
        self._thread = Thread(target=self._run, name="earmark-supervisor", daemon=True)

    def start(self) -> None:
        """Begin, with the jobs that an earlier server left."""
        self.store.recover(MOST_KILLS)
        self._cleanup.sweep()
        self._thread.start()

    def stop(self) -> None:
        """End the workers; what they were doing waits for the next start."""
        self._stopping = True
        self.ring()
        self._thread.join()
        for worker in list(self.workers):
            self._dismiss(worker)
        with self._rope_lock:
            self._stopped = True
        self._forget()

    def ring(self) -> None:
        """Say that there is something to do."""
        with self._rope_lock:
            self._bell_rope.send(None)

    def give_up(self, job_id: str) -> Future[None]:
        """Forget a job: first its worker ends, then its row goes. Its folder is then nobody's, and may be removed.

        In this order, and by the one thread that gives out jobs: whenever the server is killed, there is a row, and
        the job is done again as if nothing had been said, or there is none, and the next start sweeps the folder. So it
        is where the future has an error that came in between.
        """
        future: Future[None] = Future()
        with self._rope_lock:
            if self._stopped:
                future.set_exception(refusal(503, "the service is ending"))
                return future
            self._unwanted.put((job_id, future))
        self.ring()
        return future

    @property
    def alive(self) -> bool:
        """Whether jobs are being done."""
        return self._thread.is_alive() and time.monotonic() - self._went_well < STUCK

    def _run(self) -> None:
        cleaned = time.monotonic()
        while not self._stopping:
            try:
                self._turn()
                if time.monotonic() - cleaned > CLEANUP_EVERY:
                    cleaned = time.monotonic()
                    self._cleanup.sweep()
                self._went_well = time.monotonic()
            except Exception:  # a full disk, no file handles left: jobs go on once there is room again
                logger.exception("the supervisor could not do its work, and tries again")
                self._amiss = True
                time.sleep(LOOK_EVERY)

    def _turn(self) -> None:
        """Hand out what waits, and take what has come."""
        self._forget()
        self._reclaim()
        self._complete_staff()
        self._hand_out()
        handles = [handle for worker in self.workers for handle in (worker.pipe, worker.process.sentinel)]
        ready = set(wait([self._bell, *handles], LOOK_EVERY))
        while self._bell.poll():
            self._bell.recv()
        for worker in list(self.workers):
            if worker.pipe in ready:
                self._listen(worker)
            if worker.process.sentinel in ready:
                self._bury(worker)
            else:
                self._watch(worker)

    def _forget(self) -> None:
        """Do as `give_up` was told."""
        while not self._unwanted.empty():  # nobody else takes from it
            job_id, future = self._unwanted.get()
            if not future.set_running_or_notify_cancel():
                future = Future()  # nobody waits for it any more
            try:
                for worker in [worker for worker in self.workers if worker.job_id == job_id]:
                    self._dismiss(worker)
                self.store.remove(job_id)
            except Exception as error:
                self._amiss = True
                future.set_exception(error)
            else:
                future.set_result(None)

    def _reclaim(self) -> None:
        """After something went wrong: jobs whose row says that they run, though no worker does them, wait again."""
        if not self._amiss:
            return
        held = {worker.job_id for worker in self.workers}
        for job in self.store.running():
            if job.id not in held:
                self._give_back(job, killed=True)
        self._amiss = False

    def _complete_staff(self) -> None:
        for quick, wanted in ((True, self.settings.quick_workers), (False, self.settings.workers)):
            for _ in range(wanted - sum(worker.quick is quick for worker in self.workers)):
                self.workers.append(Worker(self.settings.memory_bytes, quick))

    def _hand_out(self) -> None:
        for worker in self.workers:
            idle = worker.ready and worker.job_id is None and worker.process.is_alive()
            job = self.store.claim(worker.quick) if idle else None
            if job is None:
                continue
            try:
                worker.give(job.id, self._work(job))
            except OSError:  # it ended just now: its sentinel will tell
                worker.job_id = job.id

    def _work(self, job: Job) -> Work:
        model = str(self.settings.models.get(job.model, job.model))
        folder = self.storage.of(job.id).path
        return Work(folder, job.task, job.name, model, job.options, self.settings.seconds)

    def _listen(self, worker: Worker) -> None:
        """Take all that a worker has said."""
        try:
            while worker.pipe.poll():
                self._take(worker, worker.pipe.recv())
        except (EOFError, OSError):  # it ended: its sentinel tells how
            return

    def _take(self, worker: Worker, message: Message) -> None:
        kind, first, second = message
        if kind == "ready":
            worker.ready = True
            return
        job_id, worker.last_report = worker.job_id or "", time.monotonic()
        if kind == "heard":
            self.store.advance(job_id, first, second)
            return
        worker.job_id = None
        if kind == "done":
            self.metrics.finished(self.store.get(job_id), first, time.monotonic() - worker.began)
            self.store.finish(job_id, first, self.storage.of(job_id).size())
        else:
            self._fail(job_id, first, second)

    def _watch(self, worker: Worker) -> None:
        """End a worker whose job takes too long."""
        if worker.job_id is None:
            return
        now, limits = time.monotonic(), self.settings
        patience = limits.quick_stall_seconds if worker.quick else limits.stall_seconds
        stalled = now - worker.last_report > patience
        if stalled or now - worker.began > limits.job_seconds:
            reason = f"nothing new was heard for {patience:g} s" if stalled else "its time is over"
            job = self.store.get(worker.job_id)
            self._fail(worker.job_id, "This recording takes too long", f"{job.name if job else 'it'}: {reason}")
            self._dismiss(worker)

    def _bury(self, worker: Worker) -> None:
        """A worker has ended by itself, or was killed: its job is done by another, unless it is to blame."""
        job = self.store.get(worker.job_id) if worker.job_id else None
        worker.process.join(ENDING)  # its sentinel tells a moment before there is an exit code
        killed = worker.process.exitcode in ENDED_BY_OTHERS
        self._dismiss(worker)
        self.metrics.workers_lost.inc()
        if not worker.ready:  # it could not even begin: the next one may not either
            time.sleep(LOOK_EVERY)
        if job is not None:
            self._give_back(job, killed)

    def _give_back(self, job: Job, killed: bool) -> None:
        """Let a job wait again whose worker is no more, unless it is to blame."""
        if killed and job.kills + 1 < MOST_KILLS:
            self.store.requeue(job.id, kills=1)
        elif not killed and job.crashes + 1 < MOST_CRASHES:
            self.store.requeue(job.id, crashes=1)
        else:
            self._fail(job.id, "This recording cannot be used", f"{job.name}: what reads it breaks down over it")

    def _dismiss(self, worker: Worker) -> None:
        worker.end()
        self.workers.remove(worker)

    def _fail(self, job_id: str, title: str, detail: str) -> None:
        self.metrics.failed(self.store.get(job_id))
        self.store.fail(job_id, {"title": title, "detail": detail})
