"""Deletes what is old, or too much; nobody's job that is not finished."""

from __future__ import annotations

import time

from earmark.service.places import Places
from earmark.service.settings import Settings
from earmark.service.store import Store


class Upkeep:
    """See `Settings.keep_seconds` and `keep_bytes`."""

    def __init__(self, settings: Settings, store: Store, places: Places) -> None:
        self.settings, self.store, self.places = settings, store, places

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
                self.places.of(job.id).remove()
        self._sweep_strays()

    def _sweep_strays(self) -> None:
        """Folders whose upload never became a job, or whose job was forgotten when the server was killed."""
        for job_id in self.places.ids():
            if (
                job_id in self.places.receiving
            ):  # looked at first: an upload has a job before it is not received any more
                continue
            if self.store.get(job_id) is None:
                self.places.of(job_id).remove()
