"""Commands that fill a folder, killed on the way and begun again."""

import os
import signal
import subprocess
import time


def files(folder):
    """Everything in a folder, by its path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def kill_and_take_up(command, out, made):
    """After a kill nothing that was done is done again, and all is as in a folder made at once."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not list(out.glob("batches/*.json")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in out.glob("batches/*.json")}
    assert done
    assert not (out / "clips.csv").exists()
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert files(out) == files(made)
