"""Commands that fill a folder, killed or interrupted on the way and begun again."""

import time

from warm_commands import WarmCommand

# `earmark` that waits to be killed from that call of a method, or of a function of a module, on.
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


def files(folder):
    """Everything in a folder, by its path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def kill_and_take_up(command, words, out, made, first=""):
    """After a kill nothing that was done is done again, and all is as in a folder made at once.

    `first` is what the process that is killed does before.
    """
    words = [*words, "--out", out]
    code = first + HELD.format(module="earmark.util.workspace", owner="Workspace", method="done", call=2)
    with WarmCommand(*words, code=code, here=True) as process:
        until = time.monotonic() + 300
        while process.poll() is None and not list(out.glob("batches/*.json")):
            assert time.monotonic() < until, "no batch comes"
            time.sleep(0.02)
    done = {path: path.stat().st_mtime_ns for path in out.glob("batches/*.json")}
    assert len(done) == 1
    assert not (out / "clips.csv").exists()
    assert command(*words).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert files(out) == files(made)
