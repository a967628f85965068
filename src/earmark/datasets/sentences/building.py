"""Sentences of one speaker's words, clean and with noise, and their truth on disk.

    out/conditions.csv                            file, speaker, language, sex, condition
    out/clean/it_IT_m_Carlo-001.flac              beside it it_IT_m_Carlo-001.words.json
    out/20dB/it_IT_m_Carlo-001.flac               the same with noise 20 dB below the words

Every sentence is drawn by the seed, the speaker's name and its number, so that each can be made by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.sentences import noise
from earmark.datasets.sentences.single import Vocabulary, vocabulary
from earmark.datasets.sentences.voices import Voice
from earmark.datasets.speech import pairs
from earmark.datasets.speech.joining import join
from earmark.datasets.speech.pairs import Pair
from earmark.errors import DatasetError, EarmarkError
from earmark.speech.segmentation import Word
from earmark.util.atomic import atomic_write
from earmark.util.text import SheetWriter

CONDITIONS = "conditions.csv"
CLEAN = "clean"
WORDS = (5, 12)  # in a sentence
PAUSE = (0.08, 0.6)  # seconds from a word's end to the next word's beginning
MARGIN = (0.3, 0.8)  # seconds before the first word and after the last
PEAK_DB = (-35.0, -3.0)  # of a sentence, re full scale
FULL = 0.99  # the highest peak once noise is added

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Plan:
    """What is to be built.

    Attributes:
        voices: whose words.
        sentences: how many of each speaker.
        snrs: how far the words are above the noise, dB; each is a condition beside the clean one.
        backgrounds: noise by label; may be empty where `snrs` is.
        seed: draws everything.
    """

    voices: Sequence[Voice]
    sentences: int
    snrs: Sequence[float]
    backgrounds: noise.Backgrounds
    seed: int = 0

    @property
    def conditions(self) -> list[str]:
        """Names of the conditions, which are folders too."""
        return [CLEAN, *map(condition, self.snrs)]


@dataclass(frozen=True)
class Sentence:
    """One sentence to be, in all conditions."""

    voice: Voice
    number: int

    @property
    def name(self) -> str:
        """What its files are called, without ending."""
        return f"{self.voice.speaker}-{self.number:03}"


def condition(snr: float) -> str:
    """`20dB`."""
    return f"{snr:g}dB"


def build(plan: Plan, out: Path) -> Iterator[Sentence]:
    """Write all sentences that are not there yet, and say after each that it is there.

    Power of speech is its mean over the words' frames, that of noise over the whole file.

    Raises:
        EarmarkError: a speaker has too few words, or the disk does not take the files.
    """
    for name in plan.conditions:
        pairs.claim(out / name, _options(plan))
    sentences = [Sentence(voice, number) for voice in plan.voices for number in range(1, plan.sentences + 1)]
    _write_conditions(plan, sentences, out)
    words = cache(_words)
    for sentence in sentences:
        wanted = [Pair.of(out / name, sentence.name, "flac") for name in plan.conditions]
        if not all(pair.whole for pair in wanted):
            _write(plan, sentence, words(sentence.voice), wanted)
        yield sentence


def _words(voice: Voice) -> Vocabulary:
    known = vocabulary(voice)
    if len(known.words) < WORDS[1]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in known.left_out.most_common())
        what = f"has {len(known.words)} recordings of one clear word" + (f" ({reasons})" if reasons else "")
        raise DatasetError(voice.speaker, what, f"give at least {WORDS[1]}, each a word between silence")
    return known


def _write(plan: Plan, sentence: Sentence, known: Vocabulary, wanted: Sequence[Pair]) -> None:
    rng = np.random.default_rng((plan.seed, zlib.crc32(sentence.voice.speaker.encode()), sentence.number))
    clean, words = _spoken(known, rng)
    wanted[0].write(clean, words, known.rate)
    if plan.snrs:
        background = noise.draw(plan.backgrounds, len(clean), known.rate, rng)
        power = _speech_power(clean, words, known.rate)
        for pair, snr in zip(wanted[1:], plan.snrs, strict=True):
            pair.write(_mixed(clean, background, power / 10 ** (snr / 10)), words, known.rate)


def _spoken(known: Vocabulary, rng: np.random.Generator) -> tuple[Samples, list[Word]]:
    """A sentence of different words, at a level of its own."""
    count = int(rng.integers(WORDS[0], WORDS[1] + 1))
    chosen = [known.words[place] for place in rng.choice(len(known.words), count, replace=False)]
    pauses = [rng.uniform(*MARGIN), *rng.uniform(*PAUSE, count - 1), rng.uniform(*MARGIN)]
    texts, spoken = [word.text for word in chosen], [word.samples for word in chosen]
    samples, words = join(texts, spoken, pauses, known.rate)
    peak = 32767 * 10 ** (rng.uniform(*PEAK_DB) / 20)
    return np.asarray(np.rint(samples * (peak / np.abs(samples.astype(np.int32)).max())), np.int16), words


def _speech_power(samples: Samples, words: Sequence[Word], rate: int) -> float:
    spoken = np.concatenate([samples[round(w.onset * rate) : round(w.offset * rate)] for w in words])
    return float(np.mean(spoken.astype(np.float64) ** 2))


def _mixed(samples: Samples, background: NDArray[np.float32], power: float) -> Samples:
    """Speech with noise of a power; the sum is made quieter where it would clip."""
    mixed = samples + background * np.sqrt(power)
    peak = float(np.abs(mixed).max())
    return np.asarray(np.rint(mixed * min(1.0, FULL * 32767 / peak)), np.int16)


def _options(plan: Plan) -> dict[str, object]:
    """What the files depend on, so that a folder is not filled by two different plans."""
    voices = {voice.speaker: len(voice.recordings) for voice in plan.voices}
    clips = {label: len(clips) for label, clips in sorted(plan.backgrounds.items())}
    return {"seed": plan.seed, "sentences": plan.sentences, "snrs": list(plan.snrs), "voices": voices, "noise": clips}


def _write_conditions(plan: Plan, sentences: Sequence[Sentence], out: Path) -> None:
    try:
        with atomic_write(out / CONDITIONS) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = SheetWriter(file)
            writer.writerow(["file", "speaker", "language", "sex", "condition"])
            for name in plan.conditions:
                for one in sentences:
                    voice = one.voice
                    row = [f"{name}/{one.name}.flac", voice.speaker, voice.language, voice.sex, name]
                    writer.writerow(row)
    except OSError as error:
        raise EarmarkError(out, f"cannot be written ({error.strerror})") from error
