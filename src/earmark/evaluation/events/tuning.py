"""Thresholds of a model chosen by recordings whose events are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from earmark.errors import MissingExtraError
from earmark.evaluation.events.annotated import Annotated
from earmark.evaluation.events.answers import Progress
from earmark.evaluation.events.choosing import By, best_thresholds
from earmark.evaluation.events.windowing import windows_by_length
from earmark.heard import hear
from earmark.model import Description, Model, describe
from earmark.timeline import Array, Event
from earmark.whole import written_whole


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
