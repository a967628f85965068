"""Which classes occur together, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from earmark.plots.timeline import save

CELL = (0.72, 0.42)  # inches
LABELS = (1.6, 1.9)  # inches of the names beside and above
KIN = "0.88"  # grey


def draw_together(
    rows: Sequence[str],
    clips: Sequence[int],
    columns: Sequence[str],
    matrix: Sequence[Sequence[int | None]],
    path: Path,
) -> None:
    """Write a PNG of a co-occurrence matrix: coloured by shares of each row's clips, with the clips counted.

    Args:
        rows: Names of the wanted classes.
        clips: How many clips hold each of them.
        columns: Names of what occurs with them.
        matrix: [rows, columns] clips that hold both; None where that says nothing, which is grey.
        path: The picture.

    Raises:
        EarmarkError: the file cannot be written.
    """
    counts = np.array([[np.nan if count is None else count for count in row] for row in matrix], np.float64)
    shares = counts / np.maximum(1, np.asarray(clips, np.float64))[:, None]
    figure = Figure(figsize=_size(len(rows), len(columns)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(KIN)
    highest = max(0.01, float(np.nanmax(shares, initial=0.0)))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=highest, aspect="auto")
    named = [f"{_readable(name)}\n{count:,} clips" for name, count in zip(rows, clips, strict=True)]
    axes.set_yticks(range(len(rows)), named)
    axes.set_xticks(range(len(columns)), [_readable(name) for name in columns], rotation=40, ha="left")
    axes.tick_params(labelsize=8, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.axvline(len(rows) - 0.5, color="black", linewidth=1)
    for row, column in zip(*np.nonzero(np.isfinite(counts)), strict=True):
        shade = "white" if shares[row, column] > 0.6 * highest else "black"
        axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=8, color=shade)
    figure.colorbar(image, label="share of the row's clips", format=PercentFormatter(1.0, decimals=0))
    save(figure, path)


def _size(rows: int, columns: int) -> tuple[float, float]:
    return LABELS[0] + CELL[0] * columns + 1.2, LABELS[1] + CELL[1] * rows


def _readable(name: str) -> str:
    return name.replace("_", " ")
