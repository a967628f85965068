"""Changed versions of clips, made once: which augmentation, which draw of it, and what it makes of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from earmark.augment.image import IMAGE
from earmark.augment.waveform import WAVEFORM
from earmark.util.types import Features, Samples

NAMES = (*WAVEFORM, *IMAGE)


@dataclass(frozen=True)
class Copy:
    """A changed version of any clip.

    The same copy of the same clip is the same everywhere: what is drawn depends on the names and the numbers alone.
    """

    name: str  # an augmentation of `WAVEFORM` or `IMAGE`
    number: int = 0  # which of several draws
    seed: int = 0  # of all draws of a run

    @property
    def key(self) -> str:
        """All that the copy depends on besides its clip."""
        return f"{self.change!r}:{self.number}:{self.seed}"

    @property
    def change(self) -> object:
        """The augmentation with its parameters."""
        return WAVEFORM.get(self.name) or IMAGE[self.name]

    @property
    def of_pictures(self) -> bool:
        """Whether pictures are changed, not samples."""
        return self.name in IMAGE

    def samples(self, samples: Samples, rate: int, clip: str) -> Samples:
        """The clip's samples, changed where the copy is one of samples."""
        return samples if self.of_pictures else WAVEFORM[self.name](samples, rate, self._rng(clip))

    def features(self, features: Features, rows: int | None, clip: str) -> Features:
        """The clip's features [pictures * rows, columns], each picture changed where the copy is one of pictures."""
        if not self.of_pictures or rows is None:
            return features
        rng = self._rng(clip)
        pictures = features.reshape(-1, rows, features.shape[1])
        changed = [IMAGE[self.name](picture, rng) for picture in pictures]
        return np.concatenate(changed).astype(np.float32)

    def _rng(self, clip: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.number, crc32(self.name.encode()), crc32(clip.encode())])


def of_each(names: Sequence[str], each: int, seed: int) -> list[Copy]:
    """`each` copies by every augmentation named."""
    return [Copy(name, number, seed) for name in names for number in range(each)]
