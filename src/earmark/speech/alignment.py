"""A text laid along a recording of it: when each of its words is spoken (forced alignment).

eSpeak NG speaks the text, with the times of its words. Features that know little of the speaker (cepstra, normalised
over each of the two recordings, and the broad classes of phonemes that a small network hears in them) are compared
frame by frame, and the cheapest path through both is found by dynamic programming: each 10 ms of the recording stand
for a place in what eSpeak NG said, or for a pause between two words. Paths are kept within a band around the cheapest
place and settled a minute at a time, so that memory grows with neither the product of both lengths nor anything but
what is given back. After an idea of Malfrère and Dutoit (High quality speech synthesis for phonetic speech
segmentation, Eurospeech 1997), and of aeneas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.features.frontend import FrontEnd
from earmark.media import Sound
from earmark.speech import espeak, phonemes
from earmark.speech.energy import STEP
from earmark.speech.f0 import SpeakerF0
from earmark.util.streams import concatenate
from earmark.util.types import Progress

FRONT_END = FrontEnd(
    kind="mfcc", rate=16000, n_fft=400, hop=160, bands=26, fmin=100.0, fmax=4000.0, coefficients=13, deltas=1
)
"""Up to 4 kHz, so that telephones are heard like other recordings."""
WEIGHTS = np.tile(np.repeat(np.array([3.0, 1.0, 0.5]), [1, 6, 6]), 2) / np.sqrt(2 * (3.0**2 + 6 + 6 * 0.5**2))
"""Loudness counts more, and the fine shape of the spectrum, which is most of the speaker, less; so do deltas."""
SPOKEN_TOGETHER = 60  # words that eSpeak NG speaks at a time
SLOWER = (0.3, 4.0)  # how much slower than eSpeak NG's usual speed somebody may speak
PAUSE = -1  # the word of a reference's frame that stands for a pause
PAUSE_COST = 1.2  # of a frame without speech that stands for a pause: as much as sounds that do not fit
SPEECH_IN_PAUSE = 2.5  # what a frame of speech costs more there
SILENCE_IN_WORD = 1.2  # what a frame without speech costs more within a word
STAY, SKIP = 0.15, 0.15  # what it costs to be slower or faster than eSpeak NG by one frame
CLASSES_COUNT = 0.2  # what it costs, for each power of e, that two frames are unlikely to be of one class of phonemes
LEAST_LIKELY = 1e-3
BAND = 3000  # frames of the reference that are looked at for each of the recording
SETTLED = 6000  # frames of the recording whose path is settled together
TOGETHER = 250  # frames whose distances are computed together
FITS = 0.955  # mean distance of a word's frames that is as often right as wrong
SHARP = 12.0
WOMAN, WOMAN_HZ = "f2", 165.0  # a variant of eSpeak NG's voices, and the median F0 above which it is taken
NEAR = 0.15  # seconds by which an edge beside a pause may be moved
DOUBTFUL = 0.5  # below this median score, text and speech do not fit

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """A text as eSpeak NG speaks it, pauses taken out.

    Features [frames, dimensions], the word of each frame, and probabilities of its class of phonemes [frames, classes].
    """

    features: Array
    words: NDArray[np.int32]
    classes: Array


@dataclass(frozen=True)
class AlignedWord:
    """Where a word of the text is: seconds, and how well it fits there, 0 to 1."""

    text: str
    onset: float
    offset: float
    score: float
    after_pause: bool
    before_pause: bool


def tokens(text: str) -> list[str]:
    """The words of a text: what white space parts, where something in it is spoken."""
    return [token for token in text.split() if re.search(r"\w", token)]


def voice_like(language: str, speaker: SpeakerF0 | None) -> espeak.Voice:
    """A voice of eSpeak NG for a language, a woman's where the speaker's is high."""
    high = speaker is not None and speaker.median > WOMAN_HZ
    return espeak.Voice(language if "+" in language or not high else f"{language}+{WOMAN}")


def speech_features(blocks: Iterable[Array]) -> Array:
    """Features of a recording that comes in blocks at the front end's rate, not yet normalised [frames, dimensions]."""
    return concatenate(FRONT_END.stream(blocks), FRONT_END.size)


