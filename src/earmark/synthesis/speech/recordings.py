"""Words joined to a recording with pauses, and its truth beside it: `001-en+f2.flac`, `001-en+f2.words.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.formats.words_json import WordsJson
from earmark.speech import energy
from earmark.speech.segmentation import Word, Words
from earmark.util import workspace
from earmark.util.atomic import atomic_write

MARGIN = 0.08  # seconds of a word's own quiet beginning and end that are kept where a pause has room for them

Samples = NDArray[np.int16]


def join_words(
    texts: Sequence[str], spoken: Sequence[Samples], pauses: Sequence[float], rate: int
) -> tuple[Samples, list[Word]]:
    """A recording of words between pauses.

    A word lasts from the first to the last frame of 10 ms that is within 35 dB of its loudest, and pauses are between
    these limits. Of what is quieter on either side as much stays as half of the pause holds, and fades.

    Args:
        texts: What is said, word by word.
        spoken: The samples of each word.
        pauses: Seconds before the first word, between words, and after the last: one more than words.
        rate: Hz.

    Raises:
        EarmarkError: a word is silent.
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


def _limits(text: str, samples: Samples, rate: int) -> tuple[int, int]:
    """First sample of a word and the sample after its last."""
    found = energy.edges(energy.levels(np.asarray(samples / 32768, np.float32), rate))
    if found is None:
        raise EarmarkError(f"word {text}", "is silent in this voice", "choose a voice of the text's language")
    hop = round(rate * energy.STEP)
    first, last = (frame * hop - hop // 2 for frame in found)  # a frame's middle is at its number times the hop
    return max(0, first), min(len(samples), last)


def _faded(samples: Samples, before: int, after: int) -> Samples:
    gain = np.ones(len(samples))
    gain[:before] = np.linspace(0, 1, before, endpoint=False)
    gain[len(gain) - after :] = np.linspace(1, 0, after)
    return np.asarray(np.rint(samples * gain), np.int16)


CONTAINERS = {"flac": "flac", "wav": "pcm_s16le"}
"""Formats of recordings, and the codec in each."""
SPEECH_OPTIONS = "earmark-speech.json"
_FRAME = 4096  # samples that are encoded at a time


@dataclass(frozen=True)
class RecordingPair:
    """Where a recording and its truth are, or will be."""

    audio: Path
    truth: Path

    @classmethod
    def of(cls, folder: Path, name: str, container: str) -> RecordingPair:
        """The pair of a name in a folder; `container` is one of CONTAINERS."""
        return cls(folder / f"{name}.{container}", folder / f"{name}{WordsJson.suffix}")

    @property
    def whole(self) -> bool:
        """Whether both are there; each gets its name only when it is complete."""
        return self.audio.is_file() and self.truth.is_file()

    def write(self, samples: Samples, words: list[Word], rate: int) -> Words:
        """Write each whole or not at all.

        Raises:
            EarmarkError: the disk does not take them.
        """
        truth = Words(self.audio.name, len(samples) / rate).with_words(words)
        try:
            self.audio.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.audio) as part:
                write_sound(part, self.audio.suffix.removeprefix("."), samples, rate)
            with atomic_write(self.truth) as part, part.open("w", encoding="utf-8", newline="") as file:
                WordsJson().write(truth, file)
        except OSError as error:  # PyAV's errors are of this kind too
            raise EarmarkError(self.audio, f"cannot be written ({error.strerror})") from error
        return truth


def write_sound(path: Path, container: str, samples: Samples, rate: int) -> None:
    """Write mono samples in one of CONTAINERS, without loss."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(CONTAINERS[container], rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for start in range(0, len(samples), _FRAME):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + _FRAME], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def claim_folder(folder: Path, options: dict[str, Any]) -> None:
    """Note in a folder with which options its recordings are made, so that the same command can go on in it.

    Raises:
        EarmarkError: recordings made with other options lie there.
    """
    workspace.claim(folder, SPEECH_OPTIONS, options, "recordings", f"*{WordsJson.suffix}")
