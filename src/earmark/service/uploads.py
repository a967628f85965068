"""Uploads: bodies read within limits, forms written where they are to lie, places and room on disk."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from anyio import CancelScope, fail_after, move_on_after, to_thread
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.service.problems import refusal
from earmark.service.settings import MB, Settings
from earmark.service.storage import JobFolder, Storage
from earmark.service.store import Store

FILE = "file"  # the field that holds the recording
MOST_FIELDS = 16
FIELD_BYTES = 64 * 1024  # of a text: an hour of speech


class FormReader:
    """Reads one form; close it, whatever happens.

    Parameters
    ----------
    content_type
        What the request says of its body.
    path
        Where the file goes; nothing lies there yet.

    Raises
    ------
    HTTPException
        It is no form (415), or one without a boundary (400).
    """

    def __init__(self, content_type: str, path: Path) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise refusal(415, f"send a form (multipart/form-data) with the recording as its field `{FILE}`")
        self.fields: dict[str, object] = {}  # the others, by name, as text
        self.filename: str | None = None  # None as long as there was no file
        self._path = path
        self._file: BinaryIO | None = None
        self._ended = False
        self._begin_part()
        callbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._take,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(options.get(b"boundary", b""), callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise refusal(400, "the form's boundary is too long") from error
        if not options.get(b"boundary"):
            raise refusal(400, "the form does not say its boundary")

    def write(self, data: bytes) -> None:
        """Take the next bytes of the form; 400 where it is broken, or has too much beside its file."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise refusal(400, f"the form is broken: {error}") from error

    def finish(self) -> None:
        """Make sure that all of it has come, and is written: 400 where it has no end, 422 where it has no file."""
        if not self._ended:
            raise refusal(400, "the form was not sent to its end")
        if self.filename is None:
            raise refusal(422, f"the form needs the recording as its field `{FILE}`")
        if self._file:
            self._file.close()

    def close(self) -> None:
        """Close the file, however it is."""
        with suppress(OSError):  # what it still had to write fails as what it wrote before did
            if self._file:
                self._file.close()

    def _begin_part(self) -> None:
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._content: bytearray | None = None  # of a field; the file's is written

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _begin_content(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" not in options:
            raise refusal(400, "a part of the form has no name")
        self._name = _text(options[b"name"])
        if b"filename" not in options:
            self._content = bytearray()
            if len(self.fields) >= MOST_FIELDS:
                raise refusal(400, f"the form has more than {MOST_FIELDS} fields")
        elif self._name != FILE or self._file:
            raise refusal(422, f"the form may have one file only, as its field `{FILE}`")
        else:
            self.filename = _text(options[b"filename"])
            self._file = self._path.open("xb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._content is None:
            assert self._file is not None
            self._file.write(memoryview(data)[start:end])
            return
        self._content += data[start:end]
        if len(self._content) > FIELD_BYTES:
            raise refusal(400, f"a field of the form has more than {FIELD_BYTES // 1024} KB")

    def _end_part(self) -> None:
        if self._content is not None:
            self.fields[self._name] = _text(self._content)

    def _end(self) -> None:
        self._ended = True


def _text(raw: bytes | bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


NAME_LENGTH = 200
OTHER_BYTES = 2 * MB  # bodies that are no uploads
SENDING = 3600.0  # seconds that an upload may take
DRAINING = 10.0  # seconds that a client that sends too much is listened to
FORM_BYTES = 128 * 1024  # what a form adds to its file
UPLOADS = ("/v1/jobs", "/v1/classify")

Fields = TypeVar("Fields", bound=BaseModel)


class BodyLimit:
    """Refuses a body as soon as it is too large, or comes too slowly.

    Forms that say that they are too large are refused before (`check_length`). A body may be `Settings.upload_patience`
    seconds behind `upload_rate`: only the time is counted that is spent in waiting for it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = self.settings.upload_bytes + FORM_BYTES if scope["path"] in UPLOADS else OTHER_BYTES
        rate, patience = self.settings.upload_rate, self.settings.upload_patience
        seen, left, ended = 0, patience, False

        async def counted() -> Message:
            nonlocal seen, left, ended
            if ended:  # what comes now says that the client has gone, whenever that is
                return await receive()
            began = time.monotonic()
            try:
                with fail_after(left):
                    message = await receive()
            except TimeoutError as error:
                slow = f"a body must arrive with {rate} bytes a second or more"
                raise refusal(408, slow, {"connection": "close"}) from error
            count = len(message.get("body", b""))
            left = min(patience, left - (time.monotonic() - began) + count / rate)
            ended = not message.get("more_body", False)
            seen += count
            if seen > limit:
                await _drain(message, receive)
                raise too_large(limit)
            if count and (received := scope["state"].get("received")):
                try:
                    await received(count)
                except HTTPException:  # there is no room
                    await _drain(message, receive)
                    raise
            return message

        scope.setdefault("state", {})["body_limit"] = limit
        await self.app(scope, counted, send)


async def _drain(message: Message, receive: Receive) -> None:
    """Let a client say some of what it still wants to say, to nobody: most hear an answer only after that."""
    with move_on_after(DRAINING):
        while message.get("more_body", False):
            message = await receive()


def too_large(limit: int) -> Exception:
    """The refusal of a body beyond `limit` bytes."""
    return refusal(413, f"send at most {limit // MB} MB", {"connection": "close"})


def check_length(request: Request) -> int:
    """Bytes that a body says it has, 0 if it does not say; refused if too many, before one of them is read."""
    limit: int = request.state.body_limit
    declared = request.headers.get("content-length", "0")
    length = int(declared) if declared.isdecimal() and declared.isascii() else 0
    if length > limit:
        raise too_large(limit)
    return length


async def received(request: Request, path: Path) -> FormReader:
    """A form, its file written to a path of ours as it comes."""
    reader = FormReader(request.headers.get("content-type", ""), path)
    try:
        with fail_after(SENDING):
            async for data in request.stream():
                await to_thread.run_sync(reader.write, data)
        await to_thread.run_sync(reader.finish)
    except TimeoutError as error:
        raise refusal(408, f"a form must arrive within {SENDING:g} s", {"connection": "close"}) from error
    except ClientDisconnect as error:
        raise refusal(400, "the form was not sent to its end") from error
    finally:
        reader.close()
    return reader


def checked(kind: type[Fields], values: dict[str, object]) -> Fields:
    """The fields of a form as they should be."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


def shown_name(name: str | None) -> str:
    """An upload's name for people's eyes: its last part, without what no name holds."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(letter for letter in last if letter.isprintable()).strip()
    clean = clean.encode("utf-8", "replace").decode()
    return clean[:NAME_LENGTH] if clean.strip(".") else "recording"


class Incoming:
    """An upload under way."""

    def __init__(self, job_id: str, folder: JobFolder, client: str, slots: UploadSlots) -> None:
        self.job_id = job_id  # of the job that it may become
        self.folder = folder  # where it is written
        self.client = client  # who sends it, see `client_of`
        self.accepted = False  # whether it is a job now, to which the folder belongs
        self._slots = slots
        self._seen = self.reserved = 0

    async def received(self, count: int) -> None:
        """So many more bytes have come; those beyond what was declared need room, too."""
        self._seen += count
        if self._seen > self.reserved:
            await self._slots.reserve(self, self._seen)


class UploadSlots:
    """Takes uploads, no more than there are places and room for, in all and for one client.

    Room is reserved by what an upload says it has, before any of it is read, and by what has come where it says
    nothing. What is reserved, and what waits or runs, is at most `Settings.keep_bytes`.
    """

    def __init__(self, settings: Settings, store: Store, storage: Storage) -> None:
        self.settings, self.store, self.storage = settings, store, storage
        self._under_way = {True: Counter[str](), False: Counter[str]()}
        self._reserved: Counter[str] = Counter()
        self._reserving = asyncio.Lock()

    @asynccontextmanager
    async def held(self, client: str, quick: bool) -> AsyncIterator[None]:
        """Hold a place of the lane of short clips, or of the other, for a client; 429 where too many are under way."""
        limits, lane = self.settings, self._under_way[quick]
        most = limits.quick_uploads if quick else limits.uploads
        most_each = limits.quick_uploads_each if quick else limits.uploads_each
        if lane[client] >= most_each:
            raise refusal(429, f"{most_each} uploads from your address are under way", {"retry-after": "5"})
        if lane.total() >= most:
            raise refusal(429, "too many uploads are under way", {"retry-after": "5"})
        lane[client] += 1
        try:
            yield
        finally:
            lane -= Counter([client])  # and no entry is left of who has none

    @asynccontextmanager
    async def receiving(self, client: str, declared: int) -> AsyncIterator[Incoming]:
        """Take an upload of so many bytes."""
        incoming = Incoming(*await to_thread.run_sync(self.storage.new), client, self)
        try:
            await self.reserve(incoming, declared)
            yield incoming
        finally:
            self._reserved -= Counter({client: incoming.reserved})
            with CancelScope(shield=True):
                if not incoming.accepted:
                    await to_thread.run_sync(incoming.folder.remove)
                self.storage.receiving.discard(incoming.job_id)

    async def reserve(self, incoming: Incoming, size: int) -> None:
        """Keep room for so many bytes of an upload: 507 where there is none, 429 where its client has too many."""
        async with self._reserving:
            more, most = size - incoming.reserved, self.settings.upload_bytes_each
            if self._reserved[incoming.client] + more > most:
                detail = f"uploads from your address that are under way may have {most // MB} MB"
                raise refusal(429, detail, {"retry-after": "60", "connection": "close"})
            reserved = self._reserved.total()  # before one of them becomes a job, which counts below
            unfinished = await to_thread.run_sync(self.store.unfinished_bytes)
            if unfinished + reserved + more > self.settings.keep_bytes:
                raise refusal(507, "the service has no room for it until others are done", {"retry-after": "60"})
            self._reserved[incoming.client] += more
            incoming.reserved = size
