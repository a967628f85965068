"""What `earmark caption --mux` does with its file or folder."""

from pathlib import Path

import av
import pytest
from media_files import Track, sine, write

from earmark.cli.caption import Copies
from earmark.errors import EarmarkError

SRT = "1\n00:00:01,000 --> 00:00:02,000\n[dog barks]\n\n"


def paths(chosen, *files, overwrite=False):
    return Copies(Path(chosen), [Path(file) for file in files], "en", overwrite).paths


def test_a_file_for_one_recording_and_a_folder_for_several(tmp_path):
    assert paths("out.mkv", "a/film.mp4") == {Path("a/film.mp4"): Path("out.mkv")}
    assert paths("new", "a/film.mp4") == {Path("a/film.mp4"): Path("new/film.mp4")}
    several = paths("new", "a/film.mp4", "b/talk.AVI", "c/clip.WebM")
    assert list(several.values()) == [Path("new/film.mp4"), Path("new/talk.mkv"), Path("new/clip.WebM")]
    (tmp_path / "a.folder").mkdir()
    assert list(paths(tmp_path / "a.folder", "film.mp4").values()) == [tmp_path / "a.folder" / "film.mp4"]


@pytest.mark.parametrize(
    ("chosen", "files", "says"),
    [
        ("out.mkv", ["a.mkv", "b.mkv"], "one file for several"),
        ("new", ["a/film.mkv", "b/film.mkv"], "copy of several"),
        ("out.mkv", ["-"], "standard input"),
    ],
)
def test_what_cannot_be_meant_is_told_at_once(chosen, files, says):
    with pytest.raises(EarmarkError, match=says):
        paths(chosen, *files)


def test_what_cannot_be_written_is_told_before_the_work(tmp_path):
    film = tmp_path / "film.mkv"
    film.write_bytes(b"a film")
    (tmp_path / "out.mkv").write_bytes(b"another")
    for chosen, says in (("film.mkv", "the video itself"), ("out.mkv", "already"), ("out.avi", "no kind of file")):
        with pytest.raises(EarmarkError, match=says):
            Copies(tmp_path / chosen, [film], "en", False).check(film)
    Copies(tmp_path / "out.mkv", [film], "en", True).check(film)
    Copies(tmp_path / "new.mp4", [film], "en", False).check(film)


def test_copies_are_written_into_a_new_folder(tmp_path):
    write(tmp_path / "film.mp4", "mp4", Track(sine(3.0), codec="aac"), video=3.0)
    write(tmp_path / "talk.avi", "avi", Track(sine(3.0), codec="libmp3lame"), video=3.0)
    files = [tmp_path / "film.mp4", tmp_path / "talk.avi"]
    copies = Copies(tmp_path / "new", files, "el", False)
    written = [copies.write(file, SRT) for file in files]
    assert [path.name for path in written] == ["film.mp4", "talk.mkv"]
    for path, language in zip(written, ("ell", "gre"), strict=True):
        with av.open(str(path)) as container:
            assert [stream.type for stream in container.streams] == ["video", "audio", "subtitle"]
            assert container.streams.subtitles[0].language == language
