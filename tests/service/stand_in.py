"""A stand-in for the service, to see how the page behaves: same addresses, same policy, answers made by rule."""

from __future__ import annotations

import itertools
import json
import math
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import httpx
import numpy as np
from app_server import serving
from browser import PATIENCE
from fastapi import FastAPI, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse, Response

from earmark import media
from earmark.service import pages
from earmark.service.picture import Picture
from earmark.service.routes import about
from earmark.service.security import AccessControl
from earmark.service.settings import Settings
from earmark.service.tasks import WITHOUT_EVENTS

EXAMPLES = Path(__file__).parents[2] / "examples"
RATE = 16_000
LIMIT = 1_000_000  # bytes of a file called huge
LOUD = 0.05  # RMS at which the live stand-in hears a siren
SETTINGS = Settings(Path(), head_seconds=PATIENCE)  # a busy machine is slow

# Parts of the duration, label, score: what is "found" in any recording without a truth beside it.
FOUND = (
    (0.1, 0.25, "dog", 0.9),
    (0.3, 0.6, "siren", 0.8),
    (0.5, 0.55, "dog", 0.6),
    (0.0, 1.0, "rain", 0.3),
    (0.7, 0.8, "speech", 0.7),
)
ALIKE = ((0.1, 0.9), (0.85, 0.8), (0.62, 0.6))  # part of the duration, similarity: what sounds like any event
PHRASES = {
    "en": {"dog": "dog barking", "siren": "siren wailing", "rain": "rain falling", "speech": "someone speaking"},
    "el": {"dog": "σκύλος γαβγίζει", "siren": "σειρήνα ηχεί", "rain": "πέφτει βροχή", "speech": "κάποιος μιλά"},
}


