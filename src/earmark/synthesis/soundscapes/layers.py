"""Clips as samples, and laid on a soundscape's time: single events, and clips that follow each other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets.clips import Clip
from earmark.synthesis.soundscapes import audibility
from earmark.synthesis.soundscapes.plan import Taken
from earmark.util.types import Mask, Samples

LONGEST = 30.0  # seconds of one clip that are heard at once
GRID = 10.0  # seconds: where in a long recording such a part may begin
ROOM = 256 * 2**20  # bytes of samples that are kept

SHORT_FADE = 0.01  # seconds, before and after what is heard
CROSSFADE = 1.0  # seconds
PAUSE = (0.1, 1.5)  # seconds from the end of one phrase to the next
MOST_SILENT = 12  # sounds in a row of which nothing is heard, before looking for more is given up


@dataclass(frozen=True)
class Sound:
    """A clip as samples, and in which frames it sounds by its own energy."""

    samples: Samples  # mono, a whole number of frames
    active: Mask  # for each frame whether it sounds
    least: float  # the power below which it is not heard, such as where it fades away


class SoundCache:
    """Sounds at one rate, of which those used last are kept."""

    def __init__(self, rate: int, room: int = ROOM) -> None:
        self.rate, self.room = rate, room
        self._sounds: OrderedDict[tuple[Path, float, float | None, float], Sound] = OrderedDict()
        self._size = 0
        self._durations: dict[Path, float] = {}

    def sound(self, taken: Taken) -> Sound:
        """What is heard of a clip: all of it, or the part of a long one that was drawn.

        Raises MediaError: it cannot be read.
        """
        clip = taken.clip
        start, end = self._span(clip, taken.at)
        key = clip.path, start, end, taken.speed
        if key in self._sounds:
            self._sounds.move_to_end(key)
            return self._sounds[key]
        played = media.read(clip.path, round(self.rate / taken.speed), start=start, end=end)
        made = measure_sound(played, self.rate)
        self._sounds[key] = made
        self._size += made.samples.nbytes
        while self._size > self.room and len(self._sounds) > 1:
            self._size -= self._sounds.popitem(last=False)[1].samples.nbytes
        return made

    def _span(self, clip: Clip, at: float) -> tuple[float, float | None]:
        length = (self._duration(clip.path) if clip.end is None else clip.end) - clip.start
        if length <= LONGEST:
            return clip.start, clip.end
        start = clip.start + GRID * int(at * (1 + (length - LONGEST) // GRID))
        return start, start + LONGEST

    def _duration(self, path: Path) -> float:
        """What a file says of its length; nothing, where it does not say."""
        if path not in self._durations:
            with media.open_recording(path) as recording:
                self._durations[path] = recording.duration or 0.0
        return self._durations[path]


def measure_sound(samples: Samples, rate: int) -> Sound:
    """Samples, and where they sound."""
    hop = audibility.frame_length(rate)
    padded = np.pad(samples, (0, -len(samples) % hop))
    return Sound(padded, *audibility.activity(audibility.powers(padded, rate)))


@dataclass(frozen=True)
class Layer:
    """A sound in a scene."""

    labels: tuple[str, ...]  # what it is; none: it is not named
    first: int  # the frame of the scene in which it begins
    samples: Samples  # mono, a whole number of frames
    active: Mask  # for each frame whether it sounds by its own energy
    bands: audibility.Powers  # power in each critical band [frames, bands]
    gap: float = audibility.GAP  # seconds of silence that part two events of it

    def at_level(self, decibels: float, rate: int) -> Layer | None:
        """As loud as so many dB, re an A-weighted power of 1; None if nothing is heard of it."""
        loud = audibility.loudness(self.bands, self.active, rate)
        if loud <= 0:
            return None
        gain = 10 ** (decibels / 10) / loud
        return replace(self, samples=self.samples * np.float32(np.sqrt(gain)), bands=self.bands * np.float32(gain))


def make_layer(
    labels: tuple[str, ...],
    first: int,
    samples: Samples,
    active: Mask,
    rate: int,
    gap: float = audibility.GAP,
) -> Layer:
    """A layer of samples that are measured."""
    return Layer(labels, first, samples, active, audibility.spectra(samples, rate), gap)


def cut_sound(sound: Sound, fades: tuple[float, float], rate: int) -> tuple[Samples, Mask, int]:
    """A sound from where it first sounds to where it last does, faded at both ends; and how many frames lead it in.

    Where its clip cuts it, the fades are those given. Where it begins or ends by itself, there is a short one in the
    silence beside it: an attack is not softened.
    """
    hop = audibility.frame_length(rate)
    frames = np.flatnonzero(sound.active)
    if not len(frames):
        return sound.samples[:0], sound.active[:0], 0
    margin = round(SHORT_FADE / audibility.FRAME)
    first, last = max(0, int(frames[0]) - margin), min(len(sound.active), int(frames[-1]) + 1 + margin)
    begins, ends = sound.active[0], sound.active[-1]
    samples = sound.samples[first * hop : last * hop].copy()
    fade(samples, fades[0] if begins else SHORT_FADE, fades[1] if ends else SHORT_FADE, rate)
    return samples, sound.active[first:last] & (audibility.powers(samples, rate) > sound.least), int(frames[0]) - first


def fade(samples: Samples, onset: float, offset: float, rate: int) -> None:
    """Fade samples in and out where they lie, by half a cosine, in so many seconds; in at most half of them each."""
    for seconds, part in ((onset, samples), (offset, samples[::-1])):
        count = min(round(seconds * rate), len(samples) // 2)
        part[:count] *= _rising(count)


def loop_sounds(sounds: Iterable[Sound], length: int, rate: int) -> tuple[Samples, Mask]:
    """Sounds one after the other until `length` frames are filled, each faded into the next, all equally loud.

    The fade keeps the power even, as the sounds are not the same.
    """
    hop = audibility.frame_length(rate)
    samples, active = np.zeros(length * hop, np.float32), np.zeros(length, bool)
    at = last = 0
    for piece, mask in _pieces(sounds, rate):
        overlap = min(round(CROSSFADE / audibility.FRAME), last // 2, len(mask) // 2)
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


def join_phrases(sounds: Iterable[Sound], length: int, rate: int, rng: np.random.Generator) -> tuple[Samples, Mask]:
    """Sounds one after the other with pauses between them, all equally loud, `length` frames at most."""
    hop = audibility.frame_length(rate)
    samples, active = np.zeros(length * hop, np.float32), np.zeros(length, bool)
    at = 0
    for piece, mask in _pieces(sounds, rate):
        count = min(length - at, len(mask))
        if count < len(mask):
            fade(piece[: count * hop], 0.0, SHORT_FADE, rate)
        samples[at * hop : (at + count) * hop] = piece[: count * hop]
        active[at : at + count] = mask[:count]
        at += count + round(float(rng.uniform(*PAUSE)) / audibility.FRAME)
        if at >= length:
            break
    return samples, active


def _pieces(sounds: Iterable[Sound], rate: int) -> Iterator[tuple[Samples, Mask]]:
    """What is heard of each sound, equally loud; ends where nothing is heard of many in a row."""
    silent = 0
    for sound in sounds:
        samples, active, _ = cut_sound(sound, (SHORT_FADE, SHORT_FADE), rate)
        loud = audibility.loudness(audibility.spectra(samples, rate), active, rate)
        silent = 0 if loud > 0 else silent + 1
        if loud > 0:
            yield samples / np.float32(np.sqrt(loud)), active
        elif silent >= MOST_SILENT:
            return


def _rising(count: int) -> NDArray[np.float32]:
    """From 0 to 1 by half a cosine."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))).astype(np.float32)
