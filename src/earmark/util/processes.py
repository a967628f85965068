"""Processes that work for this one, and end with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Literal


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
    """Called in a process that multiprocessing started: from now on it ends when the one that started it does."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


def bound_memory(most: int, of: Literal["data", "address_space"] = "data") -> None:
    """Bound what this process may take, in bytes, and let it leave no core file; where the system knows such bounds.

    Data is what a process allocates (Linux counts private mappings too); its address space is all that it maps.
    """
    try:
        import resource
    except ImportError:  # not on this system
        return
    kind = resource.RLIMIT_DATA if of == "data" else resource.RLIMIT_AS
    _, hard = resource.getrlimit(kind)
    with suppress(ValueError):  # macOS knows the bound and refuses most of them
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
