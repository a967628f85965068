"""Commands that fill a folder, killed or interrupted on the way and begun again."""

import os
import signal
import subprocess
import sys
import time

HELD = """
import itertools, time
from earmark.cli import main
from {module} import {owner}

calls, plain = itertools.count(1), {owner}.{method}

def held(*words):
    if next(calls) >= {call}:
        time.sleep(3600)
    return plain(*words)

{owner}.{method} = held
main()
"""


def held(module, owner, method, call):
    """`earmark` that waits to be killed from that call of a method, or of a function of a module, on."""
    return [sys.executable, "-c", HELD.format(module=module, owner=owner, method=method, call=call)]


def files(folder):
    """Everything in a folder, by its path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def kill_and_take_up(command, words, out, made):
    """After a kill nothing that was done is done again, and all is as in a folder made at once."""
    words = [*map(str, words), "--out", str(out)]
    command_held = [*held("earmark.util.workspace", "Workspace", "done", 2), *words]
    process = subprocess.Popen(command_held, stdout=subprocess.DEVNULL, start_new_session=True)
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
