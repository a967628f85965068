"""`earmark compare`: a table of runs, what was trained and how well it does; or classifiers of words side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.evaluate import FORMS, Out, check_output, show
from earmark.errors import EarmarkError
from earmark.util.text import visible_lines

if TYPE_CHECKING:
    from earmark.evaluation.runs import Run

HELP = """Compare trained runs; or, with --on, classifiers of words in speech.

Runs are the folders that `earmark train` makes, or folders that hold them. The table shows what was trained, how it was
tested, and the accuracy with its 95 % interval; --columns all shows everything, --sort chooses the order.

--on measures classifiers on recordings whose words are known: those that are named, or all bundled ones. `earmark
evaluate --help` says which recordings those are. --out writes a report, with pictures of the worst recordings that show
what each classifier gets wrong: open its report.html.

Examples:

    earmark compare runs/

    earmark compare runs/esc50-earmark results/environment --sort macro_f1 --columns name,network,accuracy,interval

    earmark compare results/ --to markdown --plot runs.png

    earmark compare --into docs/results.md

    earmark compare --on speech/

    earmark compare gru least_squares runs/rnn/2026-01-31T12-00-00/model.onnx --on speech/ --to csv

    earmark compare --on speech/ --out report/

--into updates the tables in a Markdown document. A table stands between a line `<!-- compare: FOLDER... -->`, which may
hold --sort and --columns too, and a line `<!-- end -->`.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", help=HELP)(compare)


def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|CLASSIFIER...",
            help="Folders of runs; with --on, names of bundled classifiers, or .onnx files.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        Path | None, typer.Option(help="Compare classifiers of words on the recordings of this folder.")
    ] = None,
    to: Annotated[str, typer.Option(help="Format of the output: table, json or csv; markdown for runs.")] = "table",
    out: Out = None,
    sort: Annotated[str | None, typer.Option(help="Columns to sort runs by, separated by commas.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to show of runs, separated by commas, or all.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the accuracies of runs with their intervals (PNG).")] = None,
    into: Annotated[Path | None, typer.Option(help="Update the tables of runs in this Markdown file.")] = None,
) -> None:
    """Compare runs, or several classifiers on the same recordings."""
    of_runs = {"--sort": sort, "--columns": columns, "--plot": plot, "--into": into}
    if on is not None:
        common.refuse(of_runs, "is for runs", "leave out --on")
        return _compare_classifiers(names, on, to, out)
    common.refuse({"--out": out}, "is for a report on classifiers", "name recordings with --on, or use --plot")
    folders = [Path(name) for name in names or []]
    if into is None:
        return _compare_runs(folders, to, sort, columns, plot)
    others = {"a run": folders or None, "--sort": sort or None, "--columns": columns or None, "--plot": plot}
    common.refuse(others, "does not go with --into", "the document says which runs, and how")
    return _update_document(into)


def _compare_classifiers(names: Sequence[str] | None, on: Path, to: str, out: Path | None) -> None:
    check_output(to, FORMS, out)
    from earmark.evaluation.evaluate import compare_classifiers
    from earmark.evaluation.word_evaluation import load
    from earmark.speech.words import classifiers

    with common.bar("recordings") as advance:
        found = compare_classifiers(load(names or classifiers()), on, advance)
    show(found, to, out)


def _compare_runs(folders: Sequence[Path], to: str, sort: str | None, columns: str | None, plot: Path | None) -> None:
    """Write the table, and the picture; runs that cannot be read are told of, and exit code is 1 then."""
    if not folders:
        raise EarmarkError(
            "earmark compare", "has nothing to compare", "give folders of runs, or recordings of words with --on FOLDER"
        )
    from earmark.evaluation import run_table, runs

    common.check_choice("--to", to, tuple(run_table.FORMS))
    order = run_table.names(sort, "--sort") if sort else run_table.ORDER
    said = run_table.names(columns, "--columns") if columns else run_table.usual(to)
    if plot is not None:
        _check_plot(plot)
    found, wrong = runs.read_all(folders)
    for error in wrong:
        common.complain(error)
    if found:
        found = run_table.sort(found, order)
        text = run_table.FORMS[to](found, said)
        common.standard_output().write(text if to == "csv" else visible_lines(text))
        if plot is not None:
            _draw(found, plot)
    if wrong:
        raise typer.Exit(1)


def _check_plot(path: Path) -> None:
    common.need_matplotlib("--plot")
    if path.suffix.lower() != ".png":  # above all not the name of a file that the picture would replace
        raise EarmarkError(f"--plot {path}", "is no name for a .png file", "end it in .png")


def _draw(runs: Sequence[Run], path: Path) -> None:
    from earmark.plots.metrics import RunAccuracy, draw_runs

    datasets: dict[str, list[RunAccuracy]] = {}
    for run in runs:
        divisions = [division["accuracy"] for division in run.divisions]
        name = f"{run.name}, {run.network}\n{run.tested}"
        row = RunAccuracy(name, run.accuracy, run.interval, divisions, run.leaky)
        datasets.setdefault(run.dataset, []).append(row)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_runs(datasets, path)
    except OSError as error:
        raise EarmarkError(f"--plot {path}", f"cannot be written ({error.strerror})", "choose another file") from error
    common.say(path, err=True)


def _update_document(document: Path) -> None:
    """Make a document's tables of runs anew, in place, from the folders that it names, seen from the current one."""
    from earmark.evaluation import run_table
    from earmark.util.atomic import write_text

    try:
        with document.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as error:
        raise EarmarkError(document, f"cannot be read ({error.strerror})", "give a Markdown file") from error
    except UnicodeDecodeError as error:
        raise EarmarkError(document, "is not UTF-8 text", "give a Markdown file") from error
    fresh = run_table.refresh(text, Path(), document)
    if fresh != text:
        write_text(document, fresh)
    common.say(f"{document}: {'its tables are made anew' if fresh != text else 'its tables are up to date'}", err=True)