class StandIn:
    """Answers as the service does; keeps what it was asked in `asked` as (method, address, body)."""

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.lists = threading.Event()  # while it is cleared, an answer with all jobs is on its way
        self.answering = 0  # requests at work
        self.begin()
        self.app = FastAPI()
        self._routes()

    def begin(self) -> None:
        """Knows no jobs, was asked nothing, and does all as it should."""
        self.jobs: dict[str, dict] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.taught: list[dict] = []
        self.live_breaks = False  # the socket ends at once after the first sound
        self.refuses_saving = False
        self.keeps_media = True
        self.lists.set()

    def begin_anew(self) -> None:
        """Begins once all that a page asked before it was left is answered: it would be taken for the next page's."""
        self.lists.set()
        end = time.monotonic() + PATIENCE
        httpx.get(f"{self.address}/healthz", timeout=PATIENCE)  # it is read after what came before it
        while self.answering:
            assert time.monotonic() < end, "the stand-in does not answer"
            time.sleep(0.002)
        self.begin()

    @contextmanager
    def serving(self) -> Iterator[StandIn]:
        """Answers as long as the block lasts."""
        with (
            tempfile.TemporaryDirectory(prefix="earmark-stand-in-") as folder,
            serving(self.app, SETTINGS, lifespan="off") as port,
        ):
            self.folder = Path(folder)  # of what is uploaded
            self.address = f"http://127.0.0.1:{port}"
            yield self

    def done(self, path: Path, task: str = "label") -> str:
        """A job that is done already; its id."""
        return self._take(path, path.name, task, steps=99)["id"]

    def _take(self, path: Path, name: str, task: str, steps: int = 0) -> dict:
        duration, drawn = _drawn(path.read_bytes())
        truth = EXAMPLES / f"{Path(name).stem}.truth.json"
        if truth.is_file():
            found = json.loads(truth.read_text(encoding="utf-8"))["events"]
        else:
            found = [{"onset": a * duration, "offset": b * duration, "label": x, "score": s} for a, b, x, s in FOUND]
        job = {
            "id": f"{next(self.numbers):016x}",
            "task": task,
            "name": name,
            "created": time.time(),
            "duration": duration,
            "model": "words/rnn" if task == "words" else "sounds",
            "options": {"sensitivity": 0.5, "compare": task == "words"},
            "error": None,
            "links": {} if task in WITHOUT_EVENTS else {"alike": "/v1/jobs/ID/alike"},
        }
        kind = {".mp4": "video/mp4", ".flac": "audio/flac"}.get(path.suffix, "audio/wav")
        played = {"type": kind if self.keeps_media else "", "copy": False, "pictures": path.suffix == ".mp4"}
        view = {"duration": duration, **drawn, "labels": self._labels(found), "f0": None, "media": played}
        if task == "words":
            view["f0"] = {"step": 0.01, "hz": _voice(duration)}
        kept = {"job": job, "steps": steps, "found": found, "corrected": None, "view": view, "path": path}
        self.jobs[job["id"]] = {**kept, "past": [], "future": [], "revision": 0}
        return self._job(job["id"])

    @staticmethod
    def _labels(found: list[dict]) -> list[dict]:
        best = {"rooster": 0.02}
        for event in found:
            best[event["label"]] = max(best.get(event["label"], 0), event["score"])
        return [{"label": label, "on": 0.5, "off": 0.3, "best": score} for label, score in sorted(best.items())]

    def _job(self, key: str) -> dict:
        """The job, a step further each time it is asked for; one called slow never ends."""
        kept = self.jobs[key]
        steps = kept["steps"] = kept["steps"] + 1
        slow = kept["job"]["name"].startswith("slow")
        state = "queued" if steps < 2 else "running" if steps < 4 or slow else "done"
        progress = None if state == "queued" else 1.0 if state == "done" else 0.25
        return {**kept["job"], "state": state, "progress": progress, "position": 1 if state == "queued" else None}

    def _events(self, key: str, query: dict[str, list[str]], original: bool) -> list[dict]:
        kept = self.jobs[key]
        moved = "sensitivity" in query or "threshold" in query
        if kept["corrected"] is not None and not original and not moved:
            return kept["corrected"]
        on = dict(text.rsplit(":", 1) for text in query.get("threshold", []))
        usual = 1 - float(query.get("sensitivity", ["0.5"])[0])
        return [event for event in kept["found"] if event["score"] >= float(on.get(event["label"], usual))]

    def _routes(self) -> None:
        app = self.app

        @app.middleware("http")
        async def note(request: Request, follow):
            self.answering += 1
            try:
                if request.url.path.startswith("/v1"):
                    body = b"" if request.method == "POST" else await request.body()
                    self.asked.append((request.method, str(request.url)[len(self.address) :], body.decode()))
                answer = await follow(request)
            finally:
                self.answering -= 1
            if request.url.path.startswith("/static/"):
                answer.headers["cache-control"] = "max-age=3600"  # files do not change while tests run
            return answer

        app.add_middleware(AccessControl, settings=SETTINGS)
        pages.install(app, SETTINGS)
        app.get("/v1/examples")(about.examples)

        @app.get("/v1/models")
        def models() -> dict:
            sounds = {"name": "sounds", "labels": list(PHRASES["en"]), "default_for": ["label", "caption", "classify"]}
            music = {"name": "instruments", "labels": ["guitar", "piano"], "default_for": ["instruments"]}
            words = [
                {"name": f"words/{n}", "labels": ["speech"], "default_for": ["words"][: n == "rnn"]}
                for n in ("gru", "rnn")
            ]
            return {"models": [sounds, music, *words, *self.taught]}

        @app.post("/v1/models", status_code=201)
        async def teach(request: Request) -> Response:
            wanted = await request.json()
            self.asked.append(("TEACH", "/v1/models", json.dumps(wanted)))
            label, name = wanted["label"], wanted["name"]
            if name in PHRASES["en"]:
                return _problem(422, f"sounds knows {name!r} already: give the sound another name")
            job = self.jobs[wanted["job"]]
            count = sum(event["label"] == label for event in job["corrected"] or job["found"])
            figures = {"examples": count, "found": None if count < 2 else count - 1, "others": 800, "false": 0.004}
            taught = {"id": f"{next(self.numbers):016x}", "label": name, **figures}
            labels = [*PHRASES["en"], name]
            self.taught.append({"name": f"sounds+{name}", "labels": labels, "default_for": [], "taught": taught})
            return JSONResponse(self.taught[-1], 201)

        @app.delete("/v1/models/{key}", status_code=204)
        def unlearn(key: str) -> None:
            self.taught = [one for one in self.taught if one["taught"]["id"] != key]

        @app.get("/v1/phrases")
        def phrases(language: str) -> dict:
            return {"language": language, "phrases": PHRASES.get(language, {}), "alarms": ["siren"]}

        @app.get("/healthz")
        def health() -> dict:
            return {"status": "ok"}

        self._job_routes()
        self._result_routes()
        self._live_route()

    def _job_routes(self) -> None:
        app = self.app

        @app.post("/v1/jobs", status_code=202)
        async def create(file: UploadFile, request: Request) -> Response:
            name = file.filename or "file"
            if name.startswith("huge"):
                return _problem(413, f"a file may have {LIMIT} bytes at most", limit=LIMIT)
            path = self.folder / f"{secrets.token_hex(8)}{Path(name).suffix}"  # two may come at once
            path.write_bytes(await file.read())
            form = await request.form()
            self.asked.append(("FORM", "/v1/jobs", json.dumps({k: v for k, v in form.items() if k != "file"})))
            try:
                job = self._take(path, name, str(form["task"]))
                self.jobs[job["id"]]["texts"] = str(form.get("text", "")).split()
                return JSONResponse(job, 202)
            except Exception as error:  # whatever a broken file does
                return _problem(422, f"{name}: {error}")

        @app.get("/v1/jobs")
        def listed() -> dict:
            answer = {"jobs": [self._job(key) for key in reversed(self.jobs)]}
            assert self.lists.wait(PATIENCE), "nobody let the list come"
            return answer

        @app.get("/v1/jobs/{key}")
        def one(key: str) -> Response:
            return JSONResponse(self._job(key)) if key in self.jobs else _problem(404, "there is no such job")

        @app.delete("/v1/jobs/{key}", status_code=204)
        def remove(key: str) -> Response:
            return Response(status_code=204) if self.jobs.pop(key, None) else _problem(404, "there is no such job")

    def _result_routes(self) -> None:
        app = self.app

        @app.get("/v1/jobs/{key}/view")
        def view(key: str) -> dict:
            return self.jobs[key]["view"]

        @app.get("/v1/jobs/{key}/result")
        def result(
            key: str, request: Request, to: str = "json", original: bool = False, download: bool = False
        ) -> Response:
            query = {name: request.query_params.getlist(name) for name in request.query_params}
            job = self.jobs[key]["job"]
            events = self._events(key, query, original)
            head = {"recording": job["name"], "duration": job["duration"]}
            if job["task"] == "words":
                document = {**head, **_words(job["duration"])}
                for word, text in zip(document["words"], self.jobs[key].get("texts", []), strict=False):
                    word["text"] = text
                events = [{**word, "label": word.get("text") or "word"} for word in document["words"]]
            elif job["task"] == "classify":
                labels = sorted(self.jobs[key]["view"]["labels"], key=lambda one: -one["best"])
                document = {**head, "labels": [{"label": one["label"], "score": one["best"]} for one in labels]}
            else:
                document = {**head, "model": "sounds", "events": events}
            said = PHRASES.get(query.get("language", ["en"])[0], {})
            cues = [
                f"{_time(e['onset'])} --> {_time(e['offset'])}\n{said.get(e['label'], e['label'])}\n" for e in events
            ]
            text = json.dumps(document) if to == "json" else "\n".join(["WEBVTT\n", *cues])
            headers = (
                {"content-disposition": f"attachment; filename={Path(job['name']).stem}.{to}"} if download else None
            )
            return Response(text, headers=headers, media_type="application/json" if to == "json" else "text/vtt")

        @app.post("/v1/jobs/{key}/merge")
        async def merge(
            request: Request, filename: str = "film.srt", to: str = "srt", encoding: str = "utf-8"
        ) -> Response:
            dialogue = (await request.body()).decode(encoding)
            if "-->" not in dialogue:
                return _problem(422, f"{filename}: holds no subtitles")
            return Response(
                dialogue if to != "vtt" else "WEBVTT\n\n" + dialogue.replace(",", "."), media_type="text/plain"
            )

        @app.get("/v1/jobs/{key}/seconds")
        def seconds(key: str, request: Request, to: str = "json") -> Response:
            labels, kept = request.query_params.getlist("label"), self.jobs[key]
            scores = [
                [max((e["score"] for e in kept["found"] if e["label"] == x and _in(e, at)), default=0) for x in labels]
                for at in range(math.ceil(kept["job"]["duration"]))
            ]
            if to == "csv":
                return Response("start,end", headers={"content-disposition": "attachment; filename=yard.scores.csv"})
            return JSONResponse({"every": 1.0, "labels": labels, "scores": scores})

        @app.get("/v1/jobs/{key}/classifiers")
        def classifiers(key: str) -> list:
            found = _words(self.jobs[key]["job"]["duration"])
            names = ("least_squares", "svm", "mlp", "rnn", "gru")
            return [{**found, "classifier": n, "words": found["words"][i == 0 :]} for i, n in enumerate(names)]

        @app.get("/v1/jobs/{key}/alike")
        def alike(key: str, onset: float, offset: float) -> dict:
            starts = [(part * self.jobs[key]["job"]["duration"], score) for part, score in ALIKE]
            return {"candidates": [{"onset": at, "offset": at + offset - onset, "score": s} for at, s in starts]}

        @app.get("/v1/jobs/{key}/media")
        def played(key: str) -> Response:
            return FileResponse(self.jobs[key]["path"], media_type=self.jobs[key]["view"]["media"]["type"])

        @app.get("/v1/jobs/{key}/events")
        def corrections(key: str) -> Response:
            kept = self.jobs[key]
            changes = {"corrected": kept["corrected"] is not None, "past": kept["past"], "future": kept["future"]}
            return JSONResponse(changes, headers={"etag": f'"{kept["revision"]}"'})

        @app.put("/v1/jobs/{key}/events", status_code=204)
        async def correct(key: str, request: Request) -> Response:
            kept, body = self.jobs[key], await request.json()
            if self.refuses_saving:
                return _problem(422, "event 1 ends before it begins")
            if request.headers.get("if-match") not in (None, f'"{kept["revision"]}"'):
                return _problem(412, "these events were corrected elsewhere meanwhile: open the recording again")
            kept.update(corrected=body["events"], past=body["past"], future=body["future"])
            kept["revision"] += 1
            return Response(status_code=204, headers={"etag": f'"{kept["revision"]}"'})

        @app.put("/v1/jobs/{key}/words", status_code=204)
        async def write_words(key: str, request: Request) -> None:
            self.jobs[key]["texts"] = (await request.json())["texts"]

        @app.get("/v1/captions")
        def captions() -> Response:
            return Response(b"PK", headers={"content-disposition": "attachment; filename=earmark-captions.zip"})

        @app.get("/v1/jobs/{key}/dataset")
        def dataset(key: str) -> Response:
            return Response(b"PK", headers={"content-disposition": "attachment; filename=dataset.zip"})

    def _live_route(self) -> None:
        @self.app.websocket("/v1/live")
        async def live(client: WebSocket) -> None:
            await client.accept()
            asked = json.loads(await client.receive_text())
            self.asked.append(("LIVE", "/v1/live", json.dumps(asked)))
            await client.send_json({"type": "ready", "model": asked["model"], "latency": 0.5})
            heard, sounding, number = 0.0, False, 0
            text = PHRASES.get(asked["language"], {}).get("siren", "siren")
            try:
                while True:
                    message = await client.receive()
                    if message.get("bytes") is None:
                        break
                    block = np.frombuffer(message["bytes"], "<i2") / 32768
                    heard += len(block) / asked["rate"]
                    loud = bool(np.sqrt(np.mean(block**2)) > LOUD)
                    if loud and not sounding:
                        number += 1
                        event = {"label": "siren", "text": text, "onset": heard, "score": 0.9, "alarm": True}
                        await client.send_json({"type": "begin", "id": number, **event})
                        if self.live_breaks:
                            return await client.close(1011)
                    elif sounding and not loud:
                        await client.send_json({"type": "end", "id": number, "offset": heard})
                    sounding = loud
            except WebSocketDisconnect:
                pass


