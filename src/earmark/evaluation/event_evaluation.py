"""What a model marks in recordings whose events are known: predictions, their metrics, and a report of both."""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from earmark.datasets import Clip
from earmark.datasets.tables import write_events
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation.annotated import Annotated, cut
from earmark.evaluation.event_metrics import Counts, EventMetrics, Events, Mean, event_based, labels_of, segment_based
from earmark.evaluation.psds import DISTINCT, EXACT, psds
from earmark.events.scores import log_odds, probabilities
from earmark.events.timeline import Event
from earmark.models.labelling import RecordedScores, recorded_scores
from earmark.models.model import Model
from earmark.util.text import SheetWriter
from earmark.util.types import Progress

RESOLUTION = 1.0  # seconds of a segment
COLLARS = (0.5, 0.2)  # seconds
OFFSET_SHARE = 0.2  # of an event's length, by which its offset may differ where that is more than the collar
KINDS = ("segments", *(f"events_{1000 * collar:.0f}_ms" for collar in COLLARS))
METRICS = ("precision", "recall", "f1", "error_rate")

THRESHOLDS = probabilities(np.linspace(-7, 7, 50, dtype=np.float32), exclusive=False)
"""Where operating points lie: even on the scale of log-odds, from 0.0009 to 0.9991."""

Table = dict[str, list[Event]]
"""Events of each clip, by its name; times in seconds from its beginning."""


@dataclass
class Predictions:
    """What a model finds, beside what is there."""

    labels: tuple[str, ...]  # of the model
    durations: dict[str, float] = field(default_factory=dict)  # seconds of each clip that could be read, by its name
    truth: Table = field(default_factory=dict)  # what sounds in each
    found: Table = field(default_factory=dict)  # what the model marks in each, at its own thresholds
    swept: list[Table] = field(default_factory=lambda: [{} for _ in THRESHOLDS])  # what it would mark at each of them
    marked: Table = field(default_factory=dict)
    """What it marks in each recording, by its path as the dataset table writes it, in the recording's time."""
    unreadable: list[EarmarkError] = field(default_factory=list)  # why clips are missing


def predict(model: Model, annotated: Annotated, progress: Progress | None = None) -> Predictions:
    """Mark the events of every recording once; of a clip counts what lies within it.

    Raises
    ------
    DatasetError
        No recording could be read.
    """
    predictions = Predictions(model.labels)
    by_path: dict[Path, list[Clip]] = {}
    for clip in annotated.clips:
        by_path.setdefault(clip.path, []).append(clip)
    for done, clips in enumerate(by_path.values()):
        try:
            _add(predictions, annotated, clips, recorded_scores(model, clips[0].path))
        except EarmarkError as error:
            predictions.unreadable.append(error)
        if progress:
            progress(done + 1, len(by_path))
    if not predictions.durations:
        reasons = f" ({predictions.unreadable[0]})" if predictions.unreadable else ""
        raise DatasetError(annotated.table, f"holds no recording that can be read{reasons}")
    return predictions


def _add(predictions: Predictions, annotated: Annotated, clips: Sequence[Clip], recorded: RecordedScores) -> None:
    """The clips of one recording."""
    found, swept = recorded.events(), sweep(recorded)
    recording = annotated.name(clips[0])
    marked: list[Event] = []
    for clip in clips:
        end = recorded.duration if clip.end is None else min(clip.end, recorded.duration)
        if end <= clip.start:
            reason = f"ends at {recorded.duration:.2f} s, before its clip begins, at {clip.start:g} s"
            predictions.unreadable.append(DatasetError(clip.path, reason, "mend the table"))
            continue
        name = f"{recording} {clip.start:g}-{end:g}"
        predictions.durations[name] = end - clip.start
        predictions.truth[name] = annotated.inside(clip, end - clip.start)
        predictions.found[name] = cut(found, clip.start, end)
        for table, events in zip(predictions.swept, swept, strict=True):
            table[name] = cut(events, clip.start, end)
        marked += (event for event in found if event.onset < end and event.offset > clip.start)
    if marked:
        predictions.marked[recording] = list(dict.fromkeys(marked))


def sweep(recorded: RecordedScores) -> list[list[Event]]:
    """The events at each of `THRESHOLDS`; those below which events end keep their distance in log-odds."""
    about = recorded.about
    apart = log_odds(about.off, False) - log_odds(about.on, False)
    ons = [np.full(len(about.labels), threshold, np.float32) for threshold in THRESHOLDS]
    return [recorded.events(None, on, probabilities(log_odds(on, False) + apart, False)) for on in ons]