def normalised(features: Array, speech: NDArray[np.bool_]) -> Array:
    """Features of mean 0 and deviation 1 over the frames of speech: what a voice and a microphone add drops out."""
    chosen = features[speech] if speech.any() else features
    return np.asarray((features - chosen.mean(axis=0)) / (chosen.std(axis=0) + 1e-6) * WEIGHTS, np.float32)


def unweighted(features: Array) -> Array:
    """Features as `normalised` gives them, each of deviation 1."""
    return np.asarray(features / WEIGHTS, np.float32)


def class_probabilities(features: Array) -> Array:
    """Probabilities of the classes of phonemes [frames, classes] for features as `normalised` gives them."""
    return phonemes.network()(unweighted(features))


def spoken(words: Sequence[str], voice: espeak.Voice, seconds: float, progress: Progress | None = None) -> Reference:
    """The words of a text, spoken some at a time, in so many seconds; `progress` is told that it goes on."""
    tried = sum(ends - begins for _, begins, ends in _said(words[:SPOKEN_TOGETHER], voice)[1])
    share = sum(map(len, words[:SPOKEN_TOGETHER])) / sum(map(len, words))
    slower = float(np.clip(seconds * share / max(tried, STEP), *SLOWER))
    speed = int(np.clip(round(voice.speed / slower), *espeak.SPEEDS))
    features, numbers = [], []
    for first in range(0, len(words), SPOKEN_TOGETHER):
        if progress is not None:
            progress(0.0, seconds)
        found, times = _said(words[first : first + SPOKEN_TOGETHER], replace(voice, speed=speed))
        for number, begins, ends in times:
            rows = slice(round(begins / STEP), max(round(ends / STEP), round(begins / STEP) + 1))
            features.append(found[rows])
            numbers.append(np.full(len(found[rows]), first + number, np.int32))
    if not features:
        raise EarmarkError("text", f"is not spoken by eSpeak NG's voice {voice.name}", "give the text's language")
    together, of = np.concatenate(features), np.concatenate(numbers)
    nearest = np.arange(len(of))
    if not 1 <= len(of) * STEP / seconds <= 1.2:  # what its range of speeds leaves
        nearest = np.round(np.linspace(0, len(of) - 1, max(len(words), round(seconds / STEP)))).astype(np.intp)
    alike = normalised(together, np.ones(len(of), np.bool_))
    return Reference(alike[nearest], of[nearest], class_probabilities(alike)[nearest])


def _said(words: Sequence[str], voice: espeak.Voice) -> tuple[Array, list[tuple[int, float, float]]]:
    """Features of some words, and number and times of each."""
    (utterance,) = espeak.utter([" ".join(words)], voice, "align")
    if not len(utterance.samples) or not utterance.words:
        return np.empty((0, FRONT_END.size), np.float32), []
    with Sound(utterance.samples, utterance.rate).open() as recording:
        return speech_features(recording.blocks(FRONT_END.rate)), list(_timed(words, utterance.words))


def _timed(words: Sequence[str], events: Sequence[tuple[int, float, float]]) -> Iterator[tuple[int, float, float]]:
    """Number and times of each word; eSpeak NG says some together ("of the"), which share the time by their letters."""
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    indices = np.searchsorted(starts, [place for place, *_ in events], "right") - 1
    groups: dict[int, list[tuple[float, float]]] = {}
    for word, (_, begins, ends) in zip(indices.tolist(), events, strict=True):
        groups.setdefault(min(word, len(words) - 1), []).append((begins, ends))
    said = sorted(groups)
    for number, following in zip(said, [*said[1:], len(words)], strict=True):
        begins, ends = groups[number][0][0], groups[number][-1][1]
        lengths = np.array([len(word) for word in words[number:following]], float)
        edges = begins + (ends - begins) * np.cumsum([0, *lengths / lengths.sum()])
        for offset in range(following - number):
            yield number + offset, float(edges[offset]), float(edges[offset + 1])


