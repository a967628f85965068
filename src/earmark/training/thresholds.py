"""Thresholds between which events live, chosen by what was held out: by clips, by events, by words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation import clip_metrics as figures
from earmark.evaluation.thresholds import Objective, best_thresholds, shared
from earmark.evaluation.tuning import windows_by_length
from earmark.evaluation.word_metrics import WordCounts, count
from earmark.events.hysteresis import runs
from earmark.events.timeline import Event
from earmark.models.model import Description, Threshold
from earmark.speech.energy import STEP
from earmark.speech.segmentation import Word, WordRules, find_words
from earmark.training.batches import events_of
from earmark.training.data import TrainingData
from earmark.training.held_out import Answers, TimedAnswers
from earmark.training.words.sentences import BACKGROUND
from earmark.util.types import Array

LOWEST, HIGHEST = 0.1, 0.95  # bounds of a threshold: few clips must not lead to an absurd one
OFF_SHARE = 0.5  # an event ends where its score falls below this share of the score that begins it
WORDS_ON = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
OFF_SHARES = (0.4, 0.6, 0.8, 1.0)  # of `on`
TOLERANCE = 0.05  # seconds


def clip_thresholds(
    answers: Sequence[Answers], targets: NDArray[np.float32], labels: Sequence[str]
) -> dict[str, Threshold]:
    """For each label the thresholds that best tell, by the best window, the held-out clips that have it."""
    peak = np.concatenate([a.peak for a in answers])
    truth = np.concatenate([targets[a.clips] for a in answers]) > 0
    chosen = {}
    for i, label in enumerate(labels):
        on = float(np.clip(figures.best_threshold(peak[:, i], truth[:, i]), LOWEST, HIGHEST))
        chosen[label] = Threshold(round(on, 4), round(on * OFF_SHARE, 4))
    return chosen


def event_thresholds(
    answers: Iterable[TimedAnswers], data: TrainingData, about: Description, beta: float = 1.0, share: bool = False
) -> dict[str, Threshold]:
    """For each label the thresholds whose events fit best, by segments of a second; empty where no events are known.

    A miss weighs `beta` times as much as a false mark. With `share`, rare labels share theirs.
    """
    scores: dict[str, Array] = {}
    truth: dict[str, list[Event]] = {}
    for given in answers:
        parts = np.split(given.scores.astype(np.float32), np.cumsum(given.steps)[:-1]) if len(given.steps) else []
        for clip, values in zip(given.clips, parts, strict=True):
            assert data.activity is not None
            name = str(int(clip))
            scores[name] = values
            truth[name] = events_of(data.activity[clip], data.labels, about.front_end.seconds)
    if not scores:
        return {}
    groups = shared(data.labels, truth.values()) if share else []
    return best_thresholds(scores, truth, data.labels, about.step, by=Objective(beta=beta), shared=groups)


def window_lengths(data: TrainingData, seconds: float) -> dict[str, float]:
    """For each label whose events are known the window that suits their length, in seconds, as a frame is."""
    if data.activity is None or data.timed is None:
        return {}
    known = np.flatnonzero(data.timed[: data.originals])
    return windows_by_length(events_of(data.activity[i], data.labels, seconds) for i in known)


def word_thresholds(scores: NDArray[np.float32], frame_labels: NDArray[np.uint8]) -> Threshold:
    """The thresholds with the best sum of boundary F1 and word-token F1 at 50 ms.

    Edges are those of the scores, probabilities of speech, alone, not refined by energy. Labels are BACKGROUND, or
    something else within a word; both [sentences, frames].
    """
    truths = [words_of(one != BACKGROUND) for one in frame_labels]
    pairs = [Threshold(on, round(on * share, 3)) for on, share in product(WORDS_ON, OFF_SHARES)]
    return max(pairs, key=lambda threshold: _words_value(scores, truths, threshold))


def words_of(mask: NDArray[np.bool_]) -> list[Word]:
    """A word for each run of frames."""
    return [Word(first * STEP, last * STEP) for first, last in runs(mask).tolist()]


def _words_value(scores: NDArray[np.float32], truths: list[list[Word]], threshold: Threshold) -> float:
    no_levels = np.empty(0, np.float32)  # edges stay where the scores have them
    total = WordCounts()
    for row, truth in zip(scores, truths, strict=True):
        found = [Word(*edges) for edges in find_words(row, no_levels, threshold, WordRules())]
        total += count(found, truth, TOLERANCE)
    return total.boundary_f1 + total.token_f1
