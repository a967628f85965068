"""The service behind nginx and Caddy, as deploy/ sets them up."""

import shutil
import socket
import ssl
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from service_process import PATIENCE, Server, SmallServer
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


def certificate(folder):
    """Writes a certificate that NAME signed itself, and its key; what a client trusts that knows it."""
    pem, key = folder / "fullchain.pem", folder / "privkey.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    told = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(key), "-out", str(pem)]
    subprocess.run([*command, *told], check=True, capture_output=True, timeout=300)
    trusting = ssl.create_default_context(cafile=pem)
    trusting.check_hostname = False  # it is reached by its address here
    return trusting


@contextmanager
def running(command, port, folder):
    told = folder / "told"
    with told.open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env={"HOME": str(folder), "PATH": "/bin"})

    def reached():
        assert process.poll() is None, told.read_text()
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return True
        except OSError:
            return False

    try:
        Server.until(reached)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def nginx(folder, upstream, port, site):
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace(
        "127.0.0.1:8765", f"127.0.0.1:{upstream}"
    )
    site = site.replace(f"/etc/letsencrypt/live/{NAME}", str(folder))
    kept = [line for line in site.splitlines() if "[::]" not in line]
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
    """Its file as it is, but with a certificate of ours and no ports of the machine."""
    site = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8765", f"127.0.0.1:{upstream}")
    own = f"{NAME}:{port} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"
    site = site.replace(f"{NAME} {{", own)
    site = site.replace("{\n\tservers", "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers")
    (folder / "Caddyfile").write_text(site)
    return [shutil.which("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for a token."""
    settings = f"workers=0, quick_workers=1, token={TOKEN!r}"
    with SmallServer(tmp_path_factory.mktemp("guarded") / "service", settings) as running:
        yield running


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_the_page_uploads_and_live_captions_work_behind_a_proxy(tmp_path, proxy, guarded, five_words):
    installed(proxy, "openssl")
    trusting = certificate(tmp_path)
    port = free_port()
    site = (DEPLOY / "nginx.conf").read_text()
    command = nginx(tmp_path, guarded.port, port, site) if proxy == "nginx" else caddy(tmp_path, guarded.port, port)
    origin = f"https://{NAME}:{port}"
    own = {"host": f"{NAME}:{port}", "origin": origin, "x-forwarded-for": "203.0.113.5"}
    with (
        running(command, port, tmp_path),
        httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting, headers=own, timeout=300) as client,
    ):
        named = {"extensions": {"sni_hostname": NAME}}
        assert client.get("/v1/jobs", **named).status_code == 401
        opened = client.get("/", params={"token": TOKEN}, headers={"x-forwarded-proto": "http"}, **named)
        assert opened.status_code == 303
        assert "secure" in opened.headers["set-cookie"].lower()  # what a client says of itself is not believed
        cookie = opened.headers["set-cookie"].partition(";")[0]
        client.headers["cookie"] = cookie
        with five_words.open("rb") as file:
            answer = client.post("/v1/classify", files={"file": file}, **named)
        assert answer.status_code == 200
        elsewhere = {"origin": "https://evil.example"}
        assert client.delete(f"/v1/jobs/{'0' * 16}", headers=elsewhere, **named).status_code == 403
        with (
            socket.create_connection(("127.0.0.1", port)) as line,
            connect(
                f"wss://{NAME}:{port}/v1/live",
                sock=line,
                ssl=trusting,
                origin=origin,
                additional_headers={"cookie": cookie},
                open_timeout=300,
            ) as live,
        ):
            live.send('{"format": "s16", "rate": 16000, "model": "unheard_of"}')
            assert "unheard_of" in live.recv(300)


BARE = """server {{ listen 443 ssl; ssl_certificate {folder}/fullchain.pem; ssl_certificate_key {folder}/privkey.pem;
location / {{ proxy_pass http://127.0.0.1:8765; {more} }} }}"""


@pytest.mark.parametrize("more", ["", "proxy_http_version 1.1; proxy_set_header X-Real-IP $remote_addr;"])
def test_behind_nginx_without_a_token_nobody_is_let_in(tmp_path, server, more):
    """Its usual Host is the service's own address: neither the Host nor the client's address tell it from us."""
    installed("nginx", "openssl")
    trusting = certificate(tmp_path)
    site = BARE.format(more=more, folder=tmp_path)
    port = free_port()
    with running(nginx(tmp_path, server.port, port, site), port, tmp_path):
        answer = httpx.get(f"https://127.0.0.1:{port}/v1/jobs", verify=trusting, timeout=300)
    assert answer.status_code == 403
    assert "--token-file" in answer.json()["detail"]
