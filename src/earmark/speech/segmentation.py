"""Words found in speech: their times, and how high the voice is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from earmark.events.hysteresis import EventRules, joined, stretches
from earmark.events.results import Result
from earmark.events.timeline import Event, Timeline
from earmark.models.model import Threshold
from earmark.speech.boundaries import Evidence, around, boundaries, parts
from earmark.speech.energy import EDGE_DB, STEP, Levels, Span
from earmark.speech.f0 import Pitch, SpeakerF0
from earmark.util.types import Array

if TYPE_CHECKING:
    from earmark.media import Sound

FLUENT = 1.05  # seconds: stretches of fluent speech last longer on average, single words do not
SHORTEST_PAUSE = 0.06  # seconds, where only the length of a gap is known
SHORTEST_GAP = 3  # frames: what is shorter is looked at no further
SHORTEST_SPAN = 3  # frames
EDGE_REACH = 8  # frames by which the energy may move an edge
PAUSE_HEARD = 30  # frames beside a word in which the background's level is looked for
CLEAR_DB = 6.0  # how far a word's edge must be above the background for its energy to tell where it is


@dataclass(frozen=True, slots=True)
class Word:
    """One word: onset and offset in seconds on the media's clock."""

    onset: float
    offset: float
    f0: float | None = None
    """Mean fundamental frequency over its voiced frames, Hz; None where none is voiced or nobody measured."""
    text: str | None = None
    """What is said, where a ground truth tells or a text was given."""
    score: float | None = None
    """How well the word of a text fits what is heard there, 0 to 1; None where there was no text."""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.offset - self.onset


@dataclass(frozen=True)
class Words(Result[Word]):
    """The words of one recording, ordered by onset: a sequence, whose slices are words again.

    Attributes
    ----------
    recording
        Its name.
    duration
        Its length, seconds.
    classifier
        What found them; None for a ground truth.
    words
        The words.
    speaker_f0
        The speaker's fundamental frequency over the words' voiced frames, Hz; None if nobody measured.
    sound
        What the recording can be read from again.
    pitch
        F0 every 10 ms; None if nobody measured.
    syllables
        Times of the syllables' nuclei in what was spoken, seconds; None if nobody looked for them.
    """

    columns: ClassVar[tuple[str, ...]] = ("onset", "offset", "f0", "text", "score")

    recording: str
    duration: float
    classifier: str | None = None
    words: tuple[Word, ...] = field(default=())
    speaker_f0: SpeakerF0 | None = None
    sound: Sound | None = field(default=None, repr=False, compare=False)
    pitch: Pitch | None = field(default=None, repr=False, compare=False)
    syllables: tuple[float, ...] | None = field(default=None, repr=False)

    @property
    def items(self) -> tuple[Word, ...]:
        """The words."""
        return self.words

    @property
    def f0(self) -> NDArray[np.float32]:
        """F0 every 10 ms from 0 on, Hz, 0 where it is unvoiced [frames]; empty if nobody measured."""
        return np.empty(0, np.float32) if self.pitch is None else self.pitch.f0

    @property
    def fluent(self) -> bool:
        """Whether these are stretches of fluent speech, not single words: by their mean length, and without a text."""
        lengths = [word.duration for word in self.words]
        return all(word.text is None for word in self.words) and float(np.mean(lengths or [0.0])) > FLUENT

    def with_words(self, words: Iterable[Word]) -> Words:
        """The same recording with other words."""
        return replace(self, words=tuple(sorted(words, key=lambda word: (word.onset, word.offset))))

    with_items = with_words

    def to_dict(self) -> dict[str, Any]:
        """What Words JSON holds, without what nobody knows; seconds to milliseconds, Hz to a tenth."""
        head: dict[str, Any] = {"recording": self.recording, "duration": round(self.duration, 3)}
        if self.classifier is not None:
            head["classifier"] = self.classifier
        if self.speaker_f0 is not None:
            figures = asdict(self.speaker_f0)
            head["speaker_f0"] = {key: round(v, 2 if key == "voiced_seconds" else 1) for key, v in figures.items()}
        if self.syllables is not None:
            head["syllables"] = [round(time, 3) for time in self.syllables]
        return head | {"words": [_entry(word) for word in self.words]}

    def as_timeline(self) -> Timeline:
        """Words as events, labelled with their text or their number from 1, for the formats that write timelines."""
        events = (Event(w.onset, w.offset, w.text or str(i), 1.0) for i, w in enumerate(self.words, start=1))
        return Timeline(self.recording, self.duration, self.classifier or "", tuple(events))


def _entry(word: Word) -> dict[str, Any]:
    entry: dict[str, Any] = {"onset": round(word.onset, 3), "offset": round(word.offset, 3)}
    if word.f0 is not None:
        entry["f0"] = round(word.f0, 1)
    if word.text is not None:
        entry["text"] = word.text
    if word.score is not None:
        entry["score"] = round(word.score, 3)
    return entry


