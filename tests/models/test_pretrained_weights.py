"""Pretrained weights: where they are looked for, what is taken for them, and how they are fetched."""

import hashlib
import sys
from dataclasses import replace

import pytest

from earmark.errors import EarmarkWarning, ModelError
from earmark.models.pretrained import PRETRAINED, find, known

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
        with pytest.raises(
            ModelError, match=rf"432.pt: is damaged, or is not mn04_as.*instead of {DIGEST}"
        ):
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
