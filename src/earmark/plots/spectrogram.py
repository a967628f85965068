"""Spectrograms: of a recording as it is read, on axes, as thumbnails, and of augmented versions of a clip."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from earmark.features.frontend import FrontEnd, resize
from earmark.plots.style import save
from earmark.util.streams import windows
from earmark.util.types import Features, Samples

if TYPE_CHECKING:
    from earmark.augment.preview import Version

FRONT_END = FrontEnd(rate=22050, n_fft=1024, hop=441, bands=96)
COLUMNS = 1600  # about as many as a picture has pixels
RANGE_DB = 70.0  # shown below the loudest
TICKS = (250, 500, 1000, 2000, 4000, 8000)  # Hz

THUMBNAIL_COLUMNS = 320  # pixels

VERSIONS_IN_A_ROW = 4
PANEL = (3.6, 1.75)  # inches
HEADING = 0.45  # inches of a section's heading and time axis
VERSION_TICKS = (500, 1000, 2000, 4000, 8000)  # Hz
NOTE = "0.35"  # grey


def show_spectrogram(
    axes: Axes, image: Features, onset: float, offset: float, top: float, ticks: Sequence[int] = TICKS
) -> None:
    """Draw columns of a spectrogram, dB [columns, bands], which last from onset to offset; `top` is the brightest."""
    axes.imshow(
        image.T,
        origin="lower",
        aspect="auto",
        extent=(onset, max(offset, onset + 1e-3), 0, FRONT_END.bands),
        vmin=top - RANGE_DB,
        vmax=top,
        cmap="magma",
        interpolation="nearest",
    )
    heights = np.interp(ticks, FRONT_END.centres(), np.arange(FRONT_END.bands) + 0.5)
    axes.set_yticks(heights, [f"{frequency / 1000:g}" for frequency in ticks])
    axes.set_ylabel("kHz")


def spectrogram(
    blocks: Iterable[Samples], seconds: float, columns: int = COLUMNS, front_end: FrontEnd = FRONT_END
) -> Features:
    """Log-mel spectrogram [about so many columns at most, bands], dB, of blocks at the front end's rate.

    Each column shows the loudest of its frames; `seconds` is what the blocks last together.
    """
    pooled = max(1, int(front_end.frames(round(seconds * front_end.rate)) / columns))
    parts = [rows.max(axis=0) for rows, _, _ in windows(front_end.stream(blocks), pooled, 0, front_end.bands)]
    return np.array(parts, np.float32).reshape(-1, front_end.bands)


def thumbnail(samples: Samples) -> bytes:
    """A small spectrogram of samples at the rate of `FRONT_END`, as the content of a PNG.

    Of 256 colours, it has a quarter of the size of one in full colour.
    """
    levels = FRONT_END.features(samples)
    if not len(levels):
        levels = np.full((1, FRONT_END.bands), -100.0, np.float32)
    levels_shown = resize(np.ascontiguousarray(levels.T[::-1]), (FRONT_END.bands, THUMBNAIL_COLUMNS))
    top = float(levels.max())
    shade = np.clip((levels_shown - (top - RANGE_DB)) / RANGE_DB, 0, 1)
    picture = Image.fromarray(np.rint(shade * 255).astype(np.uint8)).convert("P")
    picture.putpalette(_magma())
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


@cache
def _magma() -> bytes:
    return np.asarray(colormaps["magma"](np.arange(256), bytes=True), np.uint8)[:, :3].tobytes()


def draw_versions(title: str, sections: Mapping[str, Sequence[Version]], path: Path) -> None:
    """Write a PNG of each section's versions, row by row, four to a row; the very first is the original.

    Versions must be made with `FRONT_END`. The time axis is as long as the longest of them; where
    one has ended, the panel is empty.

    Raises
    ------
    EarmarkError
        The file cannot be written.
    """
    sections = {heading: versions for heading, versions in sections.items() if versions}
    everything = [version for versions in sections.values() for version in versions]
    seconds = max(version.seconds for version in everything)
    top = float(everything[0].features.max())
    columns = min(VERSIONS_IN_A_ROW, max(map(len, sections.values())))
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
    show_spectrogram(axes, version.features, 0, version.seconds, top, VERSION_TICKS)
    axes.set_xlim(0, seconds)
    axes.set_facecolor("0.93")
    axes.tick_params(labelsize=8)
    axes.set_title(version.name, loc="left", fontsize=9.5, pad=4)
    axes.set_title(version.note, loc="right", fontsize=8, color=NOTE, pad=4)