def summary(predictions: Predictions) -> dict[str, Any]:
    """All metrics by name, JSON: None where one is not defined.

    `segments` and `events` have precision, recall, F1 and error rate: `micro` counts all labels together, `macro` is
    the mean over the labels that occur in the truth. `false_events_an_hour`: events found of which nothing is there.
    """
    truth, found, durations = predictions.truth, predictions.found, predictions.durations
    segments = segment_based(truth, found, durations, RESOLUTION, predictions.labels)
    events = {collar: event_based(truth, found, collar, OFFSET_SHARE, predictions.labels) for collar in COLLARS}
    hours = sum(durations.values()) / 3600
    wrong = false_events(truth, found)
    return {
        "recordings": len(durations),
        "hours": round(hours, 4),
        "unreadable": len(predictions.unreadable),
        "segments": {"seconds": RESOLUTION, **_averages(segments)},
        "events": [
            {"collar": collar, "offset_share": OFFSET_SHARE, **_averages(metrics)} for collar, metrics in events.items()
        ],
        "psds": {
            "exact": _number(psds(truth, predictions.swept, durations, EXACT).value),
            "distinct": _number(psds(truth, predictions.swept, durations, DISTINCT).value),
        },
        "false_events_an_hour": round(wrong.total() / hours, 2),
        "labels": [
            {
                "label": label,
                "events": events[COLLARS[0]].labels[label].truth,
                "found": events[COLLARS[0]].labels[label].found,
                "false_events_an_hour": round(wrong[label] / hours, 2),
                "segments": _named(segments.labels[label]),
                **{
                    kind: _named(metrics.labels[label])
                    for kind, metrics in zip(KINDS[1:], events.values(), strict=True)
                },
            }
            for label in labels_of(truth, found)
        ],
    }


def false_events(truth: Events, found: Events) -> Counter[str]:
    """How many events of each label were found where nothing of it is, not even for a moment."""
    wrong: Counter[str] = Counter()
    for name, events in found.items():
        wrong.update(event.label for event in events if not _touches(event, truth.get(name, ())))
    return wrong


def _touches(event: Event, others: Sequence[Event]) -> bool:
    return any(e.label == event.label and e.onset < event.offset and event.onset < e.offset for e in others)


def _averages(metrics: EventMetrics) -> Mapping[str, Any]:
    return {"micro": _named(metrics.micro), "macro": _named(metrics.macro)}


def _named(metrics: Counts | Mean) -> dict[str, float | None]:
    return {name: _number(getattr(metrics, name)) for name in METRICS}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def plain(summary: Mapping[str, Any]) -> str:
    """For reading."""
    lines = [
        f"{'':<22}{'':>15}{'segments of 1 s':>25}{'events, 500 ms':>26}{'200 ms':>8}{'false':>8}",
        f"{'label':<22}{'events':>7}{'found':>7}{'precision':>12}{'recall':>8}{'F1':>7}"
        f"{'precision':>12}{'recall':>8}{'F1':>7}{'F1':>7}{'an hour':>9}",
    ]
    lines += [_line(entry) for entry in summary["labels"]]
    lines += ["", *_averaged(summary)]
    return "\n".join(lines) + "\n"


def _line(entry: Mapping[str, Any]) -> str:
    cells = [f"{entry['label']:<22}{entry['events']:>7}{entry['found']:>7}"]
    for kind in KINDS[:2]:
        cells += [f"{_three(entry[kind][name]):>{width}}" for name, width in zip(METRICS, (12, 8, 7), strict=False)]
    cells.append(f"{_three(entry[KINDS[2]]['f1']):>7}{entry['false_events_an_hour']:>9.1f}")
    return "".join(cells)


def _averaged(summary: Mapping[str, Any]) -> list[str]:
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
    columns = [f"{kind}_{figure}" for kind in KINDS for figure in METRICS]
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
    values = [figures[name] for figures in kinds for name in METRICS]
    return ["" if value is None else value for value in values]


def write(predictions: Predictions, summary: Mapping[str, Any], folder: Path) -> list[Path]:
    """events_metrics.json, events_labels.csv, found.csv and, where the truth has events, events_f1.png.

    Raises
    ------
    EarmarkError
        They cannot be written.
    """
    metrics, labels, found, picture = (
        folder / name for name in ("events_metrics.json", "events_labels.csv", "found.csv", "events_f1.png")
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        metrics.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        labels.write_text(table(summary), encoding="utf-8", newline="")
        write_events(predictions.marked, found)
        drawn = _draw(summary, picture)
    except OSError as error:
        raise EarmarkError(folder, f"cannot be written ({error.strerror})", "choose another folder") from error
    return [metrics, labels, found, *([picture] if drawn else [])]


def _draw(summary: Mapping[str, Any], path: Path) -> bool:
    """F1 of each label, the best label first; False where the truth has no event."""
    from earmark.plots.metrics import draw_label_f1

    entries = [entry for entry in summary["labels"] if entry["events"]]
    entries.sort(key=lambda entry: -float(entry["segments"]["f1"]))
    if not entries:
        return False
    averages = {"segments": summary["segments"], KINDS[1]: summary["events"][0]}
    series = {
        name: ([entry[kind]["f1"] for entry in entries], averages[kind]["micro"]["f1"])
        for name, kind in (("segments of 1 s", "segments"), ("events, collar 500 ms", KINDS[1]))
    }
    draw_label_f1({entry["label"]: entry["events"] for entry in entries}, series, path)
    return True
