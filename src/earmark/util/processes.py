"""Processes that work for this one, and end with it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Literal

Memory = Literal["data", "address_space"]

LOOK_EVERY = 1.0  # seconds between looks at whether the process that started this one is still there


@contextmanager
def pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes, started afresh. What they have not begun when the block ends is given up.

    They end when the one that started them is killed: the run that takes up its work must be alone.
    """
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), end_with_parent)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, in whatever way either was started."""
    parent, number = parent_process(), os.getppid()

    def watch() -> None:
        if parent is not None:
            parent.join()
        while parent is None and os.getppid() == number:
            time.sleep(LOOK_EVERY)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def limit(memory: int | None = None, of: Memory = "data", seconds: int | None = None) -> None:
    """Limit what this process may take, which decodes what somebody sent; where the system knows such limits.

    An allocation of more bytes of memory fails: data is what a process allocates (Linux counts private mappings too),
    its address space all that it maps. After so many seconds of processor time it is ended, and leaves no core file.
    """
    try:
        import resource
    except ImportError:  # not on this system
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def lower(kind: int, most: int, grace: int) -> None:
        hard = resource.getrlimit(kind)[1]
        last = most + grace if hard == resource.RLIM_INFINITY else min(most + grace, hard)
        with suppress(ValueError):  # macOS knows the limit and refuses most of them
            resource.setrlimit(kind, (min(most, last), last))

    if memory is not None:
        lower(resource.RLIMIT_DATA if of == "data" else resource.RLIMIT_AS, memory, 0)
    if seconds is not None:
        lower(resource.RLIMIT_CPU, seconds, 1)  # it is told after `seconds`, and killed a second later
