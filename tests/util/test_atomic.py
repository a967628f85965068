import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from earmark.errors import EarmarkError
from earmark.media.writing import write_samples
from earmark.util.atomic import atomic_write, open_own, write_text
from earmark.util.locks import alone


def test_a_file_is_there_once_it_is_whole(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("before")
    with atomic_write(path) as part:
        part.write_text("after")
        assert path.read_text() == "before"
        assert part.parent == tmp_path
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_breaks_off_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.json"
    path.write_text("before")

    def break_off():
        with atomic_write(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        break_off()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_as_readable_as_any_new_file(tmp_path):
    (tmp_path / "usual").write_text("")
    with atomic_write(tmp_path / "ours"):
        pass
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_planted_links_are_not_followed(tmp_path, monkeypatch):
    """Not under the old name, which everybody knew, nor if somebody guesses the new one."""
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    for name in ("a.json.part", "a.part", ".guessed.part"):
        (tmp_path / name).symlink_to(theirs)
    guesses = iter(["guessed", "guessed", "other"])
    monkeypatch.setattr("earmark.util.atomic.secrets.token_hex", lambda _: next(guesses))
    with atomic_write(tmp_path / "a.json") as part:
        part.write_text("ours")
    assert (tmp_path / "a.json").read_text() == "ours"
    assert theirs.read_text() == "precious"


def test_two_at_once_are_in_nobodys_way(tmp_path):
    with atomic_write(tmp_path / "x.json") as one, atomic_write(tmp_path / "x.csv") as other:
        one.write_text("json")
        other.write_text("csv")
    assert [(tmp_path / name).read_text() for name in ("x.json", "x.csv")] == ["json", "csv"]


def test_the_longest_names_will_do(tmp_path):
    """255 bytes; Greek letters have two each."""
    for name in ("n" * 251 + ".vtt", "ή" * 125 + "s.vtt"):
        assert len(os.fsencode(name)) == 255
        write_text(tmp_path / name, "WEBVTT")
        assert (tmp_path / name).read_text() == "WEBVTT"
    write_samples(tmp_path / ("n" * 251 + ".wav"), [], 8000)
    with pytest.raises(EarmarkError, match="File name too long"):
        write_text(tmp_path / ("n" * 252 + ".vtt"), "WEBVTT")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_link_at_the_name_itself_is_replaced(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    (tmp_path / "a.json").symlink_to(theirs)
    write_text(tmp_path / "a.json", "ours")
    assert not (tmp_path / "a.json").is_symlink()
    assert theirs.read_text() == "precious"


@pytest.mark.posix
def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "WEBVTT")
    reader.join()
    assert read == ["WEBVTT"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_to_and_stays():
    null = Path(os.devnull)
    with atomic_write(null) as part:
        assert part == null
    assert stat.S_ISCHR(null.stat().st_mode)


def test_a_lock_empties_nothing(tmp_path):
    """A folder of the user's may hold a file of that name."""
    (tmp_path / "lock").write_text("a note about the lock of my door")
    used = EarmarkError(tmp_path, "is in use")
    with alone(tmp_path / "lock", used, "be written", "choose another"):
        pass
    assert (tmp_path / "lock").read_text() == "a note about the lock of my door"


@pytest.mark.posix
def test_a_name_that_stays_is_no_link(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    (tmp_path / "a.part").symlink_to(theirs)
    os.mkfifo(tmp_path / "pipe")
    for name, flags in (("a.part", os.O_TRUNC), ("a.part", os.O_APPEND), ("pipe", 0)):
        with pytest.raises(OSError, match=f"{os.strerror(errno.ELOOP)}|{os.strerror(errno.ENXIO)}"):
            open_own(tmp_path / name, flags)
    assert theirs.read_text() == "precious"
    with open_own(tmp_path / "b.part") as file:
        file.write(b"half")
    with open_own(tmp_path / "b.part", os.O_APPEND) as file:
        file.write(b" whole")
    assert (tmp_path / "b.part").read_text() == "half whole"
