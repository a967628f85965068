"""How far a figure can be trusted: intervals of confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

Interval = tuple[float, float]
"""Lowest and highest value."""


def interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Interval of the mean of a figure over divisions, by Student's t; None for fewer than two.

    Divisions share most of what trains, so their figures are not quite independent and the interval is somewhat too
    narrow (Nadeau and Bengio, Machine Learning 52, 2003); it is what others report.
    """
    if len(values) < 2:
        return None
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = float(stdtrit(len(values) - 1, (1 + level) / 2)) * spread / len(values) ** 0.5
    return mean - reach, mean + reach


def wilson(hits: float, total: int, level: float = 0.95) -> Interval:
    """Interval of a share, `hits` of `total`, from one division (Wilson, JASA 22, 1927); 0 to 1 without a clip.

    Clips count as independent, which those of one source are not: an interval over divisions says more.
    """
    if total == 0:
        return 0.0, 1.0
    z2 = float(ndtri((1 + level) / 2)) ** 2
    share = hits / total
    centre = share + z2 / (2 * total)
    reach = (z2 * (share * (1 - share) / total + z2 / (4 * total**2))) ** 0.5
    low, high = (centre - reach) / (1 + z2 / total), (centre + reach) / (1 + z2 / total)
    return max(0.0, low), min(1.0, high)


def of_accuracies(accuracies: Sequence[float], clips: Sequence[int], level: float = 0.95) -> Interval | None:
    """Interval of the mean accuracy of divisions of so many clips, within 0 and 1: Wilson's of a single one.

    None without a division.
    """
    if len(accuracies) == 1:
        return wilson(accuracies[0] * clips[0], clips[0], level)
    return within(interval(accuracies, level))


def within(found: Interval | None) -> Interval | None:
    """The part of an interval from 0 to 1, where shares lie."""
    return found and (max(0.0, found[0]), min(1.0, found[1]))
