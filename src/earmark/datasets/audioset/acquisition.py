"""Clips of AudioSet fetched until each class has its number of them, by workers that keep a pace.

    OUT/clips.csv               the dataset table
    OUT/<label>/<name>.flac     the clips
    OUT/ledger.sqlite           what became of each clip that was asked for

A file has its name only when it is whole and its length has been checked. The ledger is written after that: a run that
is killed between the two leaves a file without a row, which the next run recognises. So a kill loses at most what was
under way, and nothing that is in place is fetched again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from earmark.datasets import tables
from earmark.datasets.audioset.candidates import Candidate, ClipFolder, Quota, Settings, candidate_clips
from earmark.datasets.audioset.ledger import (
    AcquisitionReport,
    ClipError,
    Ledger,
    LedgerRow,
    Outcome,
    RefusedError,
    summarise,
)
from earmark.datasets.audioset.tables import Segment, split_of
from earmark.datasets.clips import Clip, Dataset
from earmark.errors import DatasetError, MissingExtraError
from earmark.util.types import Progress
from earmark.util.workspace import Workspace

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


TABLE = "clips.csv"
LEDGER = "ledger.sqlite"
LOCK = "ledger.lock"


def acquire(
    candidates: Mapping[str, Sequence[Segment]],
    quota: int,
    out: Path,
    settings: Settings,
    on_progress: Progress | None = None,
) -> AcquisitionReport:
    """Fetch clips until each class has `quota` of them, or no candidates are left.

    The same call goes on where another was stopped, in whatever way. The table is written at the end and at every
    stop that leaves time for it.

    Parameters
    ----------
    candidates
        For each class its segments, in the order in which they are tried. A segment may stand in several.
    quota
        Clips wanted of each class.
    out
        The folder to fill; made where it is not there.
    settings
        How to ask.
    on_progress
        Called with (clips in place, clips wanted), over all classes.

    Raises
    ------
    RefusedError
        The server kept turning us away: the error says what to do, and holds the report.
    DatasetError
        The folder cannot be used, another run is at work in it, or its clips have another rate.
    EarmarkError
        A file cannot be written, or the cookies cannot be read.
    MissingExtraError
        yt-dlp is not installed.
    """
    clips = candidate_clips(candidates)
    if quota < 1:
        raise DatasetError("the quota", f"is {quota}", "ask for at least one clip of each class")
    with Workspace(out, lock=LOCK, run="acquisition").alone(), Ledger(out / LEDGER) as ledger:
        ledger.agree("rate", str(settings.rate), "ask for that rate, or choose another folder")
        run = _Run(candidates, quota, clips, out, settings, ledger, on_progress)
        try:
            run.take_up()
            run.fetch()
        finally:
            run.clean()
            _write_table(out, run.rows, settings.seed)
        report = run.report(out / TABLE)
        if run.pace.reason:
            raise _refused(run.pace.reason, settings, report)
        return report


class _Run:
    """One call of `acquire`. Only its own thread writes to the ledger."""

    def __init__(
        self,
        candidates: Mapping[str, Sequence[Segment]],
        quota: int,
        clips: Mapping[str, Candidate],
        out: Path,
        settings: Settings,
        ledger: Ledger,
        on_progress: Progress | None,
    ) -> None:
        self.pace = Pace(settings, np.random.default_rng(settings.seed))
        self.rows = ledger.rows()
        self._candidates, self._quota, self._clips = candidates, quota, clips
        self._settings, self._ledger, self._on_progress = settings, ledger, on_progress
        self._placing = ClipFolder(out, settings)
        self._counts = {"fetched": 0, "recognised": 0, "attempts": 0}

    def clean(self) -> None:
        """Remove what was being written when a run ended."""
        self._placing.clean()

    def take_up(self) -> None:
        """Compare the ledger with the files: what is in place, whatever ended the last run."""
        self.clean()
        for name, row in list(self.rows.items()):
            if row.outcome is Outcome.DONE and not self._placing.is_there(row.path):
                del self.rows[name]  # someone removed it: as if it had never been asked for
            elif name in self._clips and set(self._clips[name].labels) - set(row.labels):
                labels = tuple(dict.fromkeys(row.labels + self._clips[name].labels))
                self._record(replace(row, labels=labels, attempts=0))
        for name, path in self._placing.files():
            done = name in self.rows and self.rows[name].outcome is Outcome.DONE
            if name in self._clips and not done and path == self._clips[name].path:
                self._recognise(self._clips[name])

    def fetch(self) -> None:
        """Fetch what is lacking."""
        signed_in = self._settings.cookies is not None
        settled = {n for n, row in self.rows.items() if row.outcome is Outcome.DONE or row.settled(signed_in)}
        todo = Quota(self._candidates, self._quota, settled)
        for name, row in self.rows.items():
            if name in self._clips and row.outcome is Outcome.DONE:
                todo.have(self._clips[name])
        self._show(todo)
        for wanted, result in WorkerPool(self._settings, self.pace, self._placing).work(todo.next):
            done = result.outcome is Outcome.DONE
            (todo.done if done else todo.failed)(wanted)
            self._counts["fetched"] += done
            self._counts["attempts"] += result.attempts
            self._record(_ledger_row(wanted, result.outcome, result.message, result.attempts, signed_in))
            self._show(todo)

    def report(self, path: Path) -> AcquisitionReport:
        """What it has come to."""
        return summarise(path, self._candidates, self._quota, self.rows, **self._counts)

    def _recognise(self, wanted: Candidate) -> None:
        if self._placing.is_whole(wanted):
            self._counts["recognised"] += 1
            self._record(_ledger_row(wanted, Outcome.DONE, "was in place", 0, False))
        else:
            self._placing.remove(wanted.path)

    def _record(self, row: LedgerRow) -> None:
        self._ledger.record(row)
        self.rows[row.name] = row

    def _show(self, todo: Quota) -> None:
        if self._on_progress is not None:
            done = sum(min(number, self._quota) for number in todo.in_place.values())
            self._on_progress(done, self._quota * len(self._candidates))


def _ledger_row(wanted: Candidate, outcome: Outcome, message: str, attempts: int, signed_in: bool) -> LedgerRow:
    segment = wanted.segment
    return LedgerRow(
        name=segment.name,
        video=segment.video,
        start=segment.start,
        end=segment.end,
        labels=wanted.labels,
        path=wanted.path,
        outcome=outcome,
        message=message,
        attempts=attempts,
        signed_in=signed_in,
    )


def _write_table(out: Path, rows: Mapping[str, LedgerRow], seed: int) -> None:
    """The dataset table of all clips in place."""
    done = [row for row in rows.values() if row.outcome is Outcome.DONE]
    clips = [
        Clip(out / row.path, labels=row.labels, source=row.video, split=split_of(row.video, seed))
        for row in sorted(done, key=lambda row: row.path)
    ]
    tables.write_clips(Dataset("audioset", tuple(clips)), out / TABLE)


def _refused(reason: str, settings: Settings, report: AcquisitionReport) -> RefusedError:
    server = settings.url.partition("://")[2].partition("/")[0]
    remedy = "run the same command in an hour or more, it goes on where it stopped; ask less often, with a longer pause"
    if settings.cookies is None:
        remedy += "; or give the cookies of a signed-in browser"
    return RefusedError(server, f"kept turning us away ({reason})", remedy, report)
