import json
import signal
import time

import pytest
from killed_runs import HELD
from model_making import tones, write_wav
from warm_commands import WarmCommand

from earmark.archive import layout


@pytest.fixture
def folder(tmp_path):
    """Three recordings, one of which is broken."""
    place = tmp_path / "recordings"
    for number in range(2):
        write_wav(place / f"sub/{number}.wav", tones(2.0, (0.5, 1.5, 300.0)))
    (place / "broken.mp3").write_text("nothing")
    return place


def test_an_archive(command, folder, low_high_file, tmp_path):
    words = ("index", folder, "--out", tmp_path / "index", "--model", low_high_file, "--jobs", "1")
    first = command(*words)
    assert first.returncode == 1
    assert "earmark: could not be read: broken.mp3: is not a recording that FFmpeg can read" in first.stderr
    assert first.stderr.splitlines()[-1].startswith(f"earmark: {tmp_path}/index: 3 recordings, 0.00 h, labelled in 0:")
    told = dict(line.rsplit(maxsplit=1) for line in first.stdout.splitlines())
    assert (told["found"], told["labelled"], told["could not be read"]) == ("3", "3", "1")
    again = command(*words, "--to", "json")
    assert again.returncode == 0
    report = json.loads(again.stdout)
    assert {key: report[key] for key in ("index", "found", "labelled", "unchanged", "bad", "bad_before")} == {
        "index": str(tmp_path / "index"),
        "found": 3,
        "labelled": 0,
        "unchanged": 3,
        "bad": [],
        "bad_before": 1,
    }
    retried = command(*words, "--to", "json", "--retry-bad")
    assert (retried.returncode, json.loads(retried.stdout)["bad"][0]["recording"]) == (1, "broken.mp3")


def test_recordings_elsewhere_are_said(command, folder, low_high_file, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    write_wav(elsewhere / "far.wav", tones(1.0, (0.5, 0.8, 300.0)))
    (folder / "link").symlink_to(elsewhere)
    run = command("index", folder, "--out", tmp_path / "index", "--model", low_high_file, "--jobs", "1")
    note = f"note: 1 recording below {folder} is elsewhere, where a link leads, such as link/far.wav"
    assert note in run.stderr


def test_many_bad_recordings(command, tmp_path, low_high_file):
    for number in range(14):
        (tmp_path / f"{number:02}.wav").touch()
    run = command("index", tmp_path, "--out", tmp_path / "i", "--model", low_high_file, "--jobs", "1", "--to", "json")
    assert len(json.loads(run.stdout)["bad"]) == 14
    lines = [line for line in run.stderr.splitlines() if "could not be read" in line]
    assert (len(lines), lines[-1]) == (11, "earmark: could not be read: 4 more; --to json lists all")


def test_a_list_and_prune(command, folder, low_high_file, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    (tmp_path / "list.txt").write_text("sub/0.wav\nsub/1.wav\n")
    words = ("index", "--list", tmp_path / "list.txt", "--out", tmp_path / "index", "--model", low_high_file)
    words = (*words, "--jobs", "1", "--to", "json")
    assert json.loads(command(*words).stdout)["labelled"] == 2
    (tmp_path / "list.txt").write_text("sub/0.wav\n")
    report = json.loads(command(*words).stdout)
    assert (report["unchanged"], report["gone"], report["pruned"]) == (1, 1, 0)
    assert json.loads(command(*words, "--prune").stdout)["pruned"] == 1
    assert layout.read_options(tmp_path / "index").root == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["."], "needs --out INDEX"),
        (["--out", "i"], "needs either a FOLDER or --list FILE"),
        ([".", "--list", "x", "--out", "i"], "needs either a FOLDER or --list FILE"),
        (["none", "--out", "i"], "is no folder; give the folder that holds the recordings, or --list FILE"),
        (["--list", "none", "--out", "i"], "--list none: cannot be read (No such file or directory)"),
        ([".", "--out", "i"], "holds no recordings"),
        ([".", "--out", "i", "--model", "none"], "no such model"),
        (["nonsense://x", "--out", "i"], "is no URL that can be read"),
    ],
)
def test_mistakes(command, tmp_path, low_high_file, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    run = command("index", "--model", low_high_file, *words)
    assert (run.returncode, run.stdout) == (1, "")
    (line,) = run.stderr.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra(command, folder, tmp_path, monkeypatch):
    from earmark.cli import common

    monkeypatch.setattr(common, "find_spec", lambda name: None)
    run = command("index", folder, "--out", tmp_path / "index")
    assert run.returncode == 1
    assert "pip install 'earmark[archive]'" in run.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.posix
def test_ctrl_c(command, folder, low_high_file, tmp_path, jobs):
    """The terminal sends it to all processes of the command; the same command goes on."""
    for number in range(10):
        write_wav(folder / f"more/{number}.wav", tones(2.0, (0.5, 1.5, 300.0)))
    (folder / "broken.mp3").unlink()
    out = tmp_path / "index"
    words = ["index", folder, "--out", out, "--model", low_high_file, "--batch", "1", "--to", "json"]
    code = HELD.format(module="earmark.archive", owner="indexing", method="merge_small", call=1)
    with WarmCommand(*words, "--jobs", jobs, code=code) as process:
        until = time.monotonic() + 300
        while process.poll() is None and len(list(out.glob(f"{layout.BATCHES}/[!.]*"))) < 3:
            assert time.monotonic() < until, "the batches do not come"
            time.sleep(0.01)
        process.kill(signal.SIGINT)
        assert process.ended() == (130, "", "earmark: interrupted; the same command goes on\n")
    kept = len(layout.batches(out))
    assert kept >= 3
    assert json.loads(command(*words, "--jobs", "1").stdout)["labelled"] == 12 - kept
