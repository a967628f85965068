"""The command killed at random moments and started again: the index is whole, and next to nothing was done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from archive_making import done_in, files_of, hidden, index_rows
from killed_runs import held

from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below

pytestmark = pytest.mark.kill

EARMARK = str(Path(sys.executable).with_name("earmark"))
KILLS = 10


def kill_at(goal, command, out, pause=0.0):
    """Start it, and kill it and its children so many seconds after the index has so many batches."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and done_in(out) < goal:
        time.sleep(0.002)
    time.sleep(pause)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_ten_kills(served, low_high_file, tmp_path):
    pytest.importorskip("aiohttp")  # what fsspec reads http with
    folder, address, asked, enough = served
    names = [one.name for one in below(str(folder)).recordings]
    (tmp_path / "list.txt").write_text("\n".join(f"{address}/{name}" for name in names))
    out = tmp_path / "index"
    command = [EARMARK, "index", "--list", tmp_path / "list.txt", "--out", out, "--model", low_high_file]
    command = [*map(str, command), "--jobs", "1", "--batch", "1", "--to", "json"]
    rng = np.random.default_rng(8)
    for _ in range(KILLS):
        whole = files_of(out) if out.exists() else {}
        enough[0] = done_in(out) + rng.integers(0, 6)
        kill_at(enough[0], command, out, rng.uniform(0, 0.05))
        now = files_of(out) if out.exists() else {}
        assert whole.items() <= now.items()  # what was done is neither written again nor touched
    left = 60 - done_in(out)
    assert left >= 10
    enough[0] = 60
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["labelled"] == left
    assert sum(asked[name] for name in names) <= 60 + KILLS  # one at most was in flight at each kill
    assert all(asked[name] >= 1 for name in names)
    assert not hidden(out)
    fresh = tmp_path / "fresh"
    index(below(str(folder)), fresh, options_for(str(folder), str(low_high_file)), Settings(jobs=1))
    for table in ("events", "seconds"):
        assert index_rows(out, address)[table] == index_rows(fresh)[table]
    assert len(index_rows(out)["recordings"]) == 60


def test_kills_with_several_processes(archive, low_high_file, indexed, tmp_path):
    """They end with the command that started them."""
    out = tmp_path / "index"
    words = ["index", archive, "--out", out, "--model", low_high_file, "--jobs", "2", "--batch", "1", "--to", "json"]
    words = [*map(str, words)]
    kill_at(3, [*held("earmark.archive", "indexing", "merge_small", 1), *words], out)
    whole = files_of(out)
    assert len(whole) >= 9
    run = subprocess.run([EARMARK, *words], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["labelled"] == 12 - len(whole) // 3
    indexed(archive, tmp_path / "fresh")
    assert index_rows(out) == index_rows(tmp_path / "fresh")
