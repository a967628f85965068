"""Progress on standard error."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from earmark.util.text import visible

if TYPE_CHECKING:
    from earmark.training.trainer import EpochReport

LOG_SECONDS = 30.0  # where standard error is no terminal, a line this often instead of a bar


class TrainingProgress:
    """Bars for preparing and for each network; lines instead where nobody watches a terminal."""

    def __init__(self, show: bool = True) -> None:
        self.show = show
        self.console = Console(stderr=True)
        self.bars = Progress(
            TextColumn("{task.description:<10}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not (show and self.console.is_terminal),
        )
        self.tasks: dict[str, int] = {}
        self.logged: dict[str, float] = {}
        self.networks = self.at_once = 0

    def within(self, name: str) -> TrainingProgress:
        """The same progress, for one of several runs: its name is said first."""
        if self.show:
            self.console.print(visible(name), highlight=False, markup=False)
        for task in self.tasks.values():
            self.bars.remove_task(task)  # type: ignore[arg-type]
        self.tasks.clear()
        self.logged.clear()
        return self

    def __enter__(self) -> TrainingProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def preparing(self, done: int, total: int) -> None:
        """Some features have been prepared."""
        self._advance("features", done, total, "")

    def starting(self, networks: int, at_once: int) -> None:
        """So many networks are to be trained, so many at a time: after an epoch it can be said how long that takes."""
        self.networks, self.at_once = networks, at_once

    def epoch(self, part: str, report: EpochReport) -> None:
        """An epoch of one network is over."""
        if self.networks and self.show:
            rounds = math.ceil(self.networks / self.at_once)
            self.console.print(_expected(report, self.networks, rounds), highlight=False)
            self.networks = 0
        note = f"loss {report.loss:.3f}, {report.seconds:.1f} s an epoch"
        self._advance(part, report.epoch, report.epochs, note)

    def _advance(self, name: str, done: int, total: int, note: str) -> None:
        if self.console.is_terminal:
            if name not in self.tasks:
                self.tasks[name] = self.bars.add_task(visible(name), total=total, note=note)
            self.bars.update(self.tasks[name], completed=done, note=note)  # type: ignore[arg-type]
        elif self.show and (done == total or time.monotonic() - self.logged.get(name, 0.0) > LOG_SECONDS):
            self.logged[name] = time.monotonic()
            line = f"{visible(name)}: {done} of {total}  {note}".rstrip()
            self.console.print(line, highlight=False, markup=False)


def _expected(report: EpochReport, networks: int, rounds: int) -> str:
    """How long training will take, from the first epoch that is over."""
    one = report.seconds * (report.epochs - report.epoch)
    if networks == 1:
        return f"{_duration(one)} to go, at {report.seconds:.1f} s an epoch"
    every = one + report.seconds * report.epochs * (rounds - 1)
    return f"{_duration(one)} to go for this network, {_duration(every)} for all {networks}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"about {max(1, round(seconds))} s"
    return f"about {minutes} min" if minutes < 100 else f"about {minutes / 60:.1f} h"
