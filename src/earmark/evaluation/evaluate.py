"""`earmark.evaluate`: how well a model does on data whose truth is known."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from earmark import datasets
from earmark.errors import ArgumentError, DatasetError, EarmarkError, EarmarkWarning
from earmark.evaluation.annotated import renamed, some
from earmark.models.model import Model, bundled_models, load_model
from earmark.speech.words import classifiers, loaded_classifier
from earmark.util.blas import one_thread
from earmark.util.progress import reported
from earmark.util.types import Progress


@dataclass(frozen=True)
class Evaluation:
    """What was measured; as text it is a table for reading.

    Attributes
    ----------
    kind
        `"clips"`, each as a whole; `"events"`, what is marked and when; or `"words"` in speech.
    figures
        All figures by name, as JSON holds them.
    unreadable
        Why clips or recordings are missing in them.
    """

    kind: Literal["clips", "events", "words"]
    figures: Mapping[str, Any]
    unreadable: tuple[EarmarkError, ...]
    _table: str = field(repr=False)
    _csv: Callable[[], str] | None = field(repr=False, compare=False)
    _write: Callable[[Path], list[Path]] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self._table

    def to_csv(self) -> str:
        """The figures as CSV: of events a row for each label, of words one for each condition.

        Raises
        ------
        EarmarkError
            They are of clips; their predictions are CSV, by `report`.
        """
        if self._csv is None:
            raise EarmarkError("the figures of clips", "are no CSV", "write a report, which has predictions.csv")
        return self._csv()

    def report(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write tables and pictures into a folder, which is made.

        Returns
        -------
        list of Path
            The files.

        Raises
        ------
        EarmarkError
            They cannot be written.
        """
        return self._write(Path(folder))


def evaluate(
    model: str | os.PathLike[str] | Model,
    on: str | os.PathLike[str],
    *,
    events: bool = False,
    relabel: Mapping[str, str] | None = None,
    truth: str | os.PathLike[str] | None = None,
    split: str | None = None,
    progress: Progress | bool | None = None,
) -> Evaluation:
    """Measure a model on data whose truth is known.

    Parameters
    ----------
    model
        A bundled model's name, the path of a model file, or a loaded model; for words, a frame classifier of speech.
    on
        Clips: a folder with a folder per class, a table of clips, or a known dataset's name. With `events`, a table
        `clips.csv` with `events.csv` beside it. Words: a folder of recordings, each with its ground truth beside it.
    events
        Measure what is marked and when, not whole clips. Default False.
    relabel
        What labels of the data are called by the model, by their own names. Default none.
    truth
        With `events`: the table of events. Default `events.csv` beside the clips.
    split
        With `events`: only clips of this split of the table. Default all.
    progress
        Called with how many clips or recordings are done and how many there are; or True for a line on standard error.

    Returns
    -------
    Evaluation
        Its `figures`, and files by `report`.

    Raises
    ------
    DatasetError
        The data are missing, hold none of the model's labels, or nothing that can be read.
    ModelError
        The model cannot be read.
    ArgumentError
        An argument does not go with this kind of model, or a name in `relabel` is no label.

    Examples
    --------
    >>> import earmark
    >>> evaluation = earmark.evaluate("low_high.onnx", "my_sounds")
    >>> evaluation.figures["one_label"]["accuracy"]
    1.0
    """
    with one_thread(), reported(progress, "") as report:
        loaded = loaded_model(model)
        if of_words(loaded):
            for name, value in (("events", events), ("relabel", relabel), ("truth", truth), ("split", split)):
                if value:
                    raise ArgumentError(name, value, "is for models of sounds", "leave it out")
            return compare_classifiers({loaded.description.name: loaded}, Path(on), report)
        if events:
            table = None if truth is None else Path(truth)
            return _of_events(loaded, on, table, split, relabel or {}, report)
        for name, value in (("truth", truth), ("split", split)):
            if value is not None:
                raise ArgumentError(name, value, "goes with events=True", "add that")
        return _of_clips(loaded, on, relabel or {}, report)


