"""Pretrained weights: where they are looked for, what is taken for them, and how they are fetched."""

import hashlib
import io
import os
import select
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from server import Server

from earmark.errors import EarmarkError, EarmarkWarning, MissingExtraError, ModelError
from earmark.models.pretrained import PRETRAINED, ask_at_terminal, credit, ensure, find, get, known
from earmark.util import download
from earmark.util.locks import alone

CONTENT = bytes(range(256)) * 3000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    return tmp_path / "cache" / "pretrained"


@pytest.fixture
def small(monkeypatch):
    """`mn04_as` as a small file whose content the tests have."""
    weights = replace(PRETRAINED["mn04_as"], sha256=DIGEST, bytes=len(CONTENT))
    monkeypatch.setitem(PRETRAINED, "mn04_as", weights)
    return weights


@pytest.fixture
def served(small, monkeypatch):
    """Makes a server that the weights come from, and lets no time pass between attempts."""
    monkeypatch.setattr(download, "Download", partial(download.Download, sleep=lambda seconds: None))

    @contextmanager
    def run(content=CONTENT, script=(), weights=small):
        with Server(content, script) as server:
            url = server.url.replace("archive.zip", weights.file)
            monkeypatch.setitem(PRETRAINED, weights.name, replace(weights, url=url))
            yield server

    return run


@pytest.fixture
def unpublished(monkeypatch):
    """The same without a checksum."""
    weights = replace(PRETRAINED["mn04_as"], sha256=None, bytes=None)
    monkeypatch.setitem(PRETRAINED, "mn04_as", weights)
    return weights


