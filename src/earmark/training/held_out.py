"""What a trained network answers for held-out clips, and the figures of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.evaluation import clip_metrics
from earmark.events.boundaries import loud_steps
from earmark.events.scores import Pooling, pooled, smooth
from earmark.models.model import Description
from earmark.training.batches import loud_frames
from earmark.training.data import TrainingData
from earmark.training.networks import Network
from earmark.training.prepared import Prepared
from earmark.util.atomic import atomic_write
from earmark.util.types import Array


class _Kept:
    """Arrays by name, which a part of a run leaves in its folder."""

    def save(self, path: Path) -> None:
        """Write them whole or not at all."""
        with atomic_write(path) as part, part.open("wb") as file:
            np.savez(file, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        with np.load(path) as content:
            return cls(**content)


@dataclass(frozen=True)
class Answers(_Kept):
    """Scores of held-out clips."""

    clips: NDArray[np.int64]  # position of each clip in the training data
    whole: NDArray[np.float32]  # score of each label for the clip as a whole [clips, labels]
    peak: NDArray[np.float32]  # best score that each label has in any window of the clip [clips, labels]


@torch.no_grad()
def answer(
    network: Network,
    features: Prepared,
    clips: NDArray[np.int64],
    exclusive: bool,
    width: int | NDArray[np.int64],
    loud: float | None = None,
    pooling: Pooling = "mean",
) -> Answers:
    """What the network says of some clips, each heard whole, or as far as it is `loud` (see `Description`).

    Peaks are over windows of `width` steps, or of each label's own [labels].
    """
    network.eval()
    chosen = features.take(clips)
    labels = network(torch.zeros(1, network.stride, features.frames.shape[1])).shape[2]
    whole, peak = np.zeros((2, len(clips), labels), np.float32)
    for length in np.unique(chosen.length):
        alike = np.flatnonzero(chosen.length == length)
        for batch in np.array_split(alike, -(-len(alike) // 32)):
            frames = np.stack([chosen[int(i)] for i in batch])
            values = _probabilities(network, frames, exclusive)
            for i, steps in zip(batch, values, strict=True):
                counted = steps if loud is None else steps[loud_steps(chosen.levels(int(i)), network.stride, loud)]
                whole[i] = pooled([counted], labels, exclusive, pooling)
                windows = smooth([steps], width, labels, exclusive)
                peak[i] = np.concatenate(list(windows)).max(axis=0)
    return Answers(clips, whole, peak)


def _probabilities(network: Network, features: Array, exclusive: bool) -> Array:
    logits = network(torch.from_numpy(features))
    return np.asarray((logits.softmax(-1) if exclusive else logits.sigmoid()).numpy())


def summary(
    answers: Sequence[Answers],
    names: Sequence[str],
    targets: NDArray[np.float32],
    labels: tuple[str, ...],
    exclusive: bool = False,
) -> dict[str, Any]:
    """Figures of each division, their mean, spread and interval, and of each class over all clips together.

    Clips with several labels count as hit where the best score is one of theirs; clips with none are left out here.
    An interval is Student's t over divisions, null for the macro-F1 of a single one; Wilson's for its accuracy. Whether
    scores mean what they say is told where labels exclude each other: elsewhere no score speaks of the best alone.
    """
    matrices = [_matrix(a, targets) for a in answers]
    divisions = [
        {"name": name, "clips": len(a.clips), **_figures(matrix)}
        for name, a, matrix in zip(names, answers, matrices, strict=True)
    ]
    total = np.sum(matrices, axis=0)
    result: dict[str, Any] = {"divisions": divisions, "labels": list(labels)}
    accuracies, f1s = [clip_metrics.accuracy(m) for m in matrices], [clip_metrics.macro_f1(m) for m in matrices]
    result["accuracy"] = _spread(accuracies, clip_metrics.of_accuracies(accuracies, [int(m.sum()) for m in matrices]))
    result["macro_f1"] = _spread(f1s, clip_metrics.within(clip_metrics.interval(f1s)))
    if exclusive:
        result["calibration"] = reliability(answers, targets).summary() | {"brier": _brier(answers, targets)}
    result["mean_average_precision"] = _mean_average_precision(answers, targets)
    result["classes"] = [
        {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(one).items()}
        for one in clip_metrics.per_class(total, labels)
    ]
    return result


def total_confusion(answers: Sequence[Answers], targets: NDArray[np.float32]) -> NDArray[np.int64]:
    """Counts [true class, guessed class] over all divisions."""
    return np.asarray(np.sum([_matrix(a, targets) for a in answers], axis=0), np.int64)


def reliability(answers: Sequence[Answers], targets: NDArray[np.float32]) -> clip_metrics.Reliability:
    """The best score of each clip that has a label, over all divisions, beside whether that label is one of its own."""
    whole, truth = _labelled(answers, targets)
    best = whole.argmax(1)
    clips = np.arange(len(whole))
    return clip_metrics.reliability(whole[clips, best], truth[clips, best])


def _brier(answers: Sequence[Answers], targets: NDArray[np.float32]) -> float | None:
    whole, truth = _labelled(answers, targets)
    return round(clip_metrics.brier(whole, truth), 4) if len(whole) else None


def _labelled(
    answers: Sequence[Answers], targets: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores and truth of the clips that have a label, both [clips, labels]."""
    whole = np.concatenate([a.whole for a in answers])
    truth = np.concatenate([targets[a.clips] for a in answers]) > 0
    return whole[truth.any(1)], truth[truth.any(1)]


