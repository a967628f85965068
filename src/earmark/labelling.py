"""The main line, end to end: a recording in, its timeline or its labels out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from earmark import media, streaming
from earmark.edges import Levels, loud_steps
from earmark.frontend import IN_DECIBELS, Samples
from earmark.model import Model, load_model
from earmark.timeline import Array, EventRules, Timeline, smooth

BLOCK_SECONDS = 10.0
BLOCKS_AHEAD = 4  # decoded while the network works: bounds memory

Progress = Callable[[float, float | None], None]
"""Called with the seconds done, and the recording's length where it is known."""


def label(
    source: media.Source,
    model: str | os.PathLike[str] | Model = "sounds",
    *,
    track: int = 0,
    rules: EventRules | None = None,
    progress: Progress | None = None,
    hear: Callable[[Array], object] | None = None,
) -> Timeline:
    """Mark what sounds in a recording, and when. Memory hardly grows with the recording's length.

    Args:
        source: path, bytes or binary file of any audio or video.
        model: a bundled model's name, a model file's path, or a loaded model.
        track: which of the audio tracks, from 0.
        rules: how scores become events.
        progress: told how far the work has come.
        hear: told the scores [steps, labels] that events are made of, each the mean over the model's window, some at a
            time in order.

    Raises:
        MediaError: the recording cannot be read.
        ModelError: the model cannot be read.
    """
    chosen, rules = loaded(model), rules or EventRules()
    about = chosen.description
    finder = about.finder(rules)
    with media.open_recording(source, track) as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, progress)
        levels = Levels.of(about.front_end)
        for part in scored(chosen, streaming.ahead(iter(blocks), BLOCKS_AHEAD), levels):
            finder.add(part)
            if hear:
                hear(part)
        events = levels.tighten(finder.events(blocks.seconds), about.reach)
        return Timeline(recording.name, round(blocks.seconds, 3), about.name).with_events(events)


def scored(model: Model, blocks: Iterable[Samples], levels: Levels) -> Iterator[Array]:
    """The scores [steps, labels] that events are made of, each the mean over the model's window, some at a time.

    The levels of what passes are noted in `levels`, where the front end tells them.
    """
    about = model.description
    frames = about.front_end.frame_stream(blocks)
    if about.front_end.kind in IN_DECIBELS:
        frames = levels.hear(frames)
    steps = model.score_features(about.front_end.cut(frames))
    return smooth(steps, about.widths, len(about.labels), about.exclusive)


def classify(
    source: media.Source,
    model: str | os.PathLike[str] | Model = "sounds",
    *,
    track: int = 0,
    progress: Progress | None = None,
) -> list[tuple[str, float]]:
    """What a recording is as a whole: (label, score), best first. Arguments and errors as for `label`."""
    chosen = loaded(model)
    about = chosen.description
    with media.open_recording(source, track) as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, progress)
        scores = about.whole(heard(chosen, streaming.ahead(iter(blocks), BLOCKS_AHEAD)))
    return [(about.labels[i], round(float(scores[i]), 4)) for i in np.argsort(-scores, kind="stable")]


def heard(model: Model, blocks: Iterable[Samples]) -> Iterator[Array]:
    """Scores [steps, labels] of what counts in the answer for a whole recording: all of it, or all that is loud."""
    about = model.description
    if about.loud is None:
        yield from model.score(blocks)
        return
    levels = Levels.of(about.front_end)
    frames = levels.hear(about.front_end.frame_stream(blocks))
    scores = [np.empty((0, len(about.labels)), np.float32), *model.score_features(about.front_end.cut(frames))]
    yield np.concatenate(scores)[loud_steps(levels.heard(), about.stride, about.loud)]


def loaded(model: str | os.PathLike[str] | Model) -> Model:
    """The model itself, or the one of that name or path."""
    return model if isinstance(model, Model) else load_model(model)


class CountedBlocks:
    """A recording's blocks, counted as they pass."""

    def __init__(self, recording: media.Recording, rate: int, progress: Progress | None) -> None:
        self.recording, self.rate, self.progress = recording, rate, progress
        self.samples = 0

    @property
    def seconds(self) -> float:
        """How much has passed."""
        return self.samples / self.rate

    def __iter__(self) -> Iterator[Samples]:
        blocks: Iterable[Samples] = self.recording.blocks(self.rate, BLOCK_SECONDS)
        for block in blocks:
            self.samples += len(block)
            yield block
            if self.progress:
                self.progress(self.seconds, self.recording.duration)
