"""Progress on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from earmark.training.fit import EpochReport
    from earmark.training.words.fit import WordsEpoch

LOG_SECONDS = 30.0  # where standard error is no terminal, a line this often instead of a bar


class TrainingProgress:
    """Bars for preparing and for each network; lines instead where nobody watches a terminal."""

    def __init__(self, show: bool = True) -> None:
        self.show = show
        self.console = Console(stderr=True)
        self.bars = Progress(
            TextColumn("{task.description:<10}"),
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

    def __enter__(self) -> TrainingProgress:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def preparing(self, done: int, total: int) -> None:
        """Some features have been prepared."""
        self._advance("features", done, total, "")

    def epoch(self, part: str, report: EpochReport | WordsEpoch) -> None:
        """An epoch of one network is over."""
        note = f"loss {report.loss:.3f}, {report.seconds:.1f} s an epoch"
        self._advance(part, report.epoch, report.epochs, note)

    def _advance(self, name: str, done: int, total: int, note: str) -> None:
        if self.console.is_terminal:
            if name not in self.tasks:
                self.tasks[name] = self.bars.add_task(name, total=total, note=note)
            self.bars.update(self.tasks[name], completed=done, note=note)  # type: ignore[arg-type]
        elif self.show and (done == total or time.monotonic() - self.logged.get(name, 0.0) > LOG_SECONDS):
            self.logged[name] = time.monotonic()
            self.console.print(f"{name}: {done} of {total}  {note}".rstrip(), highlight=False)