def _spread(values: Sequence[float], interval: clip_metrics.Interval | None) -> dict[str, Any]:
    return {
        "mean": round(float(np.mean(values)), 4),
        "std": round(float(np.std(values)), 4),
        "interval": interval and [round(interval[0], 4), round(interval[1], 4)],
    }


def _figures(matrix: NDArray[np.int64]) -> dict[str, float]:
    return {"accuracy": round(clip_metrics.accuracy(matrix), 4), "macro_f1": round(clip_metrics.macro_f1(matrix), 4)}


def _matrix(answers: Answers, targets: NDArray[np.float32]) -> NDArray[np.int64]:
    truth = targets[answers.clips]
    labelled = truth.sum(1) > 0
    truth, guess = truth[labelled], answers.whole[labelled].argmax(1)
    hit = truth[np.arange(len(truth)), guess] > 0
    actual = np.where(hit, guess, truth.argmax(1))
    return clip_metrics.confusion_matrix(actual, guess, targets.shape[1])


def _mean_average_precision(answers: Sequence[Answers], targets: NDArray[np.float32]) -> float:
    whole = np.concatenate([a.whole for a in answers])
    truth = np.concatenate([targets[a.clips] for a in answers]) > 0
    each = [clip_metrics.average_precision(whole[:, i], truth[:, i]) for i in range(targets.shape[1])]
    return round(float(np.nanmean(each)), 4)


CROPS_AT_ONCE = 16  # clips heard at once


@torch.no_grad()
def answer_crops(
    network: Network, features: Prepared, clips: NDArray[np.int64], exclusive: bool, frames: int, crops: int
) -> Answers:
    """What the network says of some clips by `crops` excerpts of `frames` each, evenly spread over what is loud.

    As Krizhevsky et al. (2012) did with pictures, and many since with clips. A clip no longer than an excerpt is
    repeated to fill one.
    """
    network.eval()
    chosen = features.take(clips)
    loud = loud_frames(chosen)
    scores = []
    for first in range(0, len(clips), CROPS_AT_ONCE):
        some = range(first, min(first + CROPS_AT_ONCE, len(clips)))
        excerpts = np.concatenate([_crops(chosen[i], loud[i], frames, crops) for i in some])
        values = _probabilities(network, excerpts, exclusive)
        each = np.stack([pooled([steps], values.shape[2], exclusive) for steps in values])
        scores.append(each.reshape(len(some), crops, -1).mean(1))
    whole = np.concatenate(scores)
    return Answers(clips, whole, whole)


def _crops(features: NDArray[np.float32], loud: NDArray[np.int64], frames: int, crops: int) -> NDArray[np.float32]:
    """Excerpts [crops, frames, size] of a clip's features, each with a loud frame in its middle."""
    middle = loud[np.linspace(0, len(loud) - 1, crops).round().astype(np.int64)]
    indices = middle[:, None] - frames // 2 + np.arange(frames)
    return np.asarray(features[indices % len(features)])


@dataclass(frozen=True)
class TimedAnswers(_Kept):
    """Scores of held-out clips whose events are known."""

    clips: NDArray[np.int64]  # position of each clip in the training data [clips]
    steps: NDArray[np.int64]  # how many each has [clips]
    scores: NDArray[np.float16]  # of the clips end to end, each the mean over the model's window [steps of all, labels]


@torch.no_grad()
def answer_in_time(network: Network, data: TrainingData, clips: NDArray[np.int64], about: Description) -> TimedAnswers:
    """What the network says of those clips whose events are known, step by step as on a timeline."""
    assert data.timed is not None
    network.eval()
    chosen = clips[data.timed[clips]]
    scores = [_smoothed(network, data.features[int(i)], about) for i in chosen]
    steps = np.array([len(values) for values in scores], np.int64)
    return TimedAnswers(chosen, steps, np.concatenate([np.empty((0, len(data.labels))), *scores]).astype(np.float16))


def _smoothed(network: Network, features: NDArray[np.float32], about: Description) -> Array:
    values = _probabilities(network, np.ascontiguousarray(features, np.float32)[None], about.exclusive)[0]
    return np.concatenate(list(smooth([values], about.widths, values.shape[1], about.exclusive)))
