"""A web server that does to a download what the world does."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves one file; `script` says how it misbehaves, one word a request, and then it behaves."""

    daemon_threads = True

    def __init__(self, content: bytes, script: tuple[str, ...] = (), ranges: bool = True, etag: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.script = list(script)
        self.ranges = ranges
        self.etag = f'"{hashlib.md5(content).hexdigest()}"' if etag else ""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/archive.zip"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.asked.append(asked)
        how = server.script.pop(0) if server.script else ""
        if how.isdigit():
            self._head(int(how), 0)
            return
        content = server.content[::-1] if how == "wrong" else server.content
        start = self._start(asked)
        if start and start >= len(content):
            self._head(416, 0, {"Content-Range": f"bytes */{len(content)}"})
            return
        body = content[start:]
        ranged = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        if how == "elsewhere":
            ranged = {"Content-Range": f"bytes {start + 1}-{len(content) - 1}/{len(content)}"}
        length = len(body) + 10 if how == "lie" else len(body)
        self._head(206 if start else 200, length, ranged)
        self.wfile.write(body[: len(body) // 2] if how == "drop" else body)
        if how in {"drop", "lie"}:
            self.close_connection = True

    def _start(self, asked: str) -> int:
        fresh = self.headers.get("If-Range", self.server.etag) == self.server.etag
        return int(asked[len("bytes=") :].rstrip("-")) if asked and self.server.ranges and fresh else 0

    def _head(self, status: int, length: int, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
