"""Uploads while they come, through real sockets: where they lie, what they may take, and what becomes of them."""

import asyncio
import errno
import json
import threading
import time
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import anyio.lowlevel
import httpx
import pytest
from app_server import line, rest, serving
from service_process import Server
from starlette.exceptions import HTTPException

from earmark.service import uploads
from earmark.service.app import create_app
from earmark.service.settings import Settings
from earmark.service.tasks import QUICK

until = Server.until
BEGIN = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
END = b"\r\n--x--\r\n"
TOKEN = "a token of this test"
FRAME = len(BEGIN) + len(END)  # what the form adds to its file
SURPRISE = b'\r\n--x\r\ncontent-disposition: form-data; name="surprise"\r\n\r\n1' + END


@contextmanager
def service(folder, **limits):
    """The service's state and port; no job of it is ever done."""
    settings = Settings(folder, workers=0, quick_workers=0, **limits)
    app = create_app(settings)
    with serving(app, settings) as port:
        yield app.state.service, port


@pytest.fixture
def usual(tmp_path):
    with service(tmp_path / "service") as found:
        yield found


def head(length, path="/v1/jobs", method="POST", kind="multipart/form-data; boundary=x"):
    how = f"content-length: {length}" if length is not None else "transfer-encoding: chunked"
    return f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n{how}\r\n\r\n".encode()


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def status(connection):
    return int(connection.recv(10_000).split()[1])


def answer(port, path="/v1/jobs", source="127.0.0.1", more=b""):
    """The status of a form that makes no sense: 422 where it was read."""
    with line(port, source) as asking:
        first = head(len(BEGIN + SURPRISE), path).replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n")
        asking.sendall(first + BEGIN + SURPRISE)
        return status(asking)


def uploaded(state):
    return list(state.storage.folder.glob("jobs/*/upload"))


def test_an_upload_is_written_where_it_is_to_lie_and_nowhere_else(usual, tmp_path, monkeypatch):
    state, port = usual
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    content = bytes(range(256)) * 20_000
    with line(port) as sending:
        sending.sendall(head(len(content) + FRAME) + BEGIN + content[:4_000_000])
        (path,) = until(lambda: uploaded(state))
        until(lambda: path.stat().st_size > 3_000_000)
        state.supervisor._cleanup.sweep()  # it is nobody's stray
        assert list((tmp_path / "temporary").iterdir()) == []
        sending.sendall(content[4_000_000:] + END)
        assert status(sending) == 202
    assert path.read_bytes() == content
    (job,) = state.store.every()
    assert (path.parent.name, job.name, job.bytes, job.state) == (job.id, "a.wav", len(content), "queued")
    assert state.storage.receiving == set()


@pytest.mark.parametrize("ending", ["left", "no form", "refused"])
def test_what_becomes_no_job_is_gone(usual, ending):
    state, port = usual
    with line(port) as sending:
        end = SURPRISE if ending == "refused" else b"-" * len(SURPRISE)
        sending.sendall(head(len(BEGIN) + 1000 + len(end)) + BEGIN + b"a" * 1000)
        until(lambda: uploaded(state))
        if ending != "left":
            sending.sendall(end)
            assert status(sending) == (422 if ending == "refused" else 400)
    until(lambda: state.storage.receiving == set())
    assert not list(state.storage.folder.glob("jobs/?*/"))
    assert state.upload_slots._reserved.total() == 0
    assert state.store.every() == []


