"""Frames of a sound that comes in blocks, as soon as no later sample can change them."""

from __future__ import annotations

import numpy as np

from earmark.features.frontend import DELTA_WIDTH, FrontEnd
from earmark.util.streams import concatenate
from earmark.util.types import Features, Samples


class FrameStream:
    """What `FrontEnd.frame_stream` gives, pushed instead of pulled: the same frames, whatever the blocks.

    Each call computes the frames of the samples that are held. Those near their edges are left out: they see the zeros
    beyond, or, where cepstra have derivatives, frames that do.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self.front_end = front_end
        self.delay = DELTA_WIDTH // 2 if front_end.kind == "mfcc" else 0
        self.margin = -(-(front_end.n_fft // 2) // front_end.hop) + self.delay
        self.samples = self.made = self.first = 0  # heard; frames given; frame at whose centre the held samples begin
        self.held: Samples = np.empty(0, np.float32)

    def add(self, samples: Samples) -> Features:
        """Take samples, 1-D; the frames [new, frame_size] that they complete."""
        self.samples += len(samples)
        self.held = np.concatenate([self.held, np.asarray(samples, np.float32)])
        whole = (self.samples - self.front_end.n_fft // 2) // self.front_end.hop + 1
        return self._upto(whole - self.delay)

    def finish(self) -> Features:
        """The frames up to the end, which see zeros behind it. Nothing may be added afterwards."""
        return self._upto(self.front_end.frames(self.samples))

    def _upto(self, count: int) -> Features:
        size = self.front_end.frame_size
        if count <= self.made:
            return np.empty((0, size), np.float32)
        frames = concatenate(self.front_end.frame_stream([self.held]), size)[
            self.made - self.first : count - self.first
        ]
        keep = max(0, count - self.margin)
        self.held = self.held[(keep - self.first) * self.front_end.hop :].copy()
        self.made, self.first = count, keep
        return frames
