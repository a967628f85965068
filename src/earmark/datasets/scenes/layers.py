"""Sounds laid on a scene's time: single events, and clips that follow each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.scenes import hearing
from earmark.datasets.scenes.store import Sound

SHORT_FADE = 0.01  # seconds, before and after what is heard
CROSSFADE = 1.0  # seconds
PAUSE = (0.1, 1.5)  # seconds from the end of one phrase to the next
MOST_SILENT = 12  # sounds in a row of which nothing is heard, before looking for more is given up

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A sound in a scene.

    Attributes:
        labels: what it is; none: it is not named.
        first: the frame of the scene in which it begins.
        samples: mono, a whole number of frames.
        active: for each frame whether it sounds by its own energy.
        bands: power in each critical band [frames, bands].
        gap: seconds of silence that part two events of it.
    """

    labels: tuple[str, ...]
    first: int
    samples: Samples
    active: hearing.Mask
    bands: hearing.Powers
    gap: float = hearing.GAP

    def at_level(self, decibels: float, rate: int) -> Layer | None:
        """As loud as so many dB, re an A-weighted power of 1; None if nothing is heard of it."""
        loud = hearing.loudness(self.bands, self.active, rate)
        if loud <= 0:
            return None
        gain = 10 ** (decibels / 10) / loud
        samples = self.samples * np.float32(np.sqrt(gain))
        return Layer(self.labels, self.first, samples, self.active, self.bands * np.float32(gain), self.gap)


def layer(
    labels: tuple[str, ...], first: int, samples: Samples, active: hearing.Mask, rate: int, gap: float = hearing.GAP
) -> Layer:
    """A layer of samples that are measured."""
    return Layer(labels, first, samples, active, hearing.spectra(samples, rate), gap)


def cut(sound: Sound, fades: tuple[float, float], rate: int) -> tuple[Samples, hearing.Mask, int]:
    """A sound from where it first sounds to where it last does, faded at both ends; and how many frames lead it in.

    Where its clip cuts it, the fades are those given. Where it begins or ends by itself, there is a short one in the
    silence beside it: an attack is not softened.
    """
    hop = hearing.frame_length(rate)
    frames = np.flatnonzero(sound.active)
    if not len(frames):
        return sound.samples[:0], sound.active[:0], 0
    margin = round(SHORT_FADE / hearing.FRAME)
    first, last = max(0, int(frames[0]) - margin), min(len(sound.active), int(frames[-1]) + 1 + margin)
    begins, ends = sound.active[0], sound.active[-1]
    samples = sound.samples[first * hop : last * hop].copy()
    fade(samples, fades[0] if begins else SHORT_FADE, fades[1] if ends else SHORT_FADE, rate)
    return samples, sound.active[first:last] & (hearing.powers(samples, rate) > sound.least), int(frames[0]) - first


def fade(samples: Samples, onset: float, offset: float, rate: int) -> None:
    """Fade samples in and out where they lie, by half a cosine, in so many seconds; in at most half of them each."""
    for seconds, part in ((onset, samples), (offset, samples[::-1])):
        count = min(round(seconds * rate), len(samples) // 2)
        part[:count] *= _rise(count)


def looped(sounds: Iterable[Sound], length: int, rate: int) -> tuple[Samples, hearing.Mask]:
    """Sounds one after the other until `length` frames are filled, each faded into the next, all equally loud.

    The fade keeps the power even, as the sounds are not the same.
    """
    hop = hearing.frame_length(rate)
    samples, active = np.zeros(length * hop, np.float32), np.zeros(length, bool)
    at = last = 0
    for piece, mask in _pieces(sounds, rate):
        overlap = min(round(CROSSFADE / hearing.FRAME), last // 2, len(mask) // 2)
        start, count = at - overlap, min(length - at + overlap, len(mask))
        angle = np.linspace(0, np.pi / 2, overlap * hop, dtype=np.float32)
        samples[start * hop : at * hop] *= np.cos(angle)[: (length - start) * hop]
        piece[: overlap * hop] *= np.sin(angle)
        samples[start * hop : (start + count) * hop] += piece[: count * hop]
        active[start : start + count] |= mask[:count]
        at, last = start + len(mask), len(mask)
        if at >= length:
            break
    return samples, active


def spoken(sounds: Iterable[Sound], length: int, rate: int, rng: np.random.Generator) -> tuple[Samples, hearing.Mask]:
    """Sounds one after the other with pauses between them, all equally loud, `length` frames at most."""
    hop = hearing.frame_length(rate)
    samples, active = np.zeros(length * hop, np.float32), np.zeros(length, bool)
    at = 0
    for piece, mask in _pieces(sounds, rate):
        count = min(length - at, len(mask))
        if count < len(mask):
            fade(piece[: count * hop], 0.0, SHORT_FADE, rate)
        samples[at * hop : (at + count) * hop] = piece[: count * hop]
        active[at : at + count] = mask[:count]
        at += count + round(float(rng.uniform(*PAUSE)) / hearing.FRAME)
        if at >= length:
            break
    return samples, active


def _pieces(sounds: Iterable[Sound], rate: int) -> Iterator[tuple[Samples, hearing.Mask]]:
    """What is heard of each sound, equally loud; ends where nothing is heard of many in a row."""
    silent = 0
    for sound in sounds:
        samples, active, _ = cut(sound, (SHORT_FADE, SHORT_FADE), rate)
        loud = hearing.loudness(hearing.spectra(samples, rate), active, rate)
        silent = 0 if loud > 0 else silent + 1
        if loud > 0:
            yield samples / np.float32(np.sqrt(loud)), active
        elif silent >= MOST_SILENT:
            return


def _rise(count: int) -> NDArray[np.float32]:
    """From 0 to 1 by half a cosine."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))).astype(np.float32)
