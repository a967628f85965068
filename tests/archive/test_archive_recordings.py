"""The recordings of an archive: which are there, and when each began."""

import errno
import io
import os
import struct
import time
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import av
import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.archive.recordings import (
    Recording,
    _seconds,
    below,
    date_from_header,
    date_from_metadata,
    date_from_name,
    is_url,
    listed,
    root_of,
)
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
    found = below(str(root))
    assert names(found) == ["c.wav", "out/b.wav", "z/a.wav"]
    assert (sorted(found.elsewhere), found.left_out) == (["c.wav", "out/b.wav"], [])


def test_a_link_to_all_around_the_folder_is_not_followed(tmp_path):
    root = tmp_path / "root"
    touch(root, "a.wav")
    touch(tmp_path, "private.wav")
    (root / "up").symlink_to(tmp_path)
    found = below(str(root))
    assert names(found) == ["a.wav"]
    assert found.left_out == [f"{root}/up: leads to a folder that holds the one searched; it is not followed"]


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


MORNING = datetime(2026, 5, 11, 5, 30)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("20260511_053000.wav", MORNING),
        ("2026/site 7/20260511_053000.WAV", MORNING),
        ("2026-05-11T05-30-00.flac", MORNING),
        ("2026-05-11 05.30.00.mp3", MORNING),
        ("SM4-A7_20260511_053000.wav", MORNING),
        ("S4A01234_20260511_053000_0+1.wav", MORNING),
        ("20260511T053000Z.ogg", MORNING),
        ("20260511053000.mp4", MORNING),
        ("rec_20260511-053000.250.wav", MORNING.replace(microsecond=250_000)),
        ("20260511_053000.5.wav", MORNING.replace(microsecond=500_000)),
        ("99999999_999999_20260511_053000.wav", MORNING),
        ("20260511_053000.3gp", MORNING),
        ("20260511_053000.3G2", MORNING),
        ("2026-05-11 05.30.00", MORNING),
        ("20260511.wav", None),
        ("20261311_053000.wav", None),
        ("20260511_253000.wav", None),
        ("1-100032-A-0.wav", None),
        ("120260511_0530001.wav", None),
        ("20260511_053000/street.mp4", None),
        ("19700101_000012.wav", None),
    ],
)
def test_from_a_name(name, moment):
    assert date_from_name(name) == moment


@given(st.datetimes(datetime(1970, 1, 2), datetime(2026, 1, 1)), st.text("abc_-. ", max_size=5))
def test_any_time_in_a_name(moment, before):
    moment = moment.replace(microsecond=0)
    assert date_from_name(f"{before}{moment:%Y%m%d_%H%M%S}.wav") == moment
    assert date_from_name(f"{before}{moment:%Y-%m-%dT%H-%M-%S}.wav") == moment


@pytest.mark.parametrize(
    ("fields", "moment"),
    [
        ({"creation_time": "2026-05-11T05:30:00.000000Z"}, MORNING),
        ({"CREATION_TIME": "2026-05-11 05:30:00"}, MORNING),
        ({"date": "2026-05-11", "creation_time": "05:30:00"}, MORNING),
        ({"comment": "Recorded at 05:30:00 11/05/2026 (UTC) by AudioMoth 24F31901603710BC at medium gain"}, MORNING),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "1970-01-01T00:00:03.000000Z"}, None),
        ({"date": "1999"}, None),
        ({"date": "2026-05-11"}, None),
        ({"creation_time": "yesterday"}, None),
        ({}, None),
    ],
)
def test_from_the_fields_of_a_header(fields, moment):
    assert date_from_metadata(fields) == moment


def test_from_a_file(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = "2026-05-11T05:30:00"
        stream = container.add_stream("aac", rate=22050, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 22050), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 22050, 0, Fraction(1, 22050)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert date_from_header(str(path)) == MORNING
    with path.open("rb") as file:
        assert date_from_header(file) == MORNING


def test_from_a_file_that_was_read_before():
    """As `hear` has it from a server: a WAV's header is found at its beginning only."""
    about = b"".join(text.ljust(size, b"\0") for text, size in ((b"", 320), (b"2026-05-11", 10), (b"05:30:00", 272)))
    form = struct.pack("<HHIIHH", 1, 1, 22050, 44100, 2, 16)
    parts = ((b"bext", about), (b"fmt ", form), (b"data", bytes(44100)))
    content = b"WAVE" + b"".join(name + struct.pack("<I", len(part)) + part for name, part in parts)
    file = io.BytesIO(b"RIFF" + struct.pack("<I", len(content)) + content)
    file.seek(0, io.SEEK_END)
    assert date_from_header(file) == MORNING


def test_from_what_is_no_recording(tmp_path):
    (tmp_path / "a.wav").write_text("broken")
    assert date_from_header(str(tmp_path / "a.wav")) is None
    assert date_from_header(str(tmp_path / "none.wav")) is None
