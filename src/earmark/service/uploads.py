"""Bodies, read within limits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from anyio import fail_after, move_on_after, to_thread
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from earmark.service.guard import App, Message, Receive, Scope, Send
from earmark.service.multipart import FormReader
from earmark.service.problems import refusal
from earmark.service.settings import MB, Settings

NAME_LENGTH = 200
OTHER_BYTES = 2 * MB  # bodies that are no uploads
SENDING = 3600.0  # seconds that an upload may take
DRAINING = 10.0  # seconds that a client that sends too much is listened to
FORM_BYTES = 64 * 1024  # what a form adds to its file
UPLOADS = ("/v1/jobs", "/v1/classify")

Fields = TypeVar("Fields", bound=BaseModel)


@dataclass(frozen=True)
class Upload:
    """A form whose file lies where it was to lie: its other fields, and the file's name for people's eyes."""

    fields: dict[str, object]
    name: str


class BodyLimit:
    """Refuses a body as soon as it is too large, or comes too slowly.

    Forms that say that they are too large are refused before (`check_length`). A body may be `Settings.upload_patience`
    seconds behind `upload_rate`: only the time is counted that is spent in waiting for it.
    """

    def __init__(self, app: App, settings: Settings) -> None:
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
            if count and (told := scope["state"].get("told")):
                try:
                    await told(count)
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


async def received(request: Request, path: Path) -> Upload:
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
    return Upload(reader.fields, shown_name(reader.filename))


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
