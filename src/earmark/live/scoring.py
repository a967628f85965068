"""Scores of a sound while it sounds: each step is answered soon after it was heard, not when all is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from earmark.events.scores import smooth
from earmark.features.frontend import DELTA_WIDTH, FrontEnd
from earmark.features.patches import last_patch
from earmark.media.offset import RunningOffsetRemover
from earmark.models.model import Model
from earmark.util.streams import concatenate
from earmark.util.types import Array, Features, Samples

AHEAD = 0.32  # seconds: see docs/live.md for what others cost and bring
CHUNK = 0.16  # seconds answered at once
MIRRORED = 0.64  # seconds that stand in for what has not sounded yet


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
        frames = (self.samples - self.front_end.n_fft // 2) // self.front_end.hop + 1
        return self._upto(frames - self.delay)

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


class LiveScorer:
    """The scores of a timeline, with little look-ahead.

    The network is run on what it needs of the past, on the new steps and on the `ahead` seconds that are known behind
    them, and its answers are averaged over as much of the model's window as that is, without its past: what was
    before a sound would only delay it. What has not sounded yet is the last moments mirrored: a sound that has just
    begun then goes on, where silence or nothing would make a bang of it. What is heard later changes nothing. Steps
    are answered in chunks that lie on a grid, so that the scores are the same whatever blocks the samples come in;
    with all the look-ahead that the model wants they are those of `labelling.scored`, but for a constant offset,
    which is known here a little later.

    Memory does not grow: what is kept is the model's context.

    Parameters
    ----------
    model
        Of any stride, context and kind of features.
    ahead
        Seconds that a step waits for; never more than the model asks for.
    chunk
        Seconds answered at once, at least a step.
    note
        Told the frames [any number, frame_size] as they are made.
    """

    def __init__(
        self,
        model: Model,
        ahead: float = AHEAD,
        chunk: float = CHUNK,
        note: Callable[[Features], object] | None = None,
    ) -> None:
        about = model.description
        self.model, self.about, self.note = model, about, note
        self.front_end = about.front_end
        self.widths = about.widths
        self.half = int(self.widths.max()) // 2
        self.after = about.context if about.ahead is None else about.ahead  # rows behind a step that the model sees
        self.before = -(-about.context // about.stride)  # steps before it
        self.ahead = min(self._all_ahead(), max(0, round(ahead / about.step)))
        self.past = self.ahead == self._all_ahead()
        self.chunk = max(1, round(chunk / about.step))
        self.offset = RunningOffsetRemover(self.front_end.rate)
        self.stream = FrameStream(self.front_end)
        self.held = np.empty((0, self.front_end.frame_size), np.float32)
        self.first = self.done = 0  # frame that `held` begins with; steps answered

    @property
    def latency(self) -> float:
        """Seconds from a moment to when its score is known, at most; the computation comes on top."""
        frame = self.front_end.n_fft / 2 + self.stream.delay * self.front_end.hop
        return (self.chunk + self.ahead) * self.about.step + frame / self.front_end.rate

    @property
    def frames(self) -> int:
        """Frames that are known."""
        return self.first + len(self.held)

    def add(self, samples: Samples) -> Iterator[Array]:
        """Take samples, 1-D; scores [steps, labels] of each chunk that can be answered."""
        self._hold(self.stream.add(self.offset.push(np.asarray(samples, np.float32))))
        while self._wanted() <= self.frames:
            yield self._score(self.done + self.chunk, self._wanted())

    def finish(self) -> Iterator[Array]:
        """The scores of the steps that are left. Nothing may be added afterwards."""
        self._hold(self.stream.finish())
        steps = -(-self._rows_of(self.frames) // self.about.stride)
        while self.done < steps:
            yield self._score(min(self.done + self.chunk, steps), min(self._wanted(), self.frames), ended=True)

    def _all_ahead(self) -> int:
        """Steps after one that its score on a timeline depends on."""
        rows = self.after
        if self.front_end.rows is not None:
            rows += -(-self.front_end.patch_frames // self._hop) * self.front_end.rows
        return -(-rows // self.about.stride) + self.half

    def _wanted(self) -> int:
        """Frames that must be known before the next chunk is answered."""
        rows = (self.done + self.chunk + self.ahead) * self.about.stride
        return rows if self.front_end.rows is None else -(-rows // self.front_end.rows) * self._hop

    def _rows_of(self, frames: int) -> int:
        return frames if self.front_end.rows is None else -(-frames // self._hop) * self.front_end.rows

    @property
    def _hop(self) -> int:
        """Frames from one patch to the next."""
        return round(self.front_end.patch_hop * self.front_end.rate / self.front_end.hop)

    def _hold(self, frames: Features) -> None:
        if self.note and len(frames):
            self.note(frames)
        self.held = np.concatenate([self.held, frames])

    def _score(self, last: int, end: int, ended: bool = False) -> Array:
        """Scores of the steps up to `last`, of frames up to `end`, where the recording may have ended."""
        about, rows = self.about, self._rows_of(end)
        low, high = max(0, self.done - self.half), min(-(-rows // about.stride), last + self.half)
        start = max(0, low - self.before)
        wanted = high * about.stride + self.after
        seen = self._rows(start * about.stride, min(rows, wanted), end)
        if wanted > rows and self.front_end.rows is None and not ended:
            most = round(MIRRORED / self.front_end.seconds)
            seen = np.concatenate([seen, seen[::-1][: min(wanted - rows, most)]])
        steps = concatenate(self.model.score_features([seen]), len(about.labels))[low - start : high - start]
        answers = smooth([steps], self.widths, len(about.labels), about.exclusive, self.past)
        mean = concatenate(answers, len(about.labels))
        scores = mean[self.done - low : last - low]
        self.done = last
        self._forget()
        return scores

    def _rows(self, first: int, last: int, end: int) -> Features:
        """What the network gets of a recording that ends with frame `end`: rows `first` to `last`."""
        many = self.front_end.rows
        if many is None:
            return self.held[first - self.first : last - self.first]
        numbers = range(first // many, -(-last // many))
        rows = concatenate((self._patch(number, end) for number in numbers), self.front_end.size)
        return rows[first - numbers.start * many : last - numbers.start * many]

    def _patch(self, number: int, end: int) -> Features:
        """The rows of the patch around a frame, or of the last whole one, as `patches.centred` chooses."""
        length = self.front_end.patch_frames
        end = min(max(0, number * self._hop - length // 2) + length, end)
        frames = self.held[max(0, end - length) - self.first : end - self.first]
        return next(self.front_end.cut([last_patch(frames, length)]))

    def _forget(self) -> None:
        """Drop the frames that no later step asks for."""
        row = max(0, self.done - self.half - self.before) * self.about.stride
        many = self.front_end.rows
        frame = row if many is None else row // many * self._hop - self.front_end.patch_frames
        if frame > self.first:
            self.held, self.first = self.held[frame - self.first :], frame
