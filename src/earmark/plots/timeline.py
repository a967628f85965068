"""A recording's timeline as a picture: its spectrogram and a lane for each label; or the labels of each second."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Sized
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from earmark import media
from earmark.events.scores import Scores
from earmark.events.seconds import Second, Seconds
from earmark.events.timeline import Event, Timeline
from earmark.plots.spectrogram import COLUMNS, FRONT_END, show_spectrogram, spectrogram
from earmark.plots.style import Picture, colour, readable, save, time_axis
from earmark.util.types import Features

MOST_LANES = 15
CURVES = 1.8  # inches of the panel of scores
ROW_COLUMNS = 600  # windows in a row of the second-by-second picture: ten minutes of seconds, two pixels each
MOST_ROWS = 12
ROLL_COLOURS = "viridis_r"  # the surer, the darker
GRIDDED = 60  # a row of at most so many windows has lines between them


def draw_timeline(
    source: media.Source, timeline: Timeline, path: Path, track: int = 0, scores: Scores | None = None
) -> None:
    """Write a PNG of the recording's spectrogram with its events; of many labels, those that sound longest.

    With `scores`, the probability of each of these labels over time is drawn below.
    """
    save(timeline_figure(media.Sound(source, track=track), timeline, scores), path)


def timeline_figure(sound: media.Sound | None, timeline: Timeline, scores: Scores | None = None) -> Figure:
    """The same as a figure; without a recording to read from, there is no spectrogram."""
    lanes = _lanes(timeline)
    heights = [*([2.6] if sound else []), max(0.6, 0.32 * len(lanes)), *([CURVES] if scores else [])]
    height = 0.6 + 2.6 * bool(sound) + 0.32 * max(1, len(lanes)) + CURVES * bool(scores)
    figure = Picture(figsize=(14, height), layout="constrained")
    panels = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])
    if sound:
        _draw_spectrogram(panels[0], sound, timeline)
    _draw_lanes(panels[1 if sound else 0], lanes, timeline.duration)
    if scores:
        _draw_scores(panels[-1], scores, [label for label, _ in lanes], timeline.duration)
    there = {event.label for event in timeline.events}
    title = f"{Path(timeline.recording).name}   ({timeline.model}{_left_out(lanes, there)})"
    panels[0].set_title(title, loc="left", fontsize=10, parse_math=False)
    return figure


def draw_scores(title: str, scores: Sequence[tuple[str, float]], path: Path) -> None:
    """Write a PNG with a bar for each (label, score), from top to bottom."""
    figure = Figure(figsize=(7, 1.0 + 0.32 * len(scores)), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh([readable(label) for label, _ in scores], [score for _, score in scores], color="C0")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_xlim(0, 1.08)
    axes.invert_yaxis()
    axes.set_xlabel("probability")
    axes.set_title(title, loc="left", fontsize=10)
    save(figure, path)


def draw_seconds(seconds: Seconds, path: Path) -> None:
    """Write a PNG of labels by windows, coloured by score: like a piano roll, ten minutes of seconds a row.

    Of many labels those that fill the most windows are shown, the same ones in each row. Where a recording is longer
    than twelve rows, the rows are longer, and a pixel shows the best score of its windows.
    """
    labels = _roll_labels(seconds.windows)
    columns = max(ROW_COLUMNS, -(-len(seconds.windows) // MOST_ROWS))
    rows = [seconds.windows[i : i + columns] for i in range(0, len(seconds.windows), columns)] or [()]
    lane = 0.22 if len(rows) > 1 else 0.32
    figure = Figure(figsize=(14, 0.6 + len(rows) * (0.5 + lane * max(1, len(labels)))), layout="constrained")
    panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axes, row in zip(panels, rows, strict=True):
        _draw_roll(axes, row, labels, columns * seconds.every if len(rows) > 1 else 0.0)
    shades = ScalarMappable(Normalize(0, 1), ROLL_COLOURS)
    figure.colorbar(shades, ax=list(panels), label="score", pad=0.01, aspect=40 if len(rows) > 2 else 12)
    each = "second" if seconds.every == 1 else f"{seconds.every:g} s"
    there = {label for window in seconds.windows for label, _ in window.labels}
    shown = f"the labels of each {each}{_left_out(labels, there)}"
    title = f"{Path(seconds.recording).name}   ({seconds.model}, {shown})"
    panels[0].set_title(title, loc="left", fontsize=10, parse_math=False)
    save(figure, path)


def _draw_spectrogram(axes: Axes, sound: media.Sound, timeline: Timeline) -> None:
    image = _columns(sound, timeline.duration)
    show_spectrogram(axes, image, 0, timeline.duration, float(image.max()) if image.size else 0.0)


def _left_out(shown: Sized, there: Sized) -> str:
    """What a title says where not all labels are shown."""
    return f", {len(shown)} of {len(there)} labels" if len(shown) < len(there) else ""


def _columns(sound: media.Sound, duration: float) -> Features:
    with sound.open() as recording:
        return spectrogram(recording.blocks(FRONT_END.rate), duration)


def _lanes(timeline: Timeline) -> list[tuple[str, list[Event]]]:
    """The labels that sound longest, each with its events, in the order in which they begin."""
    lanes: dict[str, list[Event]] = defaultdict(list)
    for event in timeline.events:
        lanes[event.label].append(event)
    longest = sorted(lanes, key=lambda label: -sum(e.duration for e in lanes[label]))[:MOST_LANES]
    return [(label, events) for label, events in lanes.items() if label in longest]


def _draw_lanes(axes: Axes, lanes: list[tuple[str, list[Event]]], duration: float) -> None:
    for row, (_, events) in enumerate(lanes):
        for event in events:
            bar = [(event.onset, event.duration)]
            axes.broken_barh(bar, (row - 0.4, 0.8), facecolors=colour(row), alpha=0.3 + 0.7 * event.score)
    axes.set_yticks(range(len(lanes)), [readable(label) for label, _ in lanes])
    axes.set_ylim(max(0.5, len(lanes) - 0.5), -0.5)
    time_axis(axes, 0, duration)
    axes.grid(axis="x", alpha=0.3)
    if not lanes:
        axes.text(0.5, 0.5, "nothing was marked", transform=axes.transAxes, ha="center", va="center")


def _draw_scores(axes: Axes, scores: Scores, labels: Sequence[str], duration: float) -> None:
    """A line for each label, in the colour of its lane; where nothing was marked, for the label that came nearest."""
    unmarked = not labels and scores.values.size > 0
    if unmarked:
        labels = [scores.labels[int(scores.values.max(axis=0).argmax())]]
    times = (np.arange(len(scores.values)) + 0.5) * scores.step
    for row, label in enumerate(labels):
        values = scores.values[:, scores.labels.index(label)]
        axes.plot(times, values, color=colour(row), linewidth=1, label=readable(label))
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("probability")
    time_axis(axes, 0, duration)
    axes.grid(alpha=0.3)
    if unmarked:
        axes.legend(loc="upper right")


def _roll_labels(windows: Iterable[Second]) -> list[str]:
    """The labels that fill the most windows, in the order in which they begin."""
    filled = Counter(label for window in windows for label, _ in window.labels)
    longest = {label for label, _ in filled.most_common(MOST_LANES)}
    return [label for label in filled if label in longest]


def _draw_roll(axes: Axes, row: Sequence[Second], labels: Sequence[str], length: float) -> None:
    """The windows' scores for each label; `length` seconds of axis where rows are to have one scale."""
    begin, end = (row[0].start, row[-1].end) if row else (0.0, 0.0)
    scores = np.full((max(1, len(labels)), len(row)), np.nan)
    for column, window in enumerate(row):
        for label, score in window.labels:
            if label in labels:
                scores[labels.index(label), column] = score
    firsts = list(range(0, len(row), -(-len(row) // COLUMNS) or 1))
    if firsts:
        best = np.fmax.reduceat(scores, firsts, axis=1)  # nothing that sounds is lost between pixels
        edges = [*(row[first].start for first in firsts), end]
        cells = axes.pcolormesh(edges, np.arange(len(scores) + 1) - 0.5, best, cmap=ROLL_COLOURS, vmin=0, vmax=1)
        if len(row) <= GRIDDED:
            cells.set(edgecolor="0.85", linewidth=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 3, 6, 10]))  # whole minutes in ten of them
    axes.set_yticks(range(len(labels)), [readable(label) for label in labels], parse_math=False)
    axes.set_ylim(max(0.5, len(labels) - 0.5), -0.5)
    for lane in range(1, len(labels)):
        axes.axhline(lane - 0.5, color="0.9", linewidth=0.5, zorder=0)
    time_axis(axes, begin, max(end, begin + length))
    axes.grid(axis="x", alpha=0.3)
    if not labels:
        axes.text(0.5, 0.5, "nothing was marked", transform=axes.transAxes, ha="center", va="center")
