"""Augmentation of a batch of dB features [batch, frames, bands] on whatever device it lies.

One class each: `draw` takes random parameters from the generator, `__call__` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

DECIBEL = float(10 / np.log(10))  # decibels in a factor of e of the power


@dataclass(frozen=True)
class Gain:
    """Another level for each clip: up to `db` dB louder or quieter."""

    db: float

    def __call__(self, features: Tensor, rng: np.random.Generator) -> Tensor:
        """Features of the same shape."""
        change = rng.uniform(-self.db, self.db, (len(features), 1, 1))
        return features + features.new_tensor(change)


@dataclass(frozen=True)
class Response:
    """Another microphone for each clip: its bands up to `db` dB louder or quieter, along a curve over frequency.

    The curve is linear between `points` random gains at equal distances. FilterAugment (Nam, Kim and Park, 2022,
    arXiv:2110.03282) with points that stay in their places.
    """

    db: float
    points: int = 5

    def __call__(self, features: Tensor, rng: np.random.Generator) -> Tensor:
        """Features of the same shape."""
        clips, _, bands = features.shape
        gains = rng.uniform(-self.db, self.db, (clips, self.points))
        positions = np.linspace(0, self.points - 1, bands)
        curves = np.stack([np.interp(positions, np.arange(self.points), own) for own in gains])
        return features + features.new_tensor(curves[:, None])


@dataclass(frozen=True)
class Warp:
    """Another speed and pitch for each clip, as if its picture were stretched in time and moved in frequency.

    Speeds are drawn between 1 / (1 + `speed`) and 1 + `speed`, moves up to `bands` bands up or down. What a move
    leaves empty gets the outermost band. Much cheaper than changing the samples, and coarser: formants move as well.
    """

    speed: float
    bands: float

    def longest(self, frames: int) -> int:
        """Frames that must be gathered so that the fastest clip still fills `frames`."""
        return int(np.ceil(frames * (1 + self.speed))) + 1

    def __call__(self, features: Tensor, frames: int, rng: np.random.Generator) -> Tensor:
        """Features [batch, frames, bands] of [batch, at least `longest(frames)`, bands]."""
        most = np.log1p(self.speed)
        speed = np.exp(rng.uniform(-most, most, (len(features), 1)))
        moved = rng.uniform(-self.bands, self.bands, (len(features), 1))
        features = _between(features, np.arange(frames) * speed)
        return _between(features.transpose(1, 2), np.arange(features.shape[2]) + moved).transpose(1, 2)


def _between(features: Tensor, positions: np.ndarray) -> Tensor:
    """Rows at fractional places [batch, places] of features [batch, rows, columns], linearly interpolated."""
    last = features.shape[1] - 1
    place = torch.as_tensor(np.clip(positions, 0, last), dtype=torch.float32, device=features.device)
    below = place.floor().clamp(max=max(0, last - 1)).long()
    share = (place - below).to(features.dtype).unsqueeze(2)
    low = features.gather(1, below.unsqueeze(2).expand(-1, -1, features.shape[2]))
    high = features.gather(1, (below + 1).clamp(max=last).unsqueeze(2).expand(-1, -1, features.shape[2]))
    return torch.lerp(low, high, share)


@dataclass(frozen=True)
class Mixup:
    """Each clip blended with another, its targets likewise (Zhang et al., 2018, arXiv:1710.09412).

    The clip itself always keeps the larger part.
    """

    alpha: float

    def __call__(self, features: Tensor, targets: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Features [batch, frames, bands] and targets [batch, labels] or [batch, frames, labels] of the same shapes."""
        drawn = rng.beta(self.alpha, self.alpha, len(features))
        share = features.new_tensor(np.maximum(drawn, 1 - drawn))
        other = torch.as_tensor(rng.permutation(len(features)), device=features.device)
        mixed = torch.lerp(features[other], features, share[:, None, None])
        kept = share.reshape(-1, *[1] * (targets.ndim - 1)).to(targets.dtype)
        return mixed, torch.lerp(targets[other], targets, kept)


