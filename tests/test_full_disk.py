"""A disk that takes no more: said in one line, exit code 1 or status 507, and nothing half written."""

import asyncio
import errno

import httpx
import numpy as np
import pytest
from matplotlib.figure import Figure
from media_files import Track, sine, write
from model_making import tones, write_wav
from PIL import Image

from earmark.archive import layout
from earmark.captions import burn_in as burning
from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.plots import metrics
from earmark.plots import timeline as plot
from earmark.service.app import create_app
from earmark.service.settings import Settings
from earmark.util.atomic import is_full

FULL = OSError(errno.ENOSPC, "No space left on device")


def full(*_, **__):
    raise FULL


@pytest.fixture
def wav(tmp_path):
    return write_wav(tmp_path / "sounds" / "a.wav", tones(2.0, (0.5, 1.5, 300.0)))


def test_what_a_full_disk_says():
    assert is_full(FULL)
    assert is_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert not is_full(OSError(errno.EACCES, "Permission denied"))
    assert not is_full(ValueError())


@pytest.mark.parametrize("before", [None, b"an older picture"])
def test_pictures_are_whole_or_not_there(tmp_path, monkeypatch, before):
    path = tmp_path / "a.png"
    if before:
        path.write_bytes(before)

    def half(_, part, *__, **___):
        part.write_bytes(b"\x89PNG")
        raise FULL

    monkeypatch.setattr(Figure, "savefig", half)
    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(EarmarkError, match=r"a\.png: cannot be written \(No space left"):
        plot.save(Figure(), path)
    with pytest.raises(EarmarkError, match=r"a\.png: cannot be written \(No space left"):
        burning.burn_preview(write(None, "wav", Track(sine(0.1))), 0.0, [], path)
    with pytest.raises(EarmarkError, match=r"a\.png: cannot be written \(No space left"):
        metrics.draw_confusion(np.eye(2, dtype=int), ["a", "b"], path)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([before] if before else [])


def test_an_index(wav, tmp_path, low_high_file, command, monkeypatch):
    words = ("index", wav.parent, "--out", tmp_path / "index", "--model", low_high_file, "--jobs", 1)
    with monkeypatch.context() as patched:
        patched.setattr(layout, "write_options", full)
        done = command(*words)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"earmark: {tmp_path / 'index'}: cannot be read or written (No space left on device); "
        "the same command goes on where it stopped"
    ]
    assert command(*words).returncode == 0


def test_any_command(wav, low_high_file, command, monkeypatch):
    monkeypatch.setattr(common, "labeller", lambda *_, **__: full)
    done = command("label", wav, "--model", low_high_file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("earmark: the disk: takes no more ([Errno 28] No space left on device); make room")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("where", ["folder", "table"])
def test_the_service(tmp_path, wav, monkeypatch, where):
    app = create_app(Settings(tmp_path / "service"))
    service = app.state.service
    if where == "folder":
        monkeypatch.setattr(service.storage, "new", full)
    else:
        table = service.store._database
        table.execute(f"PRAGMA max_page_count = {table.execute('PRAGMA page_count').fetchone()[0]}")

    async def send():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            name = ("x" * 190 + ".wav", wav.read_bytes())
            return [await client.post("/v1/jobs", files={"file": name}) for _ in range(30)]

    answers = asyncio.run(send())
    refused = [answer for answer in answers if answer.status_code != 202]
    assert {answer.status_code for answer in refused} == {507}
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert "disk is full" in refused[0].json()["detail"]
    kept = {job.id for job in service.store.every()}
    assert kept == {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert kept == set(service.storage.ids())
    service.store.close()
    service._held.close()
