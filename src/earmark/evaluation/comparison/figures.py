"""The figures of one classifier on some recordings: of its scores, of its words, and by who speaks and how loud.

A classifier's *scores* are measured as those of a binary classifier of frames, at the threshold 0.5: they are
probabilities. Its *words* are what a user gets, by the thresholds and rules that turn scores into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from earmark.evaluation.comparison.errors import WordErrors, errors
from earmark.evaluation.comparison.runs import Answer, Recording
from earmark.evaluation.frames import Confusion, FrameFigures, confusion, measure
from earmark.evaluation.words import TOLERANCES, WordCounts, count

OPERATING = 0.5
"""The score from which on a frame counts as speech where single frames are measured."""
MOST_VALUES = 60
"""A column of `conditions.csv` with more values than this tells recordings apart, not conditions."""
NEAR, FAR = TOLERANCES


@dataclass(frozen=True)
class WordFigures:
    """How well one classifier does.

    Attributes:
        recordings: how many.
        seconds: how long they are together.
        scores: how well its scores tell speech from background, frame by frame.
        marked: frames in the words found, by truth.
        near: words counted at 20 ms.
        far: words counted at 50 ms.
        errors: what became of the true words.
    """

    recordings: int
    seconds: float
    scores: FrameFigures
    marked: Confusion
    near: WordCounts
    far: WordCounts
    errors: WordErrors

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
    value: Callable[[WordFigures], float | None]


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


def figures(answers: Sequence[Answer]) -> WordFigures:
    """All figures of one classifier over some recordings: frames, boundaries and words are counted over all of them."""
    truths = [answer.truth for answer in answers]
    return WordFigures(
        len(answers),
        sum(answer.found.duration for answer in answers),
        measure(np.concatenate([answer.scores for answer in answers]), np.concatenate(truths), OPERATING),
        sum((confusion(a.marked, truth) for a, truth in zip(answers, truths, strict=True)), Confusion()),
        sum((_counts(answer, NEAR) for answer in answers), WordCounts()),
        sum((_counts(answer, FAR) for answer in answers), WordCounts()),
        sum((errors(answer.found.words, answer.recording.truth.words) for answer in answers), WordErrors()),
    )


def _counts(answer: Answer, tolerance: float) -> WordCounts:
    return count(answer.found.words, answer.recording.truth.words, tolerance)


@dataclass(frozen=True)
class Comparison:
    """Several classifiers on the same recordings.

    Attributes:
        where: the folder.
        answers: by classifier, each with the same recordings in the same order.
        total: figures over all recordings, by classifier.
        groups: figures by column of `conditions.csv`, its value, and classifier.
    """

    where: str
    answers: Mapping[str, Sequence[Answer]]
    total: Mapping[str, WordFigures]
    groups: Mapping[str, Mapping[str, Mapping[str, WordFigures]]]

    @property
    def recordings(self) -> list[Recording]:
        """Those that are compared."""
        return [answer.recording for answer in next(iter(self.answers.values()))]

    def summary(self) -> dict[str, Any]:
        """Everything, for JSON."""
        by = {
            column: {value: {name: f.summary() for name, f in rows.items()} for value, rows in values.items()}
            for column, values in self.groups.items()
        }
        return {"folder": self.where, "classifiers": {name: f.summary() for name, f in self.total.items()}, "by": by}


def compare(where: str, answers: Mapping[str, Sequence[Answer]]) -> Comparison:
    """Measure what classifiers said.

    Args:
        where: the folder of the recordings.
        answers: by classifier, each with the same recordings, at least one, in the same order.
    """
    total = {name: figures(said) for name, said in answers.items()}
    recordings = [answer.recording for answer in next(iter(answers.values()))]
    groups = {}
    for column in _columns(recordings):
        members = _members(recordings, column)
        groups[column] = {
            value: {name: figures([said[i] for i in chosen]) for name, said in answers.items()}
            for value, chosen in members.items()
        }
    return Comparison(where, answers, total, groups)


def _columns(recordings: Iterable[Recording]) -> list[str]:
    """The columns that divide the recordings, in the order of the table; the condition first."""
    recordings = list(recordings)
    columns = dict.fromkeys(chain.from_iterable(recording.tags for recording in recordings))
    divide = [c for c in columns if 1 < len(_members(recordings, c)) <= min(MOST_VALUES, len(recordings) - 1)]
    return sorted(divide, key=lambda column: column != "condition")


def _members(recordings: Sequence[Recording], column: str) -> dict[str, list[int]]:
    """Numbers of the recordings by what the column says of them, in the order of the table."""
    members: dict[str, list[int]] = {}
    for number, recording in enumerate(recordings):
        members.setdefault(recording.tags.get(column, ""), []).append(number)
    return members
