"""An archive in a bucket: S3 as moto serves it, over real HTTP, through a proxy that fails now and then."""

import http.client
import socket
import struct
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import pytest
from archive_making import index_rows, make_archive

from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below, root_of
from earmark.errors import EarmarkError

BUCKET = "archive"


class Proxy(ThreadingHTTPServer):
    """Passes requests on; what `fail` says of a path and how often it was asked for goes wrong."""

    daemon_threads = True

    def __init__(self, port, fail):
        super().__init__(("127.0.0.1", 0), Passing)
        self.port, self.fail, self.asked, self.lock = port, fail, Counter(), Lock()


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.lock:
            self.server.asked[self.path] += 1
            how = self.server.fail(self.path, self.server.asked[self.path])
        if how == "500":
            self.send_response(500)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        if how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=300)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = answer.getheader("content-length") if self.command == "HEAD" else str(len(content))
        self.send_header("content-length", length or "0")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if how == "short" else content)
        if how == "short":
            self.close_connection = True
        upstream.close()

    do_GET = do_HEAD = do_PUT = do_POST = pass_on  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Four recordings of two seconds."""
    folder = tmp_path_factory.mktemp("archive") / "recordings"
    make_archive(folder, 4)
    return folder


@pytest.fixture(scope="module")
def s3fs():
    """Imported as late as moto: both take seconds, which each process that collects these tests would spend."""
    return pytest.importorskip("s3fs", reason="s3fs is not installed")


@pytest.fixture(scope="module")
def moto(archive, s3fs):
    """The port of a server of S3 with the archive in a bucket."""
    moto_server = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_MAX_ATTEMPTS", "2")
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        direct = s3fs.S3FileSystem(skip_instance_cache=True)
        direct.mkdir(BUCKET)
        direct.put(str(archive), f"{BUCKET}/", recursive=True)
        yield port
    server.stop()


@pytest.fixture
def served(moto, s3fs, archive, monkeypatch):
    """A function that has the bucket served with failures."""

    @contextmanager
    def serve(fail):
        proxy = Proxy(moto, fail)
        thread = Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
        s3fs.S3FileSystem.clear_instance_cache()
        try:
            yield f"s3://{BUCKET}/{archive.name}", proxy
        finally:
            proxy.shutdown()
            proxy.server_close()
            thread.join(300)

    return serve


def rows_of(out):
    """All rows, without the time of modification, which is that of the copy."""
    rows = index_rows(out)
    return rows | {"recordings": [row[:2] + row[3:] for row in rows["recordings"]]}


def never(_path, _times):
    return None


@pytest.fixture(scope="module")
def local(archive, low_high_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("local") / "index"
    index(below(root_of(str(archive))), out, options_for(str(archive), str(low_high_file)), Settings(jobs=1))
    return rows_of(out)


def brought(place, out, model):
    return index(below(place), out, options_for(place, str(model)), Settings(jobs=1, most=2))


def test_a_bucket_is_an_archive_like_a_folder(served, local, low_high_file, tmp_path):
    with served(never) as (place, proxy):
        report = brought(place, tmp_path / "index", low_high_file)
        assert (report.labelled, report.bad) == (4, [])
        assert rows_of(tmp_path / "index") == local
        before = sum(count for path, count in proxy.asked.items() if path.endswith(".wav"))
        assert before >= 4
        again = brought(place, tmp_path / "index", low_high_file)
        assert (again.labelled, again.unchanged) == (0, 4)
        assert sum(count for path, count in proxy.asked.items() if path.endswith(".wav")) == before


@pytest.mark.parametrize("how", ["500", "reset", "short"])
def test_failures_that_pass_cost_nothing(served, local, low_high_file, tmp_path, how):
    """Each recording fails when it is asked for first."""
    with served(lambda path, times: how if path.endswith(".wav") and times == 1 else None) as (place, proxy):
        report = brought(place, tmp_path / "index", low_high_file)
        assert report.bad == []
        assert rows_of(tmp_path / "index") == local
        assert max(proxy.asked.values()) > 1


def test_a_recording_that_always_fails_is_a_bad_one(served, s3fs, low_high_file, tmp_path):
    gone = []

    def fail(path, _times):
        return "500" if gone and path.endswith(gone[0]) else None

    with served(fail) as (place, _):
        found = below(place)
        gone.append(found.recordings[3].name)
        options = options_for(place, str(low_high_file))
        report = index(found, tmp_path / "index", options, Settings(jobs=1))
        ((name, why),) = report.bad
        assert name == gone[0]
        assert why
        gone.clear()
        s3fs.S3FileSystem.clear_instance_cache()
        again = index(found, tmp_path / "index", options, Settings(jobs=1, retry_bad=True))
        assert (again.labelled, again.bad) == (1, [])


def test_a_bucket_that_is_not_there(served):
    with served(never), pytest.raises(EarmarkError, match=r"cannot be read .*bucket does not exist"):
        below("s3://no-such-bucket/recordings")
