"""Bodies, read within limits."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TypeVar

from anyio import fail_after, move_on_after, to_thread
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from earmark.service.guard import App, Message, Receive, Scope, Send
from earmark.service.problems import refusal
from earmark.service.settings import MB, Settings
from earmark.util.atomic import settle

NAME_LENGTH = 200
FIELD_BYTES = 16 * 1024
OTHER_BYTES = 2 * MB  # bodies that are no uploads
SENDING = 3600.0  # seconds that an upload may take
DRAINING = 10.0  # seconds that a client that sends too much is listened to
FORM_BYTES = 64 * 1024  # what a form adds to its file
UPLOADS = ("/v1/jobs", "/v1/classify")

Fields = TypeVar("Fields", bound=BaseModel)


class BodyLimit:
    """Refuses a body as soon as it is too large; forms that say so are refused before (`check_length`)."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = self.settings.upload_bytes + FORM_BYTES if scope["path"] in UPLOADS else OTHER_BYTES
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                await _drain(receive)
                raise too_large(limit)
            if told := scope["state"].get("told"):
                try:
                    told(len(message.get("body", b"")))
                except HTTPException:  # there is no room
                    await _drain(receive)
                    raise
            return message

        scope.setdefault("state", {})["body_limit"] = limit
        await self.app(scope, counted, send)


async def _drain(receive: Receive) -> None:
    """Let a client say some of what it still wants to say, to nobody: most hear an answer only after that."""
    with move_on_after(DRAINING):
        while (await receive()).get("more_body", False):
            pass


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


@asynccontextmanager
async def form(request: Request) -> AsyncIterator[tuple[dict[str, object], UploadFile]]:
    """The fields of a form, and its one file."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise refusal(415, "send a form (multipart/form-data) with the recording as its field `file`")
    fields = await _parsed(request)
    try:
        file = fields.get("file")
        if not isinstance(file, UploadFile):
            raise refusal(422, "the form needs the recording as its field `file`")
        yield {key: value for key, value in fields.items() if key != "file"}, file
    finally:
        await fields.close()


async def _parsed(request: Request) -> FormData:
    try:
        with fail_after(SENDING):
            return await request.form(max_files=1, max_fields=16, max_part_size=FIELD_BYTES)
    except TimeoutError as error:
        raise refusal(408, f"a form must arrive within {SENDING:g} s", {"connection": "close"}) from error
    except ClientDisconnect as error:
        raise refusal(400, "the form was not sent to its end") from error
    except (UnicodeError, LookupError) as error:
        raise refusal(400, "the form's letters are in an encoding that is none") from error


def checked(kind: type[Fields], values: dict[str, object]) -> Fields:
    """The fields of a form as they should be."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


async def keep(file: UploadFile, path: Path) -> None:
    """Write an upload to a path of ours; it is on disk when this returns."""
    await to_thread.run_sync(_copy, file.file, path)


def _copy(source: IO[bytes], path: Path) -> None:
    with path.open("xb") as target:
        shutil.copyfileobj(source, target, MB)
        target.flush()
        os.fsync(target.fileno())
    for folder in (path.parent, path.parent.parent):
        settle(folder)


def shown_name(name: str | None) -> str:
    """An upload's name for people's eyes: its last part, without what no name holds."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(letter for letter in last if letter.isprintable()).strip()
    clean = clean.encode("utf-8", "replace").decode()
    return clean[:NAME_LENGTH] if clean.strip(".") else "recording"