@lru_cache
def _drawn(content: bytes) -> tuple[float, dict]:
    """Duration and picture of a recording; of many with the same sound, one is decoded."""
    samples = media.read(content, RATE)
    picture = Picture(RATE)
    picture.add(samples)
    return len(samples) / RATE, picture.view()


def _problem(status: int, detail: str, **more: object) -> Response:
    problem = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail, **more}
    return JSONResponse(problem, status, media_type="application/problem+json")


def _in(event: dict, second: int) -> bool:
    return event["onset"] < second + 1 and event["offset"] > second


def _time(seconds: float) -> str:
    return f"{int(seconds // 3600):02}:{int(seconds // 60) % 60:02}:{seconds % 60:06.3f}"


def _voice(duration: float) -> list[float | None]:
    """A voice that falls from 140 to 100 Hz in each word, and is silent between."""
    times = np.arange(0, duration, 0.01)
    inside = (times % 1.2 > 0.2) & (times % 1.2 < 0.9)
    return [float(140 - 40 * (t % 1.2)) if voiced else None for t, voiced in zip(times, inside, strict=True)]


def _words(duration: float) -> dict:
    onsets = np.arange(0.2, duration - 0.7, 1.2)
    words = [{"onset": float(t), "offset": float(t + 0.7), "f0": 118.0 + n} for n, t in enumerate(onsets)]
    speaker = {"mean": 120.4, "median": 118.0, "std": 11.5, "voiced_seconds": 0.7 * len(words)}
    return {"classifier": "rnn", "words": words, "speaker_f0": speaker}
