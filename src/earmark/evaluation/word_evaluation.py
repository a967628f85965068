"""Classifiers of words on recordings whose words are known: predictions, and their metrics.

A classifier's *scores* are measured as those of a binary classifier of frames, at the threshold 0.5: they are
probabilities. Its *words* are what a user gets, by the thresholds and rules that turn scores into words.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.ground_truth import find_truths
from earmark.errors import DatasetError, MediaError
from earmark.evaluation.frame_metrics import Confusion, FrameMetrics, confusion, measure
from earmark.evaluation.word_metrics import TOLERANCES, WordCounts, WordErrors, count, errors, frames_of
from earmark.models.model import Model
from earmark.speech.energy import STEP
from earmark.speech.segmentation import Words
from earmark.speech.words import analyse, loaded_classifier
from earmark.util.text import unguarded

THRESHOLD = 0.5
"""The score from which on a frame counts as speech where single frames are measured."""
MOST_VALUES = 60
"""A column of `conditions.csv` with more values than this tells recordings apart, not conditions."""
NEAR, FAR = TOLERANCES
CONDITIONS = "conditions.csv"
FILE = "file"  # the column of it that names the recording, as seen from its own folder


@dataclass(frozen=True)
class Recording:
    """A recording whose words are known."""

    path: Path
    name: str  # the same, as seen from the folder that is measured
    truth: Words  # its words
    tags: Mapping[str, str] = field(default_factory=dict)  # what `conditions.csv` says of it, by column


@dataclass(frozen=True)
class Prediction:
    """What one classifier says of one recording."""

    recording: Recording
    found: Words  # its words
    scores: NDArray[np.float32]  # probability of speech [frames], as far as the truth lasts

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Which frames lie in a true word [frames]."""
        return self._frames(self.recording.truth)

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Which frames lie in a word that was found [frames]."""
        return self._frames(self.found)

    def _frames(self, words: Words) -> NDArray[np.bool_]:
        return frames_of(words.words, max(0, len(self.scores) - 1) * STEP)[: len(self.scores)]


def find_recordings(folder: Path) -> list[Recording]:
    """The recordings below a folder that have their ground truth beside them, and what its `conditions.csv` says.

    They come in the order of that table, and where it does not name them, sorted.

    Raises
    ------
    EarmarkError
        There is none, or a truth or the table cannot be read.
    """
    truths = find_truths(folder)
    if not truths:
        remedy = "put talk.words.json or talk.TextGrid beside talk.wav, or make some with `earmark data speech`"
        raise DatasetError(folder, "holds no recording with its ground truth beside it", remedy)
    tags = _tags(folder / CONDITIONS)
    named = ((path.relative_to(folder).as_posix(), path, truth) for path, truth in truths)
    recordings = [Recording(path, name, truth, tags.get(name, {})) for name, path, truth in named]
    place = {name: number for number, name in enumerate(tags)}
    return sorted(recordings, key=lambda recording: place.get(recording.name, len(place)))


def load(classifiers: Sequence[str]) -> dict[str, Model]:
    """Frame classifiers by name: as they call themselves, or as they are given where two have one name.

    Raises
    ------
    ModelError
        One cannot be read, or is no frame classifier of speech.
    """
    models = {given: loaded_classifier(given) for given in classifiers}
    own = [model.description.name for model in models.values()]
    return {
        name if own.count(name) == 1 else given: model for (given, model), name in zip(models.items(), own, strict=True)
    }


def predict(recording: Recording, models: Iterable[Model]) -> list[Prediction]:
    """What each classifier says of a recording.

    Frames and words count as far as the truth lasts: nobody says what is behind its end.

    Raises
    ------
    MediaError
        It cannot be read, or holds no sound.
    """
    said = [_predict(recording, model) for model in models]
    if any(len(prediction.scores) == 0 for prediction in said):
        raise MediaError(recording.path, "holds no sound")
    return said


def _predict(recording: Recording, model: Model) -> Prediction:
    analysis, end = analyse(recording.path, model), recording.truth.duration
    found = analysis.words.with_words(word for word in analysis.words.words if word.onset < end)
    return Prediction(recording, found, analysis.scores[: int(end / STEP + 1e-6) + 1])


def _tags(table: Path) -> dict[str, dict[str, str]]:
    if not table.is_file():
        return {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            return dict(_rows(csv.DictReader(file), table))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(table, f"cannot be read ({error})") from error


def _rows(reader: csv.DictReader[str], table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    if FILE not in (reader.fieldnames or ()):
        raise DatasetError(table, f"has no column {FILE}", "write one that names each recording, such as a/talk.wav")
    for row in reader:
        name = unguarded(row.pop(FILE) or "")
        yield name.replace("\\", "/"), {key: unguarded(value or "") for key, value in row.items() if key}


@dataclass(frozen=True)
class WordMetrics:
    """How well one classifier does."""

    recordings: int  # how many
    seconds: float  # how long they are together
    scores: FrameMetrics  # how well its scores tell speech from background, frame by frame
    marked: Confusion  # frames in the words found, by truth
    near: WordCounts  # words counted at 20 ms
    far: WordCounts  # words counted at 50 ms
    errors: WordErrors  # what became of the true words

    def summary(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "recordings": self.recordings,
            "seconds": round(self.seconds, 3),
            "frames_by_score": self.scores.summary(),
            "frames_in_words": self.marked.summary(),
            "words_at_20_ms": self.near.summary(),
            "words_at_50_ms": self.far.summary(),
            "errors": self.errors.counts(),
        }


@dataclass(frozen=True)
class Column:
    """One figure of the tables: its name in files, its heading, what it means, and where it comes from."""

    name: str
    heading: str
    meaning: str
    value: Callable[[WordMetrics], float | None]


COLUMNS = (
    Column(
        "accuracy",
        "accuracy",
        "share of frames whose score is on the right side",
        lambda f: f.scores.confusion.accuracy,
    ),
    Column(
        "precision", "prec.", "share of the frames scored as speech that are", lambda f: f.scores.confusion.precision
    ),
    Column("recall", "recall", "share of the speech that is scored so", lambda f: f.scores.confusion.recall),
    Column("f1", "F1", "harmonic mean of both", lambda f: f.scores.confusion.f1),
    Column("auc", "AUC", "area below the ROC", lambda f: f.scores.area),
    Column("eer", "EER", "equal error rate", lambda f: f.scores.equal_error_rate),
    Column("cost", "cost", "detection cost, 0.75 P_miss + 0.25 P_fa", lambda f: f.scores.confusion.cost),
    Column("least_cost", "least", "detection cost at the best threshold", lambda f: f.scores.least_cost),
    Column(
        "word_frame_accuracy",
        "w. acc.",
        "share of frames rightly inside or outside the words found",
        lambda f: f.marked.accuracy,
    ),
    Column("word_frame_f1", "w. F1", "F1 of the frames in the words found", lambda f: f.marked.f1),
    Column("boundary_f1_20ms", "B 20 ms", "F1 of word boundaries within 20 ms", lambda f: f.near.boundary_f1),
    Column("boundary_f1_50ms", "B 50 ms", "F1 of word boundaries within 50 ms", lambda f: f.far.boundary_f1),
    Column("r_value", "R-value", "of boundaries within 50 ms, falls with over-segmentation", lambda f: f.far.r_value),
    Column("token_f1", "tokens", "F1 of words with both boundaries within 50 ms", lambda f: f.far.token_f1),
)
"""The figures that tables show, in this order; after them stand the words found and the true ones."""


def word_metrics(predictions: Sequence[Prediction]) -> WordMetrics:
    """All figures of one classifier over some recordings: frames, boundaries and words are counted over all of them."""
    truths = [prediction.truth for prediction in predictions]
    return WordMetrics(
        len(predictions),
        sum(prediction.found.duration for prediction in predictions),
        measure(np.concatenate([prediction.scores for prediction in predictions]), np.concatenate(truths), THRESHOLD),
        sum((confusion(a.marked, truth) for a, truth in zip(predictions, truths, strict=True)), Confusion()),
        sum((_counts(prediction, NEAR) for prediction in predictions), WordCounts()),
        sum((_counts(prediction, FAR) for prediction in predictions), WordCounts()),
        sum(
            (errors(prediction.found.words, prediction.recording.truth.words) for prediction in predictions),
            WordErrors(),
        ),
    )


def _counts(prediction: Prediction, tolerance: float) -> WordCounts:
    return count(prediction.found.words, prediction.recording.truth.words, tolerance)


@dataclass(frozen=True)
class Comparison:
    """Several classifiers on the same recordings."""

    where: str  # the folder of the recordings
    predictions: Mapping[str, Sequence[Prediction]]  # by classifier, each with the same recordings in the same order
    total: Mapping[str, WordMetrics]  # figures over all recordings, by classifier
    groups: Mapping[str, Mapping[str, Mapping[str, WordMetrics]]]
    """Figures by column of `conditions.csv`, its value, and classifier."""

    @property
    def recordings(self) -> list[Recording]:
        """Those that are compared."""
        return [prediction.recording for prediction in next(iter(self.predictions.values()))]

    def summary(self) -> dict[str, Any]:
        """Everything, for JSON."""
        by = {
            column: {value: {name: f.summary() for name, f in rows.items()} for value, rows in values.items()}
            for column, values in self.groups.items()
        }
        return {"folder": self.where, "classifiers": {name: f.summary() for name, f in self.total.items()}, "by": by}


def compare(where: str, predictions: Mapping[str, Sequence[Prediction]]) -> Comparison:
    """Measure what classifiers said of the same recordings, at least one, in the same order."""
    total = {name: word_metrics(said) for name, said in predictions.items()}
    recordings = [prediction.recording for prediction in next(iter(predictions.values()))]
    groups = {}
    for column in _columns(recordings):
        groups[column] = {
            value: {name: word_metrics([said[i] for i in chosen]) for name, said in predictions.items()}
            for value, chosen in members(recordings, column).items()
        }
    return Comparison(where, predictions, total, groups)


def _columns(recordings: Sequence[Recording]) -> list[str]:
    """The columns that divide the recordings, in the order of the table; the condition first."""
    columns = dict.fromkeys(chain.from_iterable(recording.tags for recording in recordings))
    divide = [c for c in columns if 1 < len(members(recordings, c)) <= min(MOST_VALUES, len(recordings) - 1)]
    return sorted(divide, key=lambda column: column != "condition")


def members(recordings: Sequence[Recording], column: str) -> dict[str, list[int]]:
    """Numbers of the recordings by what the column says of them, in the order of the table."""
    members: dict[str, list[int]] = {}
    for number, recording in enumerate(recordings):
        members.setdefault(recording.tags.get(column, ""), []).append(number)
    return members
