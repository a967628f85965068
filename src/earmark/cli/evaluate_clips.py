"""`earmark evaluate` for models of sounds: what they say of the clips of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from earmark.cli import common
from earmark.util.text import in_json, visible_lines

if TYPE_CHECKING:
    from earmark.datasets import Dataset
    from earmark.models.model import Model


def evaluate(model: Model, on: str, relabel: Sequence[str], to: str, out: Path | None) -> None:
    """Classify every clip, print the figures, and leave a folder with pictures where one is asked for."""
    common.check_choice("--to", to, ("table", "json"))
    if out is not None:
        common.need_matplotlib("--out")
    from earmark import datasets
    from earmark.evaluation.evaluate import renamed
    from earmark.evaluation.tagging import answers, figures, report

    dataset = renamed(datasets.load(None, on), common.relabelling(relabel), model)
    _tell_of_unknown(dataset, model)
    with common.bar("clips") as advance:
        said = answers.ask(model, dataset, advance)
    for error in said.unreadable:
        common.complain(error)
    summary = figures.summary(said)
    text = in_json(summary, indent=1) + "\n" if to == "json" else visible_lines(report.plain(summary))
    common.standard_output().write(text)
    if out is not None:
        for path in report.write(said, summary, out):
            common.say(path, err=True)
    if said.unreadable:
        raise typer.Exit(1)


def _tell_of_unknown(dataset: Dataset, model: Model) -> None:
    """What counts as none: it may be known to the model under another name."""
    unknown = [label for label in dataset.labels if label not in model.labels]
    if unknown and set(dataset.labels) & set(model.labels):
        clips = sum(not set(clip.labels) & set(model.labels) for clip in dataset.clips)
        known = "Not known to the model, and counted as none of its labels"
        common.say(f"{known}: {', '.join(unknown)} ({clips} clips). --relabel gives them other names.", err=True)
