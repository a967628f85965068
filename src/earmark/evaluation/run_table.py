"""Runs as a table: for people's eyes, as Markdown, CSV and JSON."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from earmark.errors import EarmarkError
from earmark.evaluation.runs import Run
from earmark.util.text import SheetWriter, in_json, visible


@dataclass(frozen=True)
class Column:
    """One thing that a table says of each run.

    Attributes:
        heading: of the column, for people.
        value: for machines, and to sort by; None where it is not known.
        text: for people.
        figure: whether it stands to the right, and is sorted from the largest.
    """

    heading: str
    value: Callable[[Run], Any]
    text: Callable[[Run], str]
    figure: bool = False


def _words(heading: str, value: Callable[[Run], str], text: Callable[[Run], str] | None = None) -> Column:
    return Column(heading, value, text or value)


def _figure(heading: str, value: Callable[[Run], Any], form: str) -> Column:
    def text(run: Run) -> str:
        figure = value(run)
        return "-" if figure is None else format(figure, form)

    return Column(heading, value, text, True)


def _interval(run: Run) -> str:
    return "-" if run.interval is None else f"{run.interval[0]:.3f} to {run.interval[1]:.3f}"


COLUMNS: dict[str, Column] = {
    "name": _words("run", lambda run: run.name),
    "dataset": _words("dataset", lambda run: run.dataset),
    "network": _words("network", lambda run: run.network),
    "parameters": _figure("parameters", lambda run: run.parameters, ","),
    "front_end": _words("front end", lambda run: run.front_end),
    "augmentation": _words("augmentation", lambda run: run.augmentation),
    "protocol": _words("tested on", lambda run: run.protocol, lambda run: run.tested),
    "divisions": _figure("divisions", lambda run: len(run.divisions), "d"),
    "accuracy": _figure("accuracy", lambda run: run.accuracy, ".3f"),
    "interval": Column("95 % interval", lambda run: run.interval, _interval, True),
    "multi_crop": _figure("multi-crop", lambda run: run.multi_crop, ".3f"),
    "macro_f1": _figure("macro-F1", lambda run: run.macro_f1, ".3f"),
    "ece": _figure("ECE", lambda run: run.ece, ".3f"),
    "epoch_seconds": _figure("s an epoch", lambda run: run.epoch_seconds, ".1f"),
    "date": _figure("date", lambda run: run.date or None, ""),
    "folder": _words("folder", lambda run: run.folder.as_posix()),
}

ALL = "all"
SHORT = ("name", "dataset", "network", "parameters", "protocol", "divisions", "accuracy", "interval", "macro_f1", "ece")
"""What fits a terminal."""
USUAL = tuple(name for name in COLUMNS if name not in ("multi_crop", "folder"))
ORDER = ("dataset", "accuracy")
"""Which runs come first unless somebody says otherwise."""


def usual(form: str) -> tuple[str, ...]:
    """What a table says unless somebody says otherwise."""
    return SHORT if form == "table" else USUAL


def column(name: str, option: str) -> Column:
    """The column of this name.

    Raises:
        EarmarkError: there is none; `option` names where it was given.
    """
    if name not in COLUMNS:
        raise EarmarkError(f"{option} {name}", "is no column", f"choose among {', '.join(COLUMNS)}")
    return COLUMNS[name]


def names(text: str, option: str) -> tuple[str, ...]:
    """The columns that a list such as `name,accuracy` names; `all` stands for all.

    Raises:
        EarmarkError: there is no such column.
    """
    if text.strip() == ALL:
        return tuple(COLUMNS)
    chosen = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for name in chosen:
        column(name, option)
    return chosen


def sort(runs: Sequence[Run], by: Sequence[str] = ORDER) -> list[Run]:
    """Runs by the first of these columns, those that are alike there by the next.

    Figures and dates go down from the largest, words by the alphabet; what is not known comes last.

    Raises:
        EarmarkError: there is no such column.
    """
    ordered = list(runs)
    for chosen in [column(name, "--sort") for name in reversed(by)]:
        known = [run for run in ordered if chosen.value(run) is not None]
        known.sort(key=chosen.value, reverse=chosen.figure)
        ordered = known + [run for run in ordered if chosen.value(run) is None]
    return ordered


def plain(runs: Sequence[Run], columns: Sequence[str] = SHORT) -> str:
    """Aligned lines, and what their headings mean."""
    chosen = [COLUMNS[name] for name in columns]
    rows = [[c.heading for c in chosen], *([visible(c.text(run)) for c in chosen] for run in runs)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(chosen))]
    lines = [
        "  ".join(
            cell.rjust(width) if c.figure else cell.ljust(width)
            for cell, width, c in zip(row, widths, chosen, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *legend(runs, columns)]).rstrip() + "\n"


def legend(runs: Sequence[Run], columns: Sequence[str]) -> Iterator[str]:
    """What must be known to read the figures, a line each."""
    if "interval" in columns:
        yield "95 % interval: Student's t over divisions; where there is one, Wilson's of its clips."
    if "ece" in columns and any(run.ece is not None for run in runs):
        yield "ECE: expected calibration error, 15 bins; how far scores are from the share of right answers."
    if any(run.leaky for run in runs):
        yield "(leaks): copies of the tested clips were trained on; such a figure says nothing of new recordings."


def markdown(runs: Sequence[Run], columns: Sequence[str] = USUAL) -> str:
    """A table of Markdown."""
    chosen = [COLUMNS[name] for name in columns]
    rows = [
        [c.heading for c in chosen],
        ["---:" if c.figure else "---" for c in chosen],
        *([visible(c.text(run)).replace("|", "\\|") for c in chosen] for run in runs),
    ]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def as_csv(runs: Sequence[Run], columns: Sequence[str] = USUAL) -> str:
    """CSV with a heading; unknown values are empty, an interval has two columns."""
    text = io.StringIO()
    writer = SheetWriter(text)
    writer.writerow(name for key in columns for name in _ends(key))
    for run in runs:
        writer.writerow(value for key in columns for value in _values(key, run))
    return text.getvalue()


def _ends(key: str) -> tuple[str, ...]:
    return ("low", "high") if key == "interval" else (key,)


def _values(key: str, run: Run) -> Iterable[Any]:
    value = COLUMNS[key].value(run)
    if key == "interval":
        return (None, None) if value is None else [round(end, 4) for end in value]
    return (value,)


def as_json(runs: Sequence[Run], columns: Sequence[str] = USUAL) -> str:
    """A list with an object for each run, under the names of `--columns`; unknown values are null."""
    records = [{key: _json(key, run) for key in columns} for run in runs]
    return in_json(records, indent=1) + "\n"


def _json(key: str, run: Run) -> Any:
    values = list(_values(key, run))
    return (None if values[0] is None else values) if key == "interval" else values[0]


FORMS: dict[str, Callable[[Sequence[Run], Sequence[str]], str]] = {
    "table": plain,
    "markdown": markdown,
    "csv": as_csv,
    "json": as_json,
}
