"""The WebSocket `/v1/live`: audio in, captions out, while it sounds. docs/live.md describes its messages."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from anyio import CancelScope, move_on_after
from fastapi import APIRouter, WebSocket
from prometheus_client import Gauge
from starlette.websockets import WebSocketDisconnect

from earmark.errors import EarmarkError
from earmark.live.session import AUDIO, END, WISH, Wish, packet
from earmark.models.model import bundled_models
from earmark.service.settings import Settings
from earmark.service.worker import ENDING

SESSION = ["-P", "-m", "earmark.live.session"]  # what Python runs for each client, from no folder but its own
LARGEST = 1 << 20  # bytes of a message
GREETING = 10.0  # seconds within which a client says what it wants
STARTING = 60.0  # seconds within which a listener is ready
SILENT = 30.0  # seconds without anything heard, after which a client counts as gone
LONGEST_LINE = 1 << 16  # bytes of a message from a session

# RFC 6455, 7.4.1
NORMAL, UNSUPPORTED, POLICY, TOO_BIG, FAILED, TRY_LATER = 1000, 1003, 1008, 1009, 1011, 1013


class Refusal(Exception):  # noqa: N818 - nothing is wrong with the service
    """Why a session ends: what the client is told, and the code its socket is closed with."""

    def __init__(self, detail: str, code: int) -> None:
        super().__init__(detail)
        self.detail, self.code = detail, code


def router(settings: Settings, gauge: Gauge) -> APIRouter:
    """The route of the live socket; `gauge` is told how many listen."""
    routes, slots = APIRouter(), asyncio.Semaphore(settings.live_sessions)

    @routes.websocket("/v1/live")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            if slots.locked():
                raise Refusal("too many listen at once; try again in a while", TRY_LATER)
            async with slots:
                with gauge.track_inprogress():
                    await _listen(websocket, settings)
            await websocket.close(NORMAL)
        except Refusal as refusal:
            await _refuse(websocket, refusal)
        except WebSocketDisconnect:  # it has gone, and nobody is there to be told
            return
        except RuntimeError as error:  # it has closed, or the system has no thread for another session
            await _refuse(websocket, Refusal(f"the session ended unexpectedly: {error}", FAILED))

    return routes


async def _refuse(websocket: WebSocket, refusal: Refusal) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_json({"type": "error", "detail": refusal.detail})
        await websocket.close(refusal.code)


async def _listen(websocket: WebSocket, settings: Settings) -> None:
    wish = await _greeting(websocket, settings)
    async with _session() as process:
        up = asyncio.create_task(_audio(websocket, process, wish))
        down = asyncio.create_task(_messages(websocket, process))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if not down.done():
                up.result()
            await down
        finally:
            for task in (up, down):
                task.cancel()
            with CancelScope(shield=True):  # nobody else may read what they read before they have ended
                await asyncio.gather(up, down, return_exceptions=True)


@asynccontextmanager
async def _session() -> AsyncIterator[Process]:
    """A process that listens, killed in the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *SESSION,
        stdin=PIPE,
        stdout=PIPE,
        limit=LONGEST_LINE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each thread would take addresses, which are limited
        start_new_session=True,  # Ctrl-C is for the server, which ends its sessions
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with move_on_after(ENDING, shield=True):
            await process.communicate()  # closes its pipes as well


async def _greeting(websocket: WebSocket, settings: Settings) -> Wish:
    """What the client wants, its model as the path of a file."""
    try:
        async with asyncio.timeout(GREETING):
            first = await _received(websocket)
    except TimeoutError:
        raise Refusal("nothing was asked for; send a first message", POLICY) from None
    if not isinstance(first, str):
        raise Refusal("the first message must be text, with what is asked for", UNSUPPORTED)
    try:
        wish = Wish.read(first)
    except EarmarkError as error:
        raise Refusal(str(error), UNSUPPORTED) from error
    models = {**bundled_models(), **settings.models}
    if wish.model not in models:
        raise Refusal(f"there is no model {wish.model!r:.80}; see /v1/models", UNSUPPORTED)
    return replace(wish, model=str(models[wish.model]))


async def _audio(websocket: WebSocket, process: Process, wish: Wish) -> None:
    """Hand on what the client sends, until it says that it is over; no faster than it is taken."""
    assert process.stdin is not None
    data = packet(WISH, wish.to_json())
    with suppress(ConnectionError):  # a session that has ended says why, or its silence does
        while True:
            process.stdin.write(data)
            await process.stdin.drain()
            received = await _received(websocket)
            if isinstance(received, str):
                _check_end(received)
                process.stdin.write(packet(END))
                return
            data = packet(AUDIO, received)


async def _messages(websocket: WebSocket, process: Process) -> None:
    """Hand on what the session tells."""
    assert process.stdout is not None
    patience = STARTING
    while True:
        try:
            # `wait_for` of Python 3.11 loses a cancellation that comes together with a line
            async with asyncio.timeout(patience):
                line = await process.stdout.readline()
        except TimeoutError:
            raise Refusal(f"nothing was heard for {patience:g} s", POLICY) from None
        if not line:
            raise Refusal("the audio could not be listened to: its session ended unexpectedly", FAILED)
        message = json.loads(line)
        if message["type"] == "over":
            return
        if message["type"] == "error":
            raise Refusal(message["detail"], UNSUPPORTED)
        await websocket.send_json(message)
        patience = SILENT


async def _received(websocket: WebSocket) -> str | bytes:
    """The next message of the client."""
    message: Mapping[str, Any] = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", NORMAL))
    data = message.get("bytes")
    received: str | bytes = data if data is not None else message.get("text") or ""
    if len(received) > LARGEST:
        raise Refusal(f"a message was larger than {LARGEST} bytes", TOO_BIG)
    return received


def _check_end(text: str) -> None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or values.get("type") != "end":
        raise Refusal('a text message after the first must be {"type": "end"}', UNSUPPORTED)
