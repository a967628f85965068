"""Arrays that come in parts: cut anew with context, joined, made ahead of time by another thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Queue
from threading import Event as Signal
from threading import Thread
from typing import TypeVar

import numpy as np

from earmark.util.types import Array

Item = TypeVar("Item")


def concatenate(parts: Iterable[Array], size: int) -> Array:
    """The parts of a stream as one array [rows, size], also when there are none."""
    return np.concatenate([np.empty((0, size), np.float32), *parts])


def windows(
    stream: Iterable[Array], chunk: int, context: int, size: int, behind: int | None = None
) -> Iterator[tuple[Array, int, int]]:
    """Cut a stream of rows [any number, size] into chunks with `context` rows either side, where there are any.

    With `behind`, so many rows of context come after a chunk instead. Yields (rows, how many of them are context
    before, how many are context after). The last chunk may be shorter, or longer by up to the context after it.
    """
    after = context if behind is None else behind
    parts: list[Array] = []
    rows = before = 0  # held in the parts; of them context before the next chunk
    for part in stream:
        parts.append(part)
        rows += len(part)
        if rows < before + chunk + after:
            continue
        held = concatenate(parts, size)  # once a chunk, not once a part
        while len(held) >= before + chunk + after:
            yield held[: before + chunk + after], before, after
            held = held[max(0, before + chunk - context) :]
            before = min(context, before + chunk)
        parts, rows = [held.copy()], len(held)
    if rows > before:
        yield concatenate(parts, size), before, 0


def tee(items: Iterable[Item], *listeners: Callable[[Item], object]) -> Iterator[Item]:
    """The same items, each told to the listeners on its way."""
    for item in items:
        for listener in listeners:
            listener(item)
        yield item


def ahead(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """The same items, made by another thread up to `depth` ahead; its errors are raised here."""
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(depth)
    stop = Signal()

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                queue.put((item, None))
                if stop.is_set():
                    return
        except BaseException as caught:  # whatever it is, it belongs to whoever waits for the items
            error = caught
        queue.put((None, error))

    thread = Thread(target=work, name="earmark-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stop.set()
        while thread.is_alive():
            while not queue.empty():  # it may be waiting for room
                queue.get_nowait()
            thread.join(0.02)
