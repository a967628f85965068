"""The page itself: files of the package and recordings to try it on, and nothing else."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from html import escape
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from earmark.service.schemas import Example
from earmark.service.security import COOKIE, LASTING, Sessions
from earmark.service.settings import Settings

EXAMPLES = (
    Example(name="street.mp4", title_key="example_street", url="/examples/street.mp4", task="caption"),
    Example(name="five_words.flac", title_key="example_words", url="/examples/five_words.flac", task="words"),
)


def examples_folder() -> Path:
    """Where they lie: in the package, or beside it in a checkout."""
    packaged = Path(str(resources.files("earmark"))) / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "examples"


WORKER = "service_worker.js"
STATIC = Path(str(resources.files("earmark.service") / "static"))


mimetypes.add_type("application/manifest+json", ".webmanifest")  # Python knows it from 3.14 on


def service_worker() -> str:
    """The script that keeps the page for times without a network; it is another where any file of the page is."""
    files = sorted(path for path in STATIC.rglob("*") if path.is_file() and path.name != WORKER)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    names = ["/", *(f"/static/{path.relative_to(STATIC).as_posix()}" for path in files)]
    text = (STATIC / WORKER).read_text(encoding="utf-8")
    return text.replace("{{version}}", digest[:16]).replace("{{files}}", json.dumps(names))


def install(app: FastAPI, settings: Settings) -> None:
    """Add the page, its files, and the examples."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def index(request: Request) -> Response:
        if settings.token is not None and request.query_params.get("token"):
            answer = RedirectResponse("/", 303)
            session, secure = Sessions(settings.token).begin(), request.url.scheme == "https"
            answer.set_cookie(COOKIE, session, max_age=LASTING, httponly=True, samesite="lax", secure=secure, path="/")
            return answer
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(text.replace("{{nonce}}", escape(request.state.nonce)))

    @router.get("/service_worker.js")
    def worker() -> Response:
        return Response(service_worker(), media_type="text/javascript")

    @router.get("/examples/{name}")
    def example(name: str) -> FileResponse:
        if name not in {one.name for one in EXAMPLES}:
            raise HTTPException(404)
        return FileResponse(examples_folder() / name)

    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
