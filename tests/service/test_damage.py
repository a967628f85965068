"""What somebody else does to the service's folder while it is down, or up: told clearly, and never a fault of ours."""

import asyncio
import json
import shutil

import httpx
import pytest
from service_process import SmallServer

from earmark.errors import EarmarkError
from earmark.service.app import create_app
from earmark.service.settings import Settings
from earmark.service.storage import Storage
from earmark.service.store import DAMAGED, Job, Store

IDS = [f"{number:016x}" for number in range(4)]


def damaged(tmp_path, column, value, state="queued"):
    """A store of four jobs, the second of which has another value in its row."""
    store = Store(tmp_path / "jobs.sqlite")
    for job_id in IDS:
        store.add(Job(job_id, "label", "a.wav", "sounds", {}, bytes=10))
    if state == "done":
        store.finish(IDS[1], 1.0, 10)
    store._database.execute(f"UPDATE jobs SET {column} = ? WHERE id = ?", (value, IDS[1]))
    return store


ODD = [
    ("state", "frozen"),
    ("state", b"\xff\xfe"),
    ("options", "{"),
    ("options", "[" * 100_000),
    ("options", "7"),
    ("error", "no JSON"),
    ("error", "[1]"),
    ("name", b"\xff"),
    ("crashes", "many"),
    ("seconds", "soon"),
    ("bytes", b"x"),
    ("created", 9e999),
    ("created", "yesterday"),
    ("duration", "long"),
]


@pytest.mark.parametrize("state", ["queued", "done"])
@pytest.mark.parametrize(("column", "value"), ODD)
def test_a_damaged_row_is_a_job_that_failed(tmp_path, column, value, state):
    store = damaged(tmp_path, column, value, state)
    for _ in range(2):  # as it stands, and after a start
        job = store.get(IDS[1])
        assert (job.state, job.error) == ("failed", DAMAGED)
        assert [one.id for one in store.every()] == IDS
        store.recover(20)
    assert store.get(IDS[1]).finished is not None  # so that it is swept one day
    assert store.counts()["failed"] == 1
    assert store.unfinished_bytes() == 30


def test_a_damaged_row_holds_up_no_other(tmp_path):
    store = damaged(tmp_path, "options", "{")
    assert [store.claim(False).id for _ in range(3)] == [IDS[0], IDS[2], IDS[3]]
    assert store.claim(False) is None


def test_text_that_is_no_utf8_is_read(tmp_path):
    store = damaged(tmp_path, "name", "x")
    store._database.execute("UPDATE jobs SET name = CAST(x'61ff' AS TEXT) WHERE id = ?", (IDS[1],))
    assert store.get(IDS[1]).name == "a�"


@pytest.mark.parametrize("job_id", ["../../thesis", "..", "", "/tmp/thesis", "0" * 17, "A" * 16, b"\x01"])
def test_a_row_whose_id_may_be_a_path_is_nobodys(tmp_path, job_id):
    store = damaged(tmp_path, "id", job_id)
    assert [one.id for one in store.every()] == [IDS[0], *IDS[2:]]
    store.recover(20)
    assert [store.claim(False).id for _ in range(3)] == [IDS[0], *IDS[2:]]


def test_a_table_that_is_lost_while_the_service_runs_is_told(tmp_path):
    service = create_app(Settings(tmp_path))
    service.state.service.store._database.execute("DROP TABLE jobs")

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://localhost") as client:
            return await client.get("/v1/jobs")

    answer = asyncio.run(ask())
    assert answer.status_code == 503
    assert "table of jobs" in answer.json()["detail"]
    service.state.service.store.close()
    service.state.service._held.close()


def test_a_database_with_a_damaged_page_is_refused(tmp_path):
    path = tmp_path / "jobs.sqlite"
    store = Store(path)
    for number in range(500):
        store.add(Job(f"{number:016x}", "label", "a.wav" * 20, "sounds", {}))
    store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    content = bytearray(path.read_bytes())
    content[20 * 4096 : 24 * 4096] = b"\xa5" * (4 * 4096)
    path.write_bytes(content)
    with pytest.raises(EarmarkError, match=r"jobs\.sqlite: .*(damaged|malformed).*; move it away") as told:
        Store(path)
    assert "\n" not in str(told.value)


