"""What was found: in every format, at any threshold, as a person corrected it."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain, count
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated

from anyio import from_thread, to_thread
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import StringConstraints
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from earmark.captions import Density, Phrases
from earmark.captions.captioning import captioned
from earmark.captions.looks import Look, Music, Position, Preset
from earmark.events.timeline import Event, Timeline
from earmark.formats import FORMATS, WORD_FORMATS, for_name
from earmark.formats.base import number
from earmark.formats.json_files import Json, WordsJson
from earmark.formats.styled_captions import CAPTION_FORMATS, StyledCaptions, read_dialogue
from earmark.formats.subtitle_reader import Subtitles
from earmark.service import scores
from earmark.service.dataset import Recording, at_once, write_zip
from earmark.service.problems import described, refusal
from earmark.service.routes.jobs import JobId, seen
from earmark.service.routes.views import MEDIA_HEADERS, as_download, sheet, stem, with_events
from earmark.service.schemas import (
    CaptionTo,
    Classified,
    Corrected,
    Corrections,
    EventIn,
    History,
    JobView,
    Language,
    To,
    WordTexts,
)
from earmark.service.state import gone, one_of, reading, service_of
from earmark.service.storage import ID, JobFolder
from earmark.service.store import Job
from earmark.service.uploads import shown_name
from earmark.speech.segmentation import Words
from earmark.util.atomic import atomic_write

router = APIRouter(prefix="/v1", tags=["results"], responses=described(404, 409, 410, 422))

JobName = Annotated[str, StringConstraints(pattern=ID)]

AT_ONCE = 200  # events of a person that may sound at one moment: each tells the labels of all that sound with it
SUBTITLES = {
    "requestBody": {
        "description": "Subtitles of the dialogue: SRT, VTT or ASS",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Filename = Annotated[str, Query(max_length=300, description="The subtitles' name: its suffix says their kind")]
Encoding = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,30}$", description="Such as cp1251; else UTF-8")]


PLAIN = Look()
MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "vtt": "text/vtt", "srt": "application/x-subrip"}


@dataclass(frozen=True)
class _Wanted:
    """What is asked of a result, None where the job says it."""

    language: str | None = None
    include_speech: bool | None = None
    look: Look = PLAIN
    sensitivity: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    original: bool = False


def _captions(
    language: Language | None = None,
    include_speech: bool | None = None,
    preset: Preset = "plain",
    position: Position = "bottom",
    density: Density = "normal",
    music: Music = "words",
) -> _Wanted:
    """What is asked of captions."""
    return _Wanted(language, include_speech, Look(preset, position, density, music))


Captions = Annotated[_Wanted, Depends(_captions)]


@router.get(
    "/jobs/{job_id}/result",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in (*MEDIA_TYPES.values(), "text/plain")}}},
)
def result(
    request: Request,
    job_id: JobId,
    captions: Captions,
    to: To = "json",
    sensitivity: Annotated[float | None, Query(ge=0, le=1)] = None,
    threshold: Annotated[list[str] | None, Query(description="LABEL:SCORE at which its events begin")] = None,
    original: Annotated[bool, Query(description="As the model found it, not as corrected")] = False,
    download: bool = False,
) -> Response:
    """The timeline, or the words, in a format; other thresholds are tried on the scores, which are kept."""
    job, folder = service_of(request).done(job_id)
    thresholds = _thresholds(threshold or [])
    wanted = replace(captions, sensitivity=sensitivity, thresholds=thresholds, original=original)
    text, suffix = _written(job, folder, to, wanted)
    headers = as_download(stem(job) + suffix) if download else {}
    return Response(text.encode(), media_type=MEDIA_TYPES.get(to, "text/plain"), headers=headers)


def _written(job: Job, folder: JobFolder, to: str, wanted: _Wanted) -> tuple[str, str]:
    """A job's result in a format, and the suffix of a file of it."""
    if job.task == "words":
        return _words_text(folder, to)
    if job.task == "classify":
        return _classified_text(folder, to)
    if to == "ctm":
        raise refusal(422, "ctm holds words, and this recording was not asked for any")
    found = _wanted_timeline(job, folder, wanted)
    if to in ("ass", "ttml") or (to in CAPTION_FORMATS and wanted.look != PLAIN):
        return _styled(job, found, wanted).text(to), f".{to}"
    form = for_name(to, _language(job, wanted), include_speech=_spoken(job, wanted))
    return form.text(found), form.suffix


