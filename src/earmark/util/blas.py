"""One thread for NumPy's products while our own loops run.

They are small and gain nothing from threads, which wait for each other by spinning: that takes the cores from decoding
and from the network. The command line tells OpenBLAS so before NumPy is imported; here it is told while a call lasts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

ENVIRONMENT = "OPENBLAS_NUM_THREADS"
_OWNER = Lock()  # held by the call that has set the limit: libraries know one number of threads for the whole process


@contextmanager
def one_thread() -> Iterator[None]:
    """While the block lasts, BLAS works in one thread; then in as many as before.

    Of blocks in several threads that overlap, the first sets the limit and takes it back: so what was there before
    comes back, whichever ends last.
    """
    if os.environ.get(ENVIRONMENT) == "1" or not _OWNER.acquire(blocking=False):
        yield  # it works in one thread anyway, or by a block around this one, or by that of another thread
        return
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _OWNER.release()


@cache
def _libraries() -> ThreadpoolController:
    """What sets their threads. Finding them takes as long as labelling some seconds; NumPy's is there by now."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
