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
from dataclasses import dataclass, field, replace
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

        Raises StoppedError: nothing may be asked any more.
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
        """Wait as long as a failure that may pass asks for; `began` is when it was asked, as `turn` told.

        `attempt` counts those at its clip, from 1; None: it was the last, after which the clip is given up.

        Raises StoppedError: it was one refusal too many.
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


@dataclass(frozen=True)
class WorkerPool:
    """As many workers as the settings say, which keep the pace, and put their clips into place.

    They are threads: what takes time is the net, and FFmpeg.
    """

    settings: Settings
    pace: Pace
    folder: ClipFolder
    idle: SimpleQueue[Fetcher] = field(default_factory=SimpleQueue)

    def work(self, following: Callable[[], Candidate | None]) -> Iterator[tuple[Candidate, Result]]:
        """Fetch what `following` names until it names nothing and nothing is under way; results as they come.

        Only the caller's thread calls `following`, after it has heard of all results so far. Where the pace comes to
        its full stop, what is under way ends and no more is begun; so it does before a KeyboardInterrupt goes on.

        Raises EarmarkError: a clip cannot be written, or the cookies cannot be read.
        Raises MissingExtraError: yt-dlp is not installed.
        """
        self.idle.put(_new_fetcher(self.settings))
        with ThreadPoolExecutor(self.settings.jobs) as pool:
            try:
                yield from self._results(pool, following)
            finally:
                self.pace.stop()
        while not self.idle.empty():
            self.idle.get().close()

    def _results(
        self, pool: ThreadPoolExecutor, following: Callable[[], Candidate | None]
    ) -> Iterator[tuple[Candidate, Result]]:
        under_way: dict[Future[Result | None], Candidate] = {}
        interrupt: KeyboardInterrupt | None = None
        while True:
            while len(under_way) < self.settings.jobs and not self.pace.stopped and (wanted := following()):
                under_way[pool.submit(self._fetch, wanted)] = wanted
            if not under_way:
                break
            try:
                ended = wait(under_way, return_when=FIRST_COMPLETED).done
            except KeyboardInterrupt as error:
                interrupt = error
                self.pace.stop()
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
            fetcher = self.idle.get_nowait()
        except Empty:
            fetcher = _new_fetcher(self.settings)
        try:
            return self._attempts(fetcher, wanted)
        finally:
            self.idle.put(fetcher)

    def _attempts(self, fetcher: Fetcher, wanted: Candidate) -> Result | None:
        result: Result | None = None
        for attempt in range(1, self.settings.attempts + 1):
            try:
                began = self.pace.turn()
                samples = fetcher.fetch(wanted.segment)
            except StoppedError:
                return result
            except ClipError as failure:
                result = Result(failure.outcome, str(failure), attempt)
                if not self._again(failure, began, attempt):
                    return result
            else:
                self.folder.place(wanted, samples)
                self.pace.answered()
                return Result(Outcome.DONE, "", attempt)
        return result

    def _again(self, failure: ClipError, began: float, attempt: int) -> bool:
        """Whether to try again, after the wait that this asks for."""
        if failure.outcome is not Outcome.REFUSED:
            self.pace.answered()
            return False
        last = not failure.again or attempt == self.settings.attempts
        try:
            self.pace.failed(failure, began, None if last else attempt)
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
    """Fetch clips until each class has `quota` of them, or no candidates are left; `out` is made where it is not there.

    The candidates of each class are its segments, in the order in which they are tried; a segment may stand in several.
    The same call goes on where another was stopped, in whatever way. The table is written at the end and at every
    stop that leaves time for it. `on_progress` is called with (clips in place, clips wanted), over all classes.

    Raises RefusedError: the server kept turning us away; the error says what to do, and holds the report.
    Raises DatasetError: the folder cannot be used, another run is at work in it, or its clips have another rate.
    Raises EarmarkError: a file cannot be written, or the cookies cannot be read.
    Raises MissingExtraError: yt-dlp is not installed.
    """
    clips = candidate_clips(candidates)
    if quota < 1:
        raise DatasetError("the quota", f"is {quota}", "ask for at least one clip of each class")
    with Workspace(out, lock=LOCK, run="acquisition").alone(), Ledger(out / LEDGER) as ledger:
        ledger.agree("rate", str(settings.rate), "ask for that rate, or choose another folder")
        run = _Run(candidates, quota, clips, ClipFolder(out, settings), settings, ledger, on_progress)
        try:
            run.take_up()
            run.fetch()
        finally:
            run.folder.clean()
            _write_table(out, run.rows, settings.seed)
        report = summarise(out / TABLE, candidates, quota, run.rows, **run.counts)
        if run.pace.reason:
            raise _refused(run.pace.reason, settings, report)
        return report


@dataclass
class _Run:
    """One call of `acquire`. Only its own thread writes to the ledger."""

    candidates: Mapping[str, Sequence[Segment]]
    quota: int
    clips: Mapping[str, Candidate]
    folder: ClipFolder
    settings: Settings
    ledger: Ledger
    on_progress: Progress | None

    def __post_init__(self) -> None:
        self.pace = Pace(self.settings, np.random.default_rng(self.settings.seed))
        self.rows = self.ledger.rows()
        self.counts = {"fetched": 0, "recognised": 0, "attempts": 0}

    def take_up(self) -> None:
        """Compare the ledger with the files: what is in place, whatever ended the last run."""
        self.folder.clean()
        for name, row in list(self.rows.items()):
            if row.outcome is Outcome.DONE and not (self.folder.out / row.path).is_file():
                del self.rows[name]  # someone removed it: as if it had never been asked for
            elif name in self.clips and set(self.clips[name].labels) - set(row.labels):
                labels = tuple(dict.fromkeys(row.labels + self.clips[name].labels))
                self._record(replace(row, labels=labels, attempts=0))
        for name, path in self.folder.files():
            done = name in self.rows and self.rows[name].outcome is Outcome.DONE
            if name in self.clips and not done and path == self.clips[name].path:
                self._recognise(self.clips[name])

    def fetch(self) -> None:
        """Fetch what is lacking."""
        signed_in = self.settings.cookies is not None
        settled = {n for n, row in self.rows.items() if row.outcome is Outcome.DONE or row.settled(signed_in)}
        todo = Quota(self.candidates, self.quota, settled)
        for name, row in self.rows.items():
            if name in self.clips and row.outcome is Outcome.DONE:
                todo.have(self.clips[name])
        self._show(todo)
        for wanted, result in WorkerPool(self.settings, self.pace, self.folder).work(todo.next):
            done = result.outcome is Outcome.DONE
            (todo.done if done else todo.failed)(wanted)
            self.counts["fetched"] += done
            self.counts["attempts"] += result.attempts
            self._record(_ledger_row(wanted, result.outcome, result.message, result.attempts, signed_in))
            self._show(todo)

    def _recognise(self, wanted: Candidate) -> None:
        if self.folder.is_complete(wanted):
            self.counts["recognised"] += 1
            self._record(_ledger_row(wanted, Outcome.DONE, "was in place", 0, False))
        else:
            (self.folder.out / wanted.path).unlink(missing_ok=True)

    def _record(self, row: LedgerRow) -> None:
        self.ledger.record(row)
        self.rows[row.name] = row

    def _show(self, todo: Quota) -> None:
        if self.on_progress is not None:
            done = sum(min(number, self.quota) for number in todo.in_place.values())
            self.on_progress(done, self.quota * len(self.candidates))


def _ledger_row(wanted: Candidate, outcome: Outcome, message: str, attempts: int, signed_in: bool) -> LedgerRow:
    segment = wanted.segment
    clip = segment.name, segment.video, segment.start, segment.end, wanted.labels, wanted.path
    return LedgerRow(*clip, outcome, message, attempts=attempts, signed_in=signed_in)


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