def lay(folder, weights, content=CONTENT):
    """Put the file of some weights into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / weights.file).write_bytes(content)
    return folder / weights.file


def test_the_table_names_files_of_their_publisher():
    for name, weights in PRETRAINED.items():
        assert weights.name == name
        assert weights.url.startswith("https://github.com/fschmid56/EfficientAT/releases/download/")
        assert weights.file == f"{name}_mAP_{round(weights.precision * 1000)}.pt"
        assert round(weights.width * 10) == int(name[2:4])
        assert weights.licence == "MIT"
        assert (weights.sha256 is None) == (weights.bytes is None)
    assert PRETRAINED["mn04_as"].terms == "4 MB, MIT licence"
    assert PRETRAINED["mn05_as"].terms == "MIT licence"


@pytest.mark.shared
def test_the_real_file(pretrained, monkeypatch):
    weights = known("mn04_as")
    assert pretrained.stat().st_size == weights.bytes
    monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))
    assert find("mn04_as") == pretrained
    monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained.parent))
    assert find("mn04_as") == pretrained


class TestFind:
    def test_what_is_missing_and_how_to_get_it(self):
        with pytest.raises(ModelError) as error:
            find("mn04_as")
        assert str(error.value) == (
            "mn04_as: is not in the cache (4 MB, MIT licence); get it with `earmark models get mn04_as`, "
            "or name a copy of mn04_as_mAP_432.pt with EARMARK_PRETRAINED"
        )

    def test_a_file_is_taken_as_it_is(self, tmp_path):
        (tmp_path / "mine.pt").write_bytes(b"anything")
        assert find(tmp_path / "mine.pt") == tmp_path / "mine.pt"
        assert find(str(tmp_path / "mine.pt")) == tmp_path / "mine.pt"

    @pytest.mark.parametrize("name", ["gone/mine.pt", "mn99_as", ""])
    def test_neither_file_nor_name(self, name):
        with pytest.raises(ModelError, match=r"neither a file nor the name.*choose mn04_as, mn05_as, mn10_as"):
            find(name)

    def test_in_the_cache(self, small, cache):
        assert lay(cache, small) == find("mn04_as")

    @pytest.mark.parametrize("as_file", [True, False], ids=["file", "folder"])
    def test_a_copy_goes_before_the_cache(self, small, cache, tmp_path, monkeypatch, as_file):
        lay(cache, small)
        copy = lay(tmp_path / "copies", small)
        monkeypatch.setenv("EARMARK_PRETRAINED", str(copy if as_file else copy.parent))
        assert find("mn04_as") == copy

    def test_a_copy_of_other_weights_is_none(self, small, cache, tmp_path, monkeypatch):
        monkeypatch.setenv("EARMARK_PRETRAINED", str(lay(tmp_path, PRETRAINED["mn10_as"])))
        with pytest.raises(ModelError, match="nor where EARMARK_PRETRAINED points"):
            find("mn04_as")
        assert lay(cache, small) == find("mn04_as")

    def test_a_copy_that_is_not_there(self, small, cache, monkeypatch):
        lay(cache, small)
        monkeypatch.setenv("EARMARK_PRETRAINED", "/no/such/folder")
        with pytest.raises(ModelError, match="EARMARK_PRETRAINED=/no/such/folder: no such file or folder"):
            find("mn04_as")

    def test_other_bytes(self, small, cache, tmp_path, monkeypatch):
        path = lay(cache, small, CONTENT[::-1])
        with pytest.raises(ModelError, match=rf"432.pt: is damaged, or is not mn04_as.*instead of {DIGEST}"):
            find("mn04_as")
        assert path.is_file(), "it is not removed behind one's back"

    def test_a_file_that_cannot_be_checked_is_told(self, unpublished, cache):
        lay(cache, unpublished)
        with pytest.warns(EarmarkWarning, match=f"cannot be checked.*checksum of mn04_as is not known.*{DIGEST}"):
            find("mn04_as")

    def test_without_platformdirs_only_copies_are_found(self, small, tmp_path, monkeypatch):
        monkeypatch.delenv("EARMARK_CACHE")
        monkeypatch.setitem(sys.modules, "platformdirs", None)
        with pytest.raises(ModelError, match="is not in the cache"):
            find("mn04_as")
        monkeypatch.setenv("EARMARK_PRETRAINED", str(tmp_path))
        assert lay(tmp_path, small) == find("mn04_as")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestGet:
    def test_whole_and_checked(self, served, small, cache):
        seen = []
        with served() as server:
            path = get("mn04_as", on_progress=lambda done, total: seen.append((done, total)))
            assert len(server.asked) == 1
        assert path == cache / small.file == find("mn04_as")
        assert path.read_bytes() == CONTENT
        assert names(cache) == [small.file], "nothing else is left"
        assert seen[0] == (0, len(CONTENT))
        assert seen[-1] == (len(CONTENT), len(CONTENT))

    def test_what_is_there_is_not_fetched(self, served, small, cache):
        path = lay(cache, small)
        with served() as server:
            assert get("mn04_as", on_progress=lambda done, total: pytest.fail("it moves bytes")) == path
            assert server.asked == []
        assert names(cache) == [small.file]

    @pytest.mark.filterwarnings("ignore::earmark.errors.EarmarkWarning")
    @pytest.mark.parametrize("script", [("drop", "drop"), ("503", "429"), ("drop", "elsewhere")], ids="-".join)
    def test_trouble_that_passes(self, served, script):
        with served(script=script):
            assert get("mn04_as").read_bytes() == CONTENT

    @pytest.mark.filterwarnings("ignore::earmark.errors.EarmarkWarning")
    def test_the_next_run_goes_on_where_one_broke_off(self, served, small, cache):
        with served(script=("drop", *["503"] * 6)) as server:
            with pytest.raises(ModelError, match="503; run the command again later, it goes on where it stopped"):
                get("mn04_as")
            kept = (cache / f"{small.file}.part").stat().st_size
            assert 0 < kept < len(CONTENT)
            assert get("mn04_as").read_bytes() == CONTENT
            assert server.asked[-1] == f"bytes={kept}-"
        assert names(cache) == [small.file]

    def test_an_interrupt_keeps_what_has_come(self, served, small, cache):
        def interrupt(done, total):
            if done:
                raise KeyboardInterrupt

        with served() as server:
            with pytest.raises(KeyboardInterrupt):
                get("mn04_as", on_progress=interrupt)
            assert get("mn04_as").read_bytes() == CONTENT
            assert server.asked[-1].startswith("bytes=")
        assert names(cache) == [small.file]

    def test_not_there(self, served, cache):
        with served(script=("404",)) as server:
            with pytest.raises(ModelError, match=r"432.pt: the server answers 404 .*; give another address with --url"):
                get("mn04_as")
            assert len(server.asked) == 1
        assert names(cache) == []

    @pytest.mark.filterwarnings("ignore::earmark.errors.EarmarkWarning")
    def test_no_network(self, served, small, cache):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/x.pt"
        with served(), pytest.raises(ModelError, match="could not be fetched in 6 attempts"):
            get("mn04_as", url=url)
        assert names(cache) == []

    def test_other_bytes_are_removed_and_nothing_else(self, served, small, cache):
        cache.mkdir(parents=True)
        (cache / "mine.txt").write_text("mine")
        wrong = hashlib.sha256(CONTENT[::-1]).hexdigest()
        with served(script=("wrong",)):
            with pytest.raises(
                ModelError, match=rf"not mn04_as: its SHA-256 is {wrong} instead of {DIGEST} \(768,000 b"
            ):
                get("mn04_as")
            assert names(cache) == ["mine.txt"]
            assert get("mn04_as").read_bytes() == CONTENT

    def test_a_resumed_file_whose_first_half_was_spoiled(self, served, small, cache):
        with served() as server:
            lay(cache, small).rename(cache / f"{small.file}.part")
            with (cache / f"{small.file}.part").open("r+b") as part:
                part.truncate(1000)
                part.write(b"spoiled")
            (cache / f"{small.file}.part.etag").write_text(server.etag)
            with pytest.raises(ModelError, match="what came is not mn04_as"):
                get("mn04_as")
            assert names(cache) == []
            assert get("mn04_as").read_bytes() == CONTENT

    def test_a_damaged_file_in_the_cache_is_replaced(self, served, small, cache):
        lay(cache, small, CONTENT[:-1])
        with served(), pytest.warns(EarmarkWarning, match="is damaged.*; it is fetched again"):
            get("mn04_as")
        assert find("mn04_as").read_bytes() == CONTENT

    def test_a_file_in_a_folder_of_the_users_is_not(self, served, small, tmp_path):
        path = lay(tmp_path / "weights", small, b"mine")
        with served() as server:
            with pytest.raises(
                ModelError, match=r"is damaged, or is not mn04_as.*; remove it, or choose another folder"
            ):
                get("mn04_as", folder=tmp_path / "weights")
            assert server.asked == []
        assert path.read_bytes() == b"mine"
        assert names(path.parent) == [small.file]

    def test_into_a_folder_from_a_mirror(self, served, small, tmp_path, monkeypatch):
        with served(script=("404",)), Server(CONTENT) as mirror:
            path = get("mn04_as", url=mirror.url, folder=tmp_path / "weights")
            assert len(mirror.asked) == 1
        assert path == tmp_path / "weights" / small.file
        monkeypatch.setenv("EARMARK_PRETRAINED", str(path.parent))
        assert find("mn04_as") == path

    def test_too_small_a_disk_is_told_before(self, served, cache, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=500_000))
        with served(), pytest.raises(ModelError, match=r"0\.5 MB are free, 0\.8 MB are needed; make room"):
            get("mn04_as")
        assert names(cache) == []

    def test_a_disk_that_fills_up(self, served, small, cache):
        """The system refuses what is longer, as it refuses what does not fit."""
        resource = pytest.importorskip("resource")
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        with served():
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, usual[1]))
            try:
                with pytest.raises(ModelError, match=r"432\.pt\.part: cannot be written \(File too large\); make room"):
                    get("mn04_as")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, usual)
            assert not (cache / small.file).exists()
            assert (cache / f"{small.file}.part").stat().st_size == 300_000, "what fitted is kept"
            assert get("mn04_as").read_bytes() == CONTENT

    def test_no_folder_can_be_made(self, served, tmp_path):
        (tmp_path / "file").write_text("")
        with served(), pytest.raises(ModelError, match=r"cannot be written \(.*\); choose another folder"):
            get("mn04_as", folder=tmp_path / "file")

    @pytest.mark.filterwarnings("ignore::earmark.errors.EarmarkWarning")
    def test_a_folder_in_the_files_place(self, served, small, cache):
        (cache / small.file).mkdir(parents=True)
        with served(), pytest.raises(ModelError, match=r"432\.pt: cannot be written \(Is a directory\)"):
            get("mn04_as")

    def test_only_one_process_fetches(self, served, small, cache):
        with served() as server, alone(cache / f".{small.file}.lock", EarmarkError("", ""), "", ""):
            with pytest.raises(ModelError, match="is being fetched by another process"):
                get("mn04_as")
            assert server.asked == []

    def test_without_httpx(self, served, monkeypatch):
        monkeypatch.setitem(sys.modules, "httpx", None)
        with served(), pytest.raises(MissingExtraError, match=r"httpx.*earmark\[data\]"):
            get("mn04_as")

    def test_an_unknown_name(self):
        with pytest.raises(ModelError, match="choose mn04_as"):
            get("mn99_as")


class TestUnknownChecksum:
    """Of some weights no checksum is published."""

    @pytest.fixture(autouse=True)
    def fetched(self, unpublished, served):
        with (
            served(weights=unpublished),
            pytest.warns(EarmarkWarning, match="checksum of mn04_as is not known") as told,
        ):
            get("mn04_as")
        assert DIGEST in str(told[0].message), "the one that came is shown"

    def test_the_one_that_came_is_noted(self, unpublished, cache):
        """As sha256sum writes it, and checks it."""
        assert names(cache) == [unpublished.file, f"{unpublished.file}.sha256"]
        assert (cache / f"{unpublished.file}.sha256").read_text() == f"{DIGEST}  {unpublished.file}\n"

    def test_the_file_is_held_to_it(self, unpublished, cache):
        assert find("mn04_as") == cache / unpublished.file
        lay(cache, unpublished, CONTENT[1:])
        with pytest.raises(ModelError, match=f"instead of {DIGEST}"):
            find("mn04_as")


class TestEnsure:
    def test_asked_once_and_fetched(self, served):
        questions = []

        def ask(question):
            questions.append(question)
            return True

        with served():
            assert ensure("mn04_as", ask).read_bytes() == CONTENT
            assert ensure("mn04_as", ask).read_bytes() == CONTENT
        assert questions == ["mn04_as (1 MB, MIT licence) is needed; download it now?"]

    def test_the_download_is_shown(self, served):
        shown = []

        @contextmanager
        def bar(name):
            shown.append(name)
            yield lambda done, total: shown.append(done)

        with served():
            ensure("mn04_as", lambda question: True, bar)
        assert shown[0] == "mn04_as"
        assert shown[-1] == len(CONTENT)

    @pytest.mark.parametrize("ask", [lambda question: False, None], ids=["no", "nobody"])
    def test_not_without_a_yes(self, served, ask):
        with served() as server:
            with pytest.raises(ModelError, match=r"is not in the cache.*; get it with `earmark models get mn04_as`"):
                ensure("mn04_as", ask)
            assert server.asked == []

    def test_nobody_is_asked_about_a_damaged_file(self, small, cache):
        lay(cache, small, b"damaged")
        with pytest.raises(ModelError, match="is damaged"):
            ensure("mn04_as", lambda question: pytest.fail("asked"))

    def test_a_file_needs_no_question(self, tmp_path):
        (tmp_path / "mine.pt").write_bytes(b"anything")
        assert ensure(tmp_path / "mine.pt", lambda question: pytest.fail("asked")) == tmp_path / "mine.pt"


class TestAskAtTerminal:
    @pytest.fixture
    def terminal(self, monkeypatch):
        """A terminal: what its user types, and whether a text comes to stand on it."""
        ours, theirs = os.openpty()

        def sit(typed):
            os.write(ours, typed)
            monkeypatch.setattr(sys, "stdin", os.fdopen(os.dup(theirs)))
            monkeypatch.setattr(sys, "stderr", os.fdopen(os.dup(theirs), "w"))

        def shows(text):
            seen = ""
            while text not in seen and select.select([ours], [], [], 10)[0]:
                seen += os.read(ours, 1000).decode()
            return text in seen

        yield sit, shows
        os.close(ours)
        os.close(theirs)

    @pytest.mark.parametrize(
        ("typed", "agreed"),
        [(b"\n", True), (b"y\n", True), (b"Yes\n", True), (b"n\n", False), (b"what?\n", False), (b"\x04", False)],
    )
    def test_at_a_terminal(self, terminal, typed, agreed):
        sit, shows = terminal
        sit(typed)
        assert ask_at_terminal("Download it now?") is agreed
        assert shows("Download it now? [Y/n] ")

    def test_nobody_is_there(self, monkeypatch, capsys):
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
        assert ask_at_terminal("Download it now?") is False
        assert capsys.readouterr() == ("", "")


def test_no_weights_are_in_the_repository():
    """They are their publisher's to give."""
    root = Path(__file__).parents[2]
    done = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("this is no git repository")
    files = [root / name for name in done.stdout.split("\0") if name]
    assert root / "pyproject.toml" in files
    assert not [path for path in files if path.suffix in {".pt", ".pth", ".ckpt", ".safetensors"}]
    published = {weights.sha256 for weights in PRETRAINED.values()} - {None}
    large = [path for path in files if path.is_file() and path.stat().st_size > 1_000_000]
    assert not [path for path in large if hashlib.sha256(path.read_bytes()).hexdigest() in published]


def test_a_card_gives_credit(tmp_path):
    for name in ("mn04_as", tmp_path / "mn04_as_mAP_432.pt"):
        told = credit(name)
        assert told.startswith("mn04_as. Florian Schmid")
        assert "arXiv:2211.04772" in told
        assert told.endswith("https://github.com/fschmid56/EfficientAT, MIT licence")
    assert credit(tmp_path / "own.pt") == "own.pt, of unknown source and licence"
