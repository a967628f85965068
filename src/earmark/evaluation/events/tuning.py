"""Thresholds of a model chosen by recordings whose events are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from earmark.errors import MissingExtraError
from earmark.evaluation.events.annotated import Annotated
from earmark.evaluation.events.answers import Progress
from earmark.evaluation.events.choosing import By, best_thresholds
from earmark.evaluation.events.windowing import windows_by_length
from earmark.heard import hear
from earmark.model import Description, Model, Threshold, describe
from earmark.timeline import Array, Event
from earmark.whole import written_whole

ABOVE, MOST = 0.02, 0.95  # by which a threshold stands above what it leaves alone; where that ends


def tune(
    model: Model,
    annotated: Annotated,
    by: By | None = None,
    windows: bool = False,
    common: bool = False,
    progress: Progress | None = None,
) -> Description:
    """What the model says of itself, with the thresholds of each label whose events fit these recordings best.

    Labels that never occur in them keep the thresholds they have. With `windows`, the scores of each label are averaged
    over a window that suits the length of its events in these recordings. With `common`, all labels get the same
    thresholds.

    Raises:
        MediaError: a recording cannot be read.
    """
    about = model.description
    if windows:
        fitting = windows_by_length(annotated.truth.get(path, ()) for path in {clip.path for clip in annotated.clips})
        about = replace(about, windows={**about.windows, **fitting})
        model = model.described(about)
    scores: dict[str, Array] = {}
    truth: dict[str, list[Event]] = {}
    for done, clip in enumerate(annotated.clips):
        heard = hear(model, clip.path)
        first = round(clip.start / about.step)
        end = heard.duration if clip.end is None else clip.end
        name = f"{annotated.name(clip)} {clip.start:g}"
        scores[name] = heard.scores[first : max(first + 1, round(end / about.step))]
        truth[name] = annotated.inside(clip, end - clip.start)
        if progress:
            progress(done + 1, len(annotated.clips))
    occurring = {event.label for events in truth.values() for event in events}
    best = best_thresholds(scores, truth, about.labels, about.step, by=by, common=common)
    kept = {label: threshold for label, threshold in best.items() if common or label in occurring}
    return replace(about, thresholds={**about.thresholds, **kept})


def left_alone(model: Model, recordings: Iterable[Path], but: Collection[str] = ()) -> Description:
    """What the model says of itself, with thresholds raised until it marks nothing in recordings where nothing happens.

    What raises a label in the hum of a room raises it in other rooms, too. No threshold comes nearer to 1 than MOST: a
    label that is surer than that in some quiet room is still marked there.

    Args:
        model: with thresholds that are good elsewhere.
        recordings: that hold none of its labels.
        but: labels that they may hold.

    Raises:
        MediaError: a recording cannot be read.
    """
    about = model.description
    peaks = np.zeros(len(about.labels))
    for path in recordings:
        peaks = np.maximum(peaks, hear(model, path).scores.max(axis=0, initial=0.0))
    raised = dict(about.thresholds)
    for label, peak in zip(about.labels, peaks, strict=True):
        before, on = about.threshold(label), round(min(MOST, float(peak) + ABOVE), 4)
        if label not in but and on > before.on:
            raised[label] = Threshold(on, round(before.off * on / before.on, 4))
    return replace(about, thresholds=raised)


def write(model: Model, about: Description, path: Path) -> None:
    """Write the model's file with another description.

    Raises:
        MissingExtraError: the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("writing model files", "train") from error
    content = onnx.load(model.path)
    describe(content, about)
    with written_whole(path) as part:
        part.write_bytes(content.SerializeToString())
