"""The command killed at random moments and started again: the index is whole, and next to nothing was done twice."""

import json
import time

import numpy as np
import pytest
from archive_making import done_in, files_of, hidden, index_rows
from killed_runs import HELD
from warm_commands import MAIN, WarmCommand

from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below

pytestmark = pytest.mark.kill

KILLS = 10


def kill_at(goal, words, out, pause=0.0, code=MAIN):
    """Start the command, and kill it and its children so many seconds after the index has so many batches."""
    with WarmCommand(*words, code=code) as process:
        until = time.monotonic() + 300
        while process.poll() is None and done_in(out) < goal:
            assert time.monotonic() < until, "the batches do not come"
            time.sleep(0.01)
        time.sleep(pause)
        assert process.poll() is None


def test_ten_kills(command, served, low_high_file, tmp_path):
    pytest.importorskip("aiohttp")  # what fsspec reads http with
    folder, address, asked, enough = served
    names = [one.name for one in below(str(folder)).recordings]
    (tmp_path / "list.txt").write_text("\n".join(f"{address}/{name}" for name in names))
    out = tmp_path / "index"
    words = ["index", "--list", tmp_path / "list.txt", "--out", out, "--model", low_high_file]
    words += ["--jobs", "1", "--batch", "1", "--to", "json"]
    rng = np.random.default_rng(8)
    for _ in range(KILLS):
        whole = files_of(out) if out.exists() else {}
        enough[0] = done_in(out) + rng.integers(0, 4)
        kill_at(enough[0], words, out, rng.uniform(0, 0.05))
        now = files_of(out) if out.exists() else {}
        assert whole.items() <= now.items()  # what was done is neither written again nor touched
    left = len(names) - done_in(out)
    assert left >= 10
    enough[0] = len(names)
    run = command(*words)
    assert json.loads(run.stdout)["labelled"] == left, run.stderr
    assert sum(asked[name] for name in names) <= len(names) + KILLS  # one at most was in flight at each kill
    assert all(asked[name] >= 1 for name in names)
    assert not hidden(out)
    fresh = tmp_path / "fresh"
    index(below(str(folder)), fresh, options_for(str(folder), str(low_high_file)), Settings(jobs=1))
    for table in ("events", "seconds"):
        assert index_rows(out, address)[table] == index_rows(fresh)[table]
    assert len(index_rows(out)["recordings"]) == len(names)


def test_kills_with_several_processes(command, archive, low_high_file, indexed, tmp_path):
    """They end with the command that started them."""
    out = tmp_path / "index"
    words = ["index", archive, "--out", out, "--model", low_high_file, "--jobs", "2", "--batch", "1", "--to", "json"]
    kill_at(3, words, out, code=HELD.format(module="earmark.archive", owner="indexing", method="merge_small", call=1))
    whole = files_of(out)
    assert len(whole) >= 9
    run = command(*words[:-5], "1", *words[-4:])
    assert json.loads(run.stdout)["labelled"] == 12 - len(whole) // 3
    indexed(archive, tmp_path / "fresh")
    assert index_rows(out) == index_rows(tmp_path / "fresh")
