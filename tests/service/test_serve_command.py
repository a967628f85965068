import socket
from pathlib import Path
from queue import SimpleQueue

import httpx
import psutil
import pytest
from service_process import Server
from starlette.testclient import TestClient

from earmark.service.settings import GB, HOUR, MB, Settings


@pytest.fixture
def unchanged(monkeypatch):
    """What a server changes of its process, which is that of all tests here, stays as it is."""
    monkeypatch.setattr("os.umask", lambda _: 0)
    monkeypatch.setattr("earmark.service.server._take_handles", lambda: None)


@pytest.fixture
def refused(command, unchanged):
    """What the command says where it ends before it serves."""

    def run(*words):
        done = command("serve", "--port", 0, *words)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    return run


def test_options_are_settings(command, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("earmark.service.server.run", lambda settings, **how: asked.append((settings, how)))
    limits = "--queue 3 --upload-mb 5 --hours 2 --memory-mb 600 --keep-hours 1 --keep-gb 0.5 --live-sessions 0"
    others = "--port 80 --workers 7 --model mine=a.onnx --origin http://[::1]:8"
    assert command("serve", "--folder", tmp_path / "service", *limits.split(), *others.split()).returncode == 0
    wanted = Settings(
        *(tmp_path / "service", "127.0.0.1", 80, None, frozenset(["http://[::1]:8"]), {"mine": Path("a.onnx")}),
        **{"workers": 7, "queue": 3, "upload_bytes": 5 * MB, "seconds": 2 * HOUR, "memory_bytes": 600 * MB},
        **{"keep_seconds": HOUR, "keep_bytes": GB // 2, "live_sessions": 0},
    )
    assert asked == [(wanted, {"tell_token": False, "open_page": False})]


def test_two_servers_do_not_share_a_folder(server, refused):
    assert "in use by another server" in refused("--folder", server.folder)


def test_a_port_that_is_taken_is_told(refused, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("--folder", tmp_path, "--port", taken.getsockname()[1])
    assert "cannot be listened on" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model", "nonsense"], "NAME=FILE"),
        (["--model", "mine=nowhere.onnx"], "nowhere.onnx"),
        (["--token-file", "nowhere"], "nowhere"),
        (["--host", "no.such.host.invalid"], "cannot be listened on"),
        (["--origin", "https://ears.example.org"], "add --token-file FILE"),
        (["--origin", "ears.example.org"], "is no origin"),
    ],
)
def test_what_cannot_be_is_told(refused, tmp_path, words, says):
    assert says in refused("--folder", tmp_path / "service", *words)


def test_a_short_token_is_refused(refused, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    assert "16 characters" in refused("--folder", tmp_path / "service", "--token-file", tmp_path / "token")


def test_beyond_loopback_everyone_brings_the_token_that_was_printed(tmp_path, low_high_file, five_words):
    with Server(
        tmp_path / "service", "--host", "0.0.0.0", "--model", f"mine={low_high_file}", "--workers", "1"
    ) as server:
        address = f"http://127.0.0.1:{server.port}"
        assert len(server.token) >= 32
        for path in ("/", "/v1/jobs", "/metrics", "/openapi.json", "/static/app.js"):
            assert httpx.get(address + path, timeout=300).status_code == 401
        assert httpx.get(address + "/healthz", timeout=300).status_code == 200
        with httpx.Client(base_url=address, follow_redirects=True, timeout=300) as browser:
            page = browser.get("/", params={"token": server.token})
            assert page.status_code == 200
            assert server.token not in str(page.url)
            cookie = page.history[0].headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert server.token not in cookie
            assert browser.get("/v1/jobs").status_code == 200
            assert (
                browser.delete("/v1/jobs/0000000000000000", headers={"origin": "http://evil.example"}).status_code
                == 403
            )
        assert "mine" in {model["name"] for model in server.client.get("/v1/models").json()["models"]}
        job = server.ended(server.send(five_words, model="mine").json()["id"])
        assert (job["state"], job["model"]) == ("done", "mine")
        workers = server.workers()
        assert workers
        server.process.terminate()
        server.process.wait(300)
        assert psutil.wait_procs(workers, 300)[1] == []


def test_the_page_is_opened_with_what_lets_it_in(command, unchanged, tmp_path, monkeypatch):
    opened, served = SimpleQueue(), []
    monkeypatch.setattr("webbrowser.open", opened.put)
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: served.append((server.config.app, *sockets)))
    (tmp_path / "token").write_text("a token / of this test")
    words = ("--open", "--port", 0, "--token-file", tmp_path / "token", "--folder", tmp_path / "service")
    assert command("serve", *words).returncode == 0
    ((app, listening),) = served
    page = httpx.URL(opened.get(timeout=300))
    assert (page.host, page.port) == listening.getsockname()
    assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # or each answer takes 40 ms longer
    listening.close()
    browser = TestClient(app, base_url=f"http://{page.netloc.decode()}", follow_redirects=False)
    answer = browser.get(page)
    assert answer.status_code == 303
    session = answer.headers["set-cookie"].partition(";")[0]
    assert browser.get("/v1/jobs", headers={"cookie": session}).json() == {"jobs": []}
    app.state.service.store.close()
    app.state.service._held.close()
