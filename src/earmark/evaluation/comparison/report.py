"""A comparison as a folder: one page to read, tables as CSV, and the pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from earmark._version import __version__
from earmark.errors import EarmarkError
from earmark.evaluation.comparison import pictures as drawing
from earmark.evaluation.comparison import tables, worst
from earmark.evaluation.comparison.figures import COLUMNS, OPERATING, Comparison
from earmark.evaluation.words import TOKEN_TOLERANCE
from earmark.util.atomic import atomic_write

PAGE = "report.html"
Pictures = Mapping[str, bytes]

CAPTIONS = {
    "roc.png": "Receiver operating characteristic of the scores.",
    "det.png": "The same as a detection error tradeoff, on which good classifiers can be told apart.",
    "confusion.png": f"Frames by truth and score, speech from {OPERATING:g} on.",
    "scores.png": "How often frames get each score; frames of one score cannot be told apart.",
}

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1250px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: .6em 0 1.4em; }
th, td { padding: .22em .6em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child, .two td:nth-child(2), .two th:nth-child(2) { text-align: left; }
thead th { border-bottom: 2px solid #888; } tbody tr:hover { background: #f3f6fa; }
figure { margin: 1.2em 0; } img { max-width: 100%; } figcaption { color: #555; font-size: 13px; }
.wide { overflow-x: auto; } dt { font-weight: 600; float: left; width: 6em; } dd { margin: 0 0 0 6em; }
"""


def write(comparison: Comparison, folder: Path) -> Path:
    """Write `report.html`, `summary.csv`, `recordings.csv` and the pictures; the path of the first.

    The page needs no other file. Files of these names are replaced.

    Raises:
        EarmarkError: the folder cannot be written.
    """
    pictures = drawing.pictures(comparison)
    shown = list(_worst(comparison))
    page = _page(comparison, pictures, [(title, picture) for _, title, picture in shown])
    files = {
        **pictures,
        **{name: picture for name, _, picture in shown},
        "summary.csv": tables.summary_csv(comparison).encode(),
        "recordings.csv": tables.recordings_csv(comparison).encode(),
        PAGE: page.encode(),
    }
    for name, content in files.items():
        _write(folder / name, content)
    return folder / PAGE


def _worst(comparison: Comparison) -> Iterator[tuple[str, str, bytes]]:
    """File name, title and picture of each of the worst recordings."""
    for place, one in enumerate(worst.find(comparison), start=1):
        answers = {name: said[one.number] for name, said in comparison.answers.items()}
        title = f"{one.recording.name}: worst of {', '.join(one.of)}"
        yield f"worst_{place:02}.png", title, worst.draw(one, answers)


def _page(comparison: Comparison, pictures: Pictures, shown: Sequence[tuple[str, bytes]]) -> str:
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Words in speech</title>',
        f"<style>{STYLE}</style>",
        "<h1>Words in speech: how well classifiers find them</h1>",
        f"<p>{escape(tables.heading(comparison))}. Earmark {__version__}.</p>",
        _table(tables.total_rows(comparison)),
        _meanings(),
        "<h2>What becomes of words</h2>",
        _table(tables.error_rows(comparison)),
        _image(pictures["errors.png"], "What became of the true words"),
        "<h2>Frames by score</h2>",
        *(_image(pictures[name], caption, caption) for name, caption in CAPTIONS.items() if name in pictures),
        *_groups(comparison, pictures),
        *_shown(shown),
        "<h2>Every recording</h2>",
        f"<details><summary>Word-token F1 and frame accuracy</summary>{_recordings(comparison)}</details>",
        "</html>",
    ]
    return "\n".join(parts)


def _meanings() -> str:
    terms = "".join(f"<dt>{escape(c.heading)}</dt><dd>{escape(c.meaning)}</dd>" for c in COLUMNS)
    return f"<details><summary>What the headings mean</summary><dl>{terms}</dl></details>"


def _groups(comparison: Comparison, pictures: Pictures) -> Iterator[str]:
    for column, file in drawing.group_files(comparison).items():
        yield f"<h2>By {escape(column)}</h2>"
        yield _image(pictures[file], f"Figures by {column}")
        yield _table(tables.group_rows(comparison, column), "two")


def _shown(worst_ones: Sequence[tuple[str, bytes]]) -> Iterator[str]:
    yield "<h2>The worst recordings</h2>"
    yield (
        "<p>Grey is the level, blue the true words. Below, a line for each classifier: its scores, and above them the "
        f"words it found, green where both edges are within {1000 * TOKEN_TOLERANCE:.0f} ms of a true word's, else "
        "red.</p>"
    )
    for title, picture in worst_ones:
        yield f"<h3>{escape(title)}</h3>{_image(picture, title)}"


def _recordings(comparison: Comparison) -> str:
    names = list(comparison.answers)
    rows = [("recording", "words", *(f"{name}: {what}" for name in names for what in ("tokens", "accuracy")))]
    for number, recording in enumerate(comparison.recordings):
        figures = (cell for name in names for cell in tables.short(comparison.answers[name][number]))
        rows.append((recording.name, str(len(recording.truth.words)), *figures))
    return _table(rows)


def _table(rows: Sequence[tuple[str, ...]], kind: str = "") -> str:
    head, *body = rows
    lines = "".join(f"<tr>{_cells(row, 'td')}</tr>\n" for row in body)
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{_cells(head, "th")}</tr></thead>\n{lines}</table></div>'
    )


def _cells(row: Iterable[str], tag: str) -> str:
    return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)


def _image(content: bytes, alternative: str, caption: str = "") -> str:
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="{source}" alt="{escape(alternative)}">{below}</figure>'


def _write(path: Path, content: bytes) -> None:
    """Under a temporary name first: nobody sees half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})") from error
