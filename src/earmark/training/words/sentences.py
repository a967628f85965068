"""Sentences for training: recordings of speech cut into pieces, put together over a background, at any level."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from earmark import media
from earmark.datasets import Clip
from earmark.errors import MediaError
from earmark.events.hysteresis import joined, runs
from earmark.speech import energy
from earmark.speech.energy import STEP
from earmark.training.recipe import Section, Share
from earmark.util.types import Samples

BACKGROUND, SPEECH, UNSURE = 0, 1, 2
LONGEST_CLOSURE = 15  # frames: no stop consonant is silent for longer (150 ms), so what is silent longer is a pause
SHORTEST_PAUSE = 10  # frames: in words spoken together, what is silent for less is a stop consonant (100 ms)
SHORTEST_PIECE = 5  # frames
MARGIN = 8  # frames of natural onset and decay that are kept beside a piece

FrameLabels = NDArray[np.uint8]


Range = tuple[float, float]


Decibels = Annotated[float, Field(gt=0)]


class Cutting(Section):
    """How recordings are cut into pieces, and which have edges that can be trusted."""

    edge_db: Decibels = energy.EDGE_DB
    """A piece lasts from the first to the last frame within this of its peak."""
    quiet_db: Decibels = 40.0
    """Recordings are left out whose background is louder than this below their peak."""


class Mixing(Section):
    """How sentences are made of single recordings."""

    seconds: Annotated[float, Field(gt=1)] = 12.0
    """Length of a sentence."""
    pause_seconds: Range = (0.08, 0.7)
    """Between words, most often."""
    long_pause: Share = 0.2
    """Share of the pauses that are longer, up to 4 s."""
    snr_db: Range = (-5.0, 30.0)
    """Speech, while it lasts, over background."""
    clean: Share = 0.3
    """Share of the sentences without background."""
    empty: Share = 0.06
    """Share of the sentences that are background alone."""
    voice: Share = 0.5
    """Share of the sentences whose voice is made slower and lower, or faster and higher."""
    room: Share = 0.35
    """Share of the sentences heard in a room."""
    band: Share = 0.5
    """Share of the sentences whose band is limited, as by a telephone."""
    seed: int = 0


@dataclass(frozen=True)
class Piece:
    """A word, or words spoken together."""

    samples: Samples  # mono, with the natural decay on either side
    labels: FrameLabels  # BACKGROUND, SPEECH or UNSURE [frames] of 10 ms; samples hold a whole number of frames


def read_pieces(
    clips: Sequence[Clip], one_word: Sequence[bool], rate: int, cutting: Cutting
) -> Iterator[tuple[Clip, list[Piece]]]:
    """The pieces of each clip that can be read and whose background is quiet enough."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for clip, pieces in zip(clips, pool.map(lambda c, o: _read(c, o, rate, cutting), clips, one_word), strict=True):
            if pieces:
                yield clip, pieces


def _read(clip: Clip, one_word: bool, rate: int, cutting: Cutting) -> list[Piece]:
    try:
        samples = media.read(clip.path, rate, start=clip.start, end=clip.end)
    except MediaError:
        return []
    return cut(samples, rate, one_word, cutting)


def cut(samples: Samples, rate: int, one_word: bool = False, cutting: Cutting | None = None) -> list[Piece]:
    """The pieces of a recording: what is loud, between silences that are too long to lie within a word.

    Each lasts as long as it is within `cutting.edge_db` of its own peak. Its silences are speech where the recording is
    known to hold one word, and otherwise unsure, as they may be a stop consonant or a pause between words.
    """
    cutting = cutting or Cutting()
    hop = round(rate * energy.STEP)
    levels = _aligned_levels(samples, hop)
    span = energy.edges(levels, cutting.edge_db)
    if span is None or _noisy(levels, span, cutting) or (not one_word and _never_quiet(levels, cutting)):
        return []
    loud = levels >= levels.max() - cutting.edge_db
    spans: list[energy.Span] = list(map(tuple, joined(runs(loud), LONGEST_CLOSURE).tolist()))
    pieces = []
    for number, (first, last) in enumerate(spans):
        before = spans[number - 1][1] if number else 0
        after = spans[number + 1][0] if number + 1 < len(spans) else len(levels)
        piece = _piece(samples, levels, (first, last), (before, after), hop, one_word, cutting)
        if piece is not None:
            pieces.append(piece)
    return pieces


