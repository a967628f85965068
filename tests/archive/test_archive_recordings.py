import errno
import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.archive.recordings import Recording, _seconds, below, is_url, listed, root_of
from earmark.errors import EarmarkError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def names(found):
    return [recording.name for recording in found.recordings]


def test_recordings_are_known_by_their_suffix(tmp_path):
    touch(tmp_path, "a.wav", "b/c.MP3", "b/ü 'q\".opus", "b/notes.txt", "video.mp4", "wav", "index.json", "x.wav.part")
    touch(tmp_path, ".hidden.wav", ".trash/d.wav", "b/.e/f/g.wav")
    assert names(below(root_of(str(tmp_path)))) == ["a.wav", "b/c.MP3", "b/ü 'q\".opus", "video.mp4"]


def test_what_is_known_of_a_recording(tmp_path):
    touch(tmp_path, "a.wav")
    os.utime(tmp_path / "a.wav", (1, 1234.5))
    assert below(str(tmp_path)).recordings == [Recording("a.wav", 5, 1234.5)]


def test_links_are_followed_but_never_in_circles(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root, "z/a.wav")
    touch(elsewhere, "b.wav")
    for link, target in {"loop": root, "z/up": "..", "a_first": "z", "out": elsewhere, "out_again": elsewhere}.items():
        (root / link).symlink_to(target)
    (root / "c.wav").symlink_to(elsewhere / "b.wav")
    assert names(below(str(root))) == ["c.wav", "out/b.wav", "z/a.wav"]


def test_a_link_to_nothing_is_a_recording_that_cannot_be_read(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "nothing")
    assert below(str(tmp_path)).recordings == [Recording("a.wav")]


@pytest.mark.posix
def test_what_is_no_file_is_no_recording(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    assert names(below(str(tmp_path))) == []


def test_a_name_that_is_no_text_is_left_out_and_told(tmp_path):
    touch(tmp_path, "a.wav")
    with open(os.fsencode(tmp_path) + b"/\xff.wav", "wb"):  # noqa: PTH123 - a Path cannot say it
        pass
    found = below(str(tmp_path))
    assert names(found) == ["a.wav"]
    assert [
        line.endswith("udcff.wav: its name is no text in UTF-8: rename it; it is left out") for line in found.left_out
    ]


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    """The system says no, as it does to all but root, who may run this test."""
    touch(tmp_path, "a.wav", "b/c.wav")
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = below(str(tmp_path))
    assert (names(found), len(found.left_out)) == (["a.wav"], 1)


def test_no_folder(tmp_path):
    with pytest.raises(EarmarkError, match="is no folder"):
        below(str(tmp_path / "none"))


def test_a_list(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav", "b/c.flac")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "list.txt"
    file.write_text(f"a.wav\n\nb/../b/c.flac\n{tmp_path}/a.wav\nnone.mp3\n  \n", "utf-8-sig")
    found = listed(file).recordings
    assert [one.name for one in found] == [f"{tmp_path}/{name}" for name in ("a.wav", "b/c.flac", "none.mp3")]
    assert [one.size for one in found] == [5, 8, 0]


def test_bad_lists(tmp_path):
    with pytest.raises(EarmarkError, match="cannot be read"):
        listed(tmp_path / "none.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EarmarkError, match="no text"):
        listed(tmp_path / "list.txt")


def test_below_a_url():
    system = fsspec.filesystem("memory")
    for name in ("a.wav", "b/c.mp3", "b/.d.wav", "notes.txt"):
        system.pipe(f"/archive_below/{name}", name.encode())
    found = below(root_of("memory://archive_below/")).recordings
    assert [(one.name, one.size) for one in found] == [("a.wav", 5), ("b/c.mp3", 7)]
    made = system.info("/archive_below/a.wav")["created"]
    assert found[0].modified == made.timestamp()
    assert abs(datetime.now(UTC).timestamp() - found[0].modified) < 3600


def test_urls_that_cannot_be_read():
    with pytest.raises(EarmarkError, match="holds nothing"):
        below("memory://no_such_archive")
    with pytest.raises(EarmarkError, match="no URL that can be read"):
        below("nonsense://bucket/x")


def test_a_kind_of_url_whose_package_is_missing(monkeypatch):
    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(EarmarkError, match=r"needs a package that is not installed here \(Install s3fs"):
        below("s3://bucket/folder")


@given(st.text(max_size=20))
def test_a_path_is_no_url(text):
    assert not is_url(f"/{text}")
    assert is_url("s3://bucket")
    assert not is_url("a:b.wav")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_time_without_a_zone_is_the_same_everywhere(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert _seconds(datetime(1970, 1, 2)) == _seconds("1970-01-02T00:00:00") == _seconds(date(1970, 1, 2)) == 86400
    finally:
        monkeypatch.undo()
        time.tzset()
