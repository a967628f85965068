"""Figures for fundamental frequency: estimates beside a reference, both Hz on the same frames, 0 where unvoiced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.floating[Any]]

GROSS = 0.2  # share of the reference by which a gross error is off
NAN = float("nan")


@dataclass(frozen=True)
class PitchMetrics:
    """How well a tracker follows a reference: shares of frames, cents, and share of the mean; NaN where undefined."""

    gross: float
    fine_mean: float
    fine_std: float
    missed: float
    false: float
    frame_error: float
    mean_error: float
    frames: int


def figures(reference: Frames, estimate: Frames) -> PitchMetrics:
    """All figures of an estimate [frames] beside its reference [frames]."""
    return PitchMetrics(
        gross_error(reference, estimate),
        *fine_error(reference, estimate),
        missed_voicing(reference, estimate),
        false_voicing(reference, estimate),
        frame_error(reference, estimate),
        mean_error(reference, estimate),
        len(reference),
    )


def at_times(f0: Frames, start: float, step: float, times: Frames) -> NDArray[np.float64]:
    """A track whose frame i stands at `start + i * step` seconds, at other times [times].

    Straight lines between two voiced frames; the nearest frame where one of the two is unvoiced, and beyond the ends
    by less than half a step; unvoiced further out.
    """
    if len(f0) == 0:
        return np.zeros(len(times))
    place = (np.asarray(times, np.float64) - start) / step
    below = np.clip(np.floor(place), 0, len(f0) - 1).astype(int)
    above = np.minimum(below + 1, len(f0) - 1)
    share = np.clip(place - below, 0, 1)
    low, high = np.asarray(f0, np.float64)[below], np.asarray(f0, np.float64)[above]
    value = np.where((low > 0) & (high > 0), (1 - share) * low + share * high, np.where(share < 0.5, low, high))
    return np.where((place > -0.5) & (place < len(f0) - 0.5), value, 0.0)


def gross_error(reference: Frames, estimate: Frames, tolerance: float = GROSS) -> float:
    """Share of the frames voiced in both whose F0 is off by more than `tolerance` of the reference.

    Rabiner, Cheng, Rosenberg and McGonegal, A comparative performance study of several pitch detection algorithms,
    IEEE Trans. ASSP 24(5), 1976; as a share of the reference with 20 %, Bagshaw, Hiller and Jack, Enhanced pitch
    tracking and the processing of F0 contours for computer aided intonation teaching, Eurospeech 1993.
    """
    both = _both(reference, estimate)
    return _share(_gross(reference, estimate, tolerance), both)


def fine_error(reference: Frames, estimate: Frames, tolerance: float = GROSS) -> tuple[float, float]:
    """Mean and standard deviation, cents, over the frames voiced in both that are no gross errors (Rabiner, 1976)."""
    good = _both(reference, estimate) & ~_gross(reference, estimate, tolerance)
    if not good.any():
        return NAN, NAN
    cents = 1200 * np.log2(estimate[good] / reference[good])
    return float(cents.mean()), float(cents.std())


def missed_voicing(reference: Frames, estimate: Frames) -> float:
    """Share of the reference's voiced frames that the estimate has unvoiced (Rabiner, 1976)."""
    return _share(estimate == 0, reference > 0)


def false_voicing(reference: Frames, estimate: Frames) -> float:
    """Share of the reference's unvoiced frames that the estimate has voiced (Rabiner, 1976)."""
    return _share(estimate > 0, reference == 0)


def frame_error(reference: Frames, estimate: Frames, tolerance: float = GROSS) -> float:
    """F0 frame error: share of all frames whose voicing is wrong, or whose F0 is grossly wrong.

    Chu and Alwan, Reducing F0 frame error of F0 tracking algorithms under noisy conditions with an unvoiced/voiced
    classification frontend, ICASSP 2009.
    """
    wrong = ((reference > 0) != (estimate > 0)) | _gross(reference, estimate, tolerance)
    return _share(wrong, np.ones(len(reference), bool))


def mean_error(reference: Frames, estimate: Frames) -> float:
    """By what share the mean of the estimate's voiced frames is off the mean of the reference's; signed."""
    if not ((reference > 0).any() and (estimate > 0).any()):
        return NAN
    return float(estimate[estimate > 0].mean() / reference[reference > 0].mean() - 1)


def _both(reference: Frames, estimate: Frames) -> NDArray[np.bool_]:
    return np.asarray((reference > 0) & (estimate > 0))


def _gross(reference: Frames, estimate: Frames, tolerance: float) -> NDArray[np.bool_]:
    return _both(reference, estimate) & (np.abs(estimate - reference) > tolerance * reference)


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(hits[among].mean()) if among.any() else NAN
