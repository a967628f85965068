import io
import stat
import tarfile
import zipfile

import pytest

from earmark.datasets.archives import LEAST, DamagedArchiveError, unpack
from earmark.errors import DatasetError


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
    unpack(make(tmp_path / name, files), tmp_path / "out", lambda done, total: seen.append(done))
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
        unpack(archive, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*.wav"))


@MAKERS
@pytest.mark.parametrize("name_of", ["{}", "{}/", "{}/a/b/c/d/e/f/g"])
def test_very_many_empty_files_are_much_too(make, name, name_of, tmp_path):
    archive = make(tmp_path / name, {name_of.format(number): b"" for number in range(100)})
    with pytest.raises(DatasetError, match="holds far more"):
        unpack(archive, tmp_path / "out", most=50 * LEAST)
    assert len(list((tmp_path / "out").rglob("*"))) <= 50
    unpack(archive, tmp_path / "all", most=1000 * LEAST)
    assert len(list((tmp_path / "all").rglob("*"))) >= 100


@MAKERS
def test_no_links(make, name, tmp_path):
    with pytest.raises(DatasetError, match="holds a link"):
        unpack(make(tmp_path / name, {}, links=("x/link",)), tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_no_devices_and_hard_links(kind, tmp_path):
    with pytest.raises(DatasetError, match="holds a link or device"):
        unpack(make_tar(tmp_path / "a.tar.gz", {}, ("x",), kind), tmp_path / "out")


@MAKERS
def test_damage_is_found(make, name, tmp_path):
    archive = make(tmp_path / name, {"a.wav": bytes(range(256)) * 400})
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 255
    archive.write_bytes(content)
    with pytest.raises(DamagedArchiveError):
        unpack(archive, tmp_path / "out")


@MAKERS
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", None])
def test_what_is_no_archive(make, name, content, tmp_path):
    archive = make(tmp_path / name, {"a.wav": bytes(range(256)) * 400})
    archive.write_bytes(archive.read_bytes()[:200] if content is None else content)
    with pytest.raises(DamagedArchiveError):
        unpack(archive, tmp_path / "out")
