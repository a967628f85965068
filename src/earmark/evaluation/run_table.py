"""Runs as a table: for people's eyes, as Markdown, CSV and JSON, and inside a document of Markdown.

    <!-- compare: results/environment --sort accuracy --columns name,accuracy,interval -->
    ...
    <!-- end -->

Between two such lines of a document stands a table, made anew from the runs that it names. What the first one says
after the colon are words as for `earmark compare`.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.errors import EarmarkError
from earmark.evaluation.runs import Run, read_all
from earmark.formats.plain_text import aligned
from earmark.util.text import SheetWriter, in_json, visible

BEGIN, END = r"<!-- compare:(?P<words>[^\n]*?)-->", "<!-- end -->"
BLOCK = re.compile(rf"(?m)^{BEGIN}[ \t]*\n(?P<table>(?:(?!<!-- compare:).)*?)^{END}", re.DOTALL)
MARKER = re.compile(r"(?m)^<!-- compare:")


@dataclass(frozen=True)
class Column:
    """One thing that a table says of each run."""

    heading: str  # of the column, for people
    value: Callable[[Run], Any]  # for machines, and to sort by; None where it is not known
    text: Callable[[Run], str]  # for people
    figure: bool = False  # whether it stands to the right, and is sorted from the largest


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

    Raises
    ------
    EarmarkError
        There is none; `option` names where it was given.
    """
    if name not in COLUMNS:
        raise EarmarkError(f"{option} {name}", "is no column", f"choose among {', '.join(COLUMNS)}")
    return COLUMNS[name]


def names(text: str, option: str) -> tuple[str, ...]:
    """The columns that a list such as `name,accuracy` names; `all` stands for all.

    Raises
    ------
    EarmarkError
        There is no such column.
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

    Raises
    ------
    EarmarkError
        There is no such column.
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
    sides = "".join("r" if c.figure else "l" for c in chosen)
    return "\n".join([aligned(rows, sides), *legend(runs, columns)]).rstrip() + "\n"


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
        writer.writerow(cell for key in columns for cell in _cells(key, run))
    return text.getvalue()


def _ends(key: str) -> tuple[str, ...]:
    return ("low", "high") if key == "interval" else (key,)


def _cells(key: str, run: Run) -> Iterable[Any]:
    return _value(key, run) or (None, None) if key == "interval" else (_value(key, run),)


def _value(key: str, run: Run) -> Any:
    value = COLUMNS[key].value(run)
    return [round(end, 4) for end in value] if key == "interval" and value else value


def as_json(runs: Sequence[Run], columns: Sequence[str] = USUAL) -> str:
    """A list with an object for each run, under the names of `--columns`; unknown values are null."""
    records = [{key: _value(key, run) for key in columns} for run in runs]
    return in_json(records, indent=1) + "\n"


FORMS: dict[str, Callable[[Sequence[Run], Sequence[str]], str]] = {
    "table": plain,
    "markdown": markdown,
    "csv": as_csv,
    "json": as_json,
}


@dataclass(frozen=True)
class Request:
    """Which runs a table is of, in which order, and what it says of them."""

    folders: tuple[Path, ...]
    sort: tuple[str, ...] = ORDER
    columns: tuple[str, ...] = USUAL

    def table(self, base: Path) -> str:
        """The table in Markdown; the places are seen from `base`.

        Raises
        ------
        EarmarkError
            A run cannot be read: a document must not lose a row unnoticed.
        """
        runs, wrong = read_all(base / folder for folder in self.folders)
        if wrong:
            raise wrong[0]
        return markdown(sort(runs, self.sort), self.columns)


def parse(words: Sequence[str]) -> Request:
    """What the words of a marker ask for.

    Raises
    ------
    EarmarkError
        An option is unknown or has no value, or no folder is named.
    """
    folders: list[Path] = []
    chosen: dict[str, tuple[str, ...]] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            folders.append(Path(word))
            continue
        value = next(rest, None)
        if word not in ("--sort", "--columns") or value is None:
            raise EarmarkError(f"<!-- compare: {' '.join(words)} -->", f"{word} does not fit", "see `earmark compare`")
        chosen[word.removeprefix("--")] = names(value, word)
    if not folders:
        raise EarmarkError("<!-- compare: -->", "names no folder", "name folders of runs after the colon")
    return Request(tuple(folders), **chosen)


def refresh(text: str, base: Path, subject: object = "the document") -> str:
    """The document with each of its tables made anew, all else as it was; places are seen from `base`.

    `subject` is what errors call it.

    Raises
    ------
    EarmarkError
        There is no marker, one is not closed or asks for what cannot be had.
    """
    blocks = list(BLOCK.finditer(text))
    if not blocks:
        raise EarmarkError(subject, "holds no table of runs", f"write <!-- compare: FOLDER --> and {END} in it")
    if len(blocks) < len(MARKER.findall(text)):
        raise EarmarkError(subject, "has a <!-- compare: --> that is not closed", f"write {END} below its table")
    return BLOCK.sub(lambda block: _made_anew(block, base), text)


def _made_anew(block: re.Match[str], base: Path) -> str:
    try:
        words = shlex.split(block["words"])
    except ValueError as error:
        raise EarmarkError(block[0].splitlines()[0], f"cannot be read ({error})", "close its quotes") from error
    return f"<!-- compare:{block['words']}-->\n{parse(words).table(base)}{END}"
