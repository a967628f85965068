"""How well each label is found, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from earmark.evaluation.events.summary import COLLARS, key
from earmark.evaluation.report import save

KINDS = (("segments", "segments of 1 s", "#2a6fbb"), (key(COLLARS[0]), "events, collar 500 ms", "#e0a33b"))


def draw_labels(summary: Mapping[str, Any], path: Path) -> bool:
    """F1 of each label by segments and by events, PNG, the best label first; False where the truth has no event."""
    entries = [entry for entry in summary["labels"] if entry["events"]]
    entries.sort(key=lambda entry: -float(entry["segments"]["f1"]))
    if not entries:
        return False
    figure = Figure(figsize=(8, 1.8 + 0.34 * len(entries)), layout="constrained")
    axes = figure.add_subplot()
    rows = np.arange(len(entries))
    for shift, (kind, name, colour) in zip((-0.2, 0.2), KINDS, strict=True):
        values = [entry[kind]["f1"] for entry in entries]
        average = (summary["segments"] if kind == "segments" else summary["events"][0])["micro"]["f1"]
        axes.barh(rows + shift, values, height=0.38, color=colour, label=f"{name} (all together: {average:.3f})")
        axes.axvline(average, color=colour, linestyle="--", linewidth=1)
    axes.set_yticks(rows, [f"{entry['label'].replace('_', ' ')} ({entry['events']})" for entry in entries], fontsize=8)
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("F1; beside each label, how many events of it there are")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save(figure, path)
    return True
