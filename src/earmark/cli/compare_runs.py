"""`earmark compare` for runs: a table of what was trained and how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.util.text import visible_lines

if TYPE_CHECKING:
    from earmark.evaluation.runs import Run


def compare(places: Sequence[Path], to: str, sort: str | None, columns: str | None, plot: Path | None) -> None:
    """Write the table, and the picture; runs that cannot be read are told of, and exit code is 1 then."""
    if not places:
        raise EarmarkError(
            "earmark compare", "has nothing to compare", "give folders of runs, or recordings of words with --on FOLDER"
        )
    from earmark.evaluation import run_table, runs

    common.check_choice("--to", to, tuple(run_table.FORMS))
    order = run_table.names(sort, "--sort") if sort else run_table.ORDER
    said = run_table.names(columns, "--columns") if columns else run_table.usual(to)
    if plot is not None:
        _check_plot(plot)
    found, wrong = runs.read_all(places)
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


def _draw(found: Sequence[Run], path: Path) -> None:
    from earmark.evaluation import report

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        report.draw_comparison(found, path)
    except OSError as error:
        raise EarmarkError(f"--plot {path}", f"cannot be written ({error.strerror})", "choose another file") from error
    common.say(path, err=True)


def refresh(document: Path) -> None:
    """Make a document's tables of runs anew, in place, from the folders that it names, seen from the current one."""
    from earmark.evaluation import run_document
    from earmark.util.atomic import write_text

    try:
        with document.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as error:
        raise EarmarkError(document, f"cannot be read ({error.strerror})", "give a Markdown file") from error
    except UnicodeDecodeError as error:
        raise EarmarkError(document, "is not UTF-8 text", "give a Markdown file") from error
    fresh = run_document.refresh(text, Path(), document)
    if fresh != text:
        write_text(document, fresh)
    common.say(f"{document}: {'its tables are made anew' if fresh != text else 'its tables are up to date'}", err=True)
