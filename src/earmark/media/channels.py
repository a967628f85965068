"""Channels mixed into one so that no sound is lost: their plain mean, but where that cancels what they hold.

Two channels in opposite phase, as from a microphone wired the wrong way round or a widened stereo picture, add up to
nothing. Where the sum of two channels has clearly less energy than the two, the first of them stands for both: it holds
what they have in common as well as what they have in opposition, so it joins the mean before and after without a dip.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from earmark.util.types import Samples

STRETCH_S = 0.1  # how long each decision holds; the weights glide from one to the next within as long
KEPT = 0.4  # share of two channels' energy in their sum from which on it is the plain mean: correlation above -0.6
LOST = 0.25  # and below which the first stands alone: correlation under -0.75
_NEARLY = 0.5  # shares up to here are looked at in double precision
_FLOOR = 1e-12  # mean square: -120 dB of full scale, below which nothing is sound
_STEPS = 1024  # weights are rounded to these, so that no last bit of a sum decides

Weights = NDArray[np.float64]
Counts = NDArray[np.int64]


class ChannelMixer:
    """Mixes channels that come in pieces; the mixture is the same whatever the pieces.

    Decisions are made on a grid of stretches that is fixed on the recording's clock. What comes out is late by two
    stretches at most, and depends on no more than two stretches to either side.
    """

    def __init__(self, channels: int, rate: int, position: int = 0) -> None:
        """Mix so many channels at `rate` Hz; `position` is the number of the first sample on the recording's clock."""
        self._channels = channels
        self._stretch = max(1, round(STRETCH_S * rate))
        self._held: Samples = np.empty((channels, 0), np.float32)
        self._first = self._stretch - position % self._stretch  # samples to the end of the first stretch
        self._plain: Weights = np.ones(channels)
        self._before: Weights | None = None  # of the stretch before what is held

    def push(self, samples: Samples) -> Samples:
        """Take samples [channels, any number]; the mixture [any number] of those that no later ones can change."""
        if self._channels == 1:
            return np.asarray(samples[0])
        self._held = np.concatenate([self._held, samples], axis=1) if self._held.size else samples
        whole = 0
        if self._held.shape[1] >= self._first:
            whole = 1 + (self._held.shape[1] - self._first) // self._stretch
        return self._mixed(whole, whole - 1) if whole > 1 else np.empty(0, np.float32)

    def finish(self) -> Samples:
        """The mixture of the rest. Nothing may be pushed afterwards."""
        left = self._held.shape[1]
        stretches = 1 + max(0, math.ceil((left - self._first) / self._stretch))
        return self._mixed(stretches, stretches) if left else np.empty(0, np.float32)

    def _mixed(self, known: int, wanted: int) -> Samples:
        """The mixture of the first `wanted` stretches held, of which `known` are looked at."""
        ends = np.minimum(self._first + self._stretch * np.arange(known), self._held.shape[1])
        begins = np.concatenate([[0], ends[:-1]])
        looked_at = self._weights(begins, ends)
        weights = [looked_at[0] if self._before is None else self._before, *looked_at, looked_at[-1]]
        mixture = _mean(self._held[:, : ends[wanted - 1]])
        plain = all(each is self._plain for each in weights)
        for i in range(0 if plain else wanted):
            before, here, after = weights[i : i + 3]
            if before is here is after is self._plain:
                continue
            left, right = _farther(before, here), _farther(here, after)
            piece = self._held[:, begins[i] : ends[i]].astype(np.float64)
            begun = self._stretch - self._first if i == 0 else 0
            share = (begun + np.arange(piece.shape[1])) / self._stretch
            glide = left[:, None] + (right - left)[:, None] * share
            mixture[begins[i] : ends[i]] = (glide * piece).sum(0) / self._channels
        self._before = weights[wanted]
        self._held = self._held[:, ends[wanted - 1] :].copy()
        self._first = self._stretch
        return mixture

    def _weights(self, begins: Counts, ends: Counts) -> list[Weights]:
        """What each channel counts in each stretch: one, in a plain mean."""
        even = int(np.count_nonzero(np.cumprod(ends - begins == self._stretch)))  # all but a beginning or an end
        doubtful = np.ones(len(ends), bool)
        if even:
            together = self._held[:, : even * self._stretch]
            doubtful[:even] = _may_cancel(together.reshape(self._channels, even, self._stretch))
        if not doubtful.any():
            return [self._plain] * len(ends)
        return [
            _weights_of(self._held[:, begin:end]) if doubt else self._plain
            for begin, end, doubt in zip(begins, ends, doubtful, strict=True)
        ]


def _mean(samples: Samples) -> Samples:
    """The plain mean of the channels, summed in their order."""
    part = np.float32(1 / len(samples))
    total: Samples = samples[0] * part
    for channel in samples[1:]:
        total += channel * part
    return total


def _may_cancel(stretches: Samples) -> NDArray[np.bool_]:
    """For stretches [channels, any number, samples], whether any channels might cancel each other; quickly."""
    size = stretches.shape[2]
    means = stretches @ np.full(size, 1 / size, np.float32)
    energy = np.einsum("ckl,ckl->ck", stretches, stretches) - size * means**2
    total = energy.sum(0)
    doubtful = np.zeros(stretches.shape[1], bool)
    for i, j in combinations(range(len(stretches)), 2):
        shared = np.einsum("kl,kl->k", stretches[i], stretches[j]) - size * means[i] * means[j]
        doubtful |= energy[i] + energy[j] + 2 * shared < _NEARLY * (energy[i] + energy[j])
        total += 2 * shared
    return np.asarray(doubtful | (total < _NEARLY * energy.sum(0)))


def _weights_of(stretch: Samples) -> Weights:
    """What each channel of a stretch [channels, samples] counts."""
    weights = np.ones(len(stretch))
    values = stretch.astype(np.float64)
    values -= values.mean(1, keepdims=True)  # a constant offset is no sound that they share
    covariance = values @ values.T / max(1, values.shape[1])
    energy = np.diagonal(covariance)
    if not _FLOOR < energy.sum() < math.inf:
        return weights
    for i, j in combinations(range(len(stretch)), 2):
        both = energy[i] + energy[j]
        if both > _FLOOR and (excess := _excess((both + 2 * covariance[i, j]) / both)):
            kept, left_out = (j, i) if _opposes(i, (i, j), covariance) else (i, j)
            if weights[kept] > 0:
                moved = weights[left_out] * excess
                weights[kept] += moved
                weights[left_out] -= moved
    left = _excess(float(weights @ covariance @ weights) / float(weights**2 @ energy))  # more than two that cancel
    if left > 0:
        loud = int(np.argmax(energy >= energy.max() / 4))
        weights *= 1 - left
        weights[loud] += left * len(stretch)
    return weights


def _opposes(channel: int, pair: tuple[int, int], covariance: Weights) -> bool:
    """Whether a channel of a pair is clearly in opposite phase to the sum of the channels that are not of the pair."""
    rest = np.ones(len(covariance))
    rest[list(pair)] = 0
    against = float(covariance[channel] @ rest)
    return against < -0.5 * math.sqrt(covariance[channel, channel] * max(0.0, float(rest @ covariance @ rest)))


def _excess(share: float) -> float:
    """How far a sum is from the plain mean, 0 to 1, that keeps this share of the energy of its parts."""
    return round(_STEPS * min(1.0, max(0.0, (KEPT - share) / (KEPT - LOST)))) / _STEPS


def _farther(one: Weights, other: Weights) -> Weights:
    """Of two weights the one that is farther from the plain mean."""
    return one if np.abs(one - 1).sum() >= np.abs(other - 1).sum() else other
