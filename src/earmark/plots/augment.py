"""Versions of a clip as a picture: a spectrogram of each, on the same axes and in the same colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from earmark.augment.showing import Version
from earmark.plots.timeline import save, show_spectrogram

COLUMNS = 4
PANEL = (3.6, 1.75)  # inches
HEADING = 0.45  # inches of a section's heading and time axis
TICKS = (500, 1000, 2000, 4000, 8000)  # Hz
NOTE = "0.35"  # grey


def draw_versions(title: str, sections: Mapping[str, Sequence[Version]], path: Path) -> None:
    """Write a PNG of each section's versions, row by row, four to a row; the very first is the original.

    Versions must be made with the front end of `earmark.plot`. The time axis is as long as the longest of them; where
    one has ended, the panel is empty.

    Raises:
        EarmarkError: the file cannot be written.
    """
    sections = {heading: versions for heading, versions in sections.items() if versions}
    everything = [version for versions in sections.values() for version in versions]
    seconds = max(version.seconds for version in everything)
    top = float(everything[0].features.max())
    columns = min(COLUMNS, max(map(len, sections.values())))
    rows = {heading: -(-len(versions) // columns) for heading, versions in sections.items()}
    height = PANEL[1] * sum(rows.values()) + HEADING * (len(rows) + 1)
    figure = Figure(figsize=(PANEL[0] * columns + 0.8, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    grid = figure.subplots(sum(rows.values()), columns, squeeze=False)
    first = 0
    for heading, versions in sections.items():
        panels = grid[first : first + rows[heading]].ravel().tolist()
        _draw_section(panels, heading, versions, columns, seconds, top)
        first += rows[heading]
    bar = figure.colorbar(grid[0, 0].images[0], ax=grid[: rows[next(iter(rows))]], pad=0.01, aspect=12)
    bar.set_label("dB", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    save(figure, path)


def _draw_section(
    panels: Sequence[Axes], heading: str, versions: Sequence[Version], columns: int, seconds: float, top: float
) -> None:
    for place, axes in enumerate(panels):
        if place >= len(versions):
            axes.set_axis_off()
            continue
        _draw_version(axes, versions[place], seconds, top)
        if place % columns:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if place + columns >= len(panels):
            axes.set_xlabel("seconds", fontsize=8, labelpad=1)
        else:
            axes.tick_params(labelbottom=False)
    panels[0].annotate(
        heading, (0, 1), (0, 19), xycoords="axes fraction", textcoords="offset points", fontsize=11, fontweight="bold"
    )


def _draw_version(axes: Axes, version: Version, seconds: float, top: float) -> None:
    show_spectrogram(axes, version.features, 0, version.seconds, top, TICKS)
    axes.set_xlim(0, seconds)
    axes.set_facecolor("0.93")
    axes.tick_params(labelsize=8)
    axes.set_title(version.name, loc="left", fontsize=9.5, pad=4)
    axes.set_title(version.note, loc="right", fontsize=8, color=NOTE, pad=4)