@dataclass(frozen=True)
class BetweenClass:
    """Each clip mixed with one of another class, as loud as it, in a share that its targets tell.

    Between-class learning (Tokozume, Ushiku and Harada, 2018, arXiv:1711.10282): the share r is uniform in 0..1, and
    the amplitudes are weighed so that r is what is heard, whatever the clips' levels; the sum keeps its energy. With p
    the weight of the clip and 1 - p that of the other, whose levels are G1 and G2 dB:

        p = 1 / (1 + 10 ** ((G1 - G2) / 20) * (1 - r) / r)
        mixed = (p x1 + (1 - p) x2) / sqrt(p ** 2 + (1 - p) ** 2)

    Here powers are added, as those of independent sources, and a clip's level is that of its loudest frame, over all
    bands, where the paper takes the loudest A-weighted window. Without another class in the batch any other clip will
    do; a clip that is alone stays as it is.
    """

    def __call__(self, features: Tensor, targets: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Features [batch, frames, bands] in dB and targets [batch, labels] of the same shapes."""
        other = torch.as_tensor(_partners(targets.cpu().numpy(), rng), device=features.device)
        drawn = np.clip(rng.random(len(features)), 1e-3, 1 - 1e-3)
        share = features.new_tensor(drawn)
        level = torch.logsumexp(features / DECIBEL, 2).amax(1) * DECIBEL
        odds = share.logit() - (level - level[other]) / (2 * DECIBEL)  # log of p / (1 - p), exact also near 0 and 1
        own, others = (2 * DECIBEL * nn.functional.logsigmoid(side) for side in (odds, -odds))
        energy = add_powers(own, others)
        own, others = ((weight - energy)[:, None, None] for weight in (own, others))
        mixed = add_powers(features + own, features[other] + others)
        return mixed, torch.lerp(targets[other], targets, share[:, None].to(targets.dtype))


def _partners(targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each clip the position of another, of other labels if there is any."""
    differs = (targets[:, None] != targets[None]).any(2)
    elsewhere = ~np.eye(len(targets), dtype=bool)
    allowed = np.where(differs.any(1, keepdims=True), differs, elsewhere)
    return np.array([rng.choice(np.flatnonzero(row)) if row.any() else i for i, row in enumerate(allowed)])


@dataclass(frozen=True)
class Overlay:
    """Two sounds at once: the powers of a clip and another are added, and both labels hold.

    Done to `share` of the clips; the other is up to `db` dB louder or quieter. Powers add as those of
    independent sources do, so the dB features are those of the mixed recording, but for the phases.
    """

    share: float
    db: float = 10.0

    def __call__(self, features: Tensor, targets: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Features [batch, frames, bands] and targets [batch, labels] or [batch, frames, labels] of the same shapes."""
        chosen = np.flatnonzero(rng.random(len(features)) < self.share)
        if len(chosen) == 0:
            return features, targets
        other = torch.as_tensor(rng.permutation(len(features))[chosen], device=features.device)
        level = features.new_tensor(rng.uniform(-self.db, self.db, (len(chosen), 1, 1)))
        here = torch.as_tensor(chosen, device=features.device)
        mixed, both = features.clone(), targets.clone()
        mixed[here] = add_powers(features[here], features[other] + level)
        both[here] = torch.maximum(targets[here], targets[other])
        return mixed, both


@dataclass(frozen=True)
class NoiseFloor:
    """A floor of steady noise between `low` and `high` dB a band: no real recording is digitally silent.

    A random tilt over the bands makes it anything from rumble to hiss.
    """

    low: float = -100.0
    high: float = -45.0
    tilt: float = 30.0

    def __call__(self, features: Tensor, rng: np.random.Generator) -> Tensor:
        """Features of the same shape."""
        clips, frames, bands = features.shape
        level = rng.uniform(self.low, self.high, (clips, 1, 1))
        slope = rng.uniform(-self.tilt / 2, self.tilt / 2, (clips, 1, 1)) * np.linspace(-1, 1, bands)
        flutter = rng.normal(0, 2.0, (clips, frames, bands))
        floor = features.new_tensor(level + slope + flutter)
        return add_powers(features, floor)


@dataclass(frozen=True)
class SpecAugment:
    """Masks over stretches of time and of frequency (Park et al., 2019, arXiv:1904.08779).

    What is masked gets the batch's mean.
    """

    frames: int
    bands: int
    masks: int

    def __call__(self, features: Tensor, rng: np.random.Generator) -> Tensor:
        """Features of the same shape."""
        clips, frames, bands = features.shape
        hidden = np.zeros((clips, frames, 1), bool), np.zeros((clips, 1, bands), bool)
        for _ in range(self.masks):
            hidden[0][:, :, 0] |= _stretches(clips, frames, self.frames, rng)
            hidden[1][:, 0, :] |= _stretches(clips, bands, self.bands, rng)
        in_time, in_bands = (torch.as_tensor(h, device=features.device) for h in hidden)
        return torch.where(in_time | in_bands, features.mean(), features)


def _stretches(clips: int, length: int, longest: int, rng: np.random.Generator) -> np.ndarray:
    """Bool [clips, length], true in one random stretch of each row."""
    width = rng.uniform(0, min(longest, length), (clips, 1))
    start = rng.uniform(0, 1, (clips, 1)) * (length - width)
    place = np.arange(length)[None, :]
    return (place >= start) & (place < start + width)


def add_powers(a: Tensor, b: Tensor) -> Tensor:
    """Sum of two powers given in dB, in dB."""
    return torch.logaddexp(a / DECIBEL, b / DECIBEL) * DECIBEL
