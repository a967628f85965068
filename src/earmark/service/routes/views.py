"""What the page draws and plays of a recording, and its other views: seconds, like events, classifiers compared."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import FileResponse

from earmark.formats.base import number
from earmark.service import scores
from earmark.service.alike import Embeddings, alike
from earmark.service.playback import Playback
from earmark.service.problems import described, refusal
from earmark.service.routes.jobs import JobId
from earmark.service.schemas import LikeEvents, SecondScores
from earmark.service.state import gone, reading, service_of
from earmark.service.storage import JobFolder
from earmark.service.store import Job
from earmark.service.tasks import WITHOUT_EVENTS
from earmark.util.text import SheetWriter

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"], responses=described(404, 409, 410, 422))

PLAYED = re.compile(r"(audio|video)/[a-z0-9.+-]+")
MEDIA_HEADERS = {  # whatever the file holds, nothing in it is run or shown as a page
    "content-security-policy": "sandbox; default-src 'none'",
    "content-disposition": "inline",
    "cache-control": "private, no-cache",
}


def stem(job: Job) -> str:
    """How a file made of a job's recording is called, without its suffix."""
    return job.name.rsplit(".", 1)[0] or "recording"


def as_download(name: str) -> dict[str, str]:
    """The header of an answer that a browser saves under a name."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def sheet(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table as spreadsheets read it."""
    text = io.StringIO(newline="")
    writer = SheetWriter(text, "\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def with_events(request: Request, job_id: str) -> tuple[Job, JobFolder]:
    """A job that is done and whose result is a timeline, and its files; 409 where it is something else."""
    job, folder = service_of(request).done(job_id)
    if job.task in WITHOUT_EVENTS:
        raise refusal(409, f"{job.name} was asked for {job.task}, and has no events")
    return job, folder


def kept_embeddings(job: Job, folder: JobFolder) -> Embeddings:
    """The embeddings that a job keeps; 409 where it has none."""
    if not folder.embeddings.is_file():
        raise refusal(409, f"{job.name} has no embeddings: its model makes none, or an earlier version did the job")
    with reading():
        return Embeddings.load(folder.embeddings)


@router.get("/view", response_class=Response)
def view(request: Request, job_id: JobId) -> FileResponse:
    """What a page draws: waveform, spectrogram, the labels' thresholds, F0. See docs/service.md."""
    _, folder = service_of(request).done(job_id)
    if not folder.view.is_file():
        raise gone()
    return FileResponse(folder.view, media_type="application/json")


@router.get(
    "/media",
    response_class=Response,
    responses={200: {"content": {"audio/*": {}, "video/*": {}}}, 206: {}},
)
def media(request: Request, job_id: JobId) -> FileResponse:
    """The recording as browsers play it, in whole or in ranges of bytes: as it came, or a copy that they can play."""
    _, folder = service_of(request).done(job_id)
    if not folder.media.is_file():
        raise gone()
    with reading():
        playback = Playback(**json.loads(folder.media.read_text(encoding="utf-8")))
    if not PLAYED.fullmatch(playback.type):
        raise refusal(404, "browsers cannot play this recording")
    path = folder.copy if playback.copy else folder.upload
    if not path.is_file():
        raise gone()
    return FileResponse(path, media_type=playback.type, headers=MEDIA_HEADERS)


@router.get(
    "/seconds",
    response_model=SecondScores,
    responses={200: {"content": {"text/csv": {}}}},
)
def seconds(
    request: Request,
    job_id: JobId,
    label: Annotated[list[str] | None, Query(max_length=1000, description="All of the model's, if none")] = None,
    every: Annotated[float, Query(ge=0.1, le=3600, description="Length of a window, seconds")] = 1.0,
    to: Literal["json", "csv"] = "json",
) -> Response:
    """How likely labels are, second by second, as the model found it: the best score of each label in each window."""
    job, folder = with_events(request, job_id)
    with reading():
        recorded = scores.load(folder.scores)
    labels = list(dict.fromkeys(label or recorded.about.labels))
    if unknown := [one for one in labels if one not in recorded.about.labels]:
        raise refusal(422, f"{unknown[0][:100]!r} is no label of the model {recorded.about.name}")
    values = scores.by_window(recorded, labels, every)
    if to == "csv":
        rows = (
            (number(n * every), number(min((n + 1) * every, recorded.duration)), *(number(float(s), 4) for s in row))
            for n, row in enumerate(values)
        )
        text, headers = sheet(("start", "end", *labels), rows), as_download(f"{stem(job)}.scores.csv")
        return Response(text, media_type="text/csv", headers=headers)
    found = SecondScores(
        recording=job.name,
        duration=round(recorded.duration, 3),
        model=recorded.about.name,
        every=every,
        labels=labels,
        scores=values.astype(float).round(4).tolist(),
    )
    return Response(found.model_dump_json(), media_type="application/json")


@router.get("/alike")
def like_events(
    request: Request,
    job_id: JobId,
    onset: Annotated[float, Query(ge=0, allow_inf_nan=False, description="Of the example, seconds")],
    offset: Annotated[float, Query(ge=0, allow_inf_nan=False, description="Its end")],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> LikeEvents:
    """More like an event: the stretches of the recording whose embeddings are most like its own, the best first."""
    kept = kept_embeddings(*with_events(request, job_id))
    if not onset < offset <= kept.duration:
        raise refusal(422, f"an event begins before it ends, and ends by {kept.duration:g} s")
    return LikeEvents(candidates=alike(kept, onset, offset, limit))


@router.get("/classifiers", response_class=Response)
def classifiers(request: Request, job_id: JobId) -> FileResponse:
    """The words that each bundled frame classifier finds, a list of Words JSON; of jobs that asked to `compare`."""
    job, folder = service_of(request).done(job_id)
    if not job.options.get("compare"):
        raise refusal(409, "this job was not asked to compare classifiers")
    if not folder.classifiers.is_file():
        raise gone()
    return FileResponse(folder.classifiers, media_type="application/json")
