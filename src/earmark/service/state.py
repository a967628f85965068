"""A service while it runs: what its routes share."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from threading import Lock, Semaphore
from typing import Any, cast

from anyio import CancelScope, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

from earmark.errors import EarmarkError
from earmark.service.metrics import Metrics
from earmark.service.problems import refusal
from earmark.service.registry import ModelRegistry
from earmark.service.settings import Settings
from earmark.service.storage import JobFolder, Storage
from earmark.service.store import Job, Store
from earmark.service.supervisor import Supervisor
from earmark.service.tasks import BURN_IN
from earmark.service.uploads import Incoming, UploadSlots
from earmark.util.locks import alone

PATIENCE = 120.0  # seconds that a request waits for its clip
DATASETS = 2  # written at a time
LESSONS = 2  # learned at a time

logger = logging.getLogger(__name__)


class Service:
    """The jobs of one folder, their workers and figures."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics()
        self.storage = Storage(settings.folder)
        self.models = ModelRegistry(settings, self.storage.models)
        settings = self.settings = replace(settings, models=self.models.added)  # taught ones appear there
        used = EarmarkError(settings.folder, "is in use by another server", "stop it, or choose another --folder")
        self._held = ExitStack()
        self._held.enter_context(alone(settings.folder / "lock", used, "be written", "choose another --folder"))
        self.correcting = Lock()
        self.writing_datasets = Semaphore(DATASETS)
        self.teaching = Semaphore(LESSONS)
        with ExitStack() as failing:
            failing.callback(self._held.close)
            self.storage.check()
            self.store = Store(self.storage.database)
            self.storage.claim(self.store.mark, {job.id for job in self.store.every()})
            self.models.recall()
            failing.pop_all()
        self.upload_slots = UploadSlots(settings, self.store, self.storage)
        self.supervisor = Supervisor(settings, self.store, self.storage, self.metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do jobs as long as the block lasts."""
        self.supervisor.start()
        try:
            yield
        finally:
            await to_thread.run_sync(self.supervisor.stop)
            self.store.close()
            self._held.close()

    def check_queue(self, quick: bool) -> None:
        """Refuse an upload where too much waits already."""
        if self.store.waiting(quick) >= self.settings.queue:
            raise self._full()

    def _full(self) -> HTTPException:
        seconds = max(2, min(120, self.settings.queue // max(1, self.settings.workers)))
        return refusal(429, f"{self.settings.queue} jobs are waiting already", {"retry-after": str(seconds)})

    async def take(self, incoming: Incoming, name: str, task: str, model: str, options: Mapping[str, Any]) -> Job:
        """Accept a job: once this returns, it will be done whatever happens to the server."""
        job = Job(incoming.job_id, task, name, model, options, created=time.time())
        with CancelScope(shield=True):  # with a row, the folder is the job's
            await to_thread.run_sync(self._add, job, incoming)
        if not incoming.accepted:
            raise self._full()
        self.supervisor.ring()
        return job

    async def derive(self, folder: JobFolder, job: Job, captions: str) -> Job:
        """Accept a job that makes something else of a recording that is here; it has the upload for itself."""
        job_id, own = await to_thread.run_sync(self.storage.new)
        incoming = Incoming(job_id, own, "", self.upload_slots)
        try:
            await to_thread.run_sync(_link, folder, own, captions)
            return await self.take(incoming, job.name, BURN_IN, job.model, job.options)
        finally:
            if not incoming.accepted:
                await to_thread.run_sync(own.remove)
            self.storage.receiving.discard(job_id)

    def _add(self, job: Job, incoming: Incoming) -> None:
        incoming.folder.settle()
        incoming.accepted = self.store.add(replace(job, bytes=incoming.folder.size()), self.settings.queue)

    async def forget(self, job_id: str) -> None:
        """Stop a job and delete all that belongs to it."""
        await asyncio.wrap_future(self.supervisor.give_up(job_id))
        await to_thread.run_sync(self.storage.of(job_id).remove)

    def job(self, job_id: str) -> Job:
        """The job, or 404."""
        job = self.store.get(job_id)
        if job is None:
            raise refusal(404, "there is no such job, or it is older than jobs are kept")
        return job

    def done(self, job_id: str, video: bool = False) -> tuple[Job, JobFolder]:
        """A job that is done, and its files; 409 before that, and where it failed; 410 where they are gone."""
        job = self.job(job_id)
        if (job.task == BURN_IN) is not video:
            raise refusal(409, "this job has no such result: its links say which it has")
        if job.state == "failed":
            raise refusal(409, (job.error or {}).get("detail"))
        if job.state != "done":
            raise refusal(409, f"the job is {job.state}", {"retry-after": "1"})
        folder = self.storage.of(job_id)
        if not folder.result.is_file():
            raise gone()
        return job, folder

    async def finished(self, job_id: str) -> Job:
        """Wait for a job."""
        ending = await to_thread.run_sync(self.store.ending, job_id)
        try:
            await asyncio.wait_for(asyncio.wrap_future(ending), PATIENCE)
        except TimeoutError as error:
            raise refusal(503, "the service is busy", {"retry-after": "30"}) from error
        return await to_thread.run_sync(self.job, job_id)


def _link(folder: JobFolder, own: JobFolder, captions: str) -> None:
    """Give a new job the upload of another, without a copy where the disk knows links."""
    try:
        own.upload.hardlink_to(folder.upload)
    except FileNotFoundError as error:
        raise gone() from error
    except OSError:
        shutil.copyfile(folder.upload, own.upload)
    own.captions.write_text(captions, encoding="utf-8")


def gone() -> HTTPException:
    """The refusal where files of a job that is done were removed, or damaged, by somebody else."""
    return refusal(410, "the files of this job are gone, or damaged: send the recording again")


@contextmanager
def reading() -> Iterator[None]:
    """Reads files of a job that is done: 410 where they cannot be read."""
    try:
        yield
    except Exception as error:  # a damaged file may find any fault of what reads it
        logger.warning("files of a job cannot be read: %s", error)
        raise gone() from error


@contextmanager
def one_of(slots: Semaphore, busy: str, seconds: int) -> Iterator[None]:
    """One of a few places: 503 where all are taken, as to wait would hold a thread that others need."""
    if not slots.acquire(blocking=False):
        raise refusal(503, busy, {"retry-after": str(seconds)})
    try:
        yield
    finally:
        slots.release()


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    return cast(Service, request.app.state.service)
