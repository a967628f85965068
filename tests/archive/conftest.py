import threading
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from archive_making import done_in, make_archive

from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below, root_of


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Twelve recordings of two seconds; not to be changed."""
    folder = tmp_path_factory.mktemp("archive") / "recordings"
    make_archive(folder, 12)
    return folder


@pytest.fixture
def indexed(low_high_file):
    """Brings an index up to date in this process, without Dask."""

    def run(folder, out, **settings):
        root = root_of(str(folder))
        options = options_for(root, str(low_high_file))
        return index(below(root), out, options, Settings(**{"jobs": 1, "most": 5, **settings}))

    return run


@pytest.fixture(scope="session")
def archive_index(archive, low_high_file, tmp_path_factory):
    """That of `archive`, in batches of five; not to be changed."""
    return _index_of(archive, low_high_file, tmp_path_factory)


@pytest.fixture(scope="session")
def sensing_index(archive, sensing_file, tmp_path_factory):
    """The same with embeddings."""
    return _index_of(archive, sensing_file, tmp_path_factory)


def _index_of(archive, model, factory):
    out = factory.mktemp("index") / "index"
    root = root_of(str(archive))
    index(below(root), out, options_for(root, str(model)), Settings(jobs=1, most=5))
    return out


class Served(SimpleHTTPRequestHandler):
    """Counts what is asked for: each labelling of a small recording is one GET.

    It answers as long as `answers`, so that a run that is to be killed cannot end before, however late the kill comes.
    """

    def __init__(self, *words, asked, answers, **options):
        self.asked, self.answers = asked, answers
        super().__init__(*words, **options)

    def do_GET(self):
        self.asked[self.path.lstrip("/")] += 1
        until = time.monotonic() + 300
        while not self.answers() and time.monotonic() < until:
            time.sleep(0.03)
        with suppress(BrokenPipeError, ConnectionResetError):  # it was killed
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def served(request, tmp_path):
    """A web server of forty recordings, or as many as a test says, which answers until an index has enough of them.

    Their folder, address, how often each was read, and what is enough.
    """
    folder, count = tmp_path / "recordings", getattr(request, "param", 40)
    make_archive(folder, count, seconds=1.0)
    asked, enough = Counter(), [count]
    handler = partial(
        Served, directory=str(folder), asked=asked, answers=lambda: done_in(tmp_path / "index") <= enough[0]
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}", asked, enough
        server.shutdown()
