"""A comparison of classifiers of words as tables: for people's eyes, and as CSV."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

from earmark.evaluation.word_evaluation import COLUMNS, THRESHOLD, Comparison, Prediction, WordMetrics, word_metrics
from earmark.evaluation.word_metrics import WordErrors, count
from earmark.formats.plain_text import aligned
from earmark.util.text import SheetWriter, number_of

Row = tuple[str, ...]
COUNTS = ("found", "true")


def plain(comparison: Comparison) -> str:
    """A table of all classifiers, what becomes of their words, and a table for each column of `conditions.csv`."""
    tables = [_aligned(total_rows(comparison)), _aligned(error_rows(comparison))]
    tables += [_aligned(group_rows(comparison, column), 2) for column in comparison.groups]
    return "\n".join([f"{heading(comparison)}\n", *tables, *legend()]) + "\n"


def _aligned(rows: Sequence[Row], names: int = 1) -> str:
    """Rows as lines; the first columns, which hold names, to the left, figures to the right."""
    return aligned(rows, "l" * names + "r" * (len(rows[0]) - names))


def heading(comparison: Comparison) -> str:
    """How much was measured, and where."""
    recordings = comparison.recordings
    words = sum(len(recording.truth.words) for recording in recordings)
    minutes = next(iter(comparison.total.values())).seconds / 60
    counts = f"{number_of(len(recordings), 'recording')}, {number_of(words, 'word')}"
    return f"{counts}, {minutes:.1f} minutes in {comparison.where}"


def legend() -> list[str]:
    """What the headings mean, a line each."""
    width = max(len(column.heading) for column in COLUMNS)
    return [f"{column.heading:<{width}}  {column.meaning}" for column in COLUMNS]


def total_rows(comparison: Comparison) -> list[Row]:
    """Headings, and a row for each classifier."""
    return [("classifier", *HEADINGS), *((name, *cells(f)) for name, f in comparison.total.items())]


def group_rows(comparison: Comparison, column: str) -> list[Row]:
    """Headings, and for each value of a column of `conditions.csv` a row for each classifier."""
    values = comparison.groups[column]
    rows = [(value or "-", name, *cells(f)) for value, by in values.items() for name, f in by.items()]
    return [(column, "classifier", *HEADINGS), *rows]


def error_rows(comparison: Comparison) -> list[Row]:
    """Headings, and what became of the true words with each classifier, as shares of them."""
    kinds = tuple(WordErrors().counts())
    rows = [(name, *_shares(f)) for name, f in comparison.total.items()]
    return [("of the true words", *kinds), *rows]


def _shares(figures: WordMetrics) -> Row:
    true = max(1, figures.far.true)
    return tuple(f"{100 * number / true:.1f} %" for number in figures.errors.counts().values())


HEADINGS = (*(column.heading for column in COLUMNS), "found/true")


def cells(figures: WordMetrics) -> Row:
    """The figures of one row, as text."""
    values = (column.value(figures) for column in COLUMNS)
    return (*("-" if value is None else f"{value:.3f}" for value in values), f"{figures.far.found}/{figures.far.true}")


def summary_csv(comparison: Comparison) -> str:
    """All tables in one: `by` and `value` are empty where a row is about all recordings."""
    groups = [("", "", comparison.total)]
    groups += [(column, value, by) for column, values in comparison.groups.items() for value, by in values.items()]
    rows = (
        {"by": column, "value": value, "classifier": name, "recordings": f.recordings, "seconds": f"{f.seconds:.3f}"}
        | _figures(f)
        for column, value, by in groups
        for name, f in by.items()
    )
    return _csv(("by", "value", "classifier", "recordings", "seconds"), rows)


def short(prediction: Prediction) -> Row:
    """Word-token F1 and frame accuracy by score of one recording."""
    counts = count(prediction.found.words, prediction.recording.truth.words)
    return f"{counts.token_f1:.3f}", f"{((prediction.scores >= THRESHOLD) == prediction.truth).mean():.3f}"


def recordings_csv(comparison: Comparison) -> str:
    """A row for each recording and classifier, with what `conditions.csv` says."""
    tags = tuple(dict.fromkeys(tag for recording in comparison.recordings for tag in recording.tags))
    rows = (
        {
            "file": prediction.recording.name,
            **prediction.recording.tags,
            "classifier": name,
            **_figures(word_metrics([prediction])),
        }
        for name, predictions in comparison.predictions.items()
        for prediction in predictions
    )
    return _csv(("file", *tags, "classifier"), rows)


FIGURES = (*(column.name for column in COLUMNS), *COUNTS, *WordErrors().counts())


def _figures(figures: WordMetrics) -> dict[str, str]:
    values = {column.name: column.value(figures) for column in COLUMNS}
    counts = {name: getattr(figures.far, name) for name in COUNTS} | figures.errors.counts()
    texts = {name: "" if value is None else f"{value:.5f}" for name, value in values.items()}
    return texts | {name: str(number) for name, number in counts.items()}


def _csv(head: Row, rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO(newline="")
    SheetWriter(text).write_by_name((*head, *FIGURES), rows)
    return text.getvalue()
