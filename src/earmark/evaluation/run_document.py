"""Tables of runs inside a document of Markdown, made anew from the runs that they name.

    <!-- compare: results/environment --sort accuracy --columns name,accuracy,interval -->
    ...
    <!-- end -->

Between two such lines stands a table. What the first one says after the colon are words as for `earmark compare`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.errors import EarmarkError
from earmark.evaluation import run_table
from earmark.evaluation.runs import read_all

BEGIN, END = r"<!-- compare:(?P<words>[^\n]*?)-->", "<!-- end -->"
BLOCK = re.compile(rf"(?m)^{BEGIN}[ \t]*\n(?P<table>(?:(?!<!-- compare:).)*?)^{END}", re.DOTALL)
MARKER = re.compile(r"(?m)^<!-- compare:")


@dataclass(frozen=True)
class Request:
    """Which runs a table is of, in which order, and what it says of them."""

    places: tuple[Path, ...]
    sort: tuple[str, ...] = run_table.ORDER
    columns: tuple[str, ...] = run_table.USUAL

    def table(self, base: Path) -> str:
        """The table in Markdown; the places are seen from `base`.

        Raises:
            EarmarkError: a run cannot be read: a document must not lose a row unnoticed.
        """
        runs, wrong = read_all(base / place for place in self.places)
        if wrong:
            raise wrong[0]
        return run_table.markdown(run_table.sort(runs, self.sort), self.columns)


def parse(words: Sequence[str]) -> Request:
    """What the words of a marker ask for.

    Raises:
        EarmarkError: an option is unknown or has no value, or no folder is named.
    """
    places: list[Path] = []
    chosen: dict[str, tuple[str, ...]] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            places.append(Path(word))
            continue
        value = next(rest, None)
        if word not in ("--sort", "--columns") or value is None:
            raise EarmarkError(f"<!-- compare: {' '.join(words)} -->", f"{word} does not fit", "see `earmark compare`")
        chosen[word.removeprefix("--")] = run_table.names(value, word)
    if not places:
        raise EarmarkError("<!-- compare: -->", "names no folder", "name folders of runs after the colon")
    return Request(tuple(places), **chosen)


def refresh(text: str, base: Path, subject: object = "the document") -> str:
    """The document with each of its tables made anew, all else as it was; places are seen from `base`.

    `subject` is what errors call it.

    Raises:
        EarmarkError: there is no marker, one is not closed or asks for what cannot be had.
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
