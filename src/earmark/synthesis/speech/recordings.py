"""Words joined to a recording with pauses, and its truth beside it: `001-en+f2.flac`, `001-en+f2.words.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.formats.json_files import WordsJson
from earmark.media.writing import write_samples
from earmark.speech import energy
from earmark.speech.segmentation import Word, Words
from earmark.util.atomic import write_text
from earmark.util.workspace import Workspace

FULL_SCALE = 32_768
MARGIN = 0.08  # seconds of a word's own quiet beginning and end that are kept where a pause has room for them

Pcm = NDArray[np.int16]  # samples of 16 bits, mono [samples]


def join_words(
    texts: Sequence[str], spoken: Sequence[Pcm], pauses: Sequence[float], rate: int
) -> tuple[Pcm, list[Word]]:
    """A recording of words between pauses: seconds before the first, between them, and after the last.

    A word lasts from the first to the last frame of 10 ms that is within 35 dB of its loudest, and pauses are between
    these limits. Of what is quieter on either side as much stays as half of the pause holds, and fades.

    Raises EarmarkError: a word is silent.
    """
    gaps = [round(pause * rate) for pause in pauses]
    limits = [_limits(text, samples, rate) for text, samples in zip(texts, spoken, strict=True)]
    recording = np.zeros(sum(gaps) + sum(last - first for first, last in limits), np.int16)
    words, onset = [], 0
    for number, (samples, (first, last)) in enumerate(zip(spoken, limits, strict=True)):
        onset += gaps[number]
        before = min(first, gaps[number] // 2, round(MARGIN * rate))
        after = min(len(samples) - last, gaps[number + 1] // 2, round(MARGIN * rate))
        offset = onset + last - first
        recording[onset - before : offset + after] = _faded(samples[first - before : last + after], before, after)
        words.append(Word(onset / rate, offset / rate, text=texts[number]))
        onset = offset
    return recording, words


def _limits(text: str, samples: Pcm, rate: int) -> tuple[int, int]:
    """First sample of a word and the sample after its last."""
    found = energy.edges(energy.levels(np.asarray(samples / FULL_SCALE, np.float32), rate))
    if found is None:
        raise EarmarkError(f"word {text}", "is silent in this voice", "choose a voice of the text's language")
    hop = round(rate * energy.STEP)
    first, last = (frame * hop - hop // 2 for frame in found)  # a frame's middle is at its number times the hop
    return max(0, first), min(len(samples), last)


def _faded(samples: Pcm, before: int, after: int) -> Pcm:
    gain = np.ones(len(samples))
    gain[:before] = np.linspace(0, 1, before, endpoint=False)
    gain[len(gain) - after :] = np.linspace(1, 0, after)
    return np.asarray(np.rint(samples * gain), np.int16)


@dataclass(frozen=True)
class RecordingPair:
    """Where a recording and its truth are, or will be."""

    audio: Path
    truth: Path

    @classmethod
    def of(cls, folder: Path, name: str, container: str) -> RecordingPair:
        """The pair of a name in a folder; `container` is `flac` or `wav`."""
        return cls(folder / f"{name}.{container}", folder / f"{name}{WordsJson.suffix}")

    @property
    def complete(self) -> bool:
        """Whether both are there; each gets its name only when it is complete."""
        return self.audio.is_file() and self.truth.is_file()

    def write(self, samples: Pcm, words: list[Word], rate: int) -> Words:
        """Write each whole or not at all. Raises EarmarkError: the disk does not take them."""
        truth = Words(self.audio.name, len(samples) / rate).with_words(words)
        write_samples(self.audio, [np.asarray(samples / np.float32(FULL_SCALE), np.float32)], rate)
        write_text(self.truth, WordsJson().text(truth))
        return truth


def workspace(folder: Path) -> Workspace:
    """A folder of recordings, all of them made by the same options."""
    return Workspace(folder, "earmark-speech.json", "recordings", f"*{WordsJson.suffix}")
