"""Uploads while they come: a place in a lane, room on disk, and a folder that is gone again if no job comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CancelScope, to_thread

from earmark.service.places import JobFolder, Places
from earmark.service.problems import refusal
from earmark.service.settings import Settings
from earmark.service.store import Store


class Incoming:
    """An upload under way.

    Attributes:
        job_id: of the job that it may become.
        folder: where it is written.
        accepted: whether it is a job now, to which the folder belongs.
    """

    def __init__(self, job_id: str, folder: JobFolder, reception: Reception) -> None:
        self.job_id, self.folder, self.accepted = job_id, folder, False
        self._reception = reception
        self._seen = self.reserved = 0

    async def told(self, count: int) -> None:
        """So many more bytes have come; those beyond what was declared need room, too.

        Raises:
            HTTPException: there is none (507).
        """
        self._seen += count
        if self._seen > self.reserved:
            await self._reception.reserve(self, self._seen)


class Reception:
    """Takes uploads, no more than there are places and room for.

    Room is reserved by what an upload says it has, before any of it is read, and by what has come where it says
    nothing. What is reserved, and what waits or runs, is at most `Settings.keep_bytes`.
    """

    def __init__(self, settings: Settings, store: Store, places: Places) -> None:
        self.settings, self.store, self.places = settings, store, places
        self._under_way = {True: 0, False: 0}
        self._reserved = 0
        self._reserving = asyncio.Lock()

    @asynccontextmanager
    async def receiving(self, quick: bool, declared: int) -> AsyncIterator[Incoming]:
        """Take an upload of so many bytes, in the lane of short clips or in that of the others.

        Raises:
            HTTPException: too many are under way (429), or there is no room (507).
        """
        if self._under_way[quick] >= (self.settings.quick_uploads if quick else self.settings.uploads):
            raise refusal(429, "too many uploads are under way", {"retry-after": "5"})
        self._under_way[quick] += 1
        incoming = None
        try:
            incoming = Incoming(*await to_thread.run_sync(self.places.new), self)
            await self.reserve(incoming, declared)
            yield incoming
        finally:
            self._under_way[quick] -= 1
            if incoming:
                self._reserved -= incoming.reserved
                with CancelScope(shield=True):
                    await self._leave(incoming)

    async def reserve(self, incoming: Incoming, size: int) -> None:
        """Keep room for an upload of so many bytes in all; see `Incoming.told`."""
        async with self._reserving:
            others = self._reserved - incoming.reserved  # before one of them becomes a job, which counts below
            unfinished = await to_thread.run_sync(self.store.unfinished_bytes)
            if unfinished + others + size > self.settings.keep_bytes:
                raise refusal(507, "the service has no room for it until others are done", {"retry-after": "60"})
            self._reserved += size - incoming.reserved
            incoming.reserved = size

    async def _leave(self, incoming: Incoming) -> None:
        if not incoming.accepted:
            await to_thread.run_sync(incoming.folder.remove)
        self.places.receiving.discard(incoming.job_id)