def _wanted_timeline(job: Job, folder: JobFolder, wanted: _Wanted) -> Timeline:
    if wanted.sensitivity is None and not wanted.thresholds:
        return kept_timeline(folder, original=wanted.original)
    with reading():
        recorded = scores.load(folder.scores)
    usual = job.options.get("sensitivity", 0.5)
    sensitivity = usual if wanted.sensitivity is None else wanted.sensitivity
    return scores.timeline(recorded, job.name, sensitivity, wanted.thresholds)


def _language(job: Job, wanted: _Wanted) -> str:
    return wanted.language or str(job.options.get("language", "en"))


def _spoken(job: Job, wanted: _Wanted) -> bool:
    return bool(job.options.get("include_speech")) if wanted.include_speech is None else wanted.include_speech


def _styled(job: Job, found: Timeline, wanted: _Wanted, dialogue: Subtitles | None = None) -> StyledCaptions:
    phrases = Phrases.load(_language(job, wanted))
    return StyledCaptions(captioned(found, phrases, dialogue, _spoken(job, wanted), wanted.look.density), wanted.look)


async def _dialogue(request: Request, filename: str, encoding: str | None) -> Subtitles | None:
    """The subtitles in a request's body, if it has one."""
    data = await request.body()
    return await to_thread.run_sync(read_dialogue, data, shown_name(filename), encoding) if data else None


@router.post(
    "/jobs/{job_id}/merge",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **described(413)},
    openapi_extra=SUBTITLES,
)
async def merged(
    request: Request,
    job_id: JobId,
    wanted: Captions,
    filename: Filename = "dialogue.srt",
    encoding: Encoding = None,
    to: CaptionTo = "srt",
) -> Response:
    """The dialogue's subtitles (SRT, VTT or ASS, as the body) with the sounds in its pauses and on its free lines."""
    subtitles = await _dialogue(request, filename, encoding)
    if subtitles is None:
        raise refusal(422, "send the subtitles of the dialogue as the body")

    def write() -> str:
        job, folder = with_events(request, job_id)
        return _styled(job, kept_timeline(folder), wanted, subtitles).text(to)

    text = await to_thread.run_sync(write)
    return Response(text.encode(), media_type=MEDIA_TYPES.get(to, "text/plain"))


@router.post("/jobs/{job_id}/burn-in", status_code=202, responses=described(413, 429, 507), openapi_extra=SUBTITLES)
async def burn_in(
    request: Request,
    job_id: JobId,
    wanted: Captions,
    filename: Filename = "dialogue.srt",
    encoding: Encoding = None,
) -> JobView:
    """A new job that burns the captions into the video, with the dialogue's subtitles where the body has them."""
    service = service_of(request)
    subtitles = await _dialogue(request, filename, encoding)

    def prepared() -> tuple[Job, JobFolder, str]:
        job, folder = with_events(request, job_id)
        with reading():
            media = json.loads(folder.media.read_text(encoding="utf-8"))
        if not media.get("pictures"):
            raise refusal(422, f"{job.name} has no pictures to burn captions into")
        cues = _styled(job, kept_timeline(folder), wanted, subtitles).cues()
        rows = [[one.onset, one.offset, [[line.text, line.kind] for line in one.lines]] for one in cues]
        return job, folder, json.dumps({"look": asdict(wanted.look), "cues": rows})

    job, folder, captions = await to_thread.run_sync(prepared)
    made = await service.derive(folder, replace(job, options={"of": job.id}), captions)
    return await to_thread.run_sync(lambda: seen(service, service.store.get(made.id) or made))


