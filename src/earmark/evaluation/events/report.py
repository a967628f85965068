"""What was measured, as text, as tables and as files."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.datasets.tables import write_events
from earmark.errors import EarmarkError
from earmark.evaluation.events.answers import Answers
from earmark.evaluation.events.summary import COLLARS, key
from earmark.util.text import SheetWriter

KINDS = ("segments", *(key(collar) for collar in COLLARS))
FIGURES = ("precision", "recall", "f1", "error_rate")


def plain(summary: Mapping[str, Any]) -> str:
    """For reading."""
    lines = [
        f"{'':<22}{'':>15}{'segments of 1 s':>25}{'events, 500 ms':>26}{'200 ms':>8}{'false':>8}",
        f"{'label':<22}{'events':>7}{'found':>7}{'precision':>12}{'recall':>8}{'F1':>7}"
        f"{'precision':>12}{'recall':>8}{'F1':>7}{'F1':>7}{'an hour':>9}",
    ]
    lines += [_line(entry) for entry in summary["labels"]]
    lines += ["", *_words(summary)]
    return "\n".join(lines) + "\n"


def _line(entry: Mapping[str, Any]) -> str:
    cells = [f"{entry['label']:<22}{entry['events']:>7}{entry['found']:>7}"]
    for kind in KINDS[:2]:
        cells += [f"{_three(entry[kind][name]):>{width}}" for name, width in zip(FIGURES, (12, 8, 7), strict=False)]
    cells.append(f"{_three(entry[KINDS[2]]['f1']):>7}{entry['false_events_an_hour']:>9.1f}")
    return "".join(cells)


def _words(summary: Mapping[str, Any]) -> list[str]:
    kinds = [(f"segments of {summary['segments']['seconds']:g} s", summary["segments"])]
    kinds += [(f"events, collar {1000 * one['collar']:.0f} ms", one) for one in summary["events"]]
    lines = []
    for name, figures in kinds:
        micro, macro = figures["micro"], figures["macro"]
        more = f"macro {_three(macro['f1'])}, error rate {_three(micro['error_rate'])}"
        lines.append(f"{_three(micro['f1']):>6}  micro-F1 of {name} ({more})")
    exact, distinct = summary["psds"]["exact"], summary["psds"]["distinct"]
    lines.append(f"{_three(exact):>6}  PSDS of DCASE's scenario 1: when exactly")
    lines.append(f"{_three(distinct):>6}  PSDS of DCASE's scenario 2: which label")
    recordings = f"{summary['recordings']} recording{'' if summary['recordings'] == 1 else 's'}"
    hours = f"{recordings}, {_time(summary['hours'])}"
    lines.append(f"{summary['false_events_an_hour']:>6.1f}  false events an hour ({hours})")
    return lines


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _time(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"


def table(summary: Mapping[str, Any]) -> str:
    """CSV with a row for each label, and before them the micro- and macro-averages, whose label is empty."""
    text = io.StringIO()
    writer = SheetWriter(text)
    columns = [f"{kind}_{figure}" for kind in KINDS for figure in FIGURES]
    writer.writerow(("average", "label", "events", "found", "false_events_an_hour", *columns))
    for average in ("micro", "macro"):
        kinds = [summary["segments"][average], *(one[average] for one in summary["events"])]
        rate = summary["false_events_an_hour"] if average == "micro" else ""
        sums = [sum(entry[name] for entry in summary["labels"]) for name in ("events", "found")]
        counts = sums if average == "micro" else ["", ""]
        writer.writerow((average, "", *counts, rate, *_cells(kinds)))
    for entry in summary["labels"]:
        counts = [entry[name] for name in ("label", "events", "found", "false_events_an_hour")]
        writer.writerow(("", *counts, *_cells([entry[kind] for kind in KINDS])))
    return text.getvalue()


def _cells(kinds: list[Mapping[str, float | None]]) -> list[float | str]:
    values = [figures[name] for figures in kinds for name in FIGURES]
    return ["" if value is None else value for value in values]


def write(answers: Answers, summary: Mapping[str, Any], folder: Path) -> list[Path]:
    """events_metrics.json, events_labels.csv, found.csv and, where the truth has events, events_f1.png.

    Raises:
        EarmarkError: they cannot be written.
    """
    from earmark.evaluation.events.picture import draw_labels

    metrics, labels, found, picture = (
        folder / name for name in ("events_metrics.json", "events_labels.csv", "found.csv", "events_f1.png")
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        metrics.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        labels.write_text(table(summary), encoding="utf-8", newline="")
        write_events(answers.marked, found)
        drawn = draw_labels(summary, picture)
    except OSError as error:
        raise EarmarkError(folder, f"cannot be written ({error.strerror})", "choose another folder") from error
    return [metrics, labels, found, *([picture] if drawn else [])]
