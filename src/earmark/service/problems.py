"""Errors as RFC 9457 has them: application/problem+json."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from earmark.errors import EarmarkError
from earmark.util.atomic import is_full

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 10  # told at once

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None

    model_config = {
        "json_schema_extra": {"examples": [{"title": "Not Found", "status": 404, "detail": "there is no such job"}]}
    }


def refusal(status: int, detail: str | None = None, headers: Mapping[str, str] | None = None) -> HTTPException:
    """An error to raise in a route."""
    return HTTPException(status, detail, dict(headers or {}))


def response(status: int, detail: str | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as it is sent."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def full() -> JSONResponse:
    """The answer where the disk takes no more."""
    return response(507, "the service's disk is full: try again once there is room", headers={"retry-after": "60"})


def described(*statuses: int) -> dict[int | str, dict[str, object]]:
    """What OpenAPI says of the errors of a route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of an app so."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        detail = None if error.detail == phrase else str(error.detail)
        return response(error.status_code, detail, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return response(422, "; ".join(_said(one) for one in error.errors()[:MOST_ERRORS]))

    @app.exception_handler(EarmarkError)
    async def mistaken(_: Request, error: EarmarkError) -> JSONResponse:
        return response(422, str(error))

    @app.exception_handler(OSError)
    async def unwritable(_: Request, error: OSError) -> JSONResponse:
        if not is_full(error):
            raise error
        logger.error("the disk takes no more: %s", error)
        return full()

    @app.exception_handler(sqlite3.Error)
    async def unreadable(_: Request, error: sqlite3.Error) -> JSONResponse:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            logger.error("the table of jobs cannot grow: %s", error)
            return full()
        logger.error("the table of jobs cannot be used: %s", error)
        return response(503, "the table of jobs cannot be used: the server's log says more")

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return response(500, "the server's log says more")


def _said(error: Mapping[str, object]) -> str:
    place = error["loc"]
    where = ".".join(str(part) for part in place) if isinstance(place, list | tuple) else str(place)
    return f"{where}: {error['msg']}"
