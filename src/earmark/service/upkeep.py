"""Deletes what is old, or too much; nobody's job that is not finished."""

from __future__ import annotations

import math
import time

from earmark.service.places import Places
from earmark.service.settings import Settings
from earmark.service.store import Store

UPLOADING = 3600.0  # seconds after which a folder without a job is no upload under way


class Upkeep:
    """See `Settings.keep_seconds` and `keep_bytes`."""

    def __init__(self, settings: Settings, store: Store, places: Places) -> None:
        self.settings, self.store, self.places = settings, store, places

    def begin(self) -> None:
        """Before anything is received: delete what earlier servers left, too."""
        self.sweep(-math.inf)

    def sweep(self, uploading: float = UPLOADING) -> None:
        """Delete finished jobs that are older than they may be, then the oldest until all fit; and what is nobody's.

        Args:
            uploading: seconds for which a folder without a job may be an upload under way.
        """
        jobs = self.store.every()
        total = sum(job.bytes for job in jobs if job.finished is not None)
        for job in jobs:
            if job.finished is None:
                continue
            if time.time() - job.finished > self.settings.keep_seconds or total > self.settings.keep_bytes:
                total -= job.bytes
                self.store.remove(job.id)
                self.places.of(job.id).remove()
        self._sweep_strays({job.id for job in jobs}, uploading)

    def _sweep_strays(self, known: set[str], uploading: float) -> None:
        """Folders whose upload never became a job, so old that nobody is still sending."""
        for job_id in self.places.ids():
            folder = self.places.of(job_id)
            if job_id in known or self.store.get(job_id) is not None:
                continue
            try:
                made = folder.path.stat().st_mtime
            except FileNotFoundError:  # its job was given up just now
                continue
            if time.time() - made > uploading:
                folder.remove()
