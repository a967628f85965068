"""A comparison of frame classifiers as pictures, each a PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from earmark.evaluation.comparison.figures import COLUMNS, OPERATING, Comparison, WordFigures
from earmark.evaluation.frames import Confusion, Curve

SPEECH, BACKGROUND = "#2a6fbb", "#9a9a9a"
RIGHT, WRONG = "#4c9f70", "#c8473f"
KINDS = {
    "right": ("right", RIGHT),
    "shifted": ("an edge is elsewhere", "#e3cf57"),
    "merged": ("run together", "#e08e3e"),
    "split": ("cut apart", "#b06fc0"),
    "missed": ("missed", WRONG),
}
"""What becomes of a true word: in words, and its colour."""
RATES = (0.002, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
LEAST, MOST = 0.001, 0.9  # rates shown of a detection error tradeoff
BINS = 50
ACROSS = 4  # panels in a row
TRENDS: Mapping[str, str] = {
    "accuracy": "frame accuracy",
    "boundary_f1_50ms": "boundary F1 at 50 ms",
    "token_f1": "word-token F1",
}


def pictures(comparison: Comparison) -> dict[str, bytes]:
    """All pictures of a comparison, by file name."""
    total = comparison.total
    drawn = {"errors.png": draw_errors(total), "confusion.png": draw_confusion(total)}
    if all(figures.scores.curve for figures in total.values()):
        drawn |= {"roc.png": draw_roc(total), "det.png": draw_det(total)}
    drawn["scores.png"] = draw_scores(comparison)
    return drawn | {name: draw_groups(comparison, column) for column, name in group_files(comparison).items()}


def group_files(comparison: Comparison) -> dict[str, str]:
    """The name of the picture of each column of `conditions.csv`."""
    plain = ("".join(c for c in column if c.isalnum() or c == "_") for column in comparison.groups)
    return {
        c: f"by_{name or number}.png" for number, (c, name) in enumerate(zip(comparison.groups, plain, strict=True))
    }


def png(figure: Figure) -> bytes:
    """A figure as a file."""
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png")
    return content.getvalue()


def literal(text: str) -> str:
    """Text in which no dollar begins a formula."""
    return text.replace("$", r"\$")


def colour(number: int) -> str:
    """Of the classifier of that number, in every picture."""
    return f"C{number % 10}"


def draw_roc(total: Mapping[str, WordFigures]) -> bytes:
    """Receiver operating characteristics; a dot where the threshold is 0.5."""
    figure, axes = _square()
    for number, (name, of) in enumerate(total.items()):
        curve, counts = _curve(of), of.scores.confusion
        label = f"{literal(name)}, AUC {of.scores.area:.4f}"
        axes.plot(curve.alarm_rates, curve.recalls, color=colour(number), label=label)
        axes.plot(counts.alarm_rate, counts.recall, "o", color=colour(number), markersize=5)
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
    axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="share of background marked", ylabel="share of speech marked")
    axes.legend(fontsize=8)
    return png(figure)


def draw_det(total: Mapping[str, WordFigures]) -> bytes:
    """Detection error tradeoff: both rates of error, on axes in which normally distributed scores give straight lines.

    Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    figure, axes = _square()
    for number, (name, of) in enumerate(total.items()):
        curve, counts = _curve(of), of.scores.confusion
        label = f"{literal(name)}, EER {100 * (of.scores.equal_error_rate or 0):.1f} %"
        axes.plot(_deviate(curve.alarm_rates), _deviate(1 - curve.recalls), color=colour(number), label=label)
        axes.plot(_deviate(counts.alarm_rate), _deviate(counts.miss_rate), "o", color=colour(number), markersize=5)
    ends = ndtri([LEAST, MOST])
    axes.plot(ends, ends, color="0.8", linewidth=1, zorder=0)
    labels = [f"{100 * rate:g}" for rate in RATES]
    axes.set_xticks(ndtri(RATES), labels)
    axes.set_yticks(ndtri(RATES), labels)
    axes.set(xlim=ends, ylim=ends, xlabel="background marked, %", ylabel="speech missed, %")
    axes.legend(fontsize=8)
    return png(figure)


def draw_confusion(total: Mapping[str, WordFigures]) -> bytes:
    """Frames by truth and score, a matrix for each classifier; shares are those of what is true."""
    figure, panels = _panels(len(total), 2.7, 2.7)
    for axes, (name, of) in zip(panels, total.items(), strict=True):
        _draw_matrix(axes, of.scores.confusion)
        axes.set_title(f"{literal(name)}, accuracy {of.scores.confusion.accuracy:.3f}", fontsize=10)
    return png(figure)