@pytest.fixture(scope="module")
def labelled(server, five_words):
    """A job that is done."""
    job_id = server.done(five_words)
    yield job_id
    assert server.client.delete(f"/v1/jobs/{job_id}").status_code == 204


@pytest.fixture
def spoiled(server, labelled, tmp_path):
    """A job that is done, and its folder: for a test to spoil."""
    folder, whole = server.folder / "jobs" / labelled, tmp_path / "whole"
    shutil.copytree(folder, whole)
    yield labelled, folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)


def asked(server, job_id):
    here = f"/v1/jobs/{job_id}"
    paths = ("result", "result?to=vtt", "result?sensitivity=0.7", "view", "dataset")
    found = {path: server.client.get(f"{here}/{path}").status_code for path in paths}
    return found | {"events": server.client.put(f"{here}/events", json={"events": []}).status_code}


def test_a_job_whose_folder_is_gone_is_gone(server, spoiled):
    job_id, folder = spoiled
    shutil.rmtree(folder)
    assert set(asked(server, job_id).values()) == {410}
    answer = server.client.get("/v1/dataset", params={"job": job_id})
    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert "send the recording again" in answer.json()["detail"]
    assert server.job(job_id)["state"] == "done"


@pytest.mark.parametrize(
    ("file", "where"),
    [
        ("result.json", {"result", "result?to=vtt", "dataset", "events"}),
        ("scores.npz", {"result?sensitivity=0.7"}),
        ("upload", {"dataset"}),
        ("view.json", {"view"}),
    ],
)
def test_a_file_that_is_gone_or_damaged_is_told_so(server, spoiled, file, where):
    job_id, folder = spoiled
    if file not in ("upload", "view.json"):  # what is wrong with those is seen by who reads them
        whole = (folder / file).read_bytes()
        (folder / file).write_bytes(whole[: len(whole) // 2])
        found = asked(server, job_id)
        assert {path for path, status in found.items() if status == 410} == where, found
        assert set(found.values()) <= {200, 204, 410}
    (folder / "corrected.json").unlink(missing_ok=True)
    (folder / file).unlink()
    found = asked(server, job_id)
    assert where <= {path for path, status in found.items() if status == 410}, found
    assert set(found.values()) <= {200, 204, 410}


def modes(folder):
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


def test_only_the_account_reads_jobs_also_those_of_before(tmp_path, five_words):
    folder, outside = tmp_path / "service", tmp_path / "outside"
    folder.mkdir(0o755)
    outside.write_text("not ours")
    outside.chmod(0o644)
    store, storage = Store(folder / "jobs.sqlite"), Storage(folder)
    storage.claim(store.mark, set())
    before, kept = storage.new()
    kept.upload.write_bytes(b"a")
    store.add(Job(before, "label", "a.wav", "sounds", {}))
    store._database.execute("UPDATE jobs SET state = 'frozen'")
    store.close()
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (kept.path / "link").symlink_to(outside)
    with SmallServer(folder) as server:
        (old,) = server.client.get("/v1/jobs").json()["jobs"]
        assert (old["id"], old["state"], old["error"]["detail"]) == (before, "failed", DAMAGED["detail"])
        assert server.result(before).status_code == 409
        new = server.done(five_words)
        assert server.client.put(f"/v1/jobs/{new}/events", json={"events": []}).status_code == 204
        kept = {name: mode for name, mode in modes(folder).items() if not name.endswith("link")}
        assert {f"jobs/{new}/corrected.json", f"jobs/{before}/upload", "jobs.sqlite-wal", "lock"} <= kept.keys()
        assert {mode for name, mode in kept.items() if (folder / name).is_dir()} == {0o700}
        assert {mode for name, mode in kept.items() if (folder / name).is_file()} == {0o600}, json.dumps(kept)
    assert outside.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_closed_is_refused(tmp_path, monkeypatch):
    Storage(tmp_path)._jobs.chmod(0o755)

    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.chmod", refuse)
    with pytest.raises(EarmarkError, match=r"jobs: cannot be closed to others \(Operation not permitted\)"):
        create_app(Settings(tmp_path))
