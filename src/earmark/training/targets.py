"""What networks learn: labels of clips, and when they hold within them (strong labels), by frames or steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from earmark.datasets import Clip
from earmark.events.timeline import Event

Activity = NDArray[np.uint8] | NDArray[np.float32]
"""[frames, labels] of a clip, 1 where the label holds; or [steps, labels], the share of each step in which it does."""

LOUD_DB = 40.0  # frames at most this much below a clip's loudest are what its label is about


def targets_of(clips: tuple[Clip, ...], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """1 where a label holds: float32 [clips, labels]."""
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(clips), len(labels)), np.float32)
    for row, clip in enumerate(clips):
        targets[row, [column[label] for label in clip.labels]] = 1
    return targets


def loud(levels: NDArray[np.float32]) -> NDArray[np.int64]:
    """The frames of a clip that are not much quieter than its loudest, by their levels [frames], dB."""
    return np.flatnonzero(levels >= levels.max() - LOUD_DB)


def by_events(clip: Clip, events: Sequence[Event], labels: Sequence[str], frames: int, seconds: float) -> Activity:
    """Where each label's events say that it holds; those of labels that are not asked for are left out.

    Args:
        clip: whose start the frames are counted from.
        events: of the clip's recording.
        labels: columns.
        frames: of the clip.
        seconds: from one frame to the next.
    """
    column = {label: i for i, label in enumerate(labels)}
    active = np.zeros((frames, len(labels)), np.uint8)
    for event in events:
        first, last = ((time - clip.start) / seconds for time in (event.onset, event.offset))
        if event.label in column and last > 0:
            begin = max(0, round(first))
            active[begin : max(begin, round(last)) + 1, column[event.label]] = 1
    return active


def where_loud(target: NDArray[np.float32], levels: NDArray[np.float32]) -> Activity:
    """A clip's labels [labels] hold wherever it is loud, by the levels of its frames [frames], dB."""
    active = np.zeros((len(levels), len(target)), np.uint8)
    active[loud(levels)] = target > 0
    return active


def in_steps(active: Tensor, stride: int) -> Tensor:
    """The share of each step of `stride` frames in which labels hold.

    [batch, steps, labels] of [batch, frames, labels].
    """
    return functional.avg_pool1d(active.transpose(1, 2), stride, ceil_mode=True).transpose(1, 2)


def overlapped(clips: Sequence[Clip]) -> dict[int, list[int]]:
    """By clip, which others of the same recording overlap it and have other labels."""
    by_recording: dict[Path, list[int]] = {}
    for i, clip in enumerate(clips):
        by_recording.setdefault(clip.path, []).append(i)
    found: dict[int, list[int]] = {}
    for together in by_recording.values():
        for i, j in permutations(together, 2):
            one, other = clips[i], clips[j]
            apart = (one.end is not None and one.end <= other.start) or (
                other.end is not None and other.end <= one.start
            )
            if not apart and set(one.labels) != set(other.labels):
                found.setdefault(i, []).append(j)
    return found


def with_others(
    active: Activity, clip: Clip, others: Sequence[Clip], labels: Sequence[str], seconds: float
) -> Activity:
    """The activity of a clip, and that of what else is marked in its recording at the same time."""
    column = {label: i for i, label in enumerate(labels)}
    both = active.copy()
    for other in others:
        first = max(0, round((other.start - clip.start) / seconds))
        last = len(both) if other.end is None else max(0, round((other.end - clip.start) / seconds))
        for label in other.labels:
            both[first:last, column[label]] = 1
    return both


def events_of(active: Activity, labels: tuple[str, ...], seconds: float) -> list[Event]:
    """The stretches in which labels hold, of frames `seconds` apart [frames, labels]."""
    found = []
    padded = np.pad(active.astype(np.int8), ((1, 1), (0, 0)))
    for column in np.flatnonzero(active.any(axis=0)):
        edges = np.flatnonzero(np.diff(padded[:, column]))
        found += [Event(first * seconds, last * seconds, labels[column], 1.0) for first, last in edges.reshape(-1, 2)]
    return sorted(found, key=lambda event: (event.onset, event.offset, event.label))