def draw_scores(comparison: Comparison) -> bytes:
    """How often each score is given to frames of speech, and to those of background."""
    figure, panels = _panels(len(comparison.answers), 3.4, 2.7)
    for axes, (name, answers) in zip(panels, comparison.answers.items(), strict=True):
        truth = np.concatenate([answer.truth for answer in answers])
        scores = np.concatenate([answer.scores for answer in answers])
        for label, shade, chosen in (("background", BACKGROUND, ~truth), ("speech", SPEECH, truth)):
            counts, edges = np.histogram(scores[chosen], BINS, (0, 1))
            axes.stairs(counts / max(1, chosen.sum()), edges, fill=True, color=shade, alpha=0.6, label=label)
        axes.axvline(OPERATING, color="0.3", linewidth=1, linestyle=":")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.set(xlim=(0, 1), xlabel="score", ylabel="share of these frames")
        axes.set_title(literal(name), fontsize=10)
    panels[0].legend(fontsize=8, loc="upper center")
    return png(figure)


def draw_errors(total: Mapping[str, WordFigures]) -> bytes:
    """What became of the true words with each classifier."""
    figure = Figure(figsize=(9, 1.3 + 0.42 * len(total)), layout="constrained")
    axes = figure.add_subplot()
    for row, of in enumerate(total.values()):
        left, words = 0.0, max(1, of.far.true)
        for kind, (meaning, shade) in KINDS.items():
            share = getattr(of.errors, kind) / words
            axes.barh(row, share, left=left, color=shade, height=0.7, label=meaning if row == 0 else None)
            if share > 0.04:
                axes.text(left + share / 2, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8)
            left += share
        axes.text(1.005, row, f"+{100 * of.errors.invented / words:.1f} % invented", va="center", fontsize=8)
    axes.set_yticks(range(len(total)), [literal(name) for name in total])
    axes.set(xlim=(0, 1), ylim=(len(total) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("of the true words")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(KINDS), fontsize=8, frameon=False)
    return png(figure)


def draw_groups(comparison: Comparison, column: str) -> bytes:
    """Three figures by the values of a column of `conditions.csv`."""
    values = comparison.groups[column]
    figure = Figure(figsize=(11, 3.6 + 0.045 * max(map(len, values))), layout="constrained")
    known, places = {c.name: c.value for c in COLUMNS}, range(len(values))
    for axes, (key, title) in zip(figure.subplots(1, len(TRENDS)), TRENDS.items(), strict=True):
        for number, name in enumerate(comparison.total):
            heights = [known[key](by[name]) for by in values.values()]
            axes.plot(places, heights, "o-", color=colour(number), label=literal(name), linewidth=1, markersize=4)
        names = [literal(value) or "-" for value in values]
        axes.set_xticks(places, names, rotation=0 if len(values) < 5 else 90, fontsize=8)
        axes.set_xlim(-0.4, len(values) - 0.6)
        axes.set_ylim(top=1.02)
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return png(figure)


def _curve(figures: WordFigures) -> Curve:
    assert figures.scores.curve is not None
    return figures.scores.curve


def _deviate(rates: ArrayLike) -> NDArray[np.floating[Any]]:
    return np.asarray(ndtri(np.clip(rates, LEAST / 10, 1 - LEAST / 10)))


def _draw_matrix(axes: Axes, counts: Confusion) -> None:
    matrix = np.array([[counts.hits, counts.misses], [counts.alarms, counts.rejections]])
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, place), share in np.ndenumerate(shares):
        shade = "white" if share > 0.6 else "black"
        text = f"{100 * share:.1f} %\n{matrix[row, place]:,}"
        axes.text(place, row, text, ha="center", va="center", fontsize=9, color=shade)
    axes.set_xticks([0, 1], ["speech", "background"])
    axes.set_yticks([0, 1], ["speech", "background"], rotation=90, va="center")
    axes.set(xlabel="scored as", ylabel="true")
    axes.tick_params(labelsize=8, length=0)


def _panels(count: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    across = min(count, ACROSS)
    down = -(-count // across)
    figure = Figure(figsize=(width * across, height * down), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for spare in panels[count:]:
        spare.remove()
    return figure, panels[:count]


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"Frames by score; the dots are at {OPERATING:g}", fontsize=10, loc="left")
    axes.grid(alpha=0.3)
    return figure, axes
