"""On which days a sound occurs, as a calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from earmark.archive.searching import WEEKDAYS, Group
from earmark.plots.timeline import save

COLOURS = "YlGnBu"
NOTHING_RECORDED = "0.9"  # grey
MOST_YEARS = 12
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


def draw_calendar(days: Sequence[Group], covered: Covered, caption: Caption, path: Path) -> None:
    """Write a PNG with a strip for each year: weeks from left to right, Monday to Sunday down, coloured by events.

    Args:
        days: events by day; those without a date are not drawn.
        covered: days on which nothing was recorded are grey.
        caption: what stands above.
        path: the picture.

    Raises:
        EarmarkError: the file cannot be written.
    """
    counts = {date.fromisoformat(group.name): group.events for group in days if group.name}
    recorded = set(counts) | _days(covered)
    last = max(recorded).year
    years = range(max(min(recorded).year, last - MOST_YEARS + 1), last + 1)
    figure = Figure(figsize=(13, 0.9 + 1.75 * len(years)), layout="constrained")
    panels = figure.subplots(len(years), 1, squeeze=False)[:, 0]
    highest = max(1, max(counts.values(), default=1))
    for year, axes in zip(years, panels, strict=True):
        image = axes.pcolormesh(
            *_edges(), _weeks(year, counts, recorded), cmap=COLOURS, vmin=0, vmax=highest, edgecolors="w", linewidth=1
        )
        _dress_year(axes, year)
    figure.colorbar(image, ax=list(panels), label="events a day", ticks=MaxNLocator(integer=True), pad=0.01)
    figure.suptitle(f"{caption}   grey: nothing recorded", x=0.01, ha="left", fontsize=11, parse_math=False)
    save(figure, path)


def _days(covered: Covered) -> set[date]:
    return {day for day, _ in recorded_hours(covered)}


def recorded_hours(covered: Covered) -> dict[tuple[date, int], float]:
    """Hours recorded in each hour of each day."""
    heard: dict[tuple[date, int], float] = {}
    for began, seconds in covered:
        at, end = began, began + timedelta(seconds=seconds)
        while at < end:
            following = min(end, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
            key = at.date(), at.hour
            heard[key] = heard.get(key, 0.0) + (following - at).total_seconds() / 3600
            at = following
    return heard


def _edges() -> tuple[Grid, Grid]:
    return np.arange(55, dtype=np.float64), np.arange(8, dtype=np.float64)


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
    for day in _days_of(year):
        x, y = _week(day), day.weekday()
        axes.fill_between([x, x + 1], y, y + 1, color=NOTHING_RECORDED, linewidth=0, zorder=0.5)
        if day.day <= 7 and day.month > 1:  # the border of months runs left of each one's first seven days
            axes.plot([x, x], [y, y + 1], color="0.35", linewidth=0.9)
        if day.day == 1 and day.month > 1 and y > 0:
            axes.plot([x, x + 1], [y, y], color="0.35", linewidth=0.9)
    middles = [_week(date(year, month, 15)) + 0.5 for month in range(1, 13)]
    axes.set_xticks(middles, [f"{date(year, month, 1):%b}" for month in range(1, 13)])
    axes.set_yticks([0.5, 2.5, 4.5, 6.5], [WEEKDAYS[day][:3] for day in (0, 2, 4, 6)], fontsize=8)
    axes.set_ylim(7, 0)
    axes.set_xlim(0, 54)
    axes.set_aspect("equal")
    axes.set_ylabel(str(year), fontsize=11, fontweight="bold")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
