"""Published datasets fetched: verified, unpacked, and nothing but files."""

import hashlib
import io
import shutil
import stat
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from server import Server

from earmark.datasets import archives, load
from earmark.datasets.archives import LEAST, MORE, DamagedArchiveError, unpack
from earmark.datasets.catalogue import PUBLISHED
from earmark.errors import DatasetError, EarmarkWarning

SMALL = {"audio_files": 4, "unpacked_bytes": 1000}


@pytest.fixture
def esc_archive(esc, tmp_path):
    """A git archive of a small ESC-50."""
    esc(root=tmp_path / "made" / "ESC-50-master")
    return shutil.make_archive(str(tmp_path / "made" / "master"), "zip", tmp_path / "made", "ESC-50-master")


@pytest.fixture
def esc_bytes(esc_archive):
    return Path(esc_archive).read_bytes()


@pytest.fixture
def get(tmp_path):
    """Fetches the small ESC-50 from a server."""

    def run(server, dataset=None, **options):
        dataset = dataset or replace(PUBLISHED["esc50"], **SMALL)
        return archives.fetch_dataset(dataset, tmp_path / "data" / dataset.name, url=server.url, **options)

    return run


def test_get_esc50(get, esc_bytes, tmp_path):
    stages = []

    def stage(name):
        stages.append(name)
        return lambda done, total: None

    with Server(esc_bytes) as server:
        folder = get(server, stage=stage)
    assert folder == tmp_path / "data" / "esc50"
    assert len(load("esc", folder).clips) == 4
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["esc50"], "nothing is left lying about"
    assert stages == ["download", "unpack"]


def test_what_is_there_is_not_fetched_again(get, esc_bytes):
    with Server(esc_bytes) as server:
        get(server)
        get(server)
        assert len(server.asked) == 1


def test_get_urbansound8k_by_its_md5(get, us8k, tmp_path):
    root = us8k()
    archive = tmp_path / "us8k.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(root, "UrbanSound8K")
    content = archive.read_bytes()
    dataset = replace(PUBLISHED["urbansound8k"], **SMALL, md5=hashlib.md5(content).hexdigest())
    with Server(content) as server:
        assert len(load("urbansound8k", get(server, dataset)).clips) == 4


def test_wrong_bytes_are_fetched_once_more(get, esc_bytes):
    with Server(esc_bytes, ("wrong",)) as server, pytest.warns(EarmarkWarning, match="fetched once more"):
        assert len(load("esc", get(server)).clips) == 4


def test_wrong_bytes_twice_are_an_error_and_removed(get, esc_bytes, tmp_path):
    twice = pytest.raises(DatasetError, match=r"is damaged .*, twice; the file was removed")
    with Server(esc_bytes, ("wrong", "wrong")) as server, pytest.warns(EarmarkWarning), twice:
        get(server)
    assert not list((tmp_path / "data").iterdir())


def test_a_wrong_md5_says_both(get, esc_bytes):
    dataset = replace(PUBLISHED["esc50"], **SMALL, md5="0" * 32)
    with Server(esc_bytes) as server, pytest.warns(EarmarkWarning), pytest.raises(DatasetError, match="0" * 32):
        get(server, dataset)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda root: (root / "audio" / "1-100032-A-0.wav").unlink(), "holds 3 recordings, not 4"),
        (lambda root: (root / "audio" / "1-100032-A-0.wav").rename(root / "audio" / "x.wav"), "fit together"),
        (lambda root: shutil.rmtree(root / "meta"), r"holds no meta/esc50\.csv"),
    ],
)
def test_an_archive_that_is_not_the_dataset(get, esc, tmp_path, change, reason):
    root = esc(root=tmp_path / "made" / "ESC-50-master")
    change(root)
    archive = shutil.make_archive(str(tmp_path / "bad"), "zip", tmp_path / "made")
    with (
        Server(Path(archive).read_bytes()) as server,
        pytest.warns(EarmarkWarning),
        pytest.raises(DatasetError, match=reason),
    ):
        get(server)
    assert not list((tmp_path / "data").iterdir())


