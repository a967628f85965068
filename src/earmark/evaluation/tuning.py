"""A model's thresholds and windows chosen by recordings whose events are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.errors import EarmarkError, MissingExtraError
from earmark.evaluation.annotated import Annotated
from earmark.evaluation.thresholds import (
    Objective,
    best_thresholds,
    by_segments,
    event_lengths,
    line_above,
    of_label,
    rising,
    shared,
)
from earmark.events.timeline import Event
from earmark.models.labelling import recorded_scores
from earmark.models.model import Description, Model, Threshold, save_onnx
from earmark.util.types import Array, Progress

SHARE = 1 / 3  # of an event's length
LONGEST = 10.0  # seconds


@dataclass(frozen=True)
class Known:
    """What a model hears in recordings whose events are known, by recording."""

    scores: dict[str, Array]  # as events are made of [steps, labels]
    truth: dict[str, list[Event]]


def windowed(model: Model, annotated: Annotated) -> Model:
    """The model with the scores of each label averaged over a window that suits the length of its events."""
    about = model.description
    fitting = windows_by_length(annotated.truth.get(path, ()) for path in {clip.path for clip in annotated.clips})
    return model.described(replace(about, windows={**about.windows, **fitting}))


def score_all(model: Model, annotated: Annotated, progress: Progress | None = None) -> Known:
    """What the model hears in recordings whose events are known.

    Raises
    ------
    MediaError
        A recording cannot be read.
    """
    about, known = model.description, Known({}, {})
    for done, clip in enumerate(annotated.clips):
        recorded = recorded_scores(model, clip.path)
        first = round(clip.start / about.step)
        end = recorded.duration if clip.end is None else clip.end
        name = f"{annotated.name(clip)} {clip.start:g}"
        known.scores[name] = recorded.scores[first : max(first + 1, round(end / about.step))]
        known.truth[name] = annotated.inside(clip, end - clip.start)
        if progress:
            progress(done + 1, len(annotated.clips))
    return known


def tune(about: Description, known: Known, by: Objective | None = None, share: bool = False) -> Description:
    """What a model says of itself, with the thresholds of each label whose events fit what is known best.

    Labels that never occur keep the thresholds they have. With `share`, rare labels share theirs.
    """
    kept = {event.label for events in known.truth.values() for event in events}
    groups = shared(about.labels, known.truth.values()) if share else []
    best = best_thresholds(known.scores, known.truth, about.labels, about.step, by=by, shared=groups)
    kept.update(*groups)
    chosen = {label: threshold for label, threshold in best.items() if label in kept}
    return replace(about, thresholds={**about.thresholds, **chosen})


def like(about: Description, other: Description) -> Description:
    """What a model says of itself, with the thresholds and windows of another.

    Recordings that taught a model choose its thresholds badly: it knows them too well. Those that were chosen before
    it learned from them serve it better.

    Raises
    ------
    EarmarkError
        The other model has other labels.
    """
    if set(about.labels) != set(other.labels):
        raise EarmarkError(other.name, f"has other labels than {about.name}", "give a model of the same labels")
    return replace(about, thresholds=other.thresholds, window=other.window, windows=other.windows)


def left_alone(model: Model, recordings: Iterable[Path], known: Known, but: Collection[str] = ()) -> Description:
    """What the model says of itself, with thresholds raised to leave alone recordings where nothing happens.

    What raises a label in the hum of a room raises it in other rooms, too. The threshold of each label that is marked
    there, `but` those that may be, rises as far as is best for all recordings together (`raised`).

    Raises
    ------
    MediaError
        A recording cannot be read.
    """
    about = model.description
    quiet = {str(path): recorded_scores(model, path).scores for path in recordings}
    everywhere, higher = {**known.scores, **quiet}, {}
    for column, label in enumerate(about.labels):
        marked = any((scores[:, column] >= about.threshold(label).on).any() for scores in quiet.values())
        if marked and label not in but:
            scores = {name: own[:, column] for name, own in everywhere.items()}
            higher[label] = raised(scores, known.truth, label, about)
    return replace(about, thresholds={**about.thresholds, **higher})


def raised(
    scores: Mapping[str, Array], truth: Mapping[str, Sequence[Event]], label: str, about: Description
) -> Threshold:
    """A label's thresholds, with that at which events begin as much higher as loses the fewest seconds.

    A false second counts half as much as a missed one, which is what they weigh in F1 where it is about 0.7. Where
    events end stays as it is: what has surely begun is followed to its end. The scores are the label's alone [steps].
    """
    before = about.threshold(label)
    line = line_above(scores, about.step, before)
    count = by_segments(of_label(truth, scores, label), line, 1.0)

    def lost(on: float) -> float:
        counts = count(line.spans(line.stretches(on, min(on, before.off))))
        return counts.truth - counts.hits + (counts.found - counts.hits) / 2

    return Threshold(min(rising(before), key=lost), before.off)


def write(model: Model, about: Description, path: Path) -> None:
    """Write the model's file with another description.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("writing model files", "train") from error
    content = onnx.load(model.path)
    save_onnx(content, about, path)


def windows_by_length(recordings: Iterable[Sequence[Event]]) -> dict[str, float]:
    """Seconds over which scores of each label are averaged: a third of the mean length of its events, ten at most.

    A bark is over before a long window is full of it; whether rain falls is told better by ten seconds than by one. A
    third of the mean is what Lin et al. filter scores with (Specialized decision surface and disentangled feature for
    weakly-supervised polyphonic sound event detection, IEEE/ACM TASLP 28, 2020).
    """
    lengths = sorted(event_lengths(recordings).items())
    return {label: round(min(LONGEST, SHARE * sum(own) / len(own)), 3) for label, own in lengths}
