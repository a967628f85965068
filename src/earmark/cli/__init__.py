"""The command line: one file for each command, thin over the public functions.

Nothing is imported here that takes long: until `main` runs, an interrupt would end in a traceback.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import warnings
from functools import partial

TYPE_CHECKING = False  # as in `typing`, which takes a while to import
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, TextIO

INTERRUPTED = 130  # what a shell calls a program that SIGINT ended


def main() -> None:
    """Run the command line; a user's mistake or a broken file ends with one line and exit code 1."""
    # NumPy's small products gain nothing from threads, which wait for each other by spinning: that takes the cores from
    # decoding and from the network, and a third longer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # At its end Python looks through all objects for cycles, to give back piece by piece what the system then takes
    # anyway: a tenth of the time that a clip takes. This leaves it nothing to look through.
    atexit.register(gc.freeze)
    interrupts = Interrupts()
    from earmark.cli import streams
    from earmark.cli.application import app
    from earmark.cli.common import complain, of_a_file
    from earmark.errors import EarmarkError, EarmarkWarning
    from earmark.util.atomic import is_full

    warnings.showwarning = partial(_show_warning, set())
    warnings.simplefilter("always", EarmarkWarning)
    try:
        streams.prepare()
        interrupts.begin()
        try:
            app()
        finally:
            streams.finish()
    except EarmarkError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if interrupts.came:
            sys.exit(INTERRUPTED)
        if is_full(error):
            complain(EarmarkError("the disk", f"takes no more ({error})", "make room, and give the same command again"))
        elif ours := of_a_file(error):
            complain(ours)
        else:
            raise
        sys.exit(1)
    finally:
        interrupts.end()


class Interrupts:
    """What Ctrl-C does: the program ends at once while its own modules are imported, as nothing is begun yet that would
    have to be ended; later an exception is thrown, so that what is begun can be.

    Commands import libraries when they run, and some of these make another exception of it: that it came is noted.
    """

    def __init__(self) -> None:
        self.came = False
        self._usual = signal.getsignal(signal.SIGINT)
        self._set(self._leave)

    def begin(self) -> None:
        """From now on throw `KeyboardInterrupt`."""
        self._set(self._throw)

    def end(self) -> None:
        """Do what was done before."""
        self._set(self._usual)

    def _set(self, handler: Any) -> None:
        if self._usual is signal.default_int_handler:  # it may be ignored, as in the background of a script
            signal.signal(signal.SIGINT, handler)

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        os._exit(INTERRUPTED)

    def _throw(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


def _show_warning(
    said: set[str],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say one of ours in a line, once, however often the same thing is read; `said` are those that were."""
    from earmark.cli.common import complain, with_options
    from earmark.errors import EarmarkWarning

    if issubclass(category, EarmarkWarning) and str(message) not in said:
        said.add(str(message))
        complain(f"warning: {with_options(str(message))}")
