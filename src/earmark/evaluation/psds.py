"""Polyphonic sound detection score: how well events are found over all thresholds at once, by what they intersect.

After Bilen, Ferroni, Tuveri, Azcarreta and Krstulovic, "A Framework for the Robust Evaluation of Sound Event
Detection", ICASSP 2020 (arXiv:1910.08440), and their program psds_eval, with whose scores these agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation.event_metrics import Events, labels_of
from earmark.events.timeline import joined

Numbers = NDArray[np.float64]

TOLERANCE = 1e-9  # of a share: one that is 0.7 but for rounding is 0.7
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What counts as found, and what an error costs."""

    detection: float = 0.5  # share of a found event that must lie in those of its label, or it is a false alarm (dtc)
    truth: float = 0.5  # share of an event that such events must cover, or it is missed (gtc)
    cross_trigger: float = 0.3  # share of a false alarm within another label from which it is an error there too (cttc)
    cross_cost: float = 0.0  # weight of these errors beside other false alarms (alpha_ct)
    spread_cost: float = 0.0  # weight of the standard deviation over labels (alpha_st), from 0 up
    most_errors: float = 100.0  # false alarms an hour up to which is looked (maximum effective false positive rate)


EXACT = Scenario(detection=0.7, truth=0.7, spread_cost=1.0)
"""Scenario 1 of DCASE's task 4 since 2021: react fast, and say when exactly (https://dcase.community/challenge2021,
task "Sound event detection and separation in domestic environments")."""

DISTINCT = Scenario(detection=0.1, truth=0.1, cross_trigger=0.3, cross_cost=0.5, spread_cost=1.0)
"""Scenario 2 of the same: never mind when exactly, but do not take one label for another."""


@dataclass(frozen=True)
class Psds:
    """A polyphonic sound detection score, and the curve that it is the area under."""

    value: float  # 0 to 1; NaN where no label has an event
    errors: Numbers  # effective false alarms an hour of the curve's points [points], not falling
    found: Numbers  # effective share of events that is found with so many of them [points]


def psds(
    truth: Events,
    operating_points: Sequence[Events],
    durations: Mapping[str, float],
    scenario: Scenario = EXACT,
    labels: Sequence[str] | None = None,
) -> Psds:
    """The score of a detector from what it finds at several thresholds.

    Events of one label that overlap are taken as one, and what lies beyond a recording's end does not count. Recordings
    that `durations` does not name are left out, and so are labels without an event in the truth. Those that count are
    the labels given, or all that occur there.
    """
    wanted = labels_of(truth) if labels is None else tuple(labels)
    every = _Intervals.of(truth, durations, wanted)
    chosen = [label for label, events in zip(wanted, every.labels, strict=True) if len(events)]
    if not chosen or not operating_points:
        return Psds(nan, np.zeros(0), np.zeros(0))
    there = _Intervals.of(truth, durations, chosen)
    points = [_rates(there, _Intervals.of(found, durations, chosen), scenario) for found in operating_points]
    nothing = np.zeros(len(chosen)), np.zeros(len(chosen))
    found, errors = (np.stack(rates, axis=1) for rates in zip(nothing, *points, strict=True))
    return _area(errors, found, scenario)


def _area(errors: Numbers, found: Numbers, scenario: Scenario) -> Psds:
    """From the operating points of each label [labels, points]."""
    grid = np.unique(np.append(errors, scenario.most_errors))
    curves = np.stack([_staircase(grid, own, share) for own, share in zip(errors, found, strict=True)])
    effective = np.maximum(0.0, curves.mean(0) - scenario.spread_cost * curves.std(0))
    within = grid <= scenario.most_errors
    grid, effective = grid[within], effective[within]
    value = float(np.sum(np.diff(grid) * effective[:-1])) / scenario.most_errors
    return Psds(value, grid, effective)


def _staircase(grid: Numbers, errors: Numbers, found: Numbers) -> Numbers:
    """The best share found by a point with so many errors or fewer, at each of a grid of errors."""
    order = np.argsort(errors, kind="stable")
    best = np.append(0.0, np.maximum.accumulate(found[order]))
    return np.asarray(best[np.searchsorted(errors[order], grid, side="right")])


@dataclass(frozen=True)
class _Intervals:
    """The events of all recordings, which stand one after the other on one line of time."""

    labels: tuple[Numbers, ...]
    """For each label, onset and offset of its events, ordered, none overlapping [events, 2]."""
    seconds: float  # of all recordings

    @classmethod
    def of(cls, events: Events, durations: Mapping[str, float], labels: Sequence[str]) -> _Intervals:
        rows: dict[str, list[tuple[float, float]]] = {label: [] for label in labels}
        start = 0.0
        for name, duration in durations.items():
            for event in joined(events.get(name, ())):
                onset, offset = max(0.0, event.onset), min(duration, event.offset)
                if event.label in rows and onset < offset:
                    rows[event.label].append((start + onset, start + offset))
            start += duration
        return cls(tuple(np.array(rows[label], np.float64).reshape(-1, 2) for label in labels), start)


def _rates(truth: _Intervals, found: _Intervals, scenario: Scenario) -> tuple[Numbers, Numbers]:
    """What share of each label's events is found, and its effective false alarms an hour, both [labels]."""
    shares, errors = np.zeros(len(truth.labels)), np.zeros(len(truth.labels))
    for column, (there, said) in enumerate(zip(truth.labels, found.labels, strict=True)):
        right = _reach(_covered(said, there), said, scenario.detection)
        shares[column] = _reach(_covered(there, said[right]), there, scenario.truth).mean()
        wrong = said[~right]
        errors[column] = len(wrong) * HOUR / truth.seconds
        if scenario.cross_cost:
            errors[column] += scenario.cross_cost * _cross_triggers(wrong, truth, column, scenario.cross_trigger)
    return shares, errors


def _cross_triggers(wrong: Numbers, truth: _Intervals, column: int, least: float) -> float:
    """How often false alarms fall into another label, for each hour of it; the mean over the other labels."""
    others = [intervals for other, intervals in enumerate(truth.labels) if other != column]
    if not others:
        return 0.0
    counts = [_reach(_covered(wrong, other), wrong, least).sum() for other in others]
    seconds = [float((other[:, 1] - other[:, 0]).sum()) for other in others]
    return float(np.mean([count * HOUR / total for count, total in zip(counts, seconds, strict=True)]))


def _covered(intervals: Numbers, by: Numbers) -> Numbers:
    """Seconds of each interval [n, 2] that ordered intervals without overlaps [m, 2] cover."""
    if not len(by):
        return np.zeros(len(intervals))
    before = np.cumsum(by[:, 1] - by[:, 0])
    sounded = np.stack([np.append(0.0, before[:-1]), before], axis=1)  # up to each onset, up to each offset
    up_to = np.interp(intervals, by.ravel(), sounded.ravel())
    return np.asarray(up_to[:, 1] - up_to[:, 0])


def _reach(covered: Numbers, intervals: Numbers, share: float) -> NDArray[np.bool_]:
    """Which intervals are covered to such a share, or at all if it is 0."""
    return np.asarray((covered >= (share - TOLERANCE) * (intervals[:, 1] - intervals[:, 0])) & (covered > 0))
