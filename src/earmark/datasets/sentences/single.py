"""Recordings that hold one word whose edges can be told: what sentences are made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.sentences.voices import Recorded, Voice
from earmark.errors import EarmarkError
from earmark.events.hysteresis import runs
from earmark.media import open_recording
from earmark.speech import energy as contour

LONGEST_GAP = 0.2  # seconds of quiet within one word, as before a plosive; longer is a pause between two
LONGEST = 1.4  # seconds
SHORTEST = 0.08
CLEAR_DB = 10.0  # how far the quiet parts of a recording must be below the level at which a word ends
FEWEST_FRAMES = 5  # of quiet, to tell how loud it is; a file with less is cut close to the word

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Single:
    """One word: what is said, and its recording."""

    text: str
    samples: Samples


@dataclass(frozen=True)
class Vocabulary:
    """The words of one speaker that can be used, at one rate in Hz, and how many were left out for which reason."""

    words: tuple[Single, ...]
    rate: int
    left_out: Counter[str]


def vocabulary(voice: Voice) -> Vocabulary:
    """Read a speaker's words at the rate that most of them have; what cannot be read is left out too."""
    left_out: Counter[str] = Counter()
    rate = _common_rate(voice)
    words = []
    for recorded in voice.recordings:
        single = _read(recorded, rate)
        reason = "unreadable" if single is None else unfit(single.samples, rate)
        if single is None or reason:
            left_out[reason] += 1
        else:
            words.append(single)
    return Vocabulary(tuple(words), rate, left_out)


def unfit(samples: Samples, rate: int) -> str:
    """Why a recording is not used: `silent`, `short`, `long`, `pause`, `noisy`; empty where it is.

    A word's edges are where its energy passes 25 dB below its peak. They can be told where what is quieter than that
    is quieter by far: a background just below would hide them.
    """
    levels = contour.levels(np.asarray(samples / 32768, np.float32), rate)[:-1]  # the last frame is not full
    found = contour.edges(levels)
    if found is None:
        return "silent"
    quiet = levels < levels.max() - contour.EDGE_DB
    word = slice(*found)
    seconds = (found[1] - found[0]) * contour.STEP
    if not SHORTEST <= seconds <= LONGEST:
        return "short" if seconds < SHORTEST else "long"
    longest = max((last - first for first, last in runs(quiet[word]).tolist()), default=0)
    if longest * contour.STEP > LONGEST_GAP + 1e-6:
        return "pause"
    if quiet.sum() < FEWEST_FRAMES:
        return ""
    clear = levels.max() - contour.EDGE_DB - CLEAR_DB
    return "" if np.percentile(levels[quiet], 25) <= clear else "noisy"


def _common_rate(voice: Voice) -> int:
    rates: Counter[int] = Counter()
    for recorded in voice.recordings:
        try:
            with open_recording(recorded.path) as recording:
                rates[recording.track.rate] += 1
        except EarmarkError:
            continue
    if not rates:
        raise EarmarkError(voice.speaker, "has no recording that can be read", "give audio files")
    return rates.most_common(1)[0][0]


def _read(recorded: Recorded, rate: int) -> Single | None:
    try:
        with open_recording(recorded.path) as recording:
            samples = recording.span(rate)
    except EarmarkError:
        return None
    return Single(recorded.text, np.asarray(np.rint(np.clip(samples, -1, 1) * 32767), np.int16))
