"""What `earmark listen` shows: lines, JSON, or a screen of what sounds now."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from earmark.cli import common

if TYPE_CHECKING:
    from rich.console import RenderableType

    from earmark.live import AnyChange, Begin

LINGERS = 2.0  # seconds that a sound's line stays after its end, so that it can be read
LOG = 500  # lines kept for a screen that grows

Show = Callable[[Sequence["AnyChange"], float], None]
"""Shows some changes, after so many seconds."""


class SoundTally:
    """Counts sounds, and how long they last, for the summary."""

    def __init__(self) -> None:
        self.begun: dict[int, Begin] = {}
        self.totals: dict[str, list[float]] = {}

    def noted(self, changes: Sequence[AnyChange]) -> Sequence[AnyChange]:
        """The changes, counted."""
        from earmark.live import Begin, End

        for change in changes:
            if isinstance(change, Begin):
                self.begun[change.id] = change
            elif isinstance(change, End):
                begin = self.begun.pop(change.id)
                total = self.totals.setdefault(begin.label, [0, 0.0])
                total[0] += 1
                total[1] += change.offset - begin.onset
        return changes

    def summary(self, seconds: float) -> str:
        """One line for each label, that which sounded longest first."""
        lines = [f"listened for {common.clock(seconds)}" + ("" if self.totals else " and heard nothing")]
        for label, (count, length) in sorted(self.totals.items(), key=lambda item: -item[1][1]):
            times = "once" if count == 1 else f"{count:g} times"
            lines.append(f"  {label.replace('_', ' ')}: {times}, {length:.1f} s in all")
        return "\n".join(lines)


@contextmanager
def shown(to: str, bell: bool, began: float | None) -> Iterator[Show]:
    """A way to show changes; `began` is the time of day of second 0, None for a recording."""
    if to == "json":
        yield _json
    elif not sys.stdout.isatty():
        yield _lines(began)
    else:
        screen = Screen(began, bell)
        with screen.live:
            yield screen.show


def _json(changes: Sequence[AnyChange], _seconds: float) -> None:
    from earmark.live import message

    for change in changes:
        common.say_json(message(change))


def _lines(began: float | None) -> Show:
    """Prints a line for each sound that begins."""
    from earmark.live import Begin

    common.standard_output()

    def show(changes: Sequence[AnyChange], _seconds: float) -> None:
        for change in changes:
            if isinstance(change, Begin):
                alarm = "  (alarm)" if change.alarm else ""
                common.say(f"{time_of(change.onset, began)}  [{change.text}]{alarm}")

    return show


@dataclass
class _Line:
    """A sound on the screen."""

    text: str
    alarm: bool
    ended: float | None = None


class Screen:
    """What sounds now in large lines, above a log of what began when."""

    def __init__(self, began: float | None, bell: bool = False, console: Console | None = None) -> None:
        self.began, self.bell, self.console = began, bell, console or Console()
        self.seconds = 0.0
        self.lines: dict[int, _Line] = {}
        self.log: deque[Text] = deque(maxlen=LOG)
        self.live = Live(
            console=self.console, get_renderable=self.picture, refresh_per_second=8, vertical_overflow="crop"
        )

    def show(self, changes: Sequence[AnyChange], seconds: float) -> None:
        """Take some changes; the screen draws itself, from another thread."""
        from earmark.live import Begin, Change

        for change in changes:
            if isinstance(change, Begin):
                self._begin(change)
            elif isinstance(change, Change):
                self.lines[change.id].text = change.text
            else:
                self.lines[change.id].ended = seconds
        self.seconds = seconds
        over = [i for i, line in self.lines.items() if line.ended is not None and seconds - line.ended > LINGERS]
        for number in over:
            del self.lines[number]

    def picture(self) -> RenderableType:
        """The screen as it now is."""
        lines = sorted(self.lines.copy().values(), key=lambda line: (line.ended is not None, not line.alarm))
        now = Text("\n\n").join([_large(line) for line in lines]) if lines else Text("…", style="dim")
        sounding = Panel(Padding(now, (1, 2)), title=f"listening · {common.clock(self.seconds)}", title_align="left")
        room = max(0, self.console.height - len(lines) * 2 - 6)
        return Group(sounding, *list(self.log)[len(self.log) - min(room, len(self.log)) :])

    def _begin(self, change: Begin) -> None:
        self.lines[change.id] = _Line(change.text, change.alarm)
        style = "bold red" if change.alarm else ""
        self.log.append(Text.assemble((f"{time_of(change.onset, self.began)}  ", "dim"), (change.text, style)))
        if change.alarm and self.bell:
            self.console.bell()


def _large(line: _Line) -> Text:
    style = "bold red reverse" if line.alarm else "bold"
    return Text(f" {line.text.upper()} ", style="dim" if line.ended is not None else style)


def time_of(seconds: float, began: float | None) -> str:
    """The time of day, or that of the recording."""
    if began is None:
        return f"{common.clock(seconds):>7}"
    return time.strftime("%H:%M:%S", time.localtime(began + seconds))
