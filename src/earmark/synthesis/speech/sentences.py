"""Sentences of one speaker's words, clean and with real background noise, and their truth on disk.

    out/conditions.csv                            file, speaker, language, sex, condition
    out/clean/it_IT_m_Carlo-001.flac              beside it it_IT_m_Carlo-001.words.json
    out/20dB/it_IT_m_Carlo-001.flac               the same with noise 20 dB below the words

Every sentence is drawn by the seed, the speaker's name and its number, so that each can be made by itself.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import datasets
from earmark.datasets.clips import Clip
from earmark.datasets.tables import write_rows
from earmark.errors import DatasetError
from earmark.media import read
from earmark.speech.segmentation import Word
from earmark.synthesis.speech import recordings
from earmark.synthesis.speech.recordings import Pcm, RecordingPair, join_words
from earmark.synthesis.speech.voices import Vocabulary, Voice, read_vocabulary
from earmark.util.types import Samples
from earmark.util.workspace import Workspace

VOICE_LABELS = (
    "crying_baby", "sneezing", "breathing", "coughing", "laughing", "snoring", "children_playing", "music", "speech",
)  # fmt: skip
"""Labels of sounds in which people are heard: none of them is background."""
USUAL_BACKGROUNDS = ("esc50:4,5", "urbansound8k:2")
SILENT = 1e-4  # below this is the digital silence that short clips are padded with
FADE = 0.02  # seconds in which one clip gives way to the next
TRIES = 50

Backgrounds = Mapping[str, Sequence[Clip]]  # clips by their first label

_PLACE = re.compile(r"(.+?)(?::(\d+(?:,\d+)*))?")

CONDITIONS = "conditions.csv"
CLEAN = "clean"
WORDS = (5, 12)  # in a sentence
PAUSE = (0.08, 0.6)  # seconds from a word's end to the next word's beginning
MARGIN = (0.3, 0.8)  # seconds before the first word and after the last
PEAK_DB = (-35.0, -3.0)  # of a sentence, re full scale
FULL = 0.99  # the highest peak once noise is added


def find_backgrounds(places: Sequence[str], data_dir: Path | None = None) -> Backgrounds:
    """The clips of datasets by label, those with voices left out.

    A place is the name or path of a dataset, with the folds to be used after a colon where not all are: `esc50:4,5`.

    Raises DatasetError: there is no such dataset, or nothing of it is left.
    """
    grouped: dict[str, list[Clip]] = defaultdict(list)
    for place in places:
        clips = _clips(place, data_dir)
        if not clips:
            raise DatasetError(place, "has no clip without voices in these folds", "choose other folds")
        for clip in clips:
            grouped[clip.labels[0] if clip.labels else ""].append(clip)
    return grouped


def _clips(place: str, data_dir: Path | None) -> list[Clip]:
    match = _PLACE.fullmatch(place)
    name, folds = (match[1], match[2]) if match else (place, None)
    root = datasets.find(name, data_dir)
    wanted = {int(fold) for fold in folds.split(",")} if folds else None
    clips = datasets.load(None, root).clips
    return [c for c in clips if (wanted is None or c.fold in wanted) and not set(VOICE_LABELS).intersection(c.labels)]


def draw_background(grouped: Backgrounds, count: int, rate: int, rng: np.random.Generator) -> Samples:
    """So many samples of one kind of noise: clips of one label in a row, equally loud, of mean power 1.

    Raises DatasetError: clips of this label are silent.
    """
    label = str(rng.choice(sorted(grouped)))
    clips, noise = grouped[label], np.zeros(0, np.float32)
    for _ in range(TRIES):
        clip = clips[int(rng.integers(len(clips)))]
        noise = _crossfaded(noise, _trimmed(read(clip.path, rate, start=clip.start, end=clip.end)), rate)
        if len(noise) >= count:
            return _normalised(noise[:count])
    raise DatasetError(clips[0].path, f"clips of {label} are silent", "leave them out")


def _trimmed(samples: Samples) -> Samples:
    """A clip without the silence around it, of mean power 1."""
    loud = np.flatnonzero(np.abs(samples) > SILENT)
    if not len(loud):
        return samples[:0]
    return _normalised(samples[loud[0] : loud[-1] + 1])


def _normalised(samples: Samples) -> Samples:
    return np.asarray(samples / np.sqrt(np.mean(samples**2)), np.float32)


def _crossfaded(first: Samples, second: Samples, rate: int) -> Samples:
    fade = min(round(FADE * rate), len(first), len(second))
    rising = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))
    over = first[len(first) - fade :] * rising[::-1] + second[:fade] * rising
    return np.concatenate([first[: len(first) - fade], over, second[fade:]])


@dataclass(frozen=True)
class SentencePlan:
    """What is to be built."""

    voices: Sequence[Voice]  # whose words
    sentences: int  # how many of each speaker
    snrs: Sequence[float]  # how far the words are above the noise, dB; each is a condition beside the clean one
    backgrounds: Backgrounds  # noise by label; may be empty where `snrs` is
    seed: int = 0  # draws everything

    @property
    def conditions(self) -> list[str]:
        """Names of the conditions, which are folders too."""
        return [CLEAN, *map(condition_name, self.snrs)]


@dataclass(frozen=True)
class Sentence:
    """One sentence to be, in all conditions."""

    voice: Voice
    number: int

    @property
    def name(self) -> str:
        """What its files are called, without ending."""
        return f"{self.voice.speaker}-{self.number:03}"


def condition_name(snr: float) -> str:
    """`20dB`."""
    return f"{snr:g}dB"


def build(plan: SentencePlan, out: Path) -> Iterator[Sentence]:
    """Write all sentences that are not there yet, and say after each that it is there.

    Power of speech is its mean over the words' frames, that of noise over the whole file.

    Raises EarmarkError: a speaker has too few words, or the disk does not take the files.
    """
    with Workspace(out).alone():
        for name in plan.conditions:
            recordings.workspace(out / name).claim(_options(plan))
        sentences = [Sentence(voice, number) for voice in plan.voices for number in range(1, plan.sentences + 1)]
        _write_conditions(plan, sentences, out)
        words = cache(_words)
        for sentence in sentences:
            wanted = [RecordingPair.of(out / name, sentence.name, "flac") for name in plan.conditions]
            if not all(pair.complete for pair in wanted):
                _write(plan, sentence, words(sentence.voice), wanted)
            yield sentence


def _words(voice: Voice) -> Vocabulary:
    known = read_vocabulary(voice)
    if len(known.words) < WORDS[1]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in known.left_out.most_common())
        what = f"has {len(known.words)} recordings of one clear word" + (f" ({reasons})" if reasons else "")
        raise DatasetError(voice.speaker, what, f"give at least {WORDS[1]}, each a word between silence")
    return known


def _write(plan: SentencePlan, sentence: Sentence, known: Vocabulary, wanted: Sequence[RecordingPair]) -> None:
    rng = np.random.default_rng((plan.seed, zlib.crc32(sentence.voice.speaker.encode()), sentence.number))
    clean, words = _draw_sentence(known, rng)
    wanted[0].write(clean, words, known.rate)
    if plan.snrs:
        background = draw_background(plan.backgrounds, len(clean), known.rate, rng)
        power = _speech_power(clean, words, known.rate)
        for pair, snr in zip(wanted[1:], plan.snrs, strict=True):
            pair.write(_noisy(clean, background, power / 10 ** (snr / 10)), words, known.rate)


def _draw_sentence(known: Vocabulary, rng: np.random.Generator) -> tuple[Pcm, list[Word]]:
    """A sentence of different words, at a level of its own."""
    count = int(rng.integers(WORDS[0], WORDS[1] + 1))
    chosen = [known.words[place] for place in rng.choice(len(known.words), count, replace=False)]
    pauses = [rng.uniform(*MARGIN), *rng.uniform(*PAUSE, count - 1), rng.uniform(*MARGIN)]
    texts, spoken = [word.text for word in chosen], [word.samples for word in chosen]
    samples, words = join_words(texts, spoken, pauses, known.rate)
    peak = 32767 * 10 ** (rng.uniform(*PEAK_DB) / 20)
    return np.asarray(np.rint(samples * (peak / np.abs(samples.astype(np.int32)).max())), np.int16), words


def _speech_power(samples: Pcm, words: Sequence[Word], rate: int) -> float:
    spoken = np.concatenate([samples[round(w.onset * rate) : round(w.offset * rate)] for w in words])
    return float(np.mean(spoken.astype(np.float64) ** 2))


def _noisy(samples: Pcm, background: NDArray[np.float32], power: float) -> Pcm:
    """Speech with noise of a power; the sum is made quieter where it would clip."""
    mixed = samples + background * np.sqrt(power)
    peak = float(np.abs(mixed).max())
    return np.asarray(np.rint(mixed * min(1.0, FULL * 32767 / peak)), np.int16)


def _options(plan: SentencePlan) -> dict[str, object]:
    """What the files depend on, so that a folder is not filled by two different plans."""
    voices = {voice.speaker: len(voice.recordings) for voice in plan.voices}
    clips = {label: len(clips) for label, clips in sorted(plan.backgrounds.items())}
    return {"seed": plan.seed, "sentences": plan.sentences, "snrs": list(plan.snrs), "voices": voices, "noise": clips}


def _write_conditions(plan: SentencePlan, sentences: Sequence[Sentence], out: Path) -> None:
    lines = [
        (f"{name}/{one.name}.flac", one.voice.speaker, one.voice.language, one.voice.sex, name)
        for name in plan.conditions
        for one in sentences
    ]
    write_rows(out / CONDITIONS, ("file", "speaker", "language", "sex", "condition"), lines)
