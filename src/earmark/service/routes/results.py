"""What was found: in every format, at any threshold, as a person corrected it."""

from __future__ import annotations

import io
import math
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import quote

from anyio import from_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from earmark.events.timeline import Event, Timeline
from earmark.formats import FORMATS, Format, for_name
from earmark.formats.json_files import Json
from earmark.formats.words_files import WORD_FORMATS
from earmark.formats.words_json import WordsJson
from earmark.service import scores
from earmark.service.dataset import Recording, at_once, write_zip
from earmark.service.problems import described, refusal
from earmark.service.routes.jobs import ID, JobId
from earmark.service.schemas import Corrected, Language, To
from earmark.service.state import gone, reading, service_of
from earmark.service.storage import JobFolder
from earmark.service.store import Job
from earmark.util.atomic import atomic_write

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

JobName = Annotated[str, StringConstraints(pattern=ID)]

several = APIRouter(prefix="/v1", tags=["results"])

AT_ONCE = 200  # events of a person that may sound at one moment: each tells the labels of all that sound with it
MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "vtt": "text/vtt", "srt": "application/x-subrip"}


@router.get(
    "/result",
    response_class=Response,
    responses={
        200: {"content": {t: {} for t in (*MEDIA_TYPES.values(), "text/plain")}},
        **described(404, 409, 410, 422),
    },
)
def result(
    request: Request,
    job_id: JobId,
    to: To = "json",
    sensitivity: Annotated[float | None, Query(ge=0, le=1)] = None,
    threshold: Annotated[list[str] | None, Query(description="LABEL:SCORE at which its events begin")] = None,
    language: Language | None = None,
    include_speech: bool | None = None,
    original: Annotated[bool, Query(description="As the model found it, not as corrected")] = False,
    download: bool = False,
) -> Response:
    """The timeline, or the words, in a format; other thresholds are tried on the scores, which are kept."""
    job, folder = service_of(request).done(job_id)
    if job.task == "words":
        text, suffix = _words_text(folder, to)
    else:
        moved = sensitivity is not None or bool(threshold)
        found = (
            _found(folder, job, sensitivity, _thresholds(threshold or []))
            if moved
            else _kept(folder, "original" if original else "corrected")
        )
        spoken = bool(job.options.get("include_speech")) if include_speech is None else include_speech
        form = for_name(to, language or job.options.get("language", "en"), include_speech=spoken)
        text, suffix = _text(form, found), form.suffix
    headers = {}
    if download:
        stem = job.name.rsplit(".", 1)[0] or "recording"
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(stem + suffix, safe='')}"
    return Response(text.encode(), media_type=MEDIA_TYPES.get(to, "text/plain"), headers=headers)


@router.get("/view", response_class=Response, responses=described(404, 409, 410, 422))
def view(request: Request, job_id: JobId) -> FileResponse:
    """What a page draws: waveform, spectrogram, the labels' thresholds, F0. See docs/service.md."""
    _, folder = service_of(request).done(job_id)
    if not folder.view.is_file():
        raise gone()
    return FileResponse(folder.view, media_type="application/json")


@router.put("/events", status_code=204, responses=described(404, 409, 410, 413, 422))
def correct(request: Request, job_id: JobId, corrected: Corrected) -> None:
    """Replace the events by those of a person; results are these from then on."""
    folder = _with_events(request, job_id)
    kept = _kept(folder, "original")
    events = [Event(round(e.onset, 3), round(e.offset, 3), e.label, e.score) for e in corrected.events]
    for number, event in enumerate(events, 1):
        if event.offset < event.onset:
            raise refusal(422, f"event {number} ends before it begins")
        if event.offset > kept.duration:
            raise refusal(422, f"event {number} ends at {event.offset:g} s, the recording at {kept.duration:g} s")
    if at_once(events) > AT_ONCE:
        raise refusal(422, f"more than {AT_ONCE} events sound at once")
    with service_of(request).correcting, atomic_write(folder.corrected) as part:
        part.write_text(_text(Json(), kept.with_events(events)), encoding="utf-8")


