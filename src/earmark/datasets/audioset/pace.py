"""When to ask: pauses with jitter, waits that double, and a full stop where a server keeps turning us away."""

from __future__ import annotations

import time
from threading import Event, Lock

import numpy as np

from earmark.datasets.audioset.outcomes import ClipError
from earmark.datasets.audioset.settings import Settings


class StoppedError(Exception):
    """The run has come to its full stop: ask for nothing more."""


class Pace:
    """What the workers of a run share: none asks before all may.

    Where the server turns us away, all hold back, and it counts against the run once for all requests that were under
    way: several workers do not make several refusals of one. A clip that is given up for any other reason that may
    pass counts as well: a net that is down ends the run, too.
    """

    def __init__(self, settings: Settings, rng: np.random.Generator) -> None:
        """`rng` gives the jitter."""
        self.reason = ""
        """Why the run came to a full stop; empty: it did not, or someone asked for it."""
        self._settings = settings
        self._rng = rng
        self._lock = Lock()
        self._stop = Event()
        self._open_at = 0.0  # on the monotonic clock: nobody asks before
        self._refused_at = -1.0
        self._refusals = 0  # in a row
        self._blocked = 0  # of them, those that held all workers back

    @property
    def stopped(self) -> bool:
        """Whether the run has come to its full stop."""
        return self._stop.is_set()

    def turn(self) -> float:
        """Wait until it is polite to ask; returns the time of the monotonic clock.

        Raises:
            StoppedError: nothing may be asked any more.
        """
        self._sleep(self._jittered(self._settings.pause))
        while (left := self._open_at - time.monotonic()) > 0:
            self._sleep(left)
        self._sleep(0)
        return time.monotonic()

    def answered(self) -> None:
        """The server gave a clip, or said for good why not."""
        with self._lock:
            self._refusals = self._blocked = 0

    def failed(self, failure: ClipError, began: float, attempt: int | None) -> None:
        """Wait as long as a failure that may pass asks for.

        Args:
            failure: What the server said.
            began: When it was asked, as `turn` told.
            attempt: Which attempt at its clip it was, from 1; None: the last, after which the clip is given up.

        Raises:
            StoppedError: it was one refusal too many.
        """
        if failure.blocked:
            self._hold(began, failure)
        elif attempt is None:
            with self._lock:
                self._count(str(failure))
        else:
            self._sleep(self._doubled(attempt))

    def stop(self) -> None:
        """Let nobody ask any more."""
        self._stop.set()

    def _hold(self, began: float, failure: ClipError) -> None:
        with self._lock:
            if began < self._refused_at:
                return
            self._refused_at = time.monotonic()
            self._blocked += 1
            seconds = max(failure.wait or 0.0, self._doubled(self._blocked))
            if failure.wait is not None and failure.wait > self._settings.longest:
                self._end(f"{failure} (and asks us to wait {failure.wait:.0f} s)")
            self._open_at = max(self._open_at, self._refused_at + seconds)
            self._count(str(failure))

    def _count(self, reason: str) -> None:
        self._refusals += 1
        if self._refusals >= self._settings.refusals:
            self._end(reason)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._stop.set()

    def _doubled(self, times: int) -> float:
        return min(self._jittered(self._settings.backoff * 2.0 ** (times - 1)), self._settings.longest)

    def _jittered(self, seconds: float) -> float:
        return seconds * float(self._rng.uniform(0.5, 1.5))

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(max(seconds, 0.0)):
            raise StoppedError
