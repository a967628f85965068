"""How each recording is to be spoken, drawn by a seed and its number; and the recordings that one command makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from earmark.errors import EarmarkError
from earmark.speech import espeak
from earmark.speech.segmentation import Words
from earmark.synthesis.speech import elevenlabs, recordings
from earmark.synthesis.speech.elevenlabs import ElevenLabs
from earmark.synthesis.speech.recordings import RecordingPair, join_words
from earmark.synthesis.speech.texts import random_sentence, words_of

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

        Raises EarmarkError: it is no range between `least` and `most`; `option` names it.
        """
        match = _RANGE.fullmatch(text.strip())
        low, high = (float(match[1]), float(match[2] or match[1])) if match else (1.0, 0.0)
        if not least <= low <= high <= most:
            remedy = f"give LOW-HIGH between {least:g} and {most:g}"
            raise EarmarkError(f"{option} {text}", "is no range that can be spoken", remedy)
        return cls(low, high)


@dataclass(frozen=True)
class Manner:
    """How to speak: what is drawn anew for each recording, and pauses for each word."""

    voices: tuple[str, ...]  # names of eSpeak NG's voices
    speed: Range  # words per minute
    pitch: Range  # eSpeak NG's own scale, 0 to 99
    pause: Range  # seconds between words, and before the first and after the last


@dataclass(frozen=True)
class PlannedSpeech:
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


def plan_speech(texts: Sequence[str] | None, count: int, manner: Manner, seed: int) -> Iterator[PlannedSpeech]:
    """Recordings of given sentences, or of `count` random ones in the voices' languages where `texts` is None.

    Raises EarmarkError: a sentence holds no word.
    """
    for number in range(1, (count if texts is None else len(texts)) + 1):
        random = generator(seed, number)
        voice = str(random.choice(manner.voices))
        text = random_sentence(espeak.language_of(voice), random) if texts is None else texts[number - 1]
        words = spoken_words(number, text)
        speed, pitch = round(manner.speed.draw(random)), round(manner.pitch.draw(random))
        pauses = tuple(manner.pause.draw(random) for _ in range(len(words) + 1))
        yield PlannedSpeech(number, words, espeak.Voice(voice, speed, pitch), pauses)


def spoken_words(number: int, text: str) -> tuple[str, ...]:
    """The words of the sentence of this number; EarmarkError if it has none."""
    words = tuple(words_of(text))
    if not words:
        raise EarmarkError(f"sentence {number}, {text!r}", "holds no word", "give letters or digits")
    return words


@dataclass(frozen=True)
class Job:
    """One recording to be: where, and what makes it there."""

    pair: RecordingPair
    make: Callable[[], Words]


def with_espeak(
    texts: Sequence[str] | None, count: int, manner: Manner, seed: int, out: Path, container: str
) -> list[Job]:
    """Recordings of given sentences, or of `count` random ones where `texts` is None, spoken by eSpeak NG.

    Raises EarmarkError: a sentence has no word, a language has no list of words, or `out` holds other recordings.
    """
    jobs = []
    for one in plan_speech(texts, count, manner, seed):
        pair = RecordingPair.of(out, one.name, container)
        jobs.append(Job(pair, partial(_speak, one, pair)))
    recordings.workspace(out).claim({"texts": texts, "seed": seed, "format": container, **asdict(manner)})
    return jobs


def with_elevenlabs(
    texts: Sequence[str], voices: Sequence[str], service: ElevenLabs, seed: int, out: Path, container: str
) -> list[Job]:
    """Recordings of given sentences in voices drawn from those given, spoken by ElevenLabs.

    Raises EarmarkError: a sentence has no word, or `out` holds other recordings.
    """
    jobs = []
    for number, text in enumerate(texts, start=1):
        spoken_words(number, text)
        voice = str(generator(seed, number).choice(voices))
        pair = RecordingPair.of(out, file_name(number, voice), container)
        jobs.append(Job(pair, partial(_ask, service, number, text, voice, seed, pair)))
    options = {"texts": texts, "seed": seed, "format": container, "voices": voices, "model": service.model}
    recordings.workspace(out).claim(options)
    return jobs


def from_answer(file: Path, pair: RecordingPair) -> Words:
    """Write what a saved answer of ElevenLabs holds.

    Raises EarmarkError: the file cannot be read, or is no such answer.
    """
    return _write_answer(elevenlabs.open_answer(file), pair)


def _speak(spoken: PlannedSpeech, pair: RecordingPair) -> Words:
    punctuation = [","] * (len(spoken.words) - 1) + [""]  # the voice stays up until the last word
    texts = [word + mark for word, mark in zip(spoken.words, punctuation, strict=True)]
    samples, rate = espeak.speak(texts, spoken.voice)
    return pair.write(*join_words(spoken.words, samples, spoken.pauses, rate), rate)


def _ask(service: ElevenLabs, number: int, text: str, voice: str, seed: int, pair: RecordingPair) -> Words:
    answer = service.ask(text, voice, seed)
    return _write_answer(elevenlabs.read_answer(answer, f"{service.url}, sentence {number}"), pair)


def _write_answer(answer: elevenlabs.Answer, pair: RecordingPair) -> Words:
    return pair.write(answer.samples, answer.words, elevenlabs.RATE)
