"""A study as a picture: accuracies of its variants with their intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from earmark.evaluation.report import save

LIGHT = 0.35  # opacity of the dots, one a fold
CHARACTERS = 12  # of a title in an inch


def draw_study(title: str, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """PNG: a bar for each variant, side by side where they differ in series only; a dot a fold, a line the interval.

    Args:
        title: above the picture.
        rows: of each variant its `variant`, `series`, `accuracy`, `low` and `high` (None without an interval) and
            `divisions`, the accuracy of each fold.
        path: where the picture goes.
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
