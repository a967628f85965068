"""Thresholds of a model chosen by recordings whose events are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.errors import MissingExtraError
from earmark.evaluation.events.annotated import Annotated
from earmark.evaluation.events.answers import Progress
from earmark.evaluation.events.choosing import By, best_thresholds
from earmark.evaluation.events.segments import segment_based
from earmark.evaluation.events.sharing import shared
from earmark.evaluation.events.windowing import windows_by_length
from earmark.heard import hear
from earmark.model import Description, Model, Threshold, describe
from earmark.timeline import Array, Event, EventRules
from earmark.whole import written_whole

ABOVE, MOST = 0.02, 0.95  # by which a threshold stands above what it leaves alone; where that ends


@dataclass(frozen=True)
class Known:
    """What a model hears in recordings whose events are known, by recording.

    Attributes:
        scores: as events are made of, float32 [steps, labels].
        truth: the events.
    """

    scores: dict[str, Array]
    truth: dict[str, list[Event]]


def windowed(model: Model, annotated: Annotated) -> Model:
    """The model with the scores of each label averaged over a window that suits the length of its events."""
    about = model.description
    fitting = windows_by_length(annotated.truth.get(path, ()) for path in {clip.path for clip in annotated.clips})
    return model.described(replace(about, windows={**about.windows, **fitting}))


def hear_all(model: Model, annotated: Annotated, progress: Progress | None = None) -> Known:
    """What the model hears in recordings whose events are known.

    Raises:
        MediaError: a recording cannot be read.
    """
    about, known = model.description, Known({}, {})
    for done, clip in enumerate(annotated.clips):
        heard = hear(model, clip.path)
        first = round(clip.start / about.step)
        end = heard.duration if clip.end is None else clip.end
        name = f"{annotated.name(clip)} {clip.start:g}"
        known.scores[name] = heard.scores[first : max(first + 1, round(end / about.step))]
        known.truth[name] = annotated.inside(clip, end - clip.start)
        if progress:
            progress(done + 1, len(annotated.clips))
    return known


def tune(about: Description, known: Known, by: By | None = None, share: bool = False) -> Description:
    """What a model says of itself, with the thresholds of each label whose events fit what is known best.

    Labels that never occur keep the thresholds they have. With `share`, rare labels share theirs.
    """
    kept = {event.label for events in known.truth.values() for event in events}
    groups = shared(about.labels, known.truth.values()) if share else []
    best = best_thresholds(known.scores, known.truth, about.labels, about.step, by=by, shared=groups)
    kept.update(*groups)
    chosen = {label: threshold for label, threshold in best.items() if label in kept}
    return replace(about, thresholds={**about.thresholds, **chosen})


def left_alone(
    model: Model, recordings: Iterable[Path], known: Known, but: Collection[str], worth: float
) -> Description:
    """What the model says of itself, with thresholds raised to leave alone recordings where nothing happens.

    What raises a label in the hum of a room raises it in other rooms, too. Each label's threshold rises until none of
    them is marked, but no nearer to 1 than MOST; and not at all where that costs too much of what is rightly marked.

    Args:
        model: with thresholds that are good elsewhere.
        recordings: that hold none of its labels.
        known: recordings that do.
        but: labels that the quiet ones may hold.
        worth: seconds in `known` that may be missed for each false mark that goes.

    Raises:
        MediaError: a recording cannot be read.
    """
    about = model.description
    quiet = {str(path): hear(model, path).scores for path in recordings}
    raised = dict(about.thresholds)
    for column, label in enumerate(about.labels):
        peak = max((float(scores[:, column].max(initial=0.0)) for scores in quiet.values()), default=0.0)
        before, on = about.threshold(label), round(min(MOST, peak + ABOVE), 4)
        if label not in but and on > before.on:
            raised[label] = Threshold(on, round(before.off * on / before.on, 4))
    paying = _paying(about, replace(about, thresholds=raised), quiet, known, worth)
    return replace(about, thresholds={**about.thresholds, **{label: raised[label] for label in paying}})


def _paying(
    before: Description, after: Description, quiet: Mapping[str, Array], known: Known, worth: float
) -> Iterator[str]:
    """The labels whose thresholds after silence quiet recordings, for at most `worth` seconds a mark."""
    lengths = {name: len(scores) * before.step for name, scores in known.scores.items()}
    old, new = (
        segment_based(known.truth, _events(about, known.scores), lengths, 1.0, about.labels).labels
        for about in (before, after)
    )
    marks, left = (
        Counter(event.label for events in _events(about, quiet).values() for event in events)
        for about in (before, after)
    )
    for label in before.labels:
        missed = old[label].hits - new[label].hits
        false = (old[label].found - old[label].hits) - (new[label].found - new[label].hits)
        # A false second weighs half as much as a missed one, as in F1 where that is about 0.7.
        if marks[label] > left[label] and missed - false / 2 <= worth * (marks[label] - left[label]):
            yield label


def _events(about: Description, scores: Mapping[str, Array]) -> dict[str, list[Event]]:
    """The events of each recording, before edges are moved in to where it is loud."""
    found = {}
    for name, values in scores.items():
        finder = about.finder(EventRules())
        finder.add(values)
        found[name] = finder.events(len(values) * about.step)
    return found


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
