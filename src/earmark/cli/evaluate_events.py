"""`earmark evaluate --events`: what models of sounds mark in recordings, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from earmark.cli import common
from earmark.errors import DatasetError, EarmarkError
from earmark.util.text import in_json, visible_lines

if TYPE_CHECKING:
    from earmark.evaluation.events.annotated import Annotated
    from earmark.models.model import Model


def evaluate(
    model: Model, on: str, truth: Path | None, split: str | None, relabel: Sequence[str], to: str, out: Path | None
) -> None:
    """Mark the events of every recording, print the figures, and leave a folder with tables where one is asked for."""
    common.check_choice("--to", to, ("table", "json", "csv"))
    if out is not None:
        common.check_report(out)
    from earmark.evaluation.events import annotated, answers, report
    from earmark.evaluation.events.summary import summary

    recordings = annotated.load(on, truth, split).relabelled(common.relabelling(relabel), model.labels)
    _tell_of_unknown(recordings, model)
    if out is not None:
        _make(out)  # where that cannot be, it is told before hours of work
    with common.bar("recordings") as advance:
        said = answers.ask(model, recordings.only(model.labels), advance)
    for error in said.unreadable:
        common.complain(error)
    figures = summary(said)
    common.standard_output().write(_text(figures, to))
    if out is not None:
        for path in report.write(said, figures, out):
            common.say(path, err=True)
    if said.unreadable:
        raise typer.Exit(1)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EarmarkError(f"--out {folder}", f"cannot be made ({error.strerror})", "choose another") from error


def _text(figures: Mapping[str, Any], to: str) -> str:
    from earmark.evaluation.events import report

    if to == "json":
        return in_json(figures, indent=1) + "\n"
    return report.table(figures) if to == "csv" else visible_lines(report.plain(figures))


def _tell_of_unknown(recordings: Annotated, model: Model) -> None:
    """What is left out: it may be known to the model under another name."""
    from earmark.evaluation.naming import some

    unknown = [label for label in recordings.labels if label not in model.labels]
    if not unknown:
        return
    if len(unknown) == len(recordings.labels):
        reason = f"has none of the model's labels; it has {some(unknown)}"
        remedy = f"rename some with --relabel; the model knows {some(model.labels)}"
        raise DatasetError(recordings.table.parent, reason, remedy)
    left_out = f"Not known to the model, and left out: {', '.join(unknown)}."
    common.say(f"{left_out} --relabel gives them other names.", err=True)