@router.get(
    "/jobs/{job_id}/video",
    response_class=Response,
    responses={200: {"content": {"video/*": {}}}, 206: {}},
)
def video(request: Request, job_id: JobId) -> FileResponse:
    """The video with captions burned in."""
    job, folder = service_of(request).done(job_id, video=True)
    path = folder.video()
    if path is None:
        raise gone()
    kind = "video/mp4" if path.suffix == ".mp4" else "video/x-matroska"
    headers = {name: value for name, value in MEDIA_HEADERS.items() if name != "content-disposition"}
    return FileResponse(path, media_type=kind, filename=f"{stem(job)}.captioned{path.suffix}", headers=headers)


@router.get("/jobs/{job_id}/events")
def corrections(request: Request, job_id: JobId, response: Response) -> Corrections:
    """Whether a person corrected the events, and the changes that can be taken back or made again."""
    _, folder = with_events(request, job_id)
    with service_of(request).correcting:
        history = _history(folder)
        response.headers["etag"] = f'"{history.revision}"'
        return Corrections(corrected=folder.corrected.is_file(), past=history.past, future=history.future)


@router.put("/jobs/{job_id}/events", status_code=204, responses=described(412, 413))
def correct(
    request: Request,
    job_id: JobId,
    corrected: Corrected,
    if_match: Annotated[str | None, Header(description="ETag of the events that were corrected")] = None,
) -> Response:
    """Replace the events by those of a person; results are these from then on."""
    _, folder = with_events(request, job_id)
    kept = kept_timeline(folder, original=True)
    if corrected.events is not None:
        kept = kept.with_events(_checked(corrected.events.root, kept.duration))
    with service_of(request).correcting:
        history = _history(folder)
        if if_match not in (None, "*", f'"{history.revision}"'):
            raise refusal(412, "these events were corrected elsewhere meanwhile: open the recording again")
        history = History(revision=history.revision + 1, past=corrected.past, future=corrected.future)
        if corrected.events is None:
            folder.corrected.unlink(missing_ok=True)
        else:
            _replace(folder.corrected, Json().text(kept))
        _replace(folder.history, history.model_dump_json())
    return Response(status_code=204, headers={"etag": f'"{history.revision}"'})


@router.delete("/jobs/{job_id}/events", status_code=204)
def forget_corrections(request: Request, job_id: JobId) -> None:
    """Back to what the model found, with nothing to take back."""
    _, folder = with_events(request, job_id)
    with service_of(request).correcting:
        folder.corrected.unlink(missing_ok=True)
        folder.history.unlink(missing_ok=True)


@router.put("/jobs/{job_id}/words", status_code=204, responses=described(413))
def write_words(request: Request, job_id: JobId, written: WordTexts) -> None:
    """Say what the words are; results have these texts from then on."""
    job, folder = service_of(request).done(job_id)
    if job.task != "words":
        raise refusal(409, "this recording was not asked for words")
    found = _words(folder)
    if len(written.texts) != len(found.words):
        raise refusal(422, f"the recording has {len(found.words)} words, not {len(written.texts)}")
    words = [replace(word, text=text or None) for word, text in zip(found.words, written.texts, strict=True)]
    with service_of(request).correcting:
        _replace(folder.corrected, WordsJson().text(replace(found, words=tuple(words))))


def _checked(events: list[EventIn], duration: float) -> list[Event]:
    """A person's events; refused where they cannot be."""
    found = [Event(round(e.onset, 3), round(e.offset, 3), e.label, e.score) for e in events]
    for place, event in enumerate(found, 1):
        if event.offset < event.onset:
            raise refusal(422, f"event {place} ends before it begins")
        if event.offset > duration:
            raise refusal(422, f"event {place} ends at {event.offset:g} s, the recording at {duration:g} s")
    if at_once(found) > AT_ONCE:
        raise refusal(422, f"more than {AT_ONCE} events sound at once")
    return found


def _replace(path: FilePath, text: str) -> None:
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def _history(folder: JobFolder) -> History:
    if not folder.history.is_file():
        return History()
    with reading():
        return History.model_validate_json(folder.history.read_bytes())


@router.get("/jobs/{job_id}/dataset", response_class=Response, responses=described(503))
def dataset(request: Request, job_id: JobId) -> FileResponse:
    """A zip that `earmark train` takes once unpacked: the table of clips, the events, and their sound."""
    return _zip(request, [job_id])


