"""How far some work has come: told to a function, or as a line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from earmark.util.types import Progress


@contextmanager
def reported(progress: Progress | bool | None, unit: str = " s") -> Iterator[Progress | None]:
    """What is to be told of the work: the function itself; for True, what writes a line to standard error.

    The line is written again and again in its place, as a terminal and a notebook show it.
    """
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress:
        yield None
        return
    shown = False

    def line(done: float, total: float | None) -> None:
        nonlocal shown
        shown = True
        known = f" of {total:.0f}" if total else ""
        print(f"\r{done:.0f}{known}{unit}", end="", file=sys.stderr, flush=True)

    try:
        yield line
    finally:
        if shown:
            print(file=sys.stderr)
