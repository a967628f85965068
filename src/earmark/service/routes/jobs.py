"""Jobs: given, asked about, given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from anyio import CancelScope, to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import JSONResponse

from earmark.service import uploads
from earmark.service.problems import described, refusal
from earmark.service.schemas import Classified, ClassifyForm, JobForm, Jobs, JobView, body
from earmark.service.settings import client_of
from earmark.service.state import Service, reading, service_of
from earmark.service.storage import ID, JobFolder
from earmark.service.store import Job
from earmark.service.tasks import BURN_IN, QUICK, WITHOUT_EVENTS
from earmark.service.uploads import Incoming

router = APIRouter(prefix="/v1", tags=["jobs"])

JobId = Annotated[str, Path(pattern=ID, examples=["0b5fae7b1c0e6f2d"])]


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobView,
    responses=described(400, 408, 413, 415, 422, 429, 507),
    openapi_extra=body(JobForm),
)
async def create(request: Request) -> Response:
    """Have a recording of any length labelled, captioned, cut into words, or asked for instruments."""
    service = service_of(request)
    async with service.upload_slots.held(_client(request), False), _received(request, False) as (incoming, form):
        fields = uploads.checked(JobForm, form.fields)
        model = service.models.name_for(fields.task, fields.classifier or fields.model)
        options = fields.model_dump(include={"language", "include_speech", "sensitivity"})
        if fields.task == "words":
            options["compare"] = fields.compare
            await to_thread.run_sync(_keep_text, incoming.folder, fields.text)
        elif fields.compare or fields.text:
            raise refusal(422, "`text` and `compare` are for words only")
        job = await service.take(incoming, uploads.shown_name(form.filename), fields.task, model, options)
    view = await to_thread.run_sync(lambda: seen(service, service.store.get(job.id) or job))
    return JSONResponse(view.model_dump(), 202, {"location": view.links["self"]})


@router.post(
    "/classify", responses=described(400, 408, 410, 413, 415, 422, 429, 503, 507), openapi_extra=body(ClassifyForm)
)
async def classify(request: Request) -> Classified:
    """What a clip is as a whole, answered at once; at most a minute of sound."""
    service = service_of(request)
    async with service.upload_slots.held(_client(request), True):  # until it is answered: workers are few
        async with _received(request, True) as (incoming, form):
            fields = uploads.checked(ClassifyForm, form.fields)
            model = service.models.name_for("label", fields.model)
            job = await service.take(incoming, uploads.shown_name(form.filename), QUICK, model, {})
        try:
            ended = await service.finished(job.id)
            if ended.state == "failed":
                raise refusal(422, (ended.error or {}).get("detail"))
            with reading():
                found = await to_thread.run_sync(service.storage.of(job.id).result.read_bytes)
                return Classified.model_validate_json(found)
        finally:
            with CancelScope(shield=True):  # also where the client has gone
                await service.forget(job.id)


@router.get("/jobs")
def listed(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Jobs:
    """The newest first."""
    service = service_of(request)
    return Jobs(jobs=[seen(service, job) for job in service.store.listed(limit)])


@router.get("/jobs/{job_id}", responses=described(404, 422))
def one(request: Request, job_id: JobId) -> JobView:
    """How far a job is."""
    service = service_of(request)
    return seen(service, service.job(job_id))


@router.delete("/jobs/{job_id}", status_code=204, responses=described(404, 422))
async def remove(request: Request, job_id: JobId) -> None:
    """Stop a job and delete all that belongs to it."""
    service = service_of(request)
    await to_thread.run_sync(service.job, job_id)
    await service.forget(job_id)


def _keep_text(folder: JobFolder, text: str | None) -> None:
    if text and text.strip():
        folder.text.write_text(text, encoding="utf-8")


@asynccontextmanager
async def _received(request: Request, quick: bool) -> AsyncIterator[tuple[Incoming, uploads.FormReader]]:
    """An upload and its form; what may not come is refused before anything of it is read."""
    service, length = service_of(request), uploads.check_length(request)
    await to_thread.run_sync(service.check_queue, quick)
    async with service.upload_slots.receiving(_client(request), length) as incoming:
        request.state.received = incoming.received
        yield incoming, await uploads.received(request, incoming.folder.upload)


def _client(request: Request) -> str:
    """Who asks: what a proxy on this machine says of it has been put in place of the proxy's own address already."""
    return client_of(request.client.host) if request.client else ""


def seen(service: Service, job: Job) -> JobView:
    """A job as the outside sees it."""
    here = f"/v1/jobs/{job.id}"
    links = {"self": here}
    if job.state == "done" and job.task == BURN_IN:
        links |= {"video": f"{here}/video"}
    elif job.state == "done":
        links |= {"result": f"{here}/result", "view": f"{here}/view"}
        kinds = ["classifiers"] if job.options.get("compare") else []
        kinds = kinds if job.task in WITHOUT_EVENTS else ["events", "seconds", "dataset"]
        kinds += ["alike"] if service.storage.of(job.id).embeddings.is_file() else []
        links |= {kind: f"{here}/{kind}" for kind in kinds}
    more = {
        "progress": _progress(job),
        "position": service.store.position(job.id) if job.state == "queued" else None,
        "error": None if job.error is None else {"type": "about:blank", "status": 422, **job.error},
        "links": links,
    }
    return JobView.model_validate(vars(job) | more)


def _progress(job: Job) -> float | None:
    if job.state == "done":
        return 1.0
    if job.state != "running" or not job.duration:
        return None
    return round(min(1.0, job.seconds / job.duration), 4)
