import socket
import subprocess

import httpx
import psutil
import pytest
from service_process import COMMAND, Server


def refused(*words):
    done = subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_that_is_taken_is_told(tmp_path):
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
def test_what_cannot_be_is_told(tmp_path, words, says):
    assert says in refused("--folder", tmp_path / "service", *words)


def test_a_short_token_is_refused(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    assert "16 characters" in refused("--folder", tmp_path / "service", "--token-file", tmp_path / "token")


def test_beyond_loopback_everyone_brings_the_token_that_was_printed(tmp_path, low_high_file, street):
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
        job = server.ended(server.send(street, model="mine").json()["id"])
        assert (job["state"], job["model"]) == ("done", "mine")
        workers = server.workers()
        assert workers
        server.process.terminate()
        server.process.wait(300)
        assert psutil.wait_procs(workers, 300)[1] == []


def test_the_page_is_opened_with_what_lets_it_in(tmp_path, monkeypatch):
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    (tmp_path / "token").write_text("a token / of this test")
    options = ("--open", "--workers", "1", "--token-file", str(tmp_path / "token"))
    with Server(tmp_path / "service", *options) as server:
        Server.until(opened.exists)
        answer = httpx.get(opened.read_text(), timeout=300)
        assert answer.status_code == 303
        session = answer.headers["set-cookie"].partition(";")[0]
        jobs = httpx.get(f"http://127.0.0.1:{server.port}/v1/jobs", headers={"cookie": session}, timeout=300)
        assert jobs.json() == {"jobs": []}
