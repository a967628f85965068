"""A model let loose on recordings whose events are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earmark.datasets import Clip
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation.events.annotated import Annotated, cut
from earmark.evaluation.events.hearing import THRESHOLDS, sweep
from earmark.events.timeline import Event
from earmark.models.model import Model
from earmark.models.recorded_scores import Heard, hear

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

Table = dict[str, list[Event]]
"""Events of each clip, by its name; times in seconds from its beginning."""


@dataclass
class Answers:
    """What a model finds, beside what is there.

    Attributes:
        labels: of the model.
        durations: seconds of each clip that could be read, by its name.
        truth: what sounds in each.
        found: what the model marks in each, at its own thresholds.
        swept: what it would mark at each of `hearing.THRESHOLDS`.
        marked: what it marks in each recording, by its path as the dataset table writes it, in the recording's time.
        unreadable: why clips are missing.
    """

    labels: tuple[str, ...]
    durations: dict[str, float] = field(default_factory=dict)
    truth: Table = field(default_factory=dict)
    found: Table = field(default_factory=dict)
    swept: list[Table] = field(default_factory=lambda: [{} for _ in THRESHOLDS])
    marked: Table = field(default_factory=dict)
    unreadable: list[EarmarkError] = field(default_factory=list)


def ask(model: Model, annotated: Annotated, progress: Progress | None = None) -> Answers:
    """Mark the events of every recording once; of a clip counts what lies within it.

    Raises:
        DatasetError: no recording could be read.
    """
    answers = Answers(model.labels)
    by_path: dict[Path, list[Clip]] = {}
    for clip in annotated.clips:
        by_path.setdefault(clip.path, []).append(clip)
    for done, clips in enumerate(by_path.values()):
        try:
            _add(answers, annotated, clips, hear(model, clips[0].path))
        except EarmarkError as error:
            answers.unreadable.append(error)
        if progress:
            progress(done + 1, len(by_path))
    if not answers.durations:
        reasons = f" ({answers.unreadable[0]})" if answers.unreadable else ""
        raise DatasetError(annotated.table, f"holds no recording that can be read{reasons}")
    return answers


def _add(answers: Answers, annotated: Annotated, clips: Sequence[Clip], heard: Heard) -> None:
    """The clips of one recording."""
    found, swept = heard.events(), sweep(heard)
    recording = annotated.name(clips[0])
    marked: list[Event] = []
    for clip in clips:
        end = heard.duration if clip.end is None else min(clip.end, heard.duration)
        if end <= clip.start:
            reason = f"ends at {heard.duration:.2f} s, before its clip begins, at {clip.start:g} s"
            answers.unreadable.append(DatasetError(clip.path, reason, "mend the table"))
            continue
        name = f"{recording} {clip.start:g}-{end:g}"
        answers.durations[name] = end - clip.start
        answers.truth[name] = annotated.inside(clip, end - clip.start)
        answers.found[name] = cut(found, clip.start, end)
        for table, events in zip(answers.swept, swept, strict=True):
            table[name] = cut(events, clip.start, end)
        marked += (event for event in found if event.onset < end and event.offset > clip.start)
    if marked:
        answers.marked[recording] = list(dict.fromkeys(marked))
