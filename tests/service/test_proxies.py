"""The service behind nginx and Caddy, as deploy/ sets them up."""

import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from service_process import Server
from websockets.sync.client import connect

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "ears.example.org"
TOKEN = "a token of this test"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def installed(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@contextmanager
def running(command, port, folder):
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"HOME": str(folder), "PATH": "/bin"})

    def reached():
        assert process.poll() is None, process.stderr.read()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/").status_code
        except httpx.TransportError:
            return None

    try:
        Server.until(reached)
        yield
    finally:
        process.terminate()
        process.wait(60)
        process.stderr.close()


def nginx(folder, upstream, port, site):
    """`site`, as if TLS ended before it."""
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8765", f"127.0.0.1:{upstream}")
    kept = [line for line in site.splitlines() if "ssl_certificate" not in line and "[::]" not in line]
    (folder / "site.conf").write_text("\n".join(kept).replace("listen 80;", f"listen 127.0.0.1:{free_port()};"))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/site.conf; }}\n"
    )
    return [shutil.which("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder, upstream, port):
    site = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8765", f"127.0.0.1:{upstream}")
    site = site.replace(f"{NAME} {{", f"http://{NAME}:{port} {{").replace("{\n\tservers", "{\n\tadmin off\n\tservers")
    (folder / "Caddyfile").write_text(site)
    return [shutil.which("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_the_page_uploads_and_live_captions_work_behind_a_proxy(tmp_path, proxy, five_words):
    installed(proxy)
    (tmp_path / "token").write_text(TOKEN)
    with Server(tmp_path / "service", "--workers", "1", "--token-file", str(tmp_path / "token")) as server:
        port = free_port()
        site = (DEPLOY / "nginx.conf").read_text()
        command = nginx(tmp_path, server.port, port, site) if proxy == "nginx" else caddy(tmp_path, server.port, port)
        with running(command, port, tmp_path):
            origin = f"http://{NAME}:{port}"
            address, own = f"http://127.0.0.1:{port}", {"host": f"{NAME}:{port}", "origin": origin}
            assert httpx.get(f"{address}/v1/jobs", headers=own).status_code == 401
            opened = httpx.get(f"{address}/", params={"token": TOKEN}, headers={**own, "x-forwarded-proto": "https"})
            assert opened.status_code == 303
            assert "secure" not in opened.headers["set-cookie"].lower()  # what a client says of itself is not believed
            own["cookie"] = opened.headers["set-cookie"].partition(";")[0]
            with five_words.open("rb") as file:
                answer = httpx.post(f"{address}/v1/classify", files={"file": file}, headers=own, timeout=120)
            assert answer.status_code == 200
            elsewhere = {**own, "origin": "http://evil.example"}
            assert httpx.delete(f"{address}/v1/jobs/{'0' * 16}", headers=elsewhere).status_code == 403
            with (
                socket.create_connection(("127.0.0.1", port)) as line,
                connect(
                    f"ws://{NAME}:{port}/v1/live",
                    sock=line,
                    origin=origin,
                    additional_headers={"cookie": own["cookie"]},
                ) as live,
            ):
                live.send('{"format": "s16", "rate": 16000, "model": "unheard_of"}')
                assert "unheard_of" in live.recv(60)


BARE = """server {{ listen 443 ssl; location / {{ proxy_pass http://127.0.0.1:8765; {more} }} }}"""


@pytest.mark.parametrize("more", ["", "proxy_http_version 1.1; proxy_set_header X-Real-IP $remote_addr;"])
def test_behind_nginx_without_a_token_nobody_is_let_in(tmp_path, more):
    """Its usual Host is the service's own address: neither the Host nor the client's address tell it from us."""
    installed("nginx")
    with Server(tmp_path / "service", "--workers", "1") as server:
        port = free_port()
        with running(nginx(tmp_path, server.port, port, BARE.format(more=more)), port, tmp_path):
            answer = httpx.get(f"http://127.0.0.1:{port}/v1/jobs")
        assert answer.status_code == 403
        assert "--token-file" in answer.json()["detail"]
