"""At which hours of which days a sound occurs, or when in which recordings, as a raster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from earmark.archive.calendar_plot import COLOURS, NOTHING_RECORDED, Caption, Covered, recorded_hours
from earmark.archive.searching import Found
from earmark.formats.plain_text import clock
from earmark.plots.timeline import save

MOST_RECORDINGS = 40
MOST_COLUMNS = 400  # days; where there are more, each column holds several
HOURS = 24


def draw_hours(cells: Mapping[tuple[date, int], int], covered: Covered, caption: Caption, path: Path) -> None:
    """Write a PNG of the hours of the day, upwards, by days, coloured by events an hour; see `draw_calendar`.

    Args:
        cells: events by day and hour.
        covered: hours of which nothing was recorded are grey.
        caption: what stands above.
        path: the picture.
    """
    hours = recorded_hours(covered)
    days = {day for day, _ in cells} | {day for day, _ in hours}
    first, last = min(days), max(days)
    width = -(-((last - first).days + 1) // MOST_COLUMNS)
    columns = (last - first).days // width + 1
    counts, length = np.zeros((2, HOURS, columns))
    for (day, hour), count in cells.items():
        counts[hour, (day - first).days // width] += count
    for (day, hour), heard in hours.items():
        length[hour, (day - first).days // width] += heard
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


def draw_recordings(found: Sequence[Found], durations: Mapping[str, float], caption: Caption, path: Path) -> None:
    """Write a PNG with a lane for each recording, of many those with the most events: events at their times.

    Args:
        found: the events.
        durations: seconds of each recording, where they are known.
        caption: what stands above.
        path: the picture.
    """
    lanes: dict[str, list[Found]] = {}
    for one in found:
        lanes.setdefault(one.recording, []).append(one)
    shown = sorted(sorted(lanes, key=lambda name: (-len(lanes[name]), name))[:MOST_RECORDINGS])
    longest = max(max(durations.get(name, 0.0), max(one.offset for one in lanes[name])) for name in shown)
    figure = Figure(figsize=(13, 1.4 + 0.27 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    least = longest / 1500  # seconds: an event is a pixel or more
    for row, name in enumerate(shown):
        axes.barh(row, durations.get(name, longest), height=0.75, color=NOTHING_RECORDED)
        spans = [(one.onset, max(one.length, least)) for one in lanes[name]]
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


def _short(name: str, most: int = 48) -> str:
    return name if len(name) <= most else "…" + name[1 - most :]