def _zip(request: Request, job_ids: list[str]) -> FileResponse:
    service, recordings = service_of(request), []
    for job_id in job_ids:
        job, folder = with_events(request, job_id)
        if not folder.upload.is_file():
            raise gone()
        recordings.append(Recording(folder.upload, kept_timeline(folder), job.id))
    first = service.storage.of(job_ids[0])
    with one_of(service.writing_datasets, "other datasets are being written", 10), ExitStack() as failing:
        made = TemporaryDirectory(dir=first.path, ignore_cleanup_errors=True)  # of its own: two may ask at once
        failing.callback(made.cleanup)
        left = partial(from_thread.run, request.is_disconnected)
        path = write_zip(recordings, FilePath(made.name), service.settings.memory_bytes, left)
        failing.pop_all()
    name = f"earmark-{job_ids[0]}.zip"
    return FileResponse(path, media_type="application/zip", filename=name, background=BackgroundTask(made.cleanup))


def kept_timeline(folder: JobFolder, original: bool = False) -> Timeline:
    """What was found in a recording, as a person corrected it unless the `original` is asked for."""
    path = folder.result if original or not folder.corrected.is_file() else folder.corrected
    with reading(), path.open(encoding="utf-8", newline="") as file:
        return Json().read(file)


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


def _words(folder: JobFolder) -> Words:
    path = folder.corrected if folder.corrected.is_file() else folder.result
    with reading(), path.open(encoding="utf-8", newline="") as file:
        return WordsJson().read(file)


def _words_text(folder: JobFolder, to: str) -> tuple[str, str]:
    found = _words(folder)
    said = all(word.text is not None for word in found)  # without a text, subtitles show the words' numbers
    if to in WORD_FORMATS and (said or to not in ("srt", "vtt")):
        return WORD_FORMATS[to].text(found), WORD_FORMATS[to].suffix
    if to not in FORMATS:
        raise refusal(422, f"words are not written as {to}")
    return FORMATS[to].text(found.as_timeline()), ".words" + FORMATS[to].suffix


def _classified_text(folder: JobFolder, to: str) -> tuple[str, str]:
    """What a recording is as a whole."""
    with reading():
        text = folder.result.read_text(encoding="utf-8")
        found = Classified.model_validate_json(text)
    if to == "json":
        return text, ".json"
    if to != "csv":
        raise refusal(422, f"what a recording is as a whole is written as json or csv, not as {to}")
    rows = ((found.recording, one.label, number(one.score, 4)) for one in found.labels)
    return sheet(("recording", "label", "score"), rows), ".csv"


@router.get("/dataset", response_class=Response, responses=described(503))
def dataset_of_several(
    request: Request, job: Annotated[list[JobName], Query(min_length=1, max_length=200, description="ids of jobs")]
) -> FileResponse:
    """The same of several jobs: each recording is a source of its own, so that some can be held out."""
    return _zip(request, list(dict.fromkeys(job)))


@router.get(
    "/captions",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
)
def captions_of_several(
    request: Request,
    job: Annotated[list[JobName], Query(min_length=1, max_length=1000, description="ids of jobs")],
    to: To = "vtt",
    language: Language | None = None,
    include_speech: bool | None = None,
) -> Response:
    """A zip with the captions of several jobs, or their timelines in another format, each called as its recording."""
    service, out, names = service_of(request), io.BytesIO(), set[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for job_id in dict.fromkeys(job):
            found, folder = service.done(job_id)
            text, suffix = _written(found, folder, to, _Wanted(language, include_speech))
            archive.writestr(_free_name(stem(found), suffix, names), text)
    headers = {"content-disposition": "attachment; filename=earmark-captions.zip"}
    return Response(out.getvalue(), media_type="application/zip", headers=headers)


def _free_name(stem: str, suffix: str, taken: set[str]) -> str:
    """A name in a zip that no other has, also where letters' case does not tell names apart."""
    stem = re.sub(r'[<>:"/\\|?*]', "_", stem)
    numbered = (f"{stem} ({number})" for number in count(2))
    name = next(name for name in chain([stem], numbered) if (name + suffix).casefold() not in taken)
    taken.add((name + suffix).casefold())
    return name + suffix
