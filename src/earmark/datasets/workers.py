"""Work done by several processes, its results as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from typing import TypeVar

from earmark.util import processes

Job = TypeVar("Job")
Done = TypeVar("Done")


def each(work: Callable[[Job], Done], todo: Sequence[Job], jobs: int) -> Iterator[Done]:
    """Do all of `todo`, at most `jobs` at once, and give each result as it comes; with one job in this process."""
    jobs = min(jobs, len(todo))
    if jobs < 2:
        yield from map(work, todo)
        return
    with processes.pool(jobs) as pool:
        waiting = {pool.submit(work, job) for job in todo}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
