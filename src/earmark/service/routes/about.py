"""What the service is and knows: phrases, examples, health and figures."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from earmark._version import __version__
from earmark.captions.phrases import Form, Phrases, Priority
from earmark.service.pages import EXAMPLES
from earmark.service.problems import described
from earmark.service.schemas import Example, Health, Language, Limits, PhrasesView
from earmark.service.state import service_of

router = APIRouter(tags=["about"])


@router.get("/v1/phrases", responses=described(422))
def phrases(request: Request, language: Language = "en") -> PhrasesView:
    """Every label as captions name it."""
    said = Phrases.load(language)
    labels = sorted({label for about in service_of(request).models.descriptions.values() for label in about.labels})
    alarms = [label for label in labels if said.priority(label) is Priority.ALARM]
    return PhrasesView(language=language, phrases={one: said.say(one, Form.SHORT) for one in labels}, alarms=alarms)


@router.get("/v1/examples")
def examples() -> list[Example]:
    """Recordings to try the page on."""
    return list(EXAMPLES)


@router.get("/healthz", response_model=Health, responses={503: {"model": Health}})
def health(request: Request) -> Response:
    """Whether jobs are being done; for probes, so without the token."""
    service = service_of(request)
    alive, counts = service.supervisor.alive, service.store.counts()
    state = Health(
        status="ok" if alive else "failing",
        version=__version__,
        queued=counts.get("queued", 0),
        running=counts.get("running", 0),
        limits=Limits(upload_bytes=service.settings.upload_bytes, seconds=service.settings.seconds),
    )
    return JSONResponse(state.model_dump(), 200 if alive else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    service = service_of(request)
    return Response(service.metrics.text(service.store), media_type="text/plain; version=0.0.4; charset=utf-8")
