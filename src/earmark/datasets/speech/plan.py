"""How each recording is to be spoken: drawn by a seed and its number, so that each can be made by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from earmark.datasets.speech import sentences
from earmark.errors import EarmarkError
from earmark.speech import espeak

VARIANTS = ("m1", "m3", "m7", "f1", "f2", "f4")
"""Voices of eSpeak NG that are used where none is asked for: plainly of men and of women."""

_RANGE = re.compile(r"(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float

    def draw(self, random: np.random.Generator) -> float:
        """One of them, each as likely."""
        return float(random.uniform(self.low, self.high))

    @classmethod
    def parse(cls, option: str, text: str, least: float, most: float) -> Range:
        """`120-180`, or `150` alone.

        Raises:
            EarmarkError: it is no range between `least` and `most`; `option` names it.
        """
        match = _RANGE.fullmatch(text.strip())
        low, high = (float(match[1]), float(match[2] or match[1])) if match else (1.0, 0.0)
        if not least <= low <= high <= most:
            remedy = f"give LOW-HIGH between {least:g} and {most:g}"
            raise EarmarkError(f"{option} {text}", "is no range that can be spoken", remedy)
        return cls(low, high)


@dataclass(frozen=True)
class Manner:
    """How to speak: what is drawn anew for each recording, and pauses for each word.

    Attributes:
        voices: names of eSpeak NG's voices.
        speed: words per minute.
        pitch: eSpeak NG's own scale, 0 to 99.
        pause: seconds between words, and before the first and after the last.
    """

    voices: tuple[str, ...]
    speed: Range
    pitch: Range
    pause: Range


@dataclass(frozen=True)
class Spoken:
    """One recording to be: its number from 1, its words, its voice, and its pauses in seconds, one more than words."""

    number: int
    words: tuple[str, ...]
    voice: espeak.Voice
    pauses: tuple[float, ...]

    @property
    def name(self) -> str:
        """What its files are called, without ending."""
        return file_name(self.number, self.voice.name)


def file_name(number: int, voice: str) -> str:
    """`001-en-us+f3`."""
    return f"{number:03}-" + re.sub(r"[^\w+-]", "_", voice)


def voices(names: Sequence[str], languages: Sequence[str]) -> tuple[str, ...]:
    """All voices to draw from: names as they are, `+f3` in every language, and usual ones where no name is given."""
    wanted = names or [f"+{variant}" for variant in VARIANTS]
    expanded = [[lang + name for lang in languages] if name.startswith("+") else [name] for name in wanted]
    return tuple(voice for group in expanded for voice in group)


def generator(seed: int, number: int) -> np.random.Generator:
    """What draws for one recording, whichever others are made."""
    return np.random.default_rng((seed, number))


def given(texts: Iterable[str], manner: Manner, seed: int) -> list[Spoken]:
    """Recordings of given sentences.

    Raises:
        EarmarkError: a sentence holds no word.
    """
    planned = []
    for number, text in enumerate(texts, start=1):
        random = generator(seed, number)
        planned.append(_plan(number, text, str(random.choice(manner.voices)), manner, random))
    return planned


def invented(count: int, manner: Manner, seed: int) -> Iterator[Spoken]:
    """Recordings of random sentences in the voices' languages."""
    for number in range(1, count + 1):
        random = generator(seed, number)
        voice = str(random.choice(manner.voices))
        text = sentences.random_sentence(espeak.language_of(voice), random)
        yield _plan(number, text, voice, manner, random)


def spoken_words(number: int, text: str) -> tuple[str, ...]:
    """The words of the sentence of this number; EarmarkError if it has none."""
    words = tuple(sentences.words_of(text))
    if not words:
        raise EarmarkError(f"sentence {number}, {text!r}", "holds no word", "give letters or digits")
    return words


def _plan(number: int, text: str, voice: str, manner: Manner, random: np.random.Generator) -> Spoken:
    words = spoken_words(number, text)
    speed, pitch = round(manner.speed.draw(random)), round(manner.pitch.draw(random))
    pauses = tuple(manner.pause.draw(random) for _ in range(len(words) + 1))
    return Spoken(number, words, espeak.Voice(voice, speed, pitch), pauses)
