"""Sentences for training: pieces of one speaker with pauses between, in a room, over a background, at any level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import signal

from earmark.speech.energy import STEP
from earmark.training.words.pieces import BACKGROUND, Marks, Piece, Samples
from earmark.training.words.recipe import Mixing, Range

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
) -> tuple[Samples, Marks]:
    """Samples of one sentence, and BACKGROUND, SPEECH or UNSURE for each of its frames, centred at `i * STEP`."""
    hop = round(rate * STEP)
    frames = round(mixing.seconds / STEP)
    speech, marks = np.zeros(frames * hop, np.float32), np.zeros(frames, np.uint8)
    if rng.random() >= mixing.empty:
        speech, marks = _speak(_speaker(speakers, rng), mixing, frames, hop, rng)
    active = np.repeat(marks != BACKGROUND, hop)
    power = float(np.mean(speech[active] ** 2)) if active.any() else 1e-3
    if rng.random() < mixing.room:
        speech = in_room(speech, rate, rng)
    mixed = speech + _background(backgrounds, mixing, len(speech), power, bool(active.any()), rng)
    if rng.random() < mixing.band:
        mixed = band_limited(mixed, rate, rng)
    return _levelled(mixed, rng), _centred(marks)


def _speaker(speakers: Mapping[str, Sequence[Piece]], rng: np.random.Generator) -> Sequence[Piece]:
    """One of the speakers: those with more recordings more often, in proportion to the root of their number."""
    names = sorted(speakers)
    weights = np.sqrt([len(speakers[name]) for name in names])
    return speakers[names[rng.choice(len(names), p=weights / weights.sum())]]


def _speak(
    pieces: Sequence[Piece], mixing: Mixing, frames: int, hop: int, rng: np.random.Generator
) -> tuple[Samples, Marks]:
    samples, marks = np.zeros(frames * hop, np.float32), np.zeros(frames, np.uint8)
    spoken = -_frames((0.0, 1.5), rng)  # the frame behind the last word
    slower = rng.uniform(*SLOWER) if rng.random() < mixing.voice else 1.0
    while True:
        piece = stretched(pieces[int(rng.integers(len(pieces)))], slower, hop)
        heard = np.flatnonzero(piece.marks)
        start = abs(spoken) + (_pause(mixing, rng) if spoken > 0 else 0) - heard[0]
        if start + len(piece.marks) > frames:
            return samples, marks
        _lay(samples, marks, piece, start, hop, rng)
        spoken = start + int(heard[-1]) + 1


def _lay(samples: Samples, marks: Marks, piece: Piece, start: int, hop: int, rng: np.random.Generator) -> None:
    """Add a piece; its margins may reach into those of the last, or before the beginning."""
    cut = max(0, -start)
    first, last = max(0, start), start + len(piece.marks)
    peak = float(np.abs(piece.samples).max())
    gain = np.float32(10 ** (rng.uniform(-LOUDNESS_SPREAD_DB, LOUDNESS_SPREAD_DB) / 20) * 0.3 / max(peak, 1e-6))
    samples[first * hop : last * hop] += gain * piece.samples[cut * hop :]
    np.maximum(marks[first:last], piece.marks[cut:], out=marks[first:last])


def stretched(piece: Piece, factor: float, hop: int) -> Piece:
    """A piece played slower by a factor, and so lower: another voice."""
    if factor == 1.0:
        return piece
    frames = round(len(piece.marks) * factor)
    places = (np.arange(frames) + 0.5) * len(piece.marks) / frames
    return Piece(_resampled(piece.samples, frames * hop), piece.marks[places.astype(np.int64)])


def _resampled(samples: Samples, count: int) -> Samples:
    places = np.linspace(0, len(samples) - 1, count)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


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
        noise = _resampled(noise, round(len(noise) * rng.uniform(*FASTER_NOISE)))
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
    decay = rng.uniform(0.08, 0.5)  # seconds until the echo is 60 dB down
    times = np.arange(round(decay * rate)) / rate
    echo = rng.standard_normal(len(times)) * 10 ** (-3 * times / decay)
    echo *= 10 ** (-rng.uniform(0, 15) / 20) / np.sqrt((echo**2).sum())
    echo[0] = 1.0
    return np.asarray(signal.fftconvolve(speech, echo.astype(np.float32))[: len(speech)], np.float32)


def band_limited(samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
    """As through a telephone, or a microphone that is deaf to highs; and with a tilted spectrum."""
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


def _centred(marks: Marks) -> Marks:
    """Marks of frames centred at `i * STEP`: those of the frames, end to end, that begin there; and one more."""
    return np.concatenate([marks, marks[-1:]])
