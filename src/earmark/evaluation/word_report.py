"""A comparison of classifiers of words as a folder: one page to read, tables as CSV, and pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark._version import __version__
from earmark.evaluation import word_tables as tables
from earmark.evaluation.word_evaluation import COLUMNS, THRESHOLD, Comparison, Prediction, Recording, members
from earmark.evaluation.word_metrics import TOKEN_TOLERANCE, count
from earmark.plots import word_detection as plots
from earmark.speech.energy import STEP, LevelMeter, Levels
from earmark.speech.segmentation import Word
from earmark.util.atomic import write_bytes, write_text

EACH = 1  # recordings for each classifier and condition
EACH_ALONE = 4  # where nobody tells conditions
SHOWN = 12.0  # seconds
RATE = 16_000
CONDITION = "condition"
TRENDS: Mapping[str, str] = {
    "accuracy": "frame accuracy",
    "boundary_f1_50ms": "boundary F1 at 50 ms",
    "token_f1": "word-token F1",
}
PAGE = "report.html"
Pictures = Mapping[str, bytes]

CAPTIONS = {
    "roc.png": "Receiver operating characteristic of the scores.",
    "det.png": "The same as a detection error tradeoff, on which good classifiers can be told apart.",
    "confusion.png": f"Frames by truth and score, speech from {THRESHOLD:g} on.",
    "scores.png": "How often frames get each score; frames of one score cannot be told apart.",
}


def write(comparison: Comparison, folder: Path) -> Path:
    """Write `report.html`, `summary.csv`, `recordings.csv` and the pictures; the path of the first.

    The page needs no other file. Files of these names are replaced.

    Raises
    ------
    EarmarkError
        The folder cannot be written.
    """
    # Tables first: that the folder cannot be written is told before anything is drawn.
    write_text(folder / "summary.csv", tables.summary_csv(comparison))
    write_text(folder / "recordings.csv", tables.recordings_csv(comparison))
    pictures = draw(comparison)
    shown = list(_worst(comparison))
    page = _page(comparison, pictures, [(title, picture) for _, title, picture in shown])
    for name, content in {**pictures, **{name: picture for name, _, picture in shown}, PAGE: page.encode()}.items():
        write_bytes(folder / name, content)
    return folder / PAGE


def _worst(comparison: Comparison) -> Iterator[tuple[str, str, bytes]]:
    """File name, title and picture of each of the worst recordings."""
    for place, one in enumerate(find_worst(comparison), start=1):
        predictions = {name: own[one.number] for name, own in comparison.predictions.items()}
        title = f"{one.recording.name}: worst of {', '.join(one.of)}"
        yield f"worst_{place:02}.png", title, _draw_worst(one, predictions)


def draw(comparison: Comparison) -> dict[str, bytes]:
    """All pictures of a comparison but those of single recordings, as PNGs by file name."""
    total = comparison.total
    frames = {name: of.scores for name, of in total.items()}
    matrices = {
        name: np.array([[c.hits, c.misses], [c.alarms, c.rejections]])
        for name, c in ((name, of.confusion) for name, of in frames.items())
    }
    accuracies = {name: of.confusion.accuracy for name, of in frames.items()}
    scores = {name: _by_truth(own) for name, own in comparison.predictions.items()}
    curves = {
        name: plots.DetectionCurve(
            of.curve.alarm_rates,
            of.curve.recalls,
            (of.confusion.alarm_rate, of.confusion.recall),
            of.area or 0.0,
            of.equal_error_rate or 0.0,
        )
        for name, of in frames.items()
        if of.curve is not None
    }
    drawn = {
        "errors.png": plots.draw_word_errors(
            {name: of.errors.counts() for name, of in total.items()}, {name: of.far.true for name, of in total.items()}
        ),
        "confusion.png": plots.draw_frame_confusion(matrices, accuracies),
        "scores.png": plots.draw_score_histograms(scores, THRESHOLD),
    }
    if len(curves) == len(total):
        drawn |= {"roc.png": plots.draw_roc(curves, THRESHOLD), "det.png": plots.draw_det(curves, THRESHOLD)}
    return drawn | {name: _draw_groups(comparison, column) for column, name in group_files(comparison).items()}


def _by_truth(predictions: Sequence[Prediction]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of frames of speech, and of background."""
    scores = np.concatenate([prediction.scores for prediction in predictions])
    truth = np.concatenate([prediction.truth for prediction in predictions])
    return scores[truth], scores[~truth]


def group_files(comparison: Comparison) -> dict[str, str]:
    """The name of the picture of each column of `conditions.csv`."""
    plain = ("".join(c for c in column if c.isalnum() or c == "_") for column in comparison.groups)
    return {
        c: f"by_{name or number}.png" for number, (c, name) in enumerate(zip(comparison.groups, plain, strict=True))
    }