@dataclass(frozen=True)
class WordRules:
    """How the scores of frames become words."""

    pause: float | None = None
    """Shortest pause between two words, seconds: what is silent for less lies within a word. None: what comes before
    and after tells a pause from the closure of a stop consonant."""
    min_word: float = 0.06  # seconds: shorter words are dropped
    sensitivity: float = 0.5  # 0 to 1; 0.5 keeps the classifier's thresholds, more marks more, less marks less

    def __post_init__(self) -> None:
        EventRules(sensitivity=self.sensitivity)  # which refuses what is none


def find_words(
    scores: Array,
    levels: Levels,
    threshold: Threshold,
    rules: WordRules,
    duration: float = np.inf,
    bands: NDArray[Any] | None = None,
) -> list[tuple[float, float]]:
    """Onset and offset in seconds of each word, none beyond `duration`.

    Three states follow each other along the frames: in background until a score reaches `threshold.on`; then in a word
    until the scores fall below `threshold.off`; then in a gap, which is a pause or goes back into the word before.
    Then the edges are moved to where the word can be heard.

    Scores are probabilities of speech [frames], levels are in dB [frames], and in bands [frames, bands]. Without these
    only the length of a gap tells whether it is a pause, and only the level where a word ends.
    """
    if len(scores) == 0:
        return []
    on, off = EventRules(sensitivity=rules.sensitivity).shift(np.array([threshold.on, threshold.off], np.float32))
    found = stretches(_median(scores), float(on), min(float(off), float(on)))
    if bands is not None and rules.pause is None:
        spans = [(a, b) for a, b in joined(found, SHORTEST_GAP - 1).tolist() if b - a >= SHORTEST_SPAN]
    else:
        pause = SHORTEST_PAUSE if rules.pause is None else rules.pause
        spans = [(a, b) for a, b in joined(found, (pause - 1e-6) / STEP).tolist()]
    if bands is None:
        spans = _lasting(spans, rules)
    else:
        spans = [span for part in parts(spans) for span in _with_boundaries(part, scores, levels, bands, rules)]
    edges = [_refined(spans, number, levels) for number in range(len(spans))]
    return [(round(max(0.0, first * STEP), 3), round(min(last * STEP, duration), 3)) for first, last in edges]


def _with_boundaries(
    spans: list[Span], scores: Array, levels: Levels, bands: NDArray[Any], rules: WordRules
) -> list[Span]:
    """Spans as the networks of boundaries have them: those that a closure divides as one, and edges where they are."""
    near = around(spans)
    known = Evidence(scores[near], levels[near], bands[near])
    here = [(first - near.start, last - near.start) for first, last in spans]
    if rules.pause is None:
        here = boundaries().words(known, here)
    moved = boundaries().moved(known, _lasting(here, rules))
    return [(first + near.start, last + near.start) for first, last in moved]


def _lasting(spans: list[Span], rules: WordRules) -> list[Span]:
    return [(first, last) for first, last in spans if last - first >= rules.min_word / STEP - 1e-6]


def _median(scores: Array) -> Array:
    """Of each score and its two neighbours: the middle one is what is left of the larger and the smaller ones."""
    before, after = np.append(scores[:1], scores[:-1]), np.append(scores[1:], scores[-1:])
    return np.asarray(np.maximum(np.minimum(before, after), np.minimum(np.maximum(before, after), scores)), np.float32)


def _refined(spans: list[Span], number: int, levels: Levels) -> tuple[float, float]:
    """A word's edges, frames, where its energy passes 35 dB below its peak, as far as the background lets that be seen.

    They are half a frame before the first frame that reaches it, as its samples begin there, and behind the last.
    """
    first, last = spans[number]
    before = spans[number - 1][1] if number else 0
    after = spans[number + 1][0] if number + 1 < len(spans) else len(levels)
    cut = float(levels[first:last].max(initial=-np.inf)) - EDGE_DB
    backwards = _end(levels[before:last][::-1], last - first, cut)
    forwards = _end(levels[first:after], last - first, cut)
    onset = first if backwards is None else last - backwards - 0.5
    offset = last if forwards is None else first + forwards - 0.5
    return (onset, offset) if onset < offset else (first, last)


def _end(levels: Levels, length: int, cut: float) -> int | None:
    """How many frames of `levels` belong to a word that begins with them and is `length` frames long by its scores.

    The energy tells where, if half of the frames that follow are clearly below the word's edge; otherwise
    the background is as loud as the edge, and the scores know better.
    """
    pause = levels[length : length + PAUSE_HEARD]
    if len(pause) == 0 or np.median(pause) + CLEAR_DB > cut:
        return None
    latest = length + min(EDGE_REACH, int(np.argmin(levels[length:])))
    earliest = max(0, length - EDGE_REACH)
    loud = np.flatnonzero(levels[earliest:latest] >= cut)
    return earliest + int(loud[-1]) + 1 if len(loud) else None
