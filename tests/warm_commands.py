"""Commands in processes of their own that begin with most modules imported already, which is most of what they cost.

They are forks of a server that has done nothing but import (`multiprocessing`'s).
"""

import os
import signal
import sys
import tempfile
import warnings
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

MAIN = "from earmark.cli import main; main()"
PATIENCE = 300.0  # seconds; whatever takes longer has failed
_IMPORTED = ["earmark.cli.application", "earmark.cli.index", "earmark.archive.indexing", "earmark.models.labelling"]
_IMPORTED += ["onnxruntime", "pandas", "pyarrow.dataset", "rich.progress", "filelock", "aiohttp"]


def import_first(*more):
    """Begin the server now, with these modules too, unless it runs already."""
    from multiprocessing import forkserver  # POSIX has it

    forkserver.set_forkserver_preload([*_IMPORTED, *more])
    forkserver.ensure_running()


class WarmCommand:
    """`earmark` with these words, or other code that uses `sys.argv`, in a process group of its own.

    Its signals are those of a shell's foreground; it ends with the block that it was begun in, if not before.
    With `here`, it is a fork of this process, where the system forks processes with threads as well: what it imports
    of all that there is, these tests have mostly imported already.
    """

    def __init__(self, *words, code=MAIN, here=False):
        self._folder = tempfile.TemporaryDirectory()
        self._files = [str(Path(self._folder.name, name)) for name in ("out", "err")]
        here = here and sys.platform == "linux"
        if not here:
            import_first()
        context = get_context("fork" if here else "forkserver")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
            self._process = context.Process(target=_run, args=(code, [*map(str, words)], self._files))
            self._process.start()
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._folder.cleanup()

    def poll(self):
        """How it ended, as `subprocess` has it; None while it runs."""
        return self._process.exitcode

    def kill(self, number=signal.SIGKILL):
        """Send a signal to it and its children; with SIGKILL, wait until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        if number == signal.SIGKILL:
            self._process.kill()  # if it has no group yet
            self.wait()

    def wait(self):
        """How it ended. Fails where it does not."""
        self._process.join(PATIENCE)
        assert self._process.exitcode is not None, "the command does not end"
        return self._process.exitcode

    def said(self):
        """What it has said on standard output and standard error."""
        return [Path(file).read_text("utf-8") if Path(file).exists() else "" for file in self._files]

    def ended(self):
        """How it ended, and what it said."""
        return self.wait(), *self.said()


def _run(code, words, files):
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a script it is ignored
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Dask, which may have begun the server, blocks it
    for name, number in zip(files, (1, 2), strict=True):
        file = os.open(name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    # Forks of pytest have streams of its own.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))
    sys.argv = ["earmark", *words]
    exec(compile(code, "<command>", "exec"), {"__name__": "__main__"})