def _draw_groups(comparison: Comparison, column: str) -> bytes:
    """Three figures by the values of a column of `conditions.csv`."""
    values, known = comparison.groups[column], {c.name: c.value for c in COLUMNS}
    trends = {
        title: {name: [known[key](by[name]) for by in values.values()] for name in comparison.total}
        for key, title in TRENDS.items()
    }
    return plots.draw_conditions(list(values), trends)


def _draw_worst(worst: Worst, predictions: Mapping[str, Prediction]) -> bytes:
    """The recording, or of a long one the worst part.

    Raises
    ------
    MediaError
        The recording cannot be read any more.
    """
    truth = [(word.onset, word.offset, word.text) for word in worst.recording.truth.words]
    lanes = [_lane(name, prediction) for name, prediction in predictions.items()]
    span = worst_part([predictions[name] for name in worst.of])
    return plots.draw_recording(_levels(worst.recording), truth, lanes, span, STEP, THRESHOLD)


def _lane(name: str, prediction: Prediction) -> plots.WordLane:
    counts = count(prediction.found.words, prediction.recording.truth.words)
    note = f"{name}\n{counts.found}/{counts.true} words\nF1 {counts.token_f1:.2f}"
    words = [(word.onset, word.duration, right) for word, right in _judged(prediction)]
    return plots.WordLane(note, prediction.scores, words)


def _page(comparison: Comparison, pictures: Pictures, shown: Sequence[tuple[str, bytes]]) -> str:
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Words in speech</title>',
        f"<style>\n{_style()}</style>",
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


def _style() -> str:
    return files("earmark.evaluation").joinpath("word_report.css").read_text(encoding="utf-8")


def _meanings() -> str:
    terms = "".join(f"<dt>{escape(c.heading)}</dt><dd>{escape(c.meaning)}</dd>" for c in COLUMNS)
    return f"<details><summary>What the headings mean</summary><dl>{terms}</dl></details>"


def _groups(comparison: Comparison, pictures: Pictures) -> Iterator[str]:
    for column, file in group_files(comparison).items():
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
    names = list(comparison.predictions)
    rows = [("recording", "words", *(f"{name}: {what}" for name in names for what in ("tokens", "accuracy")))]
    for number, recording in enumerate(comparison.recordings):
        figures = (cell for name in names for cell in tables.short(comparison.predictions[name][number]))
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


@dataclass(frozen=True)
class Worst:
    """One of the worst recordings."""

    recording: Recording
    of: tuple[str, ...]  # the classifiers that do worst there
    number: int  # its place in each classifier's predictions


def find_worst(comparison: Comparison) -> list[Worst]:
    """The recordings of each condition, if there are any, in which each classifier finds the words worst."""
    recordings = comparison.recordings
    conditions = members(recordings, CONDITION)
    each = EACH if len(conditions) > 1 else EACH_ALONE
    worst: dict[int, list[str]] = {}
    for numbers in conditions.values():
        for name, predictions in comparison.predictions.items():
            for number in sorted(numbers, key=lambda n: _quality(predictions[n]))[:each]:
                worst.setdefault(number, []).append(name)
    return [Worst(recordings[number], tuple(names), number) for number, names in worst.items()]


def _quality(prediction: Prediction) -> tuple[float, float]:
    """How well words are found, and then frames."""
    counts = count(prediction.found.words, prediction.recording.truth.words)
    return counts.boundary_f1 + counts.token_f1, float((prediction.marked == prediction.truth).mean())


def worst_part(predictions: Sequence[Prediction]) -> tuple[float, float]:
    """From when to when to draw, seconds: the stretch with the most wrong frames."""
    wrong = sum((prediction.marked != prediction.truth).astype(np.int64) for prediction in predictions)
    shown = round(SHOWN / STEP)
    if np.size(wrong) <= shown:
        return 0.0, max(STEP, np.size(wrong) * STEP)
    summed = np.concatenate([[0], np.cumsum(wrong)])
    first = int(np.argmax(summed[shown:] - summed[:-shown]))
    return first * STEP, (first + shown) * STEP


def _levels(recording: Recording) -> Levels:
    meter = LevelMeter(RATE)
    with media.open_recording(recording.path) as opened:
        for block in opened.blocks(RATE):
            meter.add(block)
    return meter.finish()


def _judged(prediction: Prediction) -> Iterator[tuple[Word, bool]]:
    """Each word found, and whether a true word has its edges."""
    truth = prediction.recording.truth.words
    for word in prediction.found.words:
        yield word, any(count([word], [true], TOKEN_TOLERANCE).tokens for true in truth)