@router.delete("/events", status_code=204, responses=described(404, 409, 410, 422))
def forget_corrections(request: Request, job_id: JobId) -> None:
    """Back to what the model found."""
    _with_events(request, job_id).corrected.unlink(missing_ok=True)


@router.get("/dataset", response_class=Response, responses=described(404, 409, 410, 422, 503))
def dataset(request: Request, job_id: JobId) -> FileResponse:
    """A zip that `earmark train` takes once unpacked: the table of clips, the events, and their sound."""
    return _zip(request, [job_id])


def _zip(request: Request, job_ids: list[str]) -> FileResponse:
    service, recordings = service_of(request), []
    for job_id in job_ids:
        job, folder = service.done(job_id)
        if job.task == "words":
            raise refusal(409, f"{job.name}: words are no labelled sounds")
        if not folder.upload.is_file():
            raise gone()
        recordings.append(Recording(folder.upload, _kept(folder, "corrected"), job.id))
    first = service.storage.of(job_ids[0])
    if not service.writing_datasets.acquire(blocking=False):
        raise refusal(503, "other datasets are being written", {"retry-after": "10"})
    with ExitStack() as held:
        held.callback(service.writing_datasets.release)
        made = TemporaryDirectory(dir=first.path, ignore_cleanup_errors=True)  # of its own: two may ask at once
        with ExitStack() as failing:
            failing.callback(made.cleanup)
            left = partial(from_thread.run, request.is_disconnected)
            path = write_zip(recordings, Path(made.name), service.settings.memory_bytes, left)
            failing.pop_all()
    name = f"earmark-{job_ids[0]}.zip"
    return FileResponse(path, media_type="application/zip", filename=name, background=BackgroundTask(made.cleanup))


def _with_events(request: Request, job_id: str) -> JobFolder:
    job, folder = service_of(request).done(job_id)
    if job.task == "words":
        raise refusal(409, "words cannot be corrected here")
    return folder


def _kept(folder: JobFolder, which: str) -> Timeline:
    path = folder.corrected if which == "corrected" and folder.corrected.is_file() else folder.result
    with reading(), path.open(encoding="utf-8", newline="") as file:
        return Json().read(file)


def _found(folder: JobFolder, job: Job, sensitivity: float | None, thresholds: dict[str, float]) -> Timeline:
    usual = job.options.get("sensitivity", 0.5)
    with reading():
        heard = scores.load(folder.scores)
    return scores.timeline(heard, job.name, usual if sensitivity is None else sensitivity, thresholds)


def _thresholds(given: list[str]) -> dict[str, float]:
    found = {}
    for text in given:
        label, _, value = text.rpartition(":")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not label or not 0 < number < 1:
            raise refusal(422, f"{text[:100]!r} is no threshold: say LABEL:SCORE, with a score between 0 and 1")
        found[label] = number
    return found


def _words_text(folder: JobFolder, to: str) -> tuple[str, str]:
    with reading(), folder.result.open(encoding="utf-8", newline="") as file:
        found = WordsJson().read(file)
    out = io.StringIO(newline="")
    if to in WORD_FORMATS:
        WORD_FORMATS[to].write(found, out)
        return out.getvalue(), WORD_FORMATS[to].suffix
    return _text(FORMATS[to], found.as_timeline()), ".words" + FORMATS[to].suffix


def _text(form: Format[Timeline], timeline: Timeline) -> str:
    out = io.StringIO(newline="")
    form.write(timeline, out)
    return out.getvalue()


@several.get("/dataset", response_class=Response, responses=described(404, 409, 410, 422, 503))
def dataset_of_several(
    request: Request, job: Annotated[list[JobName], Query(min_length=1, max_length=200, description="ids of jobs")]
) -> FileResponse:
    """The same of several jobs: each recording is a source of its own, so that some can be held out."""
    return _zip(request, list(dict.fromkeys(job)))
