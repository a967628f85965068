"""Clips as samples: each is decoded and resampled once while there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets.clip import Clip
from earmark.datasets.scenes import hearing
from earmark.datasets.scenes.plan import Taken

LONGEST = 30.0  # seconds of one clip that are heard at once
GRID = 10.0  # seconds: where in a long recording such a part may begin
ROOM = 256 * 2**20  # bytes of samples that are kept

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A clip as samples, and in which frames it sounds by its own energy.

    Attributes:
        samples: mono, a whole number of frames.
        active: for each frame whether it sounds.
        least: the power below which it is not heard, such as where it fades away.
    """

    samples: Samples
    active: hearing.Mask
    least: float


class Store:
    """Sounds at one rate, of which those used last are kept."""

    def __init__(self, rate: int, room: int = ROOM) -> None:
        self.rate, self.room = rate, room
        self._sounds: OrderedDict[tuple[Path, float, float | None, float], Sound] = OrderedDict()
        self._size = 0
        self._durations: dict[Path, float] = {}

    def sound(self, taken: Taken) -> Sound:
        """What is heard of a clip: all of it, or the part of a long one that was drawn.

        Raises:
            MediaError: it cannot be read.
        """
        clip = taken.clip
        start, end = self._span(clip, taken.at)
        key = clip.path, start, end, taken.speed
        if key in self._sounds:
            self._sounds.move_to_end(key)
            return self._sounds[key]
        played = media.read(clip.path, round(self.rate / taken.speed), start=start, end=end)
        made = measured(played, self.rate)
        self._sounds[key] = made
        self._size += made.samples.nbytes
        while self._size > self.room and len(self._sounds) > 1:
            self._size -= self._sounds.popitem(last=False)[1].samples.nbytes
        return made

    def _span(self, clip: Clip, at: float) -> tuple[float, float | None]:
        length = (self._duration(clip.path) if clip.end is None else clip.end) - clip.start
        if length <= LONGEST:
            return clip.start, clip.end
        start = clip.start + GRID * int(at * (1 + (length - LONGEST) // GRID))
        return start, start + LONGEST

    def _duration(self, path: Path) -> float:
        """What a file says of its length; nothing, where it does not say."""
        if path not in self._durations:
            with media.open_recording(path) as recording:
                self._durations[path] = recording.duration or 0.0
        return self._durations[path]


def measured(samples: Samples, rate: int) -> Sound:
    """Samples, and where they sound."""
    hop = hearing.frame_length(rate)
    whole = np.pad(samples, (0, -len(samples) % hop))
    return Sound(whole, *hearing.activity(hearing.powers(whole, rate)))