def loaded_model(model: str | os.PathLike[str] | Model) -> Model:
    """The model to be measured: one of sounds, or a frame classifier of speech.

    Raises
    ------
    ModelError
        It cannot be read.
    """
    if isinstance(model, str) and model in classifiers() and model not in bundled_models():
        return loaded_classifier(model)
    loaded = model if isinstance(model, Model) else load_model(model)
    return loaded_classifier(loaded) if of_words(loaded) else loaded


def of_words(model: Model) -> bool:
    """Whether a model is a frame classifier of speech: it has one label."""
    return len(model.labels) == 1


def _of_clips(
    model: Model, on: str | os.PathLike[str], relabel: Mapping[str, str], report: Progress | None
) -> Evaluation:
    from earmark.evaluation import clip_evaluation as clips

    dataset = renamed(datasets.load(None, os.fspath(on)), relabel, model)
    if unknown := _unknown(dataset.labels, model):
        clips_without = sum(not set(clip.labels) & set(model.labels) for clip in dataset.clips)
        _warn(f"counted as none of its labels: {', '.join(unknown)} ({clips_without} clips)")
    predictions = clips.predict(model, dataset, report)
    summary = clips.summary(predictions)
    write = partial(clips.write, predictions, summary)
    return Evaluation("clips", summary, tuple(predictions.unreadable), clips.plain(summary), None, write)


def _of_events(
    model: Model,
    on: str | os.PathLike[str],
    truth: Path | None,
    split: str | None,
    relabel: Mapping[str, str],
    report: Progress | None,
) -> Evaluation:
    from earmark.evaluation import annotated
    from earmark.evaluation import event_evaluation as events

    recordings = annotated.load(os.fspath(on), truth, split).relabelled(relabel, model.labels)
    if unknown := _unknown(recordings.labels, model):
        _warn(f"left out: {', '.join(unknown)}")
    elif recordings.labels and not set(recordings.labels) & set(model.labels):
        reason = f"has none of the model's labels; it has {some(recordings.labels)}"
        remedy = f"rename some with relabel=; the model knows {some(model.labels)}"
        raise DatasetError(recordings.table.parent, reason, remedy)
    predictions = events.predict(model, recordings.only(model.labels), report)
    summary = events.summary(predictions)
    table, write = partial(events.table, summary), partial(events.write, predictions, summary)
    return Evaluation("events", summary, tuple(predictions.unreadable), events.plain(summary), table, write)


def compare_classifiers(models: Mapping[str, Model], on: Path, report: Progress | None = None) -> Evaluation:
    """Measure frame classifiers of speech, by name, on the recordings of a folder.

    Raises
    ------
    DatasetError
        No recording can be measured.
    """
    from earmark.evaluation import word_evaluation, word_tables

    recordings = word_evaluation.find_recordings(on)
    predictions: dict[str, list[word_evaluation.Prediction]] = {name: [] for name in models}
    wrong: list[EarmarkError] = []
    for done, recording in enumerate(recordings):
        try:
            said = word_evaluation.predict(recording, models.values())
            for own, prediction in zip(predictions.values(), said, strict=True):
                own.append(prediction)
        except EarmarkError as error:
            wrong.append(error)
        if report:
            report(done + 1, len(recordings))
    if len(wrong) == len(recordings):
        raise DatasetError(on, f"holds no recording that can be measured ({wrong[0]})")
    comparison = word_evaluation.compare(str(on), predictions)

    def write(folder: Path) -> list[Path]:
        from earmark.evaluation import word_report

        return [word_report.write(comparison, folder)]

    table = partial(word_tables.summary_csv, comparison)
    return Evaluation("words", comparison.summary(), tuple(wrong), word_tables.plain(comparison), table, write)


def _unknown(labels: Sequence[str], model: Model) -> list[str]:
    """Labels that the model does not know, if it knows others."""
    unknown = [label for label in labels if label not in model.labels]
    return unknown if len(unknown) < len(labels) else []


def _warn(what: str) -> None:
    message = f"not known to the model, and {what}; relabel= gives them other names"
    warnings.warn(message, EarmarkWarning, stacklevel=4)
