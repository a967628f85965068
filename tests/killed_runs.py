"""Commands that fill a folder, killed on the way and begun again."""

import os
import signal
import subprocess
import sys
import time

# `earmark`, but it waits for its end before it notes a second batch, however late that comes.
HELD = """
import time
from earmark.cli import main
from earmark.util.workspace import Workspace

done, before = Workspace.done, []

def held(*words):
    if before:
        time.sleep(3600)
    before.append(words)
    done(*words)

Workspace.done = held
main()
"""


def files(folder):
    """Everything in a folder, by its path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def kill_and_take_up(command, words, out, made):
    """After a kill nothing that was done is done again, and all is as in a folder made at once."""
    words = [*map(str, words), "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-c", HELD, *words], stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not list(out.glob("batches/*.json")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in out.glob("batches/*.json")}
    assert len(done) == 1
    assert not (out / "clips.csv").exists()
    assert command(*words).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert files(out) == files(made)
