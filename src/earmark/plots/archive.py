"""When sounds of an archive occur: a calendar of days, a raster of hours by days, or events by recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from earmark.formats.plain_text import clock
from earmark.plots.style import save

COLOURS = "YlGnBu"
NOTHING_RECORDED = "0.9"  # grey
MOST_YEARS = 12
MOST_RECORDINGS = 40
LONGEST_NAME = 48  # letters
MOST_COLUMNS = 400  # days; where there are more, each column holds several
HOURS = 24
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = timedelta(days=1)

Covered = Sequence[tuple[datetime, float]]
"""When each recording began, and its seconds."""

Grid = NDArray[np.float64]


@dataclass(frozen=True)
class Caption:
    """What stands above a picture: what was asked, and how much of it has no date and is not drawn."""

    title: str
    undated: int = 0

    def __str__(self) -> str:
        """One line."""
        left_out = f"   ({self.undated:,} without a date are left out)" if self.undated else ""
        return f"{self.title}{left_out}"


def draw_calendar(counts: Mapping[date, int], covered: Covered, caption: Caption, path: Path) -> None:
    """Write a PNG with a strip for each year: weeks from left to right, Monday to Sunday down, coloured by events.

    Days on which nothing was recorded are grey.

    Raises
    ------
    EarmarkError
        The file cannot be written.
    """
    recorded = set(counts) | {day for day, _ in recorded_hours(covered)}
    last = max(recorded).year
    years = range(max(min(recorded).year, last - MOST_YEARS + 1), last + 1)
    figure = Figure(figsize=(13, 0.9 + 1.75 * len(years)), layout="constrained")
    panels = figure.subplots(len(years), 1, squeeze=False)[:, 0]
    highest = max(1, max(counts.values(), default=1))
    for year, axes in zip(years, panels, strict=True):
        weeks = _weeks(year, counts, recorded)
        image = axes.pcolormesh(weeks, cmap=COLOURS, vmin=0, vmax=highest, edgecolors="w", linewidth=1)
        _dress_year(axes, year)
    figure.colorbar(image, ax=list(panels), label="events a day", ticks=MaxNLocator(integer=True), pad=0.01)
    figure.suptitle(f"{caption}   grey: nothing recorded", x=0.01, ha="left", fontsize=11, parse_math=False)
    save(figure, path)


def recorded_hours(covered: Covered) -> dict[tuple[date, int], float]:
    """Hours recorded in each hour of each day."""
    recorded: dict[tuple[date, int], float] = {}
    for began, seconds in covered:
        at, end = began, began + timedelta(seconds=seconds)
        while at < end:
            following = min(end, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
            key = at.date(), at.hour
            recorded[key] = recorded.get(key, 0.0) + (following - at).total_seconds() / 3600
            at = following
    return recorded


def _weeks(year: int, counts: Mapping[date, int], recorded: set[date]) -> Grid:
    """Events [weekday, week] of a year; NaN for days that are not in it or not recorded."""
    grid = np.full((7, 54), np.nan)
    for day in _days_of(year):
        if day in recorded:
            grid[day.weekday(), _week(day)] = counts.get(day, 0)
    return grid


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + number * _DAY for number in range((date(year, 12, 31) - first).days + 1)]


def _week(day: date) -> int:
    """The column of a day: the week that the year begins in is 0."""
    first = date(day.year, 1, 1)
    return ((day - first).days + first.weekday()) // 7


def _dress_year(axes: Axes, year: int) -> None:
    squares = []
    for day in _days_of(year):
        x, y = _week(day), day.weekday()
        squares.append([(x, y), (x, y + 1), (x + 1, y + 1), (x + 1, y)])
        if day.day <= 7 and day.month > 1:  # the border of months runs left of each one's first seven days
            axes.plot([x, x], [y, y + 1], color="0.35", linewidth=0.9)
        if day.day == 1 and day.month > 1 and y > 0:
            axes.plot([x, x + 1], [y, y], color="0.35", linewidth=0.9)
    axes.add_collection(PolyCollection(squares, color=NOTHING_RECORDED, linewidth=0, zorder=0.5))
    middles = [_week(date(year, month, 15)) + 0.5 for month in range(1, 13)]
    axes.set_xticks(middles, [f"{date(year, month, 1):%b}" for month in range(1, 13)])
    axes.set_yticks([0.5, 2.5, 4.5, 6.5], DAYS[::2], fontsize=8)
    axes.set_ylim(7, 0)
    axes.set_xlim(0, 54)
    axes.set_aspect("equal")
    axes.set_ylabel(str(year), fontsize=11, fontweight="bold")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def draw_hours(cells: Mapping[tuple[date, int], int], covered: Covered, caption: Caption, path: Path) -> None:
    """Write a PNG of the hours of the day, upwards, by days, coloured by events an hour; see `draw_calendar`."""
    hours = recorded_hours(covered)
    days = {day for day, _ in cells} | {day for day, _ in hours}
    first, last = min(days), max(days)
    width = -(-((last - first).days + 1) // MOST_COLUMNS)
    columns = (last - first).days // width + 1
    counts, length = np.zeros((2, HOURS, columns))
    for (day, hour), count in cells.items():
        counts[hour, (day - first).days // width] += count
    for (day, hour), recorded in hours.items():
        length[hour, (day - first).days // width] += recorded
    rate = np.where((length > 0) | (counts > 0), counts / np.maximum(length, 1 / 60), np.nan)
    figure = Figure(figsize=(13, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(NOTHING_RECORDED)
    edges = np.datetime64(first) + width * np.arange(columns + 1)
    image = axes.pcolormesh(edges, np.arange(HOURS + 1), rate, cmap=COLOURS, vmin=0)
    axes.set_ylim(0, HOURS)
    axes.set_yticks(range(0, HOURS + 1, 3), [f"{hour:02}:00" for hour in range(0, HOURS + 1, 3)])
    axes.set_ylabel("time of day")
    axes.set_xlabel("date" if width == 1 else f"date, a column for {width} days")
    axes.set_title(f"{caption}   grey: nothing recorded", loc="left", fontsize=11, parse_math=False)
    figure.colorbar(image, label="events in an hour of recording", pad=0.01)
    save(figure, path)


def draw_recordings(
    lanes: Mapping[str, Sequence[tuple[float, float]]], durations: Mapping[str, float], caption: Caption, path: Path
) -> None:
    """Write a PNG with a lane for each recording, of many those with the most events: events at their times.

    Lanes hold onset and length of the events of each, seconds; durations are those that are known.
    """
    shown = sorted(sorted(lanes, key=lambda name: (-len(lanes[name]), name))[:MOST_RECORDINGS])
    ends = {name: max(onset + length for onset, length in lanes[name]) for name in shown}
    longest = max(max(durations.get(name, 0.0), end) for name, end in ends.items())
    figure = Figure(figsize=(13, 1.4 + 0.27 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    least = longest / 1500  # seconds: an event is a pixel or more
    for row, name in enumerate(shown):
        axes.barh(row, durations.get(name, longest), height=0.75, color=NOTHING_RECORDED)
        spans = [(onset, max(length, least)) for onset, length in lanes[name]]
        axes.broken_barh(spans, (row - 0.375, 0.75), color="C0")
    axes.set_yticks(range(len(shown)), [_short(name) for name in shown], fontsize=8, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 3, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds).partition(".")[0]))
    axes.set_xlabel("time from each recording's beginning")
    some = f"   the {len(shown)} with the most, of {len(lanes):,}" if len(shown) < len(lanes) else ""
    axes.set_title(f"{caption}{some}   grey: recorded", loc="left", fontsize=11, parse_math=False)
    save(figure, path)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]
