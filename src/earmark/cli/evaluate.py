"""`earmark evaluate`: how well a model does on recordings whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.util.text import in_json, visible_lines

if TYPE_CHECKING:
    from earmark.evaluation.evaluate import Evaluation

HELP = """Measure a model on data whose truth is known.

Clips: by default, each clip of a dataset is classified as a whole. The dataset is a folder with a folder for each
class, a table of clips, or a published dataset. The figures are accuracy, and precision, recall and F1 of each label.
Labels that the model does not know count as none of its labels; --relabel gives them the model's names. --out adds the
scores of each clip, the confusion matrix, and which errors occur together.

Events: --events measures what the model marks, and when. The recordings are a table clips.csv with events.csv (path,
onset, offset, label) beside it, as `earmark data phrases` writes them. The figures are F1 over segments of one second,
F1 over events with a collar of 500 ms and of 200 ms, PSDS, and false events an hour. --out adds the events found.

Words: a frame classifier of speech is measured on the recordings of a folder that have ground truth beside them:
talk.words.json, talk.TextGrid or talk.lab beside talk.wav. A table conditions.csv in the folder (file, condition,
speaker, ...) breaks the figures down.

Examples:

    earmark evaluate sounds --on my_clips/

    earmark evaluate instruments --on clips.csv --relabel acoustic_guitar=guitar --out report/

    earmark evaluate sounds --on scenes/ --events --split test --out report/

    earmark evaluate gru --on speech/

    earmark evaluate runs/rnn/2026-01-31T12-00-00/model.onnx --on speech/ --to json

    earmark evaluate gru --on speech/ --out report/
"""

FORMS = ("table", "json", "csv")

To = Annotated[str, typer.Option(help="Format of the output: table, json or csv.")]
Out = Annotated[Path | None, typer.Option(help="Write a report to this folder: report.html, CSV tables and pictures.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", help=HELP)(evaluate)


def evaluate(
    model: Annotated[str, typer.Argument(help="Name of a bundled model, or an .onnx file.")],
    on: Annotated[str, typer.Option("--on", help="A dataset of clips; for words, a folder of recordings.")],
    to: To = "table",
    out: Annotated[Path | None, typer.Option(help="Write a report with tables and pictures to this folder.")] = None,
    relabel: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="Use the model's name for a label of the dataset; can be repeated."),
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="Measure events, not whole clips.")] = False,
    truth: Annotated[
        Path | None,
        typer.Option(help="With --events: the table of events.", show_default="events.csv beside the clips"),
    ] = None,
    split: Annotated[str | None, typer.Option(help="With --events: use only clips of this split.")] = None,
) -> None:
    """Measure one model."""
    from earmark.evaluation.evaluate import evaluate as measure
    from earmark.evaluation.evaluate import loaded_model, of_words

    if not events:
        common.refuse({"--truth": truth, "--split": split}, "goes with --events", "add it")
    chosen = loaded_model(model)
    if of_words(chosen):
        common.refuse({"--relabel": relabel or None, "--events": events}, "is for models of sounds", "leave it out")
    names = common.relabelling(relabel or [])
    check_output(to, FORMS if events or of_words(chosen) else FORMS[:2], out)
    with common.bar("clips" if not (events or of_words(chosen)) else "recordings") as advance:
        found = measure(chosen, on, events=events, relabel=names, truth=truth, split=split, progress=advance)
    show(found, to, out)


def show(found: Evaluation, to: str, out: Path | None) -> None:
    """Write what was measured, and a report; exit code is 1 where something could not be read, which is told."""
    for error in found.unreadable:
        common.complain(error)
    if to == "json":
        text = in_json(found.figures, indent=1) + "\n"
    else:
        text = found.to_csv() if to == "csv" else visible_lines(str(found))
    common.standard_output().write(text)
    if out is not None:
        for path in found.report(out):
            common.say(path, err=True)
    if found.unreadable:
        raise typer.Exit(1)


def check_output(to: str, forms: Sequence[str], out: Path | None) -> None:
    """Refuse a form that there is not, and a folder that cannot be made, before hours of work."""
    common.check_choice("--to", to, forms)
    if out is None:
        return
    common.need_matplotlib("--out")
    if out.exists() and not out.is_dir():
        raise EarmarkError(f"--out {out}", "is a file", "give a folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EarmarkError(f"--out {out}", f"cannot be made ({error.strerror})", "choose another") from error
