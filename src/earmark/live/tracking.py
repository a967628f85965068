"""Hysteresis while scores come: what `timeline.EventFinder` finds in the end, told as soon as it is certain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from earmark.events.timeline import Array, EventRules


@dataclass
class Track:
    """One label that may be sounding. Times in steps.

    Attributes:
        start: where the stretch at `off` or above began that lasts now, or None.
        peak: its best score.
        first: where the event began, or None where there is none; stretches that reach `on` make it.
        last: the step after its last.
        best: its best score.
        shown: whether its beginning has been told.
    """

    start: int | None = None
    peak: float = 0.0
    first: int | None = None
    last: int = 0
    best: float = 0.0
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A label begins or ends: its column, the event's first step, the step after its last, its best score so far."""

    begins: bool
    column: int
    first: int
    last: int
    best: float


class Tracker:
    """Takes scores in parts, and says of each label when it begins and when it has ended.

    An event begins to be told when it has lasted `rules.shortest`, so that nothing flickers, and is told to have ended
    when nothing can join it any more, `rules.longest_gap` after it. All in all these are the events of `EventFinder`.

    Args:
        on: threshold [labels] that an event must reach.
        off: threshold [labels], at most `on`, below which it ends.
        step: seconds from one score to the next.
        rules: which events are joined, and which are too short.
    """

    def __init__(self, on: Array, off: Array, step: float, rules: EventRules) -> None:
        self.on, self.off, self.step, self.rules = on, np.minimum(on, off), step, rules
        self.steps = 0
        self.tracks: dict[int, Track] = {}

    def add(self, scores: Array) -> list[Turn]:
        """Take the next scores [steps, labels]; what begins and ends, in order."""
        return [turn for row in scores for turn in self._step(row)]

    def finish(self) -> list[Turn]:
        """The ends of what still sounds."""
        return [self._turn(False, column, track) for column, track in self._shown()]

    def sounding(self) -> list[Turn]:
        """What has begun and not ended, as it now stands."""
        return [self._turn(True, column, track) for column, track in self._shown()]

    def onset(self, turn: Turn) -> float:
        """Seconds where it begins, as `EventFinder` counts them."""
        return max(0.0, (turn.first - 0.5) * self.step)

    def offset(self, turn: Turn) -> float:
        """Seconds where it ends, or how far it has come."""
        return (turn.last - 0.5) * self.step

    def _shown(self) -> list[tuple[int, Track]]:
        return [(column, track) for column, track in self.tracks.items() if track.shown]

    def _step(self, row: Array) -> Iterator[Turn]:
        for risen in np.flatnonzero(row >= self.off):
            self.tracks.setdefault(int(risen), Track())
        for column in sorted(self.tracks):
            yield from self._follow(
                column, self.tracks[column], float(row[column]), bool(row[column] >= self.off[column])
            )
        self.steps += 1

    def _follow(self, column: int, track: Track, score: float, alive: bool) -> Iterator[Turn]:
        if alive:
            self._rise(track, score)
            if track.peak >= self.on[column]:
                self._extend(track)
                if not track.shown and self._long_enough(column, track):
                    track.shown = True
                    yield self._turn(True, column, track)
            return
        track.start = None
        if track.first is None:
            del self.tracks[column]
        elif self.steps + 1 - track.last > self.rules.longest_gap / self.step:
            del self.tracks[column]
            if track.shown:
                yield self._turn(False, column, track)

    def _rise(self, track: Track, score: float) -> None:
        if track.start is None:
            track.start, track.peak = self.steps, score
        track.peak = max(track.peak, score)

    def _extend(self, track: Track) -> None:
        if track.first is None:
            track.first = track.start
        track.last, track.best = self.steps + 1, max(track.best, track.peak)

    def _long_enough(self, column: int, track: Track) -> bool:
        turn = self._turn(True, column, track)
        return round(self.offset(turn) - self.onset(turn), 3) >= self.rules.shortest

    def _turn(self, begins: bool, column: int, track: Track) -> Turn:
        return Turn(begins, column, track.first or 0, track.last, track.best)
