"""Folders that several runs fill."""

import json
import multiprocessing

import pytest

from earmark.errors import EarmarkError
from earmark.util.workspace import Workspace, run_all


@pytest.fixture
def work(tmp_path):
    return Workspace(tmp_path / "out", "earmark-things.json", "things", "audio/*")


def make(work, name="a.flac"):
    (work.folder / "audio").mkdir(exist_ok=True)
    (work.folder / "audio" / name).touch()


def test_the_same_command_goes_on_and_another_is_refused(work):
    work.claim({"seed": 1, "label": "Glas"})
    work.claim({"seed": 2})  # nothing is made yet
    make(work)
    work.claim({"seed": 2})
    with pytest.raises(EarmarkError, match="holds things made with other options; choose another --out, or empty it"):
        work.claim({"seed": 1})
    assert json.loads((work.folder / "earmark-things.json").read_text()) == {"seed": 2}


def test_files_of_somebody_else_are_no_manifest(work):
    """A folder without a manifest may be filled: what lies there is not known to be made with other options."""
    work.folder.mkdir()
    make(work)
    work.claim({"seed": 1})
    with pytest.raises(EarmarkError, match="other options"):
        work.claim({"seed": 3})


def test_done_batches_are_known_by_their_notes(work):
    assert work.notes("000000.json") == []
    work.done("000000.json", [{"path": "audio/0.flac", "labels": ["bell"]}])
    assert work.notes("000000.json") == [{"path": "audio/0.flac", "labels": ["bell"]}]
    assert [file.name for file in (work.folder / "batches").iterdir()] == ["000000.json"]


def test_a_shorter_table_is_refused(work):
    work.refuse_fewer("clips.csv", 1, "things")
    work.folder.mkdir()
    (work.folder / "clips.csv").write_text("path,labels\na.flac,x\nb.flac,y\n")
    work.refuse_fewer("clips.csv", 2, "things")
    with pytest.raises(EarmarkError, match="holds 2 things already; ask for at least 2"):
        work.refuse_fewer("clips.csv", 1, "things")


def hold(work, taken, let_go):
    with work.alone():
        taken.set()
        let_go.wait(300)


def test_one_run_at_a_time(work):
    context = multiprocessing.get_context("spawn")
    taken, let_go = context.Event(), context.Event()
    other = context.Process(target=hold, args=(work, taken, let_go))
    other.start()
    try:
        assert taken.wait(300)
        with pytest.raises(EarmarkError, match="another run is at work in it"), work.alone():
            pass
    finally:
        let_go.set()
        other.join()
    with work.alone():
        assert work.folder.is_dir()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    work = Workspace(tmp_path / "file" / "out")
    with pytest.raises(EarmarkError, match="cannot be filled"), work.alone():
        pass
    with pytest.raises(EarmarkError, match="cannot be"):
        work.claim({})


@pytest.mark.parametrize("jobs", [1, 2])
def test_all_work_is_done(jobs):
    assert sorted(run_all(str, [3, 1, 2], jobs)) == ["1", "2", "3"]
    assert list(run_all(str, [], jobs)) == []
