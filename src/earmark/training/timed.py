"""Networks that learned when labels hold, heard on long recordings: which thresholds mark events best in time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.evaluation.thresholds import Objective, best_thresholds, shared
from earmark.evaluation.tuning import windows_by_length
from earmark.events.scores import smooth
from earmark.events.timeline import Event
from earmark.models.model import Description, Threshold
from earmark.training.activity import Activity
from earmark.training.data import TrainingData
from earmark.training.networks import Network
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

NAME = "timed.npz"


@dataclass(frozen=True)
class TimedAnswers:
    """Scores of held-out clips whose events are known.

    Attributes:
        clips: position of each clip in the training data, int64 [clips].
        steps: how many each has, int64 [clips].
        scores: of the clips end to end, each the mean over the model's window, float16 [steps of all, labels].
    """

    clips: NDArray[np.int64]
    steps: NDArray[np.int64]
    scores: NDArray[np.float16]

    def save(self, home: Path) -> None:
        """Write it whole or not at all."""
        with atomic_write(home / NAME) as part, part.open("wb") as file:
            np.savez(file, clips=self.clips, steps=self.steps, scores=self.scores)

    @classmethod
    def load(cls, home: Path) -> TimedAnswers:
        """What `save` wrote."""
        with np.load(home / NAME) as content:
            return cls(content["clips"], content["steps"], content["scores"])


@torch.no_grad()
def answer_in_time(network: Network, data: TrainingData, clips: NDArray[np.int64], about: Description) -> TimedAnswers:
    """What the network says of those clips whose events are known, step by step as on a timeline."""
    assert data.timed is not None
    network.eval()
    chosen = clips[data.timed[clips]]
    scores = [_smoothed(network, data.features[int(i)], about) for i in chosen]
    steps = np.array([len(values) for values in scores], np.int64)
    return TimedAnswers(chosen, steps, np.concatenate([np.empty((0, len(data.labels))), *scores]).astype(np.float16))


def thresholds(
    answers: Iterable[TimedAnswers],
    data: TrainingData,
    about: Description,
    beta: float = 1.0,
    share: bool = False,
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
            truth[name] = events(data.activity[clip], data.labels, about.front_end.seconds)
    if not scores:
        return {}
    groups = shared(data.labels, truth.values()) if share else []
    return best_thresholds(scores, truth, data.labels, about.step, by=Objective(beta=beta), shared=groups)


def windows(data: TrainingData, seconds: float) -> dict[str, float]:
    """For each label whose events are known the window that suits their length, in seconds.

    Args:
        data: what is trained on.
        seconds: of a frame.
    """
    if data.activity is None or data.timed is None:
        return {}
    known = np.flatnonzero(data.timed[: data.originals])
    return windows_by_length(events(data.activity[i], data.labels, seconds) for i in known)


def events(active: Activity, labels: tuple[str, ...], seconds: float) -> list[Event]:
    """The stretches in which labels hold, of frames `seconds` apart [frames, labels]."""
    found = []
    padded = np.pad(active.astype(np.int8), ((1, 1), (0, 0)))
    for column in np.flatnonzero(active.any(axis=0)):
        edges = np.flatnonzero(np.diff(padded[:, column]))
        found += [Event(first * seconds, last * seconds, labels[column], 1.0) for first, last in edges.reshape(-1, 2)]
    return sorted(found, key=lambda event: (event.onset, event.offset, event.label))


def _smoothed(network: Network, features: NDArray[np.float32], about: Description) -> Array:
    logits = network(torch.from_numpy(np.ascontiguousarray(features, np.float32))[None])[0]
    values = (logits.softmax(-1) if about.exclusive else logits.sigmoid()).numpy()
    return np.concatenate(list(smooth([values], about.widths, values.shape[1], about.exclusive)))
