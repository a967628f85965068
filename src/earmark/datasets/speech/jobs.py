"""The recordings that one command makes: each can be made by itself, and is when it is not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from earmark.datasets.speech import elevenlabs, pairs, plan
from earmark.datasets.speech.asking import Service
from earmark.datasets.speech.joining import join
from earmark.datasets.speech.pairs import Pair
from earmark.speech import espeak
from earmark.speech.segmentation import Words


@dataclass(frozen=True)
class Job:
    """One recording to be: where, and what makes it there."""

    pair: Pair
    make: Callable[[], Words]


def with_espeak(
    texts: Sequence[str] | None, count: int, manner: plan.Manner, seed: int, out: Path, container: str
) -> list[Job]:
    """Recordings of given sentences, or of `count` random ones where `texts` is None, spoken by eSpeak NG.

    Raises:
        EarmarkError: a sentence has no word, a language has no list of words, or `out` holds other recordings.
    """
    planned: Iterable[plan.Spoken]
    planned = plan.invented(count, manner, seed) if texts is None else plan.given(texts, manner, seed)
    listed = [(one, Pair.of(out, one.name, container)) for one in planned]
    pairs.claim(out, {"texts": texts, "seed": seed, "format": container, **asdict(manner)})
    return [Job(pair, partial(_speak, one, pair)) for one, pair in listed]


def with_elevenlabs(
    texts: Sequence[str], voices: Sequence[str], service: Service, seed: int, out: Path, container: str
) -> list[Job]:
    """Recordings of given sentences in voices drawn from those given, spoken by ElevenLabs.

    Raises:
        EarmarkError: a sentence has no word, or `out` holds other recordings.
    """
    for number, text in enumerate(texts, start=1):
        plan.spoken_words(number, text)
    options = {"texts": texts, "seed": seed, "format": container, "voices": voices, "model": service.model}
    pairs.claim(out, options)
    jobs = []
    for number, text in enumerate(texts, start=1):
        voice = str(plan.generator(seed, number).choice(voices))
        pair = Pair.of(out, plan.file_name(number, voice), container)
        jobs.append(Job(pair, partial(_ask, service, number, text, voice, seed, pair)))
    return jobs


def from_answer(file: Path, pair: Pair) -> Words:
    """Write what a saved answer of ElevenLabs holds.

    Raises:
        EarmarkError: the file cannot be read, or is no such answer.
    """
    return _write(elevenlabs.open_answer(file), pair)


def _speak(spoken: plan.Spoken, pair: Pair) -> Words:
    marks = [","] * (len(spoken.words) - 1) + [""]  # the voice stays up until the last word
    texts = [word + mark for word, mark in zip(spoken.words, marks, strict=True)]
    samples, rate = espeak.speak(texts, spoken.voice)
    return pair.write(*join(spoken.words, samples, spoken.pauses, rate), rate)


def _ask(service: Service, number: int, text: str, voice: str, seed: int, pair: Pair) -> Words:
    answer = service.ask(text, voice, seed)
    return _write(elevenlabs.read(answer, f"{service.url}, sentence {number}"), pair)


def _write(answer: elevenlabs.Answer, pair: Pair) -> Words:
    return pair.write(answer.samples, answer.words, elevenlabs.RATE)
