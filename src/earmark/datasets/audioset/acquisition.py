"""Clips of AudioSet fetched until each class has its number of them.

    OUT/clips.csv               the dataset table
    OUT/<label>/<name>.flac     the clips
    OUT/ledger.sqlite           what became of each clip that was asked for

A file has its name only when it is whole and its length has been checked. The ledger is written after that: a run that
is killed between the two leaves a file without a row, which the next run recognises. So a kill loses at most what was
under way, and nothing that is in place is fetched again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from earmark.datasets import tables
from earmark.datasets.audioset.candidates import Candidate, ClipFolder, Quota, Settings, candidate_clips
from earmark.datasets.audioset.ledger import AcquisitionReport, Ledger, LedgerRow, Outcome, RefusedError, summarise
from earmark.datasets.audioset.tables import Segment, split_of
from earmark.datasets.audioset.workers import Pace, WorkerPool
from earmark.datasets.clips import Clip, Dataset
from earmark.errors import DatasetError
from earmark.util.types import Progress
from earmark.util.workspace import Workspace

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
