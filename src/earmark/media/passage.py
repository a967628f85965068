"""Spans of one recording, read one after another in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from earmark.media.recording import Recording

_KEPT = 2  # blocks: spans that overlap a little, as words with their margins do, need no second pass


class Passage:
    """Reads spans at `rate` Hz; only one that begins well before the last one's end makes it start over.

    The last two blocks of the recording are kept, whatever its length.
    """

    def __init__(self, recording: Recording, rate: int) -> None:
        self._recording, self._rate = recording, rate
        self._blocks: Iterator[NDArray[np.float32]] = iter(())
        self._kept: list[tuple[int, NDArray[np.float32]]] = []

    def span(self, onset: float, offset: float) -> Iterator[NDArray[np.float32]]:
        """The samples from `onset` to `offset` seconds in pieces, 1-D; fewer where the recording ends before.

        Joined they are what `Recording.span` gives. Raises as that does, ValueError where a span is none.
        """
        if not 0 <= onset <= offset:
            raise ValueError(f"a span runs from 0 or later to a later time, not from {onset} to {offset} s")
        at = round(onset * self._rate)
        end = math.inf if offset == math.inf else round(offset * self._rate)
        if not self._kept or at < self._kept[0][0]:
            self._blocks, self._kept = self._recording.blocks(self._rate), []
        while at < end:
            block = self._block_at(at)
            if block is None:
                return
            piece = block if end == math.inf else block[: int(end) - at]
            yield piece
            at += len(piece)

    def _block_at(self, at: int) -> NDArray[np.float32] | None:
        """What is left of the block that holds this sample; None beyond the end."""
        while True:
            for begin, block in self._kept:
                if begin <= at < begin + len(block):
                    return block[at - begin :]
            end = self._kept[-1][0] + len(self._kept[-1][1]) if self._kept else 0
            following = next(self._blocks, None)
            if following is None:
                return None
            self._kept = [*self._kept[1 - _KEPT :], (end, following)]