def _aligned_levels(samples: Samples, hop: int) -> energy.Levels:
    """Levels of frames that lie end to end from the first sample."""
    return energy.levels(np.concatenate([np.zeros(hop - hop // 2, np.float32), samples]), 100 * hop)[1:]


def _noisy(levels: energy.Levels, span: energy.Span, cutting: Cutting) -> bool:
    outside = np.concatenate([levels[: max(0, span[0] - 3)], levels[span[1] + 3 :]])
    return len(outside) >= 5 and float(np.median(outside)) > levels.max() - cutting.quiet_db


def _never_quiet(levels: energy.Levels, cutting: Cutting) -> bool:
    """Whether hardly a frame is below a word's edge: the background is as loud, or the recording is cut too close."""
    return bool(np.percentile(levels, 5) > levels.max() - cutting.edge_db)


def _piece(
    samples: Samples,
    levels: energy.Levels,
    span: energy.Span,
    room: energy.Span,
    hop: int,
    one_word: bool,
    cutting: Cutting,
) -> Piece | None:
    start = (span[0] + room[0]) // 2 if room[0] else 0
    end = (span[1] + room[1] + 1) // 2 if room[1] < len(levels) else len(levels)
    inner = energy.edges(levels[start:end], cutting.edge_db)
    if inner is None or inner[1] - inner[0] < SHORTEST_PIECE:
        return None
    first, last = start + inner[0], start + inner[1]
    start, end = max(start, first - MARGIN), min(end, last + MARGIN)
    labels = np.zeros(end - start, np.uint8)
    labels[first - start : last - start] = _inside(levels[first:last], one_word, cutting)
    return Piece(_faded(_framed(samples, start, end, hop), first - start, end - last, hop), labels)


def _inside(levels: energy.Levels, one_word: bool, cutting: Cutting) -> FrameLabels:
    labels = np.full(len(levels), SPEECH, np.uint8)
    if not one_word:
        for first, last in runs(levels < levels.max() - cutting.edge_db):
            if last - first >= SHORTEST_PAUSE:
                labels[first:last] = UNSURE
    return labels


def _framed(samples: Samples, start: int, end: int, hop: int) -> Samples:
    part = samples[start * hop : end * hop]
    return np.pad(part, (0, (end - start) * hop - len(part)))


def _faded(samples: Samples, before: int, after: int, hop: int) -> Samples:
    """The margins faded, so that the recording's own background does not start and stop with the word."""
    faded = samples.copy()
    if before:
        faded[: before * hop] *= np.linspace(0, 1, before * hop, dtype=np.float32)
    if after:
        faded[-after * hop :] *= np.linspace(1, 0, after * hop, dtype=np.float32)
    return faded


LOUDNESS_SPREAD_DB = 4.0  # between the words of one sentence
QUIET_FLOOR_DB = (-90.0, -40.0)  # of a clean recording's own noise, below its speech
PEAK_DB = (-36.0, -0.5)  # of the finished sentence, re full scale
HIGHEST_PEAK = 0.99
LONGEST_PAUSE = 4.0  # seconds
SLOWER = (0.88, 1.14)  # factors by which a voice is slowed down
FASTER_NOISE = (0.7, 1.4)


def sentence(
    speakers: Mapping[str, Sequence[Piece]],
    backgrounds: Sequence[Samples],
    mixing: Mixing,
    rate: int,
    rng: np.random.Generator,
) -> tuple[Samples, FrameLabels]:
    """Samples of one sentence, and BACKGROUND, SPEECH or UNSURE for each of its frames, centred at `i * STEP`."""
    hop = round(rate * STEP)
    frames = round(mixing.seconds / STEP)
    speech, labels = np.zeros(frames * hop, np.float32), np.zeros(frames, np.uint8)
    if rng.random() >= mixing.empty:
        speech, labels = _speak(_speaker(speakers, rng), mixing, frames, hop, rng)
    active = np.repeat(labels != BACKGROUND, hop)
    power = float(np.mean(speech[active] ** 2)) if active.any() else 1e-3
    if rng.random() < mixing.room:
        speech = in_room(speech, rate, rng)
    mixed = speech + _background(backgrounds, mixing, len(speech), power, bool(active.any()), rng)
    if rng.random() < mixing.band:
        mixed = band_limited(mixed, rate, rng)
    return _levelled(mixed, rng), _centred(labels)


def _speaker(speakers: Mapping[str, Sequence[Piece]], rng: np.random.Generator) -> Sequence[Piece]:
    """One of the speakers: those with more recordings more often, in proportion to the root of their number."""
    names = sorted(speakers)
    weights = np.sqrt([len(speakers[name]) for name in names])
    return speakers[names[rng.choice(len(names), p=weights / weights.sum())]]


def _speak(
    pieces: Sequence[Piece], mixing: Mixing, frames: int, hop: int, rng: np.random.Generator
) -> tuple[Samples, FrameLabels]:
    samples, labels = np.zeros(frames * hop, np.float32), np.zeros(frames, np.uint8)
    spoken = -_frames((0.0, 1.5), rng)  # the frame behind the last word
    slower = rng.uniform(*SLOWER) if rng.random() < mixing.voice else 1.0
    while True:
        piece = stretched(pieces[int(rng.integers(len(pieces)))], slower, hop)
        sounding = np.flatnonzero(piece.labels)
        start = abs(spoken) + (_pause(mixing, rng) if spoken > 0 else 0) - sounding[0]
        if start + len(piece.labels) > frames:
            return samples, labels
        _lay(samples, labels, piece, start, hop, rng)
        spoken = start + int(sounding[-1]) + 1


def _lay(samples: Samples, labels: FrameLabels, piece: Piece, start: int, hop: int, rng: np.random.Generator) -> None:
    """Add a piece; its margins may reach into those of the last, or before the beginning."""
    cut = max(0, -start)
    first, last = max(0, start), start + len(piece.labels)
    peak = float(np.abs(piece.samples).max())
    gain = np.float32(10 ** (rng.uniform(-LOUDNESS_SPREAD_DB, LOUDNESS_SPREAD_DB) / 20) * 0.3 / max(peak, 1e-6))
    samples[first * hop : last * hop] += gain * piece.samples[cut * hop :]
    np.maximum(labels[first:last], piece.labels[cut:], out=labels[first:last])


def stretched(piece: Piece, factor: float, hop: int) -> Piece:
    """A piece played slower by a factor, and so lower: another voice."""
    if factor == 1.0:
        return piece
    frames = round(len(piece.labels) * factor)
    positions = (np.arange(frames) + 0.5) * len(piece.labels) / frames
    return Piece(resampled(piece.samples, frames * hop), piece.labels[positions.astype(np.int64)])


def resampled(samples: Samples, count: int) -> Samples:
    """So many samples in place of those given, as if played slower or faster."""
    positions = np.linspace(0, len(samples) - 1, count)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def _pause(mixing: Mixing, rng: np.random.Generator) -> int:
    if rng.random() < mixing.long_pause:
        return _frames((mixing.pause_seconds[1], LONGEST_PAUSE), rng)
    return _frames(mixing.pause_seconds, rng)


def _frames(seconds: Range, rng: np.random.Generator) -> int:
    return round(rng.uniform(*seconds) / STEP)


def _background(
    backgrounds: Sequence[Samples],
    mixing: Mixing,
    samples: int,
    speech_power: float,
    spoken: bool,
    rng: np.random.Generator,
) -> Samples:
    """Noise at a level below the speech; for a clean sentence a faint hiss, or digital silence."""
    if spoken and rng.random() < mixing.clean:
        if rng.random() < 0.4:
            return np.zeros(samples, np.float32)
        return _scaled(_hiss(samples, rng), speech_power, rng.uniform(*QUIET_FLOOR_DB))
    kind = rng.random()
    noise = _hiss(samples, rng) if kind < 0.12 else _stretch(backgrounds, samples, rng)
    if kind > 0.6:
        other = _hiss(samples, rng) if kind > 0.85 else _stretch(backgrounds, samples, rng)
        noise = noise / _rms(noise) + np.float32(10 ** (rng.uniform(-12, 0) / 20)) / _rms(other) * other
    return _scaled(noise, speech_power, -rng.uniform(*mixing.snr_db))


def _stretch(backgrounds: Sequence[Samples], samples: int, rng: np.random.Generator) -> Samples:
    """One background recording from anywhere in it, again and again, faster or slower, sometimes backwards."""
    noise = backgrounds[int(rng.integers(len(backgrounds)))]
    if rng.random() < 0.5:
        noise = resampled(noise, round(len(noise) * rng.uniform(*FASTER_NOISE)))
    if rng.random() < 0.2:
        noise = noise[::-1]
    start = int(rng.integers(len(noise)))
    return np.take(noise, np.arange(start, start + samples), mode="wrap")


def _hiss(samples: int, rng: np.random.Generator) -> Samples:
    """Steady noise whose power falls by 0 to 6 dB an octave, of unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20.0) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, samples).astype(np.float32)
    return noise / _rms(noise)


def _rms(samples: Samples) -> np.float32:
    return np.float32(np.sqrt(np.mean(samples**2, dtype=np.float64)) + 1e-9)


def _scaled(noise: Samples, speech_power: float, level_db: float) -> Samples:
    return noise * np.float32(np.sqrt(speech_power) * 10 ** (level_db / 20) / _rms(noise))


def in_room(speech: Samples, rate: int, rng: np.random.Generator) -> Samples:
    """Speech with a room's echo: noise that dies away, behind the direct sound (Polack, 1988)."""
    from scipy import signal  # here, as it takes half a second to import

    decay = rng.uniform(0.08, 0.5)  # seconds until the echo is 60 dB down
    times = np.arange(round(decay * rate)) / rate
    echo = rng.standard_normal(len(times)) * 10 ** (-3 * times / decay)
    echo *= 10 ** (-rng.uniform(0, 15) / 20) / np.sqrt((echo**2).sum())
    echo[0] = 1.0
    return np.asarray(signal.fftconvolve(speech, echo.astype(np.float32))[: len(speech)], np.float32)


def band_limited(samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
    """As through a telephone, or a microphone that is deaf to highs; and with a tilted spectrum."""
    from scipy import signal

    low = rng.uniform(150, 350) if rng.random() < 0.5 else None
    high = rng.uniform(3200, 4000) if low else rng.uniform(2800, rate / 2 * 0.97)
    sections = signal.butter(6, high, "lowpass", fs=rate, output="sos")
    filtered = signal.sosfilt(sections, samples)
    if low:
        filtered = signal.sosfilt(signal.butter(2, low, "highpass", fs=rate, output="sos"), filtered)
    shelf = rng.uniform(-0.7, 0.7)
    return np.asarray(signal.lfilter([1.0, shelf], [1.0], filtered), np.float32)


def _levelled(samples: Samples, rng: np.random.Generator) -> Samples:
    peak = float(np.abs(samples).max())
    loud = 10 ** (rng.uniform(*PEAK_DB) / 20)
    return samples * np.float32(min(loud, HIGHEST_PEAK) / max(peak, 1e-6))


def _centred(labels: FrameLabels) -> FrameLabels:
    """Labels of frames centred at `i * STEP`: those of the frames, end to end, that begin there; and one more."""
    return np.concatenate([labels, labels[-1:]])
