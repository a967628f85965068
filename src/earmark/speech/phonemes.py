"""Which broad class of phonemes a frame of speech belongs to: vowels by place, nasals, stops, fricatives and so on.

A small recurrent network, one layer in both directions, tells them by the features of `alignment`. It was taught on
eSpeak NG's speech alone, by `earmark.training.words.phonemes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from earmark.events.scores import probabilities
from earmark.speech.boundaries import weights

STRETCH = 500  # frames that are looked at in one go
CONTEXT = 60  # frames on either side that are looked at with them
TOGETHER = 32  # stretches side by side

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Gru:
    """Gated recurrent units in one direction, as PyTorch has them: reset, update and new state, one below the other."""

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array

    def __call__(self, features: Array) -> Array:
        """States [frames, stretches, units] of features [frames, stretches, dimensions]."""
        units = self.weight_hh.shape[1]
        given = features @ self.weight_ih.T + self.bias_ih
        state = np.zeros((features.shape[1], units), np.float32)
        states = np.empty((*features.shape[:2], units), np.float32)
        for row, here in enumerate(given):
            kept = state @ self.weight_hh.T + self.bias_hh
            reset, update = np.split(_sigmoid(here[:, : 2 * units] + kept[:, : 2 * units]), 2, axis=1)
            new = np.tanh(here[:, 2 * units :] + reset * kept[:, 2 * units :])
            state = (1 - update) * new + update * state
            states[row] = state
        return states


@dataclass(frozen=True)
class PhonemeNetwork:
    """The network."""

    forward: Gru
    backward: Gru
    output: Array
    output_bias: Array

    def __call__(self, features: Array) -> Array:
        """Probabilities [frames, classes] for features of mean 0 and deviation 1 [frames, dimensions].

        Stretches are looked at with some context, so that memory does not grow by what is only needed in between.
        """
        count = len(features)
        found = np.empty((count, len(self.output)), np.float32)
        step = STRETCH * TOGETHER
        for first in range(0, count, step):
            starts = range(first, min(first + step, count), STRETCH)
            rows = np.arange(-CONTEXT, min(STRETCH, count) + CONTEXT)[:, None] + np.array(starts)
            inside = (rows >= 0) & (rows < count)
            known = np.where(inside[..., None], features[np.clip(rows, 0, count - 1)], 0).astype(np.float32)
            answers = self._answers(known)[CONTEXT:-CONTEXT]
            for start, one in zip(starts, np.moveaxis(answers, 1, 0), strict=True):
                found[start : start + STRETCH] = one[: count - start]
        return found

    def _answers(self, features: Array) -> Array:
        states = np.concatenate([self.forward(features), self.backward(features[::-1])[::-1]], axis=2)
        return probabilities(states @ self.output.T + self.output_bias, exclusive=True)


def _sigmoid(values: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values), np.float32)


@cache
def network() -> PhonemeNetwork:
    """The one that comes with the package."""
    kept = weights("phonemes.npz")
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    forward, backward = (Gru(*(kept[f"{side}_{part}"] for part in parts)) for side in ("forward", "backward"))
    return PhonemeNetwork(forward, backward, kept["output"], kept["output_bias"])
