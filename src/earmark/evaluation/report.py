"""Pictures of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from earmark.evaluation.calibration import Reliability
from earmark.evaluation.runs import Run
from earmark.util.atomic import atomic_write

HONEST, LEAKY = "#2a6fbb", "#c8473f"


def draw_confusion(matrix: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """Confusion matrix as shares of each true class, PNG; counts are written where they are readable."""
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    _draw_counts(matrix, shares, 1, labels, ("true", "guessed", "share of the true class"), "Blues", path)


def draw_errors(matrix: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
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
        shade = "white" if shown[row, column] > 0.6 * most else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=6, color=shade)
    figure.colorbar(image, label=words[2], shrink=0.6)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    with atomic_write(path) as part:
        figure.savefig(part, dpi=110, format="png")


def draw_curves(curves: Mapping[str, Sequence[float]], path: Path) -> None:
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


def draw_reliability(found: Reliability, path: Path) -> None:
    """Share of right answers by the score that they were given with, PNG; below, how many answers each bin holds.

    Bars on the diagonal mean what they say; below it, the network is surer than it should be (Guo et al., 2017).
    """
    figure = Figure(figsize=(5, 5.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    left, width = found.edges[:-1], np.diff(found.edges)
    filled = found.clips > 0
    above.bar(left[filled], found.accuracy[filled], width[filled], align="edge", color=HONEST, edgecolor="white")
    above.plot(found.confidence[filled], found.accuracy[filled], "o", color="black", markersize=3, label="mean score")
    above.plot([0, 1], [0, 1], "--", color="grey")
    above.set_ylim(0, 1)
    above.set_ylabel("share that is right")
    above.set_title(f"expected calibration error {found.error:.3f}", fontsize=10)
    above.legend(loc="upper left")
    below.bar(left, found.clips, width, align="edge", color="grey", edgecolor="white")
    below.set_xlim(0, 1)
    below.set_xlabel("score of the answer")
    below.set_ylabel("answers")
    save(figure, path)


def draw_comparison(runs: Sequence[Run], path: Path) -> None:
    """Accuracy of runs with their 95 % intervals, PNG: a line for each run, a panel for each dataset.

    Small dots are divisions. Figures of a protocol that tests copies of what trained are hollow, red and crossed out.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.dataset, []).append(run)
    heights = [len(group) + 1 for group in groups.values()]
    figure = Figure(figsize=(9, 1.2 + 0.36 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(groups), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (dataset, group) in zip(panels, groups.items(), strict=True):
        _draw_group(axes, dataset, group)
    panels[-1].set_xlabel("accuracy, mean over divisions, with its 95 % interval; small dots are divisions")
    if any(run.leaky for run in runs):
        marks = [Line2D([], [], color=c, marker=m, linestyle="", label=t) for c, m, t in MARKS]
        figure.legend(handles=marks, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save(figure, path)


MARKS = (
    (HONEST, "o", "no source on both sides"),
    (LEAKY, "X", "leaks: copies of tested clips were trained on, not to be believed"),
)


def _draw_group(axes: Axes, dataset: str, runs: Sequence[Run]) -> None:
    for row, run in enumerate(runs):
        colour, mark, _ = MARKS[run.leaky]
        if run.interval is not None:
            style = ":" if run.leaky else "-"
            axes.plot(run.interval, [row, row], color=colour, linewidth=2, linestyle=style, alpha=0.7)
        each = [division["accuracy"] for division in run.divisions]
        axes.plot(each, [row] * len(each), ".", color=colour, markersize=4, alpha=0.5)
        face = "white" if run.leaky else colour
        axes.plot(run.accuracy, row, mark, color=colour, markerfacecolor=face, markersize=9)
        axes.annotate(
            f"{run.accuracy:.3f}", (run.accuracy, row), (0, 7), textcoords="offset points", ha="center", fontsize=7
        )
    axes.set_yticks(range(len(runs)), [f"{run.name}, {run.network}\n{run.tested}" for run in runs], fontsize=7)
    for tick, run in zip(axes.get_yticklabels(), runs, strict=True):
        tick.set_color(LEAKY if run.leaky else "black")
    axes.set_ylim(len(runs) - 0.4, -0.8)
    axes.set_title(dataset, loc="left", fontsize=10)
    axes.grid(axis="x", alpha=0.3)
