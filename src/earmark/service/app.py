"""The service, put together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark._version import __version__
from earmark.service import live, pages, problems
from earmark.service.problems import Problem
from earmark.service.routes import about, jobs, results, taught, views
from earmark.service.security import AccessControl
from earmark.service.settings import Settings
from earmark.service.state import Service
from earmark.service.uploads import BodyLimit

DESCRIPTION = """What sounds in a recording, and when.

    curl -F file=@holiday.mp4 -F task=caption http://127.0.0.1:8765/v1/jobs
    curl http://127.0.0.1:8765/v1/jobs/ID/result?to=vtt
"""


def create_app(settings: Settings) -> FastAPI:
    """An ASGI app; one for a folder at a time.

    Raises
    ------
    EarmarkError
        Another server uses the folder, or a model of the operator's cannot be read.
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="Earmark",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.service = service
    problems.install(app)
    for routes in (about.router, taught.router, jobs.router, views.router, results.router):
        app.include_router(routes)
    # The guard has asked for the token.
    app.include_router(live.router(service.settings, service.metrics.live_sessions))
    pages.install(app, settings)
    _describe_problems(app)
    app.add_middleware(BodyLimit, settings=settings)
    app.add_middleware(AccessControl, settings=settings)
    app.add_middleware(Counted, service=service)
    return app


class Counted:
    """Counts requests by route and status."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.metrics = app, service.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other"
            self.metrics.requests.labels(method, route, str(status)).inc()
            self.metrics.request_seconds.labels(route).observe(time.monotonic() - began)


def _describe_problems(app: FastAPI) -> None:
    """Name the shape of errors in OpenAPI's description: routes refer to it."""
    usual = app.openapi

    def described() -> dict[str, object]:
        schema = usual()
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return schema

    app.openapi = described  # type: ignore[method-assign]