def test_an_archive_that_lies_there_is_used(get, esc_bytes, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ESC-50-master.zip").write_bytes(esc_bytes)
    with Server(esc_bytes) as server:
        get(server)
        assert not server.asked
    assert (tmp_path / "data" / "ESC-50-master.zip").read_bytes() == esc_bytes, "whose is it?"


def test_a_damaged_archive_that_lies_there_is_not_ours_to_remove(get, esc_bytes, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ESC-50-master.zip").write_bytes(b"half a download of the user's")
    with Server(esc_bytes) as server, pytest.warns(EarmarkWarning, match="left alone, and fetched anew"):
        get(server)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["ESC-50-master.zip", "esc50"]
    assert (tmp_path / "data" / "ESC-50-master.zip").read_bytes() == b"half a download of the user's"


def test_a_link_where_it_is_unpacked_is_not_followed(get, esc_bytes, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".esc50.unpacking").symlink_to(theirs)
    with Server(esc_bytes) as server, pytest.raises(DatasetError, match="cannot be made"):
        get(server)
    assert not list(theirs.iterdir())


def test_leftovers_of_a_run_that_broke_off_do_no_harm(get, esc_bytes, tmp_path):
    leftover = tmp_path / "data" / ".esc50.unpacking" / "old"
    leftover.mkdir(parents=True)
    with Server(esc_bytes) as server:
        folder = get(server)
    assert not (folder / "old").exists()
    assert not leftover.exists()


def test_nothing_of_the_user_is_overwritten(get, esc_bytes, tmp_path):
    mine = tmp_path / "data" / "esc50" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with Server(esc_bytes) as server, pytest.raises(DatasetError, match="exists and is not esc50"):
        get(server)
    assert mine.read_text() == "precious"


def test_an_empty_folder_may_be_there(get, esc_bytes, tmp_path):
    (tmp_path / "data" / "esc50").mkdir(parents=True)
    with Server(esc_bytes) as server:
        assert len(load("esc", get(server)).clips) == 4


def test_a_folder_that_cannot_be_made(tmp_path, esc_bytes):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be made"):
        archives.fetch_dataset(PUBLISHED["esc50"], tmp_path / "file" / "data" / "esc50", url="http://127.0.0.1/")


def test_unknown_names():
    assert archives.published_dataset("ESC50").name == "esc50"
    with pytest.raises(DatasetError, match="choose esc50, urbansound8k"):
        archives.published_dataset("esc51")


def test_an_archive_that_grows_without_end_is_given_up(get, esc_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MORE", 100 - SMALL["unpacked_bytes"])
    with Server(esc_bytes) as server, pytest.raises(DatasetError, match="holds far more than the dataset"):
        get(server)
    assert not (tmp_path / "data" / "esc50").exists()
    assert not (tmp_path / "data" / ".esc50.unpacking").exists()


def make_zip(path, files, links=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
        for name in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, "/etc/passwd")
    return path


def make_tar(path, files, links=(), kind=tarfile.SYMTYPE):
    with tarfile.open(path, "w:gz") as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    return path


MAKERS = pytest.mark.parametrize(("make", "name"), [(make_zip, "a.zip"), (make_tar, "a.tar.gz")])


@MAKERS
def test_unpacks(make, name, tmp_path):
    files = {"x/a.wav": b"a" * 9999, "x/y/b.csv": b"b", "__MACOSX/x/a": b"", "x/._a.wav": b"", "./x/c": b"c"}
    seen = []
    unpack(make(tmp_path / name, files), tmp_path / "out", MORE, lambda done, total: seen.append(done))
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == {"x/a.wav": b"a" * 9999, "x/y/b.csv": b"b", "x/c": b"c"}
    assert seen == sorted(seen)


@MAKERS
@pytest.mark.parametrize("bad", ["../a.wav", "x/../../a.wav", "/tmp/a.wav", "C:/a.wav", "x\\..\\..\\a.wav"])
def test_nothing_leaves_the_folder(make, name, bad, tmp_path):
    archive = make(tmp_path / name, {bad: b"x"})
    with pytest.raises(DatasetError, match="leads out of it"):
        unpack(archive, tmp_path / "deep" / "out", MORE)
    assert not list(tmp_path.rglob("*.wav"))


@MAKERS
@pytest.mark.parametrize("name_of", ["{}", "{}/", "{}/a/b/c/d/e/f/g"])
def test_very_many_empty_files_are_much_too(make, name, name_of, tmp_path):
    archive = make(tmp_path / name, {name_of.format(number): b"" for number in range(30)})
    with pytest.raises(DatasetError, match="holds far more"):
        unpack(archive, tmp_path / "out", most=15 * LEAST)
    assert len(list((tmp_path / "out").rglob("*"))) <= 15
    unpack(archive, tmp_path / "all", most=300 * LEAST)
    assert len(list((tmp_path / "all").rglob("*"))) >= 30


@MAKERS
def test_no_links(make, name, tmp_path):
    with pytest.raises(DatasetError, match="holds a link"):
        unpack(make(tmp_path / name, {}, links=("x/link",)), tmp_path / "out", MORE)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_no_devices_and_hard_links(kind, tmp_path):
    with pytest.raises(DatasetError, match="holds a link or device"):
        unpack(make_tar(tmp_path / "a.tar.gz", {}, ("x",), kind), tmp_path / "out", MORE)


@MAKERS
def test_damage_is_found(make, name, tmp_path):
    archive = make(tmp_path / name, {"a.wav": bytes(range(256)) * 400})
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 255
    archive.write_bytes(content)
    with pytest.raises(DamagedArchiveError):
        unpack(archive, tmp_path / "out", MORE)


@MAKERS
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", None])
def test_what_is_no_archive(make, name, content, tmp_path):
    archive = make(tmp_path / name, {"a.wav": bytes(range(256)) * 400})
    archive.write_bytes(archive.read_bytes()[:200] if content is None else content)
    with pytest.raises(DamagedArchiveError):
        unpack(archive, tmp_path / "out", MORE)
