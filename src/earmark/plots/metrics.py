"""Metrics as pictures: confusion matrices, co-occurrence, calibration, loss by epoch, F1 by label, runs and studies."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from earmark.plots.style import FIRST, SECOND, WRONG, contrast, readable, save

CELL = (0.72, 0.42)  # inches
LABELS = (1.6, 1.9)  # inches of the names beside and above
KIN = "0.88"  # grey
LIGHT = 0.35  # opacity of the dots, one a fold
CHARACTERS = 12  # of a title in an inch
MARKS = (
    (FIRST, "o", "no source on both sides"),
    (WRONG, "X", "leaks: copies of tested clips were trained on, not to be believed"),
)
"""Colour, shape and meaning of the accuracy of an honest run, and of one that leaks."""

Floats = NDArray[np.float64]


def draw_confusion(matrix: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """Confusion matrix as shares of each true class, PNG; counts are written where they are readable."""
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    _draw_counts(matrix, shares, 1, labels, ("true", "guessed", "share of the true class"), "Blues", path)


def draw_label_errors(matrix: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """How many clips have the label of a row missed while that of a column is wrongly heard, PNG."""
    _draw_counts(matrix, matrix, max(1, int(matrix.max())), labels, ("missed", "wrongly heard", "clips"), "Reds", path)


def _draw_counts(
    counts: NDArray[np.int64],
    shown: NDArray[Any],
    most: float,
    labels: Sequence[str],
    words: tuple[str, str, str],
    colours: str,
    path: Path,
) -> None:
    """Counts [labels, labels] on shades from 0 to `most`; `words` name rows, columns and shades."""
    size = max(4.0, 1.5 + 0.27 * len(labels))
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shown, cmap=colours, vmin=0, vmax=most)
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(labelsize=8)
    axes.set_ylabel(words[0])
    axes.set_xlabel(words[1])
    for row, column in zip(*np.nonzero(counts), strict=True):
        shade = contrast(shown[row, column] / most)
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=6, color=shade)
    figure.colorbar(image, label=words[2], shrink=0.6)
    save(figure, path)


def draw_cooccurrence(
    rows: Sequence[str],
    clips: Sequence[int],
    columns: Sequence[str],
    matrix: Sequence[Sequence[int | None]],
    path: Path,
) -> None:
    """Write a PNG of how many clips of each class of a row hold that of a column, coloured by their share.

    None in the matrix, where a number says nothing, is grey.

    Raises
    ------
    EarmarkError
        The file cannot be written.
    """
    counts = np.array([[np.nan if count is None else count for count in row] for row in matrix], np.float64)
    shares = counts / np.maximum(1, np.asarray(clips, np.float64))[:, None]
    size = LABELS[0] + CELL[0] * len(columns) + 1.2, LABELS[1] + CELL[1] * len(rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(KIN)
    highest = max(0.01, float(np.nanmax(shares, initial=0.0)))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=highest, aspect="auto")
    named = [f"{readable(name)}\n{count:,} clips" for name, count in zip(rows, clips, strict=True)]
    axes.set_yticks(range(len(rows)), named)
    axes.set_xticks(range(len(columns)), [readable(name) for name in columns], rotation=40, ha="left")
    axes.tick_params(labelsize=8, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.axvline(len(rows) - 0.5, color="black", linewidth=1)
    for row, column in zip(*np.nonzero(np.isfinite(counts)), strict=True):
        shade = contrast(shares[row, column] / highest)
        axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=8, color=shade)
    figure.colorbar(image, label="share of the row's clips", format=PercentFormatter(1.0, decimals=0))
    save(figure, path)


def draw_training_curves(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Training loss by epoch, a line for each network, PNG."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, losses in curves.items():
        axes.plot(range(1, len(losses) + 1), losses, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss")
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def draw_reliability(bins: Any, path: Path) -> None:
    """Share of right answers by the score that they were given with, PNG; below, how many answers each bin holds.

    Bars on the diagonal mean what they say; below it, the network is surer than it should be (Guo et al., 2017).
    The bins are an `earmark.evaluation.clip_metrics.Reliability`.
    """
    figure = Figure(figsize=(5, 5.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    left, width = bins.edges[:-1], np.diff(bins.edges)
    filled = bins.clips > 0
    above.bar(left[filled], bins.accuracy[filled], width[filled], align="edge", color=FIRST, edgecolor="white")
    above.plot(bins.confidence[filled], bins.accuracy[filled], "o", color="black", markersize=3, label="mean score")
    above.plot([0, 1], [0, 1], "--", color="grey")
    above.set_ylim(0, 1)
    above.set_ylabel("share that is right")
    above.set_title(f"expected calibration error {bins.error:.3f}", fontsize=10)
    above.legend(loc="upper left")
    below.bar(left, bins.clips, width, align="edge", color="grey", edgecolor="white")
    below.set_xlim(0, 1)
    below.set_xlabel("score of the answer")
    below.set_ylabel("answers")
    save(figure, path)


def draw_label_f1(labels: Mapping[str, int], series: Mapping[str, tuple[Sequence[float], float]], path: Path) -> None:
    """F1 of each label, with its number of events, in two ways, PNG.

    Each of the series has, by its name, F1 of each label in the same order, and of all together.
    """
    figure = Figure(figsize=(8, 1.8 + 0.34 * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    rows = np.arange(len(labels))
    for shift, shade, (name, (values, average)) in zip((-0.2, 0.2), (FIRST, SECOND), series.items(), strict=True):
        axes.barh(rows + shift, values, height=0.38, color=shade, label=f"{name} (all together: {average:.3f})")
        axes.axvline(average, color=shade, linestyle="--", linewidth=1)
    axes.set_yticks(rows, [f"{readable(label)} ({events})" for label, events in labels.items()], fontsize=8)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("F1; beside each label, how many events of it there are")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save(figure, path)


@dataclass(frozen=True)
class RunAccuracy:
    """A row of `draw_runs`: what a run is called, and how accurate its network is."""

    name: str  # in one or two lines
    accuracy: float  # mean over divisions
    interval: tuple[float, float] | None  # its 95 % interval, None where there is none
    divisions: Sequence[float]  # accuracy of each
    leaky: bool = False  # whether copies of tested clips were trained on


def draw_runs(datasets: Mapping[str, Sequence[RunAccuracy]], path: Path) -> None:
    """Accuracy of runs with their 95 % intervals, PNG: a line for each run, a panel for each dataset.

    Small dots are divisions. Figures of a protocol that tests copies of what trained are hollow, red and crossed out.
    """
    heights = [len(runs) + 1 for runs in datasets.values()]
    figure = Figure(figsize=(9, 1.2 + 0.36 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(datasets), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (dataset, runs) in zip(panels, datasets.items(), strict=True):
        _draw_runs(axes, dataset, runs)
    panels[-1].set_xlabel("accuracy, mean over divisions, with its 95 % interval; small dots are divisions")
    if any(run.leaky for runs in datasets.values() for run in runs):
        markers = [Line2D([], [], color=c, marker=m, linestyle="", label=t) for c, m, t in MARKS]
        figure.legend(handles=markers, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save(figure, path)


def _draw_runs(axes: Axes, dataset: str, runs: Sequence[RunAccuracy]) -> None:
    for row, run in enumerate(runs):
        shade, mark, _ = MARKS[run.leaky]
        if run.interval is not None:
            style = ":" if run.leaky else "-"
            axes.plot(run.interval, [row, row], color=shade, linewidth=2, linestyle=style, alpha=0.7)
        axes.plot(run.divisions, [row] * len(run.divisions), ".", color=shade, markersize=4, alpha=0.5)
        face = "white" if run.leaky else shade
        axes.plot(run.accuracy, row, mark, color=shade, markerfacecolor=face, markersize=9)
        axes.annotate(
            f"{run.accuracy:.3f}", (run.accuracy, row), (0, 7), textcoords="offset points", ha="center", fontsize=7
        )
    axes.set_yticks(range(len(runs)), [run.name for run in runs], fontsize=7)
    for tick, run in zip(axes.get_yticklabels(), runs, strict=True):
        tick.set_color(WRONG if run.leaky else "black")
    axes.set_ylim(len(runs) - 0.4, -0.8)
    axes.set_title(dataset, loc="left", fontsize=10)
    axes.grid(axis="x", alpha=0.3)


def draw_study(title: str, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """PNG: a bar for each variant, side by side where they differ in series only; a dot a fold, a line the interval.

    Rows have `variant`, `series`, `accuracy`, `low` and `high` (None without an interval) and `divisions`, the accuracy
    of each fold.
    """
    names = list(dict.fromkeys(row["variant"] for row in rows))
    series = list(dict.fromkeys(row["series"] for row in rows))
    figure = Figure(figsize=(max(5.0, 1.5 + 0.75 * len(rows) + 0.4 * len(names)), 4.2), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(series)
    for row in rows:
        number = series.index(row["series"])
        place = names.index(row["variant"]) + (number - (len(series) - 1) / 2) * width
        axes.bar(place, row["accuracy"], 0.9 * width, color=f"C{number}", alpha=0.75)
        axes.plot([place] * len(row["divisions"]), row["divisions"], "k.", alpha=LIGHT)
        if row["low"] is not None:
            axes.plot([place, place], [row["low"], row["high"]], "k-", linewidth=1.5)
        axes.annotate(f"{row['accuracy']:.3f}", (place, 0.02), rotation=90, ha="center", va="bottom", color="white")
    axes.set_xticks(range(len(names)), names, rotation=20 if len(names) > 4 else 0)
    axes.set_ylim(0, 1)
    axes.set_ylabel("accuracy")
    axes.grid(axis="y", alpha=0.3)
    axes.set_title(textwrap.fill(title, round(CHARACTERS * figure.get_figwidth())), fontsize=10)
    if any(series):
        handles = [Patch(color=f"C{number}", alpha=0.75) for number in range(len(series))]
        figure.legend(handles, series, loc="outside lower center", ncols=len(series))
    save(figure, path)
