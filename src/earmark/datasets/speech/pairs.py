"""A recording and its truth on disk: `001-en+f2.flac` and `001-en+f2.words.json`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from earmark.datasets import claiming
from earmark.errors import EarmarkError
from earmark.formats.words_json import WordsJson
from earmark.speech.segmentation import Word, Words
from earmark.util.atomic import atomic_write

CONTAINERS = {"flac": "flac", "wav": "pcm_s16le"}
"""Formats of recordings, and the codec in each."""
OPTIONS = "earmark-speech.json"
_FRAME = 4096  # samples that are encoded at a time

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Pair:
    """Where a recording and its truth are, or will be."""

    audio: Path
    truth: Path

    @classmethod
    def of(cls, folder: Path, name: str, container: str) -> Pair:
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


def claim(folder: Path, options: dict[str, Any]) -> None:
    """Note in a folder with which options its recordings are made, so that the same command can go on in it.

    Raises:
        EarmarkError: recordings made with other options lie there.
    """
    claiming.claim(folder, OPTIONS, options, "recordings", f"*{WordsJson.suffix}")
