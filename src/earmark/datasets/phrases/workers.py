"""Work done by several processes, which end when the one that started them is killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


def each(work: Callable[[Job], Done], todo: Sequence[Job], jobs: int) -> Iterator[Done]:
    """Do all of `todo`, at most `jobs` at once, and give each result as it comes; with one job in this process."""
    jobs = min(jobs, len(todo))
    if jobs < 2:
        yield from map(work, todo)
        return
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _end_with_parent)
    try:
        waiting = {pool.submit(work, job) for job in todo}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """End this process with the one that started it: the run that takes up its work must be alone."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()
