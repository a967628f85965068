"""The main line, end to end: a recording in; its timeline, its labels, or its scores out.

Scores are kept so that events can be read from them at any thresholds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from earmark import media
from earmark.errors import ArgumentError
from earmark.events.boundaries import FrameLevels, loud_steps
from earmark.events.hysteresis import EventRules
from earmark.events.scores import Scores, smooth
from earmark.events.timeline import Event, Timeline
from earmark.features.frontend import IN_DECIBELS
from earmark.media import Given, Sound
from earmark.models.model import PARTS_AHEAD, Description, Model, load_model
from earmark.util import streams
from earmark.util.blas import one_thread
from earmark.util.progress import reported
from earmark.util.types import Array, Features, Progress, Samples

Tap = Callable[[Iterable[Samples]], Iterator[Samples]]
"""Passes blocks of samples on, and notes something of them."""

BLOCK_SECONDS = 10.0
BLOCKS_AHEAD = 4  # decoded while the network works: bounds memory


def label(
    source: Given,
    model: str | os.PathLike[str] | Model = "sounds",
    *,
    sample_rate: float | None = None,
    sensitivity: float | None = None,
    labels: Iterable[str] | None = None,
    track: int = 0,
    rules: EventRules | None = None,
    scores: bool = True,
    progress: Progress | bool | None = None,
    on_scores: Callable[[Array], object] | None = None,
    on_embeddings: Callable[[Array], object] | None = None,
) -> Timeline:
    """Mark what sounds in a recording, and when.

    Parameters
    ----------
    source
        Audio, or video with an audio track: a path, an address (http:// or https://, fetched into a temporary file),
        the bytes of a file, a binary file object; or samples, [samples] or [samples, channels], floating point with
        full scale at 1, or whole numbers (int16, int32, uint8).
    model
        A bundled model's name, the path of a model file, or a loaded model. Default `"sounds"`.
    sample_rate
        Hz; needed with samples, and only there.
    sensitivity
        0 to 1: more marks more, less marks less. Default 0.5, the model's own thresholds.
    labels
        The labels that are wanted. Default all of the model's.
    track
        Which of the audio tracks, from 0.
    rules
        How scores become events, in detail: sensitivity, shortest event, longest gap.
    scores
        Keep the scores, as `Timeline.scores`: 4 bytes for each label and step, 18 MB an hour for `"sounds"`. Without
        them memory hardly grows with the recording's length.
    progress
        Called with the seconds done and the recording's length (None where it is not known); or True for a line on
        standard error.
    on_scores
        Called with the scores, float32 [steps, labels], some steps at a time in order; they are not kept then.
    on_embeddings
        Called with the model's embeddings, float32 [steps, dimensions], likewise; they cost nothing more.

    Returns
    -------
    Timeline
        The events: a sequence.

    Raises
    ------
    MediaError
        The recording cannot be fetched or read; or the samples are of a shape, type or scale that sound has not.
    ModelError
        The model cannot be read, or has no embeddings and `on_embeddings` is given.
    ArgumentError
        A label is none of the model's, the sensitivity is not between 0 and 1, or `sample_rate` does not fit.

    Examples
    --------
    >>> import earmark
    >>> timeline = earmark.label("street.mp4", labels=["rain", "train"])
    >>> [(event.label, round(event.onset)) for event in timeline]
    [('train', 21), ('rain', 28)]
    >>> timeline.scores.values.shape == (len(timeline.scores.times), 2)
    True
    >>> print(timeline.save("street.vtt"))
    street.vtt
    """
    sound = Sound(source, sample_rate, track)
    chosen, rules = loaded(model), _rules(rules, sensitivity)
    about = chosen.description
    columns = columns_of(chosen, labels)
    finder = about.finder(rules, only=None if labels is None else [about.labels[i] for i in columns])
    kept: list[Array] = []
    with one_thread(), reported(progress) as report, sound.open() as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, report)
        levels = FrameLevels.of(about.front_end)
        for part in scored(chosen, streams.ahead(iter(blocks), BLOCKS_AHEAD), levels, on_embeddings):
            finder.add(part)
            if on_scores:
                on_scores(part)
            elif scores:
                kept.append(part if labels is None else part[:, columns])
        events = levels.tighten(finder.events(blocks.seconds), about.reach)
        found = Timeline(sound.name, round(blocks.seconds, 3), about.name, sound=sound).with_events(events)
    if on_scores or not scores:
        return found
    return replace(found, scores=Scores.joined(tuple(about.labels[i] for i in columns), about.step, kept))


def scored(
    model: Model, blocks: Iterable[Samples], levels: FrameLevels, embed: Callable[[Array], object] | None = None
) -> Iterator[Array]:
    """The scores [steps, labels] that events are made of, each the mean over the model's window, some at a time.

    The levels of what passes are noted in `levels`, where the front end tells them; `embed` is told the embeddings.
    """
    about = model.description
    frames = about.front_end.frame_stream(blocks)
    if about.front_end.kind in IN_DECIBELS:
        frames = levels.follow(frames)
    features = streams.ahead(about.front_end.cut(frames), PARTS_AHEAD)
    steps = model.score_features(features) if embed is None else _with_embeddings(model, features, embed)
    return smooth(steps, about.widths, len(about.labels), about.exclusive)


def _with_embeddings(model: Model, features: Iterable[Features], embed: Callable[[Array], object]) -> Iterator[Array]:
    model.check_embeddings()
    for scores, embeddings in model.answers(features, ("scores", "embedding")):
        embed(embeddings)
        yield scores


def classify(
    source: Given,
    model: str | os.PathLike[str] | Model = "sounds",
    *,
    sample_rate: float | None = None,
    labels: Iterable[str] | None = None,
    track: int = 0,
    progress: Progress | bool | None = None,
    tap: Tap | None = None,
) -> list[tuple[str, float]]:
    """Say what a recording is as a whole.

    Parameters
    ----------
    source, model, sample_rate, labels, track, progress
        As for `label`.
    tap
        Passes the recording's samples on, at the rate of the model's front end, and may note something of them.

    Returns
    -------
    list of (str, float)
        Each label with its score, 0 to 1, best first.

    Raises
    ------
    MediaError, ModelError, ArgumentError
        As for `label`.

    Examples
    --------
    >>> import earmark
    >>> best, score = earmark.classify("street.mp4")[0]
    >>> best, round(score, 1)
    ('train', 0.8)
    """
    sound = Sound(source, sample_rate, track)
    chosen = loaded(model)
    about = chosen.description
    columns = columns_of(chosen, labels)
    with one_thread(), reported(progress) as report, sound.open() as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, report)
        passing = tap(blocks) if tap else iter(blocks)
        scores = about.pooled(clip_scores(chosen, streams.ahead(passing, BLOCKS_AHEAD)))
    best = [i for i in np.argsort(-scores, kind="stable") if i in columns]
    return [(about.labels[i], round(float(scores[i]), 4)) for i in best]


def clip_scores(model: Model, blocks: Iterable[Samples]) -> Iterator[Array]:
    """Scores [steps, labels] of what counts in the answer for a whole recording: all of it, or all that is loud."""
    about = model.description
    if about.loud is None:
        yield from model.score(blocks)
        return
    levels = FrameLevels.of(about.front_end)
    frames = levels.follow(about.front_end.frame_stream(blocks))
    scores = [
        np.empty((0, len(about.labels)), np.float32),
        *model.score_features(streams.ahead(about.front_end.cut(frames), PARTS_AHEAD)),
    ]
    yield np.concatenate(scores)[loud_steps(levels.values(), about.stride, about.loud)]


def loaded(model: str | os.PathLike[str] | Model) -> Model:
    """The model itself, or the one of that name or path."""
    return model if isinstance(model, Model) else load_model(model)


def columns_of(model: Model, labels: Iterable[str] | None) -> Sequence[int]:
    """Where some of a model's labels stand among all of them, in the model's order; those of all for None."""
    if labels is None:
        return range(len(model.labels))
    wanted = [labels] if isinstance(labels, str) else list(labels)
    for label in wanted:
        if label not in model.labels:
            close = get_close_matches(str(label), model.labels)
            remedy = f"did you mean {' or '.join(close)}?" if close else "see the model's labels"
            raise ArgumentError("labels", label, f"is no label of the model {model.description.name}", remedy)
    return sorted({model.labels.index(label) for label in wanted})


def _rules(rules: EventRules | None, sensitivity: float | None) -> EventRules:
    rules = rules or EventRules()
    return rules if sensitivity is None else replace(rules, sensitivity=sensitivity)


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


@dataclass(frozen=True)
class RecordedScores:
    """A model's scores of one recording, 0.4 MB a minute for a hundred labels at 0.06 s."""

    about: Description
    scores: Array
    """As events are made of, each the mean over the model's window, float32 [steps, labels]."""
    levels: FrameLevels
    """By which events' edges are moved."""
    duration: float
    """Seconds."""

    def events(self, rules: EventRules | None = None, on: Array | None = None, off: Array | None = None) -> list[Event]:
        """The events at the model's thresholds, as `label` finds them, or at others [labels]."""
        finder = self.about.finder(rules or EventRules(), on, off)
        finder.add(self.scores)
        return self.levels.tighten(finder.events(self.duration), self.about.reach)


def recorded_scores(
    model: Model,
    source: media.Source,
    tap: Tap | None = None,
    progress: Progress | None = None,
    embed: Callable[[Array], object] | None = None,
) -> RecordedScores:
    """Score a recording as `label` does. Memory grows by its scores.

    `tap` sees the recording's samples, at the rate of the model's front end, as they pass; `embed` is told the
    embeddings [steps, dimensions], some at a time.
    """
    about = model.description
    levels = FrameLevels.of(about.front_end)
    with one_thread(), media.open_recording(source) as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, progress)
        passing = tap(blocks) if tap else iter(blocks)
        parts = scored(model, streams.ahead(passing, BLOCKS_AHEAD), levels, embed)
        scores = streams.concatenate(parts, len(about.labels))
    return RecordedScores(about, scores, levels, blocks.seconds)
