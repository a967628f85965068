"""The page itself: files of the package, and nothing else."""

from __future__ import annotations

from html import escape
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from earmark.service import examples
from earmark.service.guard import asked_token
from earmark.service.sessions import COOKIE, LASTING, Sessions
from earmark.service.settings import Settings

STATIC = Path(str(resources.files("earmark.service") / "static"))


def install(app: FastAPI, settings: Settings) -> None:
    """Add the page, its files, and the examples."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def index(request: Request) -> Response:
        if settings.token is not None and asked_token(request.scope):
            answer = RedirectResponse("/", 303)
            session, secure = Sessions(settings.token).begin(), request.url.scheme == "https"
            answer.set_cookie(COOKIE, session, max_age=LASTING, httponly=True, samesite="lax", secure=secure, path="/")
            return answer
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(text.replace("{{nonce}}", escape(request.state.nonce)))

    @router.get("/examples/{name}")
    def example(name: str) -> FileResponse:
        if name not in {one.name for one in examples.EXAMPLES}:
            raise HTTPException(404)
        return FileResponse(examples.folder() / name)

    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
