"""Workers that fetch clips, several at once: at which pace they ask, and when they stop asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from earmark.datasets.audioset.candidates import Candidate, ClipFolder, Settings
from earmark.datasets.audioset.ledger import ClipError, Outcome
from earmark.errors import MissingExtraError

if TYPE_CHECKING:
    from earmark.datasets.audioset.videos import Fetcher


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

        Raises
        ------
        StoppedError
            Nothing may be asked any more.
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

        Parameters
        ----------
        failure
            What the server said.
        began
            When it was asked, as `turn` told.
        attempt
            Which attempt at its clip it was, from 1; None: the last, after which the clip is given up.

        Raises
        ------
        StoppedError
            It was one refusal too many.
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


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a clip, why, and after how many attempts."""

    outcome: Outcome
    message: str
    attempts: int


class WorkerPool:
    """As many workers as the settings say. They are threads: what takes time is the net, and FFmpeg."""

    def __init__(self, settings: Settings, pace: Pace, placing: ClipFolder) -> None:
        """Workers keep the pace, and put their clips into place."""
        self._settings = settings
        self._pace = pace
        self._placing = placing
        self._idle: SimpleQueue[Fetcher] = SimpleQueue()

    def work(self, following: Callable[[], Candidate | None]) -> Iterator[tuple[Candidate, Result]]:
        """Fetch what `following` names until it names nothing and nothing is under way; results as they come.

        Only the caller's thread calls `following`, after it has heard of all results so far. Where the pace comes to
        its full stop, what is under way ends and no more is begun; so it does before a KeyboardInterrupt goes on.

        Raises
        ------
        EarmarkError
            A clip cannot be written, or the cookies cannot be read.
        MissingExtraError
            yt-dlp is not installed.
        """
        self._idle.put(_new_fetcher(self._settings))
        with ThreadPoolExecutor(self._settings.jobs) as pool:
            try:
                yield from self._results(pool, following)
            finally:
                self._pace.stop()
        while not self._idle.empty():
            self._idle.get().close()

    def _results(
        self, pool: ThreadPoolExecutor, following: Callable[[], Candidate | None]
    ) -> Iterator[tuple[Candidate, Result]]:
        under_way: dict[Future[Result | None], Candidate] = {}
        interrupt: KeyboardInterrupt | None = None
        while True:
            while len(under_way) < self._settings.jobs and not self._pace.stopped and (wanted := following()):
                under_way[pool.submit(self._fetch, wanted)] = wanted
            if not under_way:
                break
            try:
                ended = wait(under_way, return_when=FIRST_COMPLETED).done
            except KeyboardInterrupt as error:
                interrupt = error
                self._pace.stop()
                continue
            for future in ended:
                wanted, result = under_way.pop(future), future.result()
                if result is not None:
                    yield wanted, result
        if interrupt is not None:
            raise interrupt

    def _fetch(self, wanted: Candidate) -> Result | None:
        """None where the run stopped before the clip was asked for."""
        try:
            fetcher = self._idle.get_nowait()
        except Empty:
            fetcher = _new_fetcher(self._settings)
        try:
            return self._attempts(fetcher, wanted)
        finally:
            self._idle.put(fetcher)

    def _attempts(self, fetcher: Fetcher, wanted: Candidate) -> Result | None:
        result: Result | None = None
        for attempt in range(1, self._settings.attempts + 1):
            try:
                began = self._pace.turn()
                samples = fetcher.fetch(wanted.segment)
            except StoppedError:
                return result
            except ClipError as failure:
                result = Result(failure.outcome, str(failure), attempt)
                if not self._again(failure, began, attempt):
                    return result
            else:
                self._placing.place(wanted, samples)
                self._pace.answered()
                return Result(Outcome.DONE, "", attempt)
        return result

    def _again(self, failure: ClipError, began: float, attempt: int) -> bool:
        """Whether to try again, after the wait that this asks for."""
        if failure.outcome is not Outcome.REFUSED:
            self._pace.answered()
            return False
        last = not failure.again or attempt == self._settings.attempts
        try:
            self._pace.failed(failure, began, None if last else attempt)
        except StoppedError:
            return False
        return not last


def _new_fetcher(settings: Settings) -> Fetcher:
    try:
        from earmark.datasets.audioset.videos import Fetcher
    except ModuleNotFoundError as error:
        raise MissingExtraError("earmark data audioset", "data") from error
    return Fetcher(settings)
