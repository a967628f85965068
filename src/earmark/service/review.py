"""A page on which a person teaches a sound to an archive: candidates in a grid, yes, no or skip."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from earmark import media
from earmark.archive.recordings import Archive
from earmark.archive.review import Answer, Kind, Review, Second
from earmark.errors import MediaError
from earmark.media.sound import WavOfSamples
from earmark.service import problems
from earmark.service.pages import STATIC
from earmark.service.picture import Picture
from earmark.service.problems import refusal
from earmark.service.security import AccessControl
from earmark.service.server import listen
from earmark.service.settings import Settings
from earmark.util.types import Array

ROUND = 12  # candidates
SAMPLE = 30  # marked seconds, by which the precision is estimated
MARGIN = 1.0  # seconds that are heard before and after the one that is asked about
RATE = 24_000  # Hz, of what is heard
HOST = "127.0.0.1"


class Said(BaseModel):
    """What is said of a candidate of this round, by its place in it."""

    round: int
    candidate: int
    answer: Kind


class Next(BaseModel):
    """Which round comes next: one to learn from, or one drawn at random among what is marked."""

    sample: bool = False


class Session:
    """One review, and the round that is on the page; `after_round` is called after each. Several threads may use it."""

    def __init__(self, review: Review, archive: Archive, label: str, after_round: Callable[[], object]) -> None:
        self._review, self._archive, self._label, self._after_round = review, archive, label, after_round
        self._lock = threading.RLock()
        self._number = 1
        self._sample: int | None = None
        self._candidates: list[Second] = review.candidates(ROUND)

    def state(self) -> dict[str, Any]:
        """What the page shows."""
        with self._lock:
            answers = self._review.answers
            known = {Second(one.recording, one.second): one.answer for one in answers}
            precision = answers.precision
            return {
                "label": self._label,
                "round": self._number,
                "sample": self._sample is not None,
                "answers": {kind: answers.count(kind) for kind in ("yes", "no", "skip")},
                "precision": None if precision is None else asdict(precision),
                "candidates": [
                    {"recording": one.recording, "second": one.second, "answer": known.get(one)}
                    for one in self._candidates
                ],
            }

    def say(self, said: Said) -> dict[str, Any]:
        """Take one answer; it is on the disk when this returns."""
        with self._lock:
            one = self._candidate(said.round, said.candidate)
            self._review.add([Answer(one.recording, one.second, said.answer, self._sample)])
            return self.state()

    def go_on(self, wanted: Next) -> dict[str, Any]:
        """Begin the next round."""
        with self._lock:
            self._after_round()
            self._number += 1
            self._sample = self._review.fitted_to if wanted.sample else None
            self._candidates = self._review.sample(SAMPLE) if wanted.sample else self._review.candidates(ROUND)
            return self.state()

    def samples(self, number: int, candidate: int) -> tuple[Array, float]:
        """The sound of a candidate with what is around it, and where in it the second begins."""
        with self._lock:
            one = self._candidate(number, candidate)
        begin = max(0.0, one.second - MARGIN)
        try:
            with self._archive.opened(one.recording) as source:
                return media.read(source, RATE, start=begin, end=one.second + 1 + MARGIN), one.second - begin
        except MediaError as error:
            raise refusal(404, str(error)) from error

    def _candidate(self, number: int, candidate: int) -> Second:
        if number != self._number or not 0 <= candidate < len(self._candidates):
            raise refusal(404, "this round is over: load the page again")
        return self._candidates[candidate]


def create_review_app(session: Session, settings: Settings, end: Callable[[], object]) -> FastAPI:
    """An ASGI app for one review; `end` is called when the page says that it is done."""
    app = FastAPI(title="Earmark review", docs_url=None, redoc_url=None, openapi_url=None)
    problems.install(app)
    router = APIRouter()

    @router.get("/")
    def page(request: Request) -> HTMLResponse:
        text = (STATIC / "review.html").read_text(encoding="utf-8")
        return HTMLResponse(text.replace("{{nonce}}", escape(request.state.nonce)))

    router.get("/v1/review")(session.state)
    router.post("/v1/review/answers")(session.say)
    router.post("/v1/review/rounds")(session.go_on)

    @router.post("/v1/review/end", status_code=204)
    def done() -> None:
        end()

    @router.get("/v1/review/rounds/{number}/{candidate}/sound")
    def sound(number: int, candidate: int) -> Response:
        samples, _ = session.samples(number, candidate)
        steps = (np.clip(samples, -1, 1) * 32767).astype("<i2")
        return Response(WavOfSamples(steps[:, None], RATE).read(), media_type="audio/wav")

    @router.get("/v1/review/rounds/{number}/{candidate}/spectrogram")
    def spectrogram(number: int, candidate: int) -> dict[str, Any]:
        samples, begin = session.samples(number, candidate)
        picture = Picture(RATE)
        picture.add(samples)
        view: dict[str, Any] = picture.view()["spectrogram"]
        return view | {"begin": begin, "duration": len(samples) / RATE}

    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(AccessControl, settings=settings)
    return app


def run_review(session: Session, port: int, report: Callable[[str], object]) -> None:
    """Serve the page on this machine until it says that it is done, or until Ctrl-C; `report` is told its address.

    Raises
    ------
    EarmarkError
        The port is taken.
    """
    listening = listen(HOST, port, "use another --port")
    server: uvicorn.Server | None = None

    def end() -> None:
        assert server is not None
        server.should_exit = True

    app = create_review_app(session, Settings(Path(), HOST, listening.getsockname()[1]), end)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
    report(f"http://{HOST}:{listening.getsockname()[1]}/")
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return