def with_pauses(reference: Reference) -> Reference:
    """The reference with a frame before, between and after words that stands for a pause."""
    firsts = np.flatnonzero(np.diff(reference.words, prepend=-2) != 0)
    indices = np.append(firsts, len(reference.words))
    features = np.insert(reference.features, indices, 0, axis=0)
    classes = np.insert(reference.classes, indices, 0, axis=0)
    return Reference(features, np.insert(reference.words, indices, PAUSE), classes)


def path(
    features: Array, classes: Array, speech: Array, reference: Reference, progress: Progress | None = None
) -> tuple[NDArray[np.int32], Array]:
    """The frame of the reference, which has pauses, for which each frame of the recording stands; distances [frames].

    Features are normalised [frames, dimensions], `classes` are probabilities [frames, classes], and `speech` is its
    probability [frames].
    """
    count, width = len(features), min(BAND, len(reference.words))
    pauses = reference.words == PAUSE
    squares = np.einsum("ij,ij->i", reference.features, reference.features)
    low, totals = 0, np.full(width, np.inf, np.float32)
    totals[: min(2, width)] = 0.0  # before the first word may be a pause
    stay = np.where(pauses, 0.0, STAY).astype(np.float32)
    found = np.zeros(count, np.int32)
    steps: list[NDArray[np.uint8]] = []
    lows: list[int] = []
    settled = 0
    for row in range(count):
        if row % TOGETHER == 0:
            if progress is not None:
                progress(row * STEP, count * STEP)
            some = slice(row, min(row + TOGETHER, count))
            window = slice(low, min(low + width + 2 * TOGETHER, len(pauses)))
            others = Reference(reference.features[window], reference.words[window], reference.classes[window])
            costs = _costs(features[some], classes[some], speech[some], others, squares[window])
            costs_low = window.start
        best = int(np.argmin(totals)) if row else 0
        shift = min(max(0, best - width // 2), len(pauses) - width - low, costs_low + costs.shape[1] - width - low)
        if shift > 0:
            totals = np.concatenate([totals[shift:], np.full(shift, np.inf, np.float32)])
            low += shift
        cost = costs[row % TOGETHER, low - costs_low : low - costs_low + width]
        if row:
            options = np.full((3, width), np.inf, np.float32)
            options[0] = totals + stay[low : low + width]
            options[1, 1:] = totals[:-1]
            options[2, 2:] = totals[:-2] + SKIP
            step = options.argmin(axis=0)
            totals = options[step, np.arange(width)] + cost
        else:
            step = np.zeros(width, np.intp)
            totals = totals + cost
        steps.append(step.astype(np.uint8))
        lows.append(low)
        if row - settled + 1 >= 2 * SETTLED:
            found[settled : row + 1] = _traced(steps, lows, low + int(np.argmin(totals)))
            settled += SETTLED
            steps, lows = steps[SETTLED:], lows[SETTLED:]
    last = len(pauses) - 1 - low
    ends = last if last < width and np.isfinite(totals[last]) else int(np.argmin(totals))
    if last >= 1 and last < width and totals[last - 1] < totals[last]:
        ends = last - 1  # no pause at the end
    found[settled:] = _traced(steps, lows, low + ends)
    return found, _distances(features, reference, found)


def _costs(features: Array, classes: Array, speech: Array, others: Reference, squares: Array) -> Array:
    apart = np.einsum("ij,ij->i", features, features)[:, None] + squares[None] - 2 * features @ others.features.T
    alike = np.log(classes @ others.classes.T + LEAST_LIKELY)
    within = np.sqrt(np.maximum(apart, 0)) + SILENCE_IN_WORD * (1 - speech[:, None]) - CLASSES_COUNT * alike
    paused = PAUSE_COST + SPEECH_IN_PAUSE * speech[:, None]
    return np.where(others.words[None] == PAUSE, paused, within).astype(np.float32)


def _traced(steps: Sequence[NDArray[np.uint8]], lows: Sequence[int], end: int) -> NDArray[np.int32]:
    indices = np.empty(len(steps), np.int32)
    for row in range(len(steps) - 1, -1, -1):
        indices[row] = end
        end -= int(steps[row][end - lows[row]])
    return indices


def _distances(features: Array, reference: Reference, indices: NDArray[np.int32]) -> Array:
    return np.asarray(np.linalg.norm(features - reference.features[indices], axis=1), np.float32)


def align(
    words: Sequence[str],
    features: Array,
    speech: Array,
    voice: espeak.Voice,
    progress: Progress | None = None,
    recording: str = "recording",
) -> list[AlignedWord]:
    """Where each word of a text is in a recording.

    Words are those of `tokens`, features those of `speech_features` [frames, dimensions]; `speech` is its probability
    [frames], and the voice one of the text's language. Errors name the `recording`.

    Raises
    ------
    MissingExtraError
        espeakng-loader is not installed.
    EarmarkError
        The text has no words, or the voice is unknown or cannot speak them, or the recording is silent.
    """
    if not words:
        raise EarmarkError("text", "has no words", "give what is said")
    count = min(len(features), len(speech))
    loud = speech[:count] > 0.5
    if not loud.any():
        raise EarmarkError(recording, "has no speech in it", "give a recording of the text")
    reference = with_pauses(spoken(words, voice, float(speech[:count].sum()) * STEP, progress))
    alike = normalised(features[:count], loud)
    indices, distances = path(alike, class_probabilities(alike), speech[:count], reference, progress)
    return list(_aligned(words, reference.words[indices], distances))


def _aligned(words: Sequence[str], path_words: NDArray[np.int32], distances: Array) -> Iterator[AlignedWord]:
    """Words with the frames that stand for them; those that were skipped are where the one before ends."""
    at, count = 0.0, len(path_words)
    order = np.arange(len(words))
    inside = np.flatnonzero(path_words != PAUSE)
    numbers = path_words[inside]
    firsts, lasts = np.searchsorted(numbers, order), np.searchsorted(numbers, order, "right")
    for number, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        if first == last:
            yield AlignedWord(words[number], at, at, 0.0, False, False)
            continue
        begins, ends = int(inside[first]), int(inside[last - 1]) + 1
        score = 1 / (1 + np.exp(SHARP * (float(distances[begins:ends].mean()) - FITS)))
        before = begins == 0 or path_words[begins - 1] == PAUSE
        after = ends == count or path_words[ends] == PAUSE
        at = (ends - 0.5) * STEP
        yield AlignedWord(words[number], max(0.0, (begins - 0.5) * STEP), at, round(float(score), 3), before, after)


def at_pauses(words: Sequence[AlignedWord], spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Onset and offset of each word, those beside a pause moved to the nearest of what was found without the text."""
    edges: list[tuple[float, float]] = []
    sides = [np.array([span[side] for span in spans]) for side in (0, 1)]
    for word in words:
        onset = _nearest(sides[0], word.onset) if word.after_pause else word.onset
        offset = _nearest(sides[1], word.offset) if word.before_pause else word.offset
        onset = max(onset, edges[-1][1] if edges else 0.0)
        edges.append((round(onset, 3), round(max(offset, onset), 3)))
    return edges


def _nearest(times: NDArray[np.float64], time: float) -> float:
    found = float(times[np.abs(times - time).argmin()]) if len(times) else time
    return found if abs(found - time) <= NEAR else time
