"""What each augmentation makes of one clip, to be looked at and listened to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any
from zlib import crc32

import numpy as np

from earmark.augment import image
from earmark.augment.waveform import WAVEFORM
from earmark.errors import MissingExtraError
from earmark.features.frontend import FrontEnd
from earmark.util.types import Features, Samples

MIXING = ("mixup", "between_class", "overlay")  # which take a second recording
STYLES: dict[str, tuple[str, ...]] = {
    "audio": tuple(WAVEFORM),
    "image": tuple(image.IMAGE),
    "batch": ("gain", "response", "warp", "noise_floor", "spec_augment", *MIXING),
}
"""The names of all augmentations, by style."""
PICTURE = (128, 128)  # height and width of the pictures that image style changes, as many networks take them
TRIES = 50  # draws, until one shows: a flip is for one in two, noise may be too faint, a clip be mixed with itself
SHOWN_DB = 70.0  # below the clip's loudest: what is fainter nobody sees
LEAST_DB = 0.3  # mean change of a spectrogram, as far as it is shown, that one sees
LEAST_SHARE = 0.05  # of the second recording in a mix

Fresh = Callable[[], np.random.Generator]  # a generator in the same state at each call


@dataclass(frozen=True)
class Version:
    """One version of a clip."""

    name: str  # the augmentation's
    note: str  # what was drawn for it, in a few words; may be empty
    seconds: float  # how long it is
    features: Features  # dB [about frames, about bands], from the lowest band to the highest
    samples: Samples | None = None  # mono samples [n] at the front end's rate, where it is one of samples


@dataclass(frozen=True)
class Showing:
    """Makes versions of a clip. Each augmentation draws from a generator of its own: `seed` and its name decide.

    Of image style and batch style it shows the first of fifty draws that can be seen, if one can.
    """

    samples: Samples  # the clip, mono float32 [n], n > 0
    front_end: FrontEnd  # its kind must be log_mel
    seed: int = 0  # another one draws something else
    other: Samples | None = None  # a second recording, which the augmentations of `MIXING` need

    @cached_property
    def original(self) -> Version:
        """The clip as it is."""
        return self._of_samples("original", "", self.samples)

    @cached_property
    def second(self) -> Version | None:
        """The second recording as it is."""
        return None if self.other is None else self._of_samples("other", "", self.other)

    def versions(self, names: Sequence[str]) -> Iterator[Version]:
        """The clip as each augmentation changes it.

        Raises MissingExtraError: an augmentation needs what is not installed.
        """
        for name in names:
            if name in STYLES["audio"]:
                yield self._audio(name)
            elif name in STYLES["image"]:
                yield self._image(name)
            elif name in MIXING:
                yield self._mixed(name)
            else:
                yield self._varied(name)

    def _audio(self, name: str) -> Version:
        augmentation: Any = WAVEFORM[name]
        changed = augmentation(self.samples, self.front_end.rate, self._rng(name, 0))
        return self._of_samples(name, augmentation.says(self._rng(name, 0)), changed)

    def _image(self, name: str) -> Version:
        front_end = replace(self.front_end, image=PICTURE)
        low, high = front_end.image_range
        before = front_end.picture(self.original.features)
        for fresh in self._draws(name):
            after = image.IMAGE[name](before, fresh())
            levels = [picture[::-1].T * (high - low) + low for picture in (before, after)]
            if _visible(*levels):
                break
        return self._of_features(name, _said_of_picture(name, before, after, fresh()), levels[1])

    def _varied(self, name: str) -> Version:
        """By an augmentation of single clips in a batch."""
        before, augmentation = self.original.features, _batch_style(name)
        import torch

        batch = torch.from_numpy(before[None])
        more: tuple[int, ...] = ()
        if name == "warp":  # a fast clip goes round its end, as excerpts in training do
            batch = batch[:, np.arange(augmentation.longest(len(before))) % len(before)]
            more = (len(before),)
        for fresh in self._draws(name):
            after = augmentation(batch, *more, fresh())[0].numpy()
            if _visible(before, after):
                break
        return self._of_features(name, f"{np.mean(after - before):+.1f} dB" if name == "gain" else "", after)

    def _mixed(self, name: str) -> Version:
        assert self.second is not None, "mixing takes two"
        augmentation = _batch_style(name)
        import torch

        before, others = self.original.features, self.second.features
        others = others[np.arange(len(before)) % len(others)]
        batch, targets = torch.from_numpy(np.stack([before, others])), torch.eye(2)
        for fresh in self._draws(name):
            mixed, labels = augmentation(batch, targets, fresh())
            own, other = labels[0].tolist()
            if other >= LEAST_SHARE:
                break
        note = "both labels" if own == other == 1 else f"{own:.0%} and {other:.0%}".replace("%", " %")
        return self._of_features(name, note, mixed[0].numpy())

    def _draws(self, name: str) -> Iterator[Fresh]:
        for number in range(TRIES):
            yield partial(self._rng, name, number)

    def _rng(self, name: str, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(name.encode()), number])

    def _of_samples(self, name: str, note: str, samples: Samples) -> Version:
        return Version(name, note, len(samples) / self.front_end.rate, self.front_end.features(samples), samples)

    def _of_features(self, name: str, note: str, features: Features) -> Version:
        return Version(name, note, self.original.seconds, features)


def _batch_style(name: str) -> Any:
    """The augmentation as strong as recipes have it unless they say otherwise; what they leave out, as ours have it."""
    try:
        from earmark.augment import batch
    except ImportError as error:
        raise MissingExtraError("batch-style augmentation", "train") from error
    known = {
        "gain": batch.Gain(10.0),
        "response": batch.Response(10.0),
        "warp": batch.Warp(0.15, 2),
        "noise_floor": batch.NoiseFloor(),
        "spec_augment": batch.SpecAugment(10, 8, 2),
        "mixup": batch.Mixup(0.2),
        "between_class": batch.BetweenClass(),
        "overlay": batch.Overlay(1.0),
    }
    return known[name]


def _visible(before: Features, after: Features) -> bool:
    faintest = before.max() - SHOWN_DB
    change = np.maximum(after, faintest) - np.maximum(before, faintest)
    return float(np.abs(change).mean()) >= LEAST_DB


def _said_of_picture(name: str, before: image.Picture, after: image.Picture, rng: np.random.Generator) -> str:
    """What a generator in this state draws, in a few words."""
    if name == "brightness":
        inside = (before > 0) & (after < 1)
        return f"{np.median(after[inside] / before[inside]):.2f} x" if inside.any() else ""
    draw = getattr(image.IMAGE[name], "draw", None)
    if draw is None:
        return ""
    height, width = before.shape
    matrix = draw(before.shape, rng)  # from a pixel of the new picture to that of the old one
    if name == "zoom":
        return f"{1 / matrix[1, 1]:.2f} x time, {1 / matrix[0, 0]:.2f} x frequency"
    if name == "shift":
        return f"{-matrix[1, 2] / width:+.0%} time, {matrix[0, 2] / height:+.0%} frequency".replace("%", " %")
    return f"{np.degrees(np.arcsin(-matrix[0, 1])):+.0f}°"