def test_a_full_disk_is_told(usual, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    state, port = usual
    monkeypatch.setattr("earmark.service.uploads.FormReader.write", full)
    with line(port) as sending:
        sending.sendall(head(1000) + BEGIN)
        assert status(sending) == 507
    until(lambda: state.storage.receiving == set())


def test_uploads_under_way_need_room_together(tmp_path):
    with service(tmp_path, keep_bytes=1000) as (state, port):
        with line(port) as first:
            first.sendall(head(600))  # and not a byte of it
            until(lambda: state.upload_slots._reserved.total() == 600)
            with line(port) as second:
                second.sendall(head(600))
                assert status(second) == 507
            with line(port) as third:
                third.sendall(head(400))
                until(lambda: state.upload_slots._reserved.total() == 1000)
            until(lambda: state.upload_slots._reserved.total() == 600)
        until(lambda: state.upload_slots._reserved.total() == 0)
        with line(port) as fourth:
            fourth.sendall(head(FRAME + 700) + BEGIN + b"a" * 700 + END)
            assert status(fourth) == 202
        with line(port) as fifth:  # the job that waits needs its room
            fifth.sendall(head(400))
            assert status(fifth) == 507


def test_what_did_not_say_its_length_needs_room_as_it_comes(tmp_path):
    with service(tmp_path, keep_bytes=1000) as (state, port), line(port) as first, line(port) as second:
        first.sendall(head(600))
        until(lambda: state.upload_slots._reserved.total() == 600)
        second.sendall(head(None) + chunk(BEGIN + b"a" * (400 - len(BEGIN))))
        until(lambda: state.upload_slots._reserved.total() == 1000)
        second.sendall(chunk(b"a") + chunk(b""))
        assert status(second) == 507
        until(lambda: state.upload_slots._reserved.total() == 600)


def test_short_clips_have_places_of_their_own(tmp_path):
    with service(tmp_path, uploads=2, quick_uploads=1) as (state, port), ExitStack() as held:
        for _ in range(2):
            held.enter_context(line(port)).sendall(head(1000))
        until(lambda: len(state.storage.receiving) == 2)
        assert answer(port, "/v1/jobs") == 429
        assert answer(port, "/v1/classify") == 422  # it was read: its form makes no sense
        held.enter_context(line(port)).sendall(head(1000, "/v1/classify"))
        until(lambda: len(state.storage.receiving) == 3)
        assert answer(port, "/v1/classify") == 429
        held.close()
        until(lambda: answer(port, "/v1/jobs") == 422)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/classify"])
def test_a_client_has_so_many_uploads_at_once_and_others_theirs(tmp_path, path):
    with service(tmp_path, uploads_each=2, quick_uploads_each=2) as (state, port), ExitStack() as held:
        for _ in range(2):
            held.enter_context(line(port)).sendall(head(1000, path))
        until(lambda: len(state.storage.receiving) == 2)
        assert answer(port, path) == 429
        assert answer(port, path, source="127.0.0.2") == 422
        assert (
            answer(port, path, more=b"x-forwarded-for: 203.0.113.5\r\n") == 403
        )  # without a token, nobody is believed
        held.close()
        until(lambda: answer(port, path) == 422)
    assert state.upload_slots._under_way == {True: {}, False: {}}


def test_behind_a_proxy_of_this_machine_clients_are_those_that_it_names(tmp_path):
    key = f"authorization: Bearer {TOKEN}\r\n".encode()
    with service(tmp_path, uploads_each=1, token=TOKEN) as (state, port), line(port) as first:
        first.sendall(head(1000).replace(b"\r\n\r\n", b"\r\nx-forwarded-for: 203.0.113.5\r\n" + key + b"\r\n"))
        until(lambda: len(state.storage.receiving) == 1)
        for client, found in ((b"203.0.113.5", 429), (b"203.0.113.6", 422), (b"203.0.113.6, 203.0.113.5", 429)):
            assert answer(port, more=key + b"x-forwarded-for: " + client + b"\r\n") == found


def test_an_unanswered_clip_keeps_its_clients_place(tmp_path):
    with service(tmp_path, quick_uploads_each=1) as (state, port), line(port) as waiting:
        waiting.sendall(head(FRAME + 100, "/v1/classify") + BEGIN + b"a" * 100 + END)
        (job,) = until(state.store.every)
        assert answer(port, "/v1/classify") == 429
        assert answer(port, "/v1/classify", source="127.0.0.2") == 422
        state.store.fail(job.id, {"title": "no", "detail": "it was told"})
        rest_of_one(waiting)
        until(lambda: answer(port, "/v1/classify") == 422)


def test_what_a_client_has_under_way_is_bounded(tmp_path):
    with service(tmp_path, upload_bytes_each=1000) as (state, port), line(port) as first, line(port) as second:
        first.sendall(head(600))
        until(lambda: state.upload_slots._reserved.total() == 600)
        with line(port) as third:
            third.sendall(head(600))
            assert status(third) == 429
        with line(port, "127.0.0.2") as other:
            other.sendall(head(600))
            until(lambda: state.upload_slots._reserved.total() == 1200)
        second.sendall(head(None) + chunk(BEGIN + b"a" * (401 - len(BEGIN))) + chunk(b""))
        assert status(second) == 429


@pytest.mark.parametrize(
    ("path", "method", "kind"),
    [
        ("/v1/jobs", "POST", "multipart/form-data; boundary=x"),
        ("/v1/classify", "POST", "multipart/form-data; boundary=x"),
        ("/v1/jobs/0123456789abcdef/events", "PUT", "application/json"),
    ],
)
@pytest.mark.parametrize("drips", [False, True])
def test_a_body_that_comes_too_slowly_is_not_waited_for(tmp_path, path, method, kind, drips):
    with service(tmp_path, upload_rate=1000, upload_patience=0.1) as (state, port), line(port) as sending:
        sending.sendall(head(100_000, path, method, kind) + (BEGIN if "form" in kind else b"[" * 200))
        for _ in range(40 if drips else 0):  # a fifth of the rate
            try:
                sending.sendall(b" " * 10)
            except ConnectionError:
                break
            time.sleep(0.05)
        said = rest(sending)
        if said or not drips:  # who sends on may hear no more than that it is over
            assert said.startswith(b"HTTP/1.1 408 ")
            assert json.loads(said.partition(b"\r\n\r\n")[2])["detail"].startswith("a body must arrive with 1000 bytes")
        until(lambda: state.storage.receiving == set())
        assert uploaded(state) == []


def test_a_body_that_is_slow_but_steady_arrives(tmp_path, monkeypatch):
    clock, heard = [0.0], []
    monkeypatch.setattr(uploads, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    async def receive():
        await anyio.lowlevel.checkpoint()
        clock[0] += 6.0  # in all, longer than it may be behind
        return {"type": "http.request", "body": b"a" * 100, "more_body": len(heard) < 9}

    async def app(_, receive, __):
        more = True
        while more:
            heard.append(message := await receive())
            more = message["more_body"]

    def read(rate):
        limit = uploads.BodyLimit(app, Settings(tmp_path, upload_rate=rate, upload_patience=50.0))
        asyncio.run(limit({"type": "http", "path": "/v1/jobs"}, receive, None))

    read(rate=16)
    assert (len(heard), clock[0]) == (10, 60.0)
    heard.clear()
    with pytest.raises(HTTPException) as refused:
        read(rate=1600)
    assert refused.value.status_code == 408


def test_no_database_work_is_done_by_the_loop(usual, tmp_path):
    state, port = usual
    on_loop = []

    def note(statement):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        on_loop.append(statement)

    state.store._database.set_trace_callback(note)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
        job = client.post("/v1/jobs", files={"file": b"a"}).json()
        here = job["links"]["self"]
        for path in ("/v1/jobs", here, here + "/result", "/healthz", "/metrics", "/v1/jobs/" + "0" * 16):
            assert client.get(path).status_code in (200, 404, 409)
        assert client.delete(here).status_code == 204
        classify_while_it_is_done(state, client)
    assert on_loop == []


def classify_while_it_is_done(state, client):
    """The answer to a clip that is done by hand, and the seconds from there to the answer."""
    found = {"recording": "a.wav", "labels": [{"label": "dog", "score": 0.9}]}
    ended = []

    def work():
        job = until(lambda: state.store.claim(True))
        state.storage.of(job.id).result.write_text(json.dumps(found))
        state.store.finish(job.id, 1.0, 10)
        ended.append(job.id)

    worker = threading.Thread(target=work)
    worker.start()
    answer = client.post("/v1/classify", files={"file": ("a.wav", b"a")})
    worker.join(300)
    assert (answer.status_code, answer.json()) == (200, found)
    assert state.store.get(ended[0]) is None
    assert not state.storage.of(ended[0]).path.exists()


def test_a_clip_is_waited_for_without_looking(usual, monkeypatch):
    """Its request hears of the end by itself: the table is asked about it a few times, however long it takes."""
    state, port = usual
    asked = []
    get = state.store.get
    monkeypatch.setattr(state.store, "get", lambda job_id: asked.append(job_id) or get(job_id))
    claim = state.store.claim
    monkeypatch.setattr(state.store, "claim", lambda quick: time.sleep(1.0) or claim(quick))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
        classify_while_it_is_done(state, client)
    assert len(asked) < 10


def test_a_clip_that_fails_is_told_and_forgotten(usual):
    state, port = usual
    with line(port) as asking:
        asking.sendall(head(FRAME + 100, "/v1/classify") + BEGIN + b"a" * 100 + END)
        (job,) = until(state.store.every)
        assert job.task == QUICK
        state.store.fail(job.id, {"title": "no", "detail": "it was told"})
        assert b"it was told" in rest_of_one(asking)
    until(lambda: state.store.every() == [])


def rest_of_one(connection):
    said = connection.recv(10_000)
    return said if b"}" in said else said + connection.recv(10_000)
