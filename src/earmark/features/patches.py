"""A stream of frames cut into overlapping patches of one length, one for each step of a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from earmark.util.types import Array


def centred(stream: Iterable[Array], patch: int, hop: int, size: int) -> Iterator[Array]:
    """The patch [patch, size] around every `hop`-th frame, from frame 0 on, as far as the frames go.

    Near the ends, where a patch would reach out of the recording, the first or last whole patch stands in; a
    recording shorter than a patch is repeated to fill one.
    """
    held = np.empty((0, size), np.float32)
    first = step = 0  # frame that `held` begins with; step whose patch comes next
    for part in stream:
        held = np.concatenate([held, part])
        while (start := _start(step, patch, hop)) + patch <= first + len(held):
            yield held[start - first : start - first + patch]
            step += 1
        done = min(_start(step, patch, hop) - first, len(held) - patch)
        if done > 0:
            held, first = held[done:], first + done
    if len(held):
        last = last_patch(held, patch)
        for _ in range(step, -(-(first + len(held)) // hop)):
            yield last


def covering(frames: Array, patch: int, hop: int) -> list[Array]:
    """Patches [patch, size] every `hop` frames that lie inside a clip, its end included; each once."""
    if len(frames) == 0:
        return []
    inside = range(0, len(frames) - patch, hop)
    return [frames[start : start + patch] for start in inside] + [last_patch(frames, patch)]


def last_patch(frames: Array, patch: int) -> Array:
    """The last `patch` frames; fewer frames are repeated."""
    return frames[-patch:] if len(frames) >= patch else frames[np.arange(patch) % len(frames)]


def _start(step: int, patch: int, hop: int) -> int:
    return max(0, step * hop - patch // 2)
