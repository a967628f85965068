"""`earmark.evaluate`: how well a model does on data whose truth is known."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from earmark import datasets
from earmark.datasets import Clip, Dataset
from earmark.errors import ArgumentError, DatasetError, EarmarkError, EarmarkWarning
from earmark.evaluation.naming import check_new_names
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
    _write: Callable[[Path], list[Path]] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self._table

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
    with one_thread(), reported(progress, "") as told:
        sounds = _of_sounds(model)
        if sounds is None:
            for name, value in (("events", events), ("relabel", relabel), ("truth", truth), ("split", split)):
                if value:
                    raise ArgumentError(name, value, "is for models of sounds", "leave it out")
            return _of_words(model, Path(on), told)
        if events:
            table = None if truth is None else Path(truth)
            return _of_events(sounds, on, table, split, relabel or {}, told)
        for name, value in (("truth", truth), ("split", split)):
            if value is not None:
                raise ArgumentError(name, value, "goes with events=True", "add that")
        return _of_clips(sounds, on, relabel or {}, told)


def renamed(dataset: Dataset, names: Mapping[str, str], model: Model) -> Dataset:
    """A dataset with labels called as the model calls them.

    Raises
    ------
    ArgumentError
        One is no label of the dataset, or its new name none of the model.
    """
    for name in sorted(set(names) - set(dataset.labels)):
        has = f"it has {', '.join(dataset.labels)}"
        raise ArgumentError("relabel", name, "is no label of the dataset", has)
    check_new_names(names, model.labels)

    def rename(clip: Clip) -> Clip:
        return replace(clip, labels=tuple(dict.fromkeys(names.get(label, label) for label in clip.labels)))

    return dataset.map(rename)


def _of_sounds(model: str | os.PathLike[str] | Model) -> Model | None:
    """The model, unless it is a frame classifier of speech."""
    if isinstance(model, str) and model in classifiers() and model not in bundled_models():
        return None
    loaded = model if isinstance(model, Model) else load_model(model)
    return None if len(loaded.labels) == 1 else loaded


def _of_clips(
    model: Model, on: str | os.PathLike[str], relabel: Mapping[str, str], told: Progress | None
) -> Evaluation:
    from earmark.evaluation.tagging import answers, figures, report

    dataset = renamed(datasets.load(None, os.fspath(on)), relabel, model)
    _warn_of(dataset.labels, model, "counted as none of its labels")
    said = answers.ask(model, dataset, told)
    summary = figures.summary(said)

    def write(folder: Path) -> list[Path]:
        return report.write(said, summary, folder)

    return Evaluation("clips", summary, tuple(said.unreadable), report.plain(summary), write)


def _of_events(
    model: Model,
    on: str | os.PathLike[str],
    truth: Path | None,
    split: str | None,
    relabel: Mapping[str, str],
    told: Progress | None,
) -> Evaluation:
    from earmark.evaluation.events import annotated, answers, report
    from earmark.evaluation.events.summary import summary

    recordings = annotated.load(os.fspath(on), truth, split).relabelled(relabel, model.labels)
    _warn_of(recordings.labels, model, "left out")
    said = answers.ask(model, recordings.only(model.labels), told)
    figures = summary(said)

    def write(folder: Path) -> list[Path]:
        return report.write(said, figures, folder)

    return Evaluation("events", figures, tuple(said.unreadable), report.plain(figures), write)


def _of_words(model: str | os.PathLike[str] | Model, on: Path, told: Progress | None) -> Evaluation:
    from earmark.evaluation.comparison import figures, runs, tables

    chosen = loaded_classifier(model)
    recordings = runs.find_recordings(on)
    said, wrong = [], []
    for done, recording in enumerate(recordings):
        try:
            said += runs.answers(recording, [chosen])
        except EarmarkError as error:
            wrong.append(error)
        if told:
            told(done + 1, len(recordings))
    if not said:
        raise DatasetError(on, "holds no recording that can be measured")
    comparison = figures.compare(str(on), {chosen.description.name: said})

    def write(folder: Path) -> list[Path]:
        from earmark.evaluation.comparison import report

        return [report.write(comparison, folder)]

    return Evaluation("words", comparison.summary(), tuple(wrong), tables.plain(comparison), write)


def _warn_of(labels: Sequence[str], model: Model, what: str) -> None:
    unknown = [label for label in labels if label not in model.labels]
    if unknown and len(unknown) < len(labels):
        message = f"not known to the model {model.description.name}, and {what}: {', '.join(unknown)}"
        warnings.warn(message, EarmarkWarning, stacklevel=4)
