"""Where an event really begins and ends: its boundaries moved in to where something is loud.

A network that was taught what a clip holds, not when, answers for some time before and after a short sound: as far as
its receptive field and the window of its scores reach. The level of the recording tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.events.timeline import Event
from earmark.features.frontend import FrontEnd
from earmark.util.types import Features

QUIET_DB = 25.0  # so far below the loudest moment near an edge, nothing is left of the event
SHORTEST = 0.1  # seconds that are left of an event


class FrameLevels:
    """The level of each frame of a recording, taken from its features as they pass: a byte a frame.

    Parameters
    ----------
    frame_seconds
        From one frame to the next.
    front_end
        Of the features; they are in dB if None.
    """

    def __init__(self, frame_seconds: float, front_end: FrontEnd | None = None) -> None:
        self.frame_seconds = frame_seconds
        self.front_end = front_end
        self.parts: list[NDArray[np.int8]] = []

    @classmethod
    def of(cls, front_end: FrontEnd) -> FrameLevels:
        """For a recording that passes this front end."""
        return cls(front_end.hop / front_end.rate, front_end)

    def follow(self, stream: Iterable[Features]) -> Iterator[Features]:
        """Pass features [frames, bands] on, and note the level of each frame: that of its loudest band."""
        for features in stream:
            loudest = features.max(axis=1)
            levels = loudest if self.front_end is None else self.front_end.decibels(loudest)
            self.parts.append(np.clip(levels, -127, 127).astype(np.int8))
            yield features

    def values(self) -> NDArray[np.float32]:
        """DB of each frame that has passed [frames]."""
        return np.concatenate([np.empty(0, np.int8), *self.parts]).astype(np.float32)

    def tighten(self, events: Iterable[Event], reach: float) -> list[Event]:
        """Events with each edge moved in, by at most `reach` seconds, past what is quiet; none is lost."""
        levels = self.values()
        return [self._tighten(event, levels, reach) for event in events]

    def _tighten(self, event: Event, levels: NDArray[np.float32], reach: float) -> Event:
        first, last = round(event.onset / self.frame_seconds), round(event.offset / self.frame_seconds) + 1
        frames = max(1, round(reach / self.frame_seconds))
        onset = event.onset + _quiet(levels[first : min(last, first + 2 * frames)], frames) * self.frame_seconds
        offset = event.offset - _quiet(levels[max(first, last - 2 * frames) : last][::-1], frames) * self.frame_seconds
        if offset - onset < SHORTEST:
            return event
        return replace(event, onset=round(onset, 3), offset=round(offset, 3))


def loud_steps(levels: NDArray[np.floating[Any]], stride: int, within: float) -> NDArray[np.bool_]:
    """Which steps, of `stride` frames, are loud: those with a frame at most `within` dB below the loudest of all."""
    if len(levels) == 0:
        return np.zeros(0, bool)
    loudest = np.maximum.reduceat(levels, np.arange(0, len(levels), stride))
    return np.asarray(loudest >= loudest.max() - within)


def _quiet(levels: NDArray[np.float32], most: int) -> int:
    """Quiet frames at the beginning, at most `most`; one is kept, as frames overlap what is beside them."""
    if len(levels) == 0:
        return 0
    return max(0, min(most, int(np.argmax(levels >= levels.max() - QUIET_DB)) - 1))
