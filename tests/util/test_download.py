import shutil
import socket
import sys
from types import SimpleNamespace

import pytest
from server import Server

from earmark.errors import DatasetError, EarmarkWarning, MissingExtraError
from earmark.util.download import Download

CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def fetch(tmp_path):
    """Downloads without waiting; returns the bytes and what was waited."""

    def run(url, **options):
        waits = []
        download = Download(url, tmp_path / "archive.zip", sleep=waits.append, **options)
        download.run()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip"], "nothing else is left"
        return download.target.read_bytes(), waits

    return run


def test_plain(fetch):
    seen = []
    with Server(CONTENT) as server:
        content, waits = fetch(server.url, on_progress=lambda done, total: seen.append((done, total)))
    assert content == CONTENT
    assert not waits
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


@pytest.mark.filterwarnings("ignore::earmark.errors.EarmarkWarning")
class TestTrouble:
    def test_dropped_connections_are_resumed(self, fetch):
        with Server(CONTENT, ("drop", "drop", "drop")) as server:
            content, waits = fetch(server.url)
            asked = [int(one[6:-1]) for one in server.asked[1:]]
        assert content == CONTENT
        assert waits == [1, 1, 1], "each got further, so none waits longer"
        assert asked == sorted(asked)
        assert asked[0] > 0

    def test_a_server_without_ranges_starts_again(self, fetch):
        with Server(CONTENT, ("drop", "drop"), ranges=False) as server:
            assert fetch(server.url)[0] == CONTENT

    def test_without_an_etag_nothing_is_resumed(self, fetch):
        with Server(CONTENT, ("drop",), etag=False) as server:
            assert fetch(server.url)[0] == CONTENT
            assert server.asked == ["", ""]

    def test_a_file_that_changed_in_between_starts_again(self, fetch, tmp_path):
        (tmp_path / "archive.zip.part").write_bytes(b"old")
        (tmp_path / "archive.zip.part.etag").write_text('"another"')
        with Server(CONTENT) as server:
            assert fetch(server.url)[0] == CONTENT

    def test_all_had_come_before(self, fetch, tmp_path):
        with Server(CONTENT) as server:
            (tmp_path / "archive.zip.part").write_bytes(CONTENT)
            (tmp_path / "archive.zip.part.etag").write_text(server.etag)
            assert fetch(server.url)[0] == CONTENT
            assert len(server.asked) == 1

    def test_more_had_come_than_there_is(self, fetch, tmp_path):
        with Server(CONTENT) as server:
            (tmp_path / "archive.zip.part").write_bytes(CONTENT + b"more")
            (tmp_path / "archive.zip.part.etag").write_text(server.etag)
            assert fetch(server.url)[0] == CONTENT

    def test_resumed_elsewhere_than_asked(self, fetch):
        with Server(CONTENT, ("drop", "elsewhere")) as server:
            assert fetch(server.url)[0] == CONTENT

    def test_a_busy_server_is_asked_again_more_and_more_slowly(self, fetch):
        with Server(CONTENT, ("503", "502", "429")) as server:
            content, waits = fetch(server.url)
        assert content == CONTENT
        assert waits == [1, 2, 4]

    def test_a_server_that_stays_busy(self, fetch):
        with Server(CONTENT, ("503",) * 9) as server, pytest.raises(DatasetError, match=r"in 6 attempts.*503"):
            fetch(server.url)

    def test_a_length_that_is_a_lie(self, fetch):
        with Server(CONTENT, ("lie",) * 9, ranges=False) as server, pytest.raises(DatasetError, match="attempts"):
            fetch(server.url)

    def test_what_has_come_stays_for_the_next_run(self, fetch, tmp_path):
        with Server(CONTENT, ("drop", *["503"] * 6)) as server:
            with pytest.raises(DatasetError, match="goes on where it stopped"):
                fetch(server.url)
            assert (tmp_path / "archive.zip.part").stat().st_size > 0
            assert fetch(server.url)[0] == CONTENT
            assert server.asked[-1].startswith("bytes=")

    def test_nobody_there(self, fetch):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/x.zip"
        with pytest.raises(DatasetError, match="--url"):
            fetch(url)


def test_retries_are_told(fetch):
    with Server(CONTENT, ("503",)) as server, pytest.warns(EarmarkWarning, match="503; the next attempt is in 1 s"):
        fetch(server.url)


@pytest.mark.parametrize("status", ["404", "403", "410"])
def test_what_is_not_there_is_asked_for_once(fetch, status):
    with Server(CONTENT, (status,)) as server:
        with pytest.raises(DatasetError, match=f"answers {status}"):
            fetch(server.url)
        assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["ftp://example.org/x.zip", "nonsense", "http://"])
def test_no_address(fetch, url):
    with pytest.raises(DatasetError, match="correct --url"):
        fetch(url)


def test_too_small_a_disk_is_told_before(fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2_000_000_000))
    with Server(CONTENT) as server, pytest.raises(DatasetError, match=r"2\.0 GB are free, 3\.0 GB are needed"):
        fetch(server.url, spare=3_000_000_000)
    assert not list(tmp_path.iterdir())


def test_small_files_are_counted_in_megabytes(fetch, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=400_000))
    with Server(CONTENT) as server, pytest.raises(DatasetError, match=r"0\.4 MB are free, 1\.3 MB are needed"):
        fetch(server.url)


def test_what_is_not_accepted_gets_no_name(fetch, tmp_path):
    def refuse(file):
        assert file.read_bytes() == CONTENT
        assert not (tmp_path / "archive.zip").exists()
        raise DatasetError(file, "is another")

    with Server(CONTENT) as server, pytest.raises(DatasetError, match="is another"):
        fetch(server.url, accept=refuse)
    assert not list(tmp_path.iterdir())


def test_without_httpx(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"earmark\[data\]"):
        fetch("http://127.0.0.1/")
