"""Frame classifiers of speech compared, as pictures: ROC and DET curves, confusion, scores, errors, worst recordings.

Whatever is drawn of several classifiers is handed over by their names; each has the same colour in every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from earmark.plots.style import BACKGROUND, FIRST, RIGHT, WRONG, colour, contrast, literal, png

SPEECH = FIRST
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

Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class DetectionCurve:
    """A receiver operating characteristic, and where on it a classifier works.

    Attributes
    ----------
    false_alarm_rates, recalls
        Of each threshold [points].
    working_point
        False alarm rate and recall at the threshold that is used.
    auc, eer
        Area below the curve, and equal error rate.
    """

    false_alarm_rates: Values
    recalls: Values
    working_point: tuple[float, float]
    auc: float
    eer: float


def draw_roc(curves: Mapping[str, DetectionCurve], threshold: float) -> bytes:
    """Receiver operating characteristics; a dot where each classifier works, at the threshold."""
    figure, axes = _square(threshold)
    for number, (name, curve) in enumerate(curves.items()):
        label = f"{literal(name)}, AUC {curve.auc:.4f}"
        axes.plot(curve.false_alarm_rates, curve.recalls, color=colour(number), label=label)
        axes.plot(*curve.working_point, "o", color=colour(number), markersize=5)
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
    axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="share of background marked", ylabel="share of speech marked")
    axes.legend(fontsize=8)
    return png(figure)


def draw_det(curves: Mapping[str, DetectionCurve], threshold: float) -> bytes:
    """Detection error tradeoff: both rates of error, on axes in which normally distributed scores give straight lines.

    Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    figure, axes = _square(threshold)
    for number, (name, curve) in enumerate(curves.items()):
        label = f"{literal(name)}, EER {100 * curve.eer:.1f} %"
        axes.plot(_deviate(curve.false_alarm_rates), _deviate(1 - curve.recalls), color=colour(number), label=label)
        alarms, recall = curve.working_point
        axes.plot(_deviate(alarms), _deviate(1 - recall), "o", color=colour(number), markersize=5)
    ends = ndtri([LEAST, MOST])
    axes.plot(ends, ends, color="0.8", linewidth=1, zorder=0)
    labels = [f"{100 * rate:g}" for rate in RATES]
    axes.set_xticks(ndtri(RATES), labels)
    axes.set_yticks(ndtri(RATES), labels)
    axes.set(xlim=ends, ylim=ends, xlabel="background marked, %", ylabel="speech missed, %")
    axes.legend(fontsize=8)
    return png(figure)


def draw_frame_confusion(matrices: Mapping[str, NDArray[np.int64]], accuracies: Mapping[str, float]) -> bytes:
    """Frames by truth and score, speech first, [2, 2] for each classifier; shares are those of what is true."""
    figure, panels = _panels(len(matrices), 2.7)
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        _draw_matrix(axes, matrix)
        axes.set_title(f"{literal(name)}, accuracy {accuracies[name]:.3f}", fontsize=10)
    return png(figure)


def draw_score_histograms(scores: Mapping[str, tuple[Values, Values]], threshold: float) -> bytes:
    """How often each score is given to frames of speech, the first of two arrays, and to those of background."""
    figure, panels = _panels(len(scores), 3.4)
    for axes, (name, (speech, background)) in zip(panels, scores.items(), strict=True):
        for label, shade, values in (("background", BACKGROUND, background), ("speech", SPEECH, speech)):
            counts, edges = np.histogram(values, BINS, (0, 1))
            axes.stairs(counts / max(1, len(values)), edges, fill=True, color=shade, alpha=0.6, label=label)
        axes.axvline(threshold, color="0.3", linewidth=1, linestyle=":")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.set(xlim=(0, 1), xlabel="score", ylabel="share of these frames")
        axes.set_title(literal(name), fontsize=10)
    panels[0].legend(fontsize=8, loc="upper center")
    return png(figure)


def draw_word_errors(errors: Mapping[str, Mapping[str, int]], words: Mapping[str, int]) -> bytes:
    """What became of the true words with each classifier: how many are of each of `KINDS`, or `invented`."""
    figure = Figure(figsize=(9, 1.3 + 0.42 * len(errors)), layout="constrained")
    axes = figure.add_subplot()
    for row, (name, counts) in enumerate(errors.items()):
        left, total = 0.0, max(1, words[name])
        for kind, (meaning, shade) in KINDS.items():
            share = counts[kind] / total
            axes.barh(row, share, left=left, color=shade, height=0.7, label=meaning if row == 0 else None)
            if share > 0.04:
                axes.text(left + share / 2, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8)
            left += share
        axes.text(1.005, row, f"+{100 * counts['invented'] / total:.1f} % invented", va="center", fontsize=8)
    axes.set_yticks(range(len(errors)), [literal(name) for name in errors])
    axes.set(xlim=(0, 1), ylim=(len(errors) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("of the true words")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(KINDS), fontsize=8, frameon=False)
    return png(figure)


def draw_conditions(values: Sequence[str], trends: Mapping[str, Mapping[str, Sequence[float | None]]]) -> bytes:
    """Figures by conditions, a panel for each figure, by its title: of each classifier a value for each condition."""
    figure = Figure(figsize=(11, 3.6 + 0.045 * max(map(len, values))), layout="constrained")
    positions = range(len(values))
    for axes, (title, lines) in zip(figure.subplots(1, len(trends)), trends.items(), strict=True):
        for number, (name, heights) in enumerate(lines.items()):
            axes.plot(positions, heights, "o-", color=colour(number), label=literal(name), linewidth=1, markersize=4)
        names = [literal(value) or "-" for value in values]
        axes.set_xticks(positions, names, rotation=0 if len(values) < 5 else 90, fontsize=8)
        axes.set_xlim(-0.4, len(values) - 0.6)
        axes.set_ylim(top=1.02)
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return png(figure)


@dataclass(frozen=True)
class WordLane:
    """What one classifier says of a recording."""

    note: str  # beside its lane
    scores: Values  # of frames [frames]
    words: Sequence[tuple[float, float, bool]]
    """Onset and duration of each word found, seconds, and whether a true word has its edges."""


def draw_recording(
    levels: Values,
    truth: Sequence[tuple[float, float, str | None]],
    lanes: Sequence[WordLane],
    span: tuple[float, float],
    step: float,
    threshold: float,
) -> bytes:
    """Level and true words above, each classifier's scores and words below.

    Levels are dB [frames], `step` seconds apart. Of true words there are onset, offset, and text if it is known. The
    span says from when to when is drawn, the threshold how frames are scored.
    """
    rows = len(lanes)
    figure = Figure(figsize=(13, 1.9 + 1.05 * rows), layout="constrained")
    axes = figure.subplots(rows + 1, 1, sharex=True, squeeze=False, height_ratios=[1.4, *[1] * rows])[:, 0]
    _draw_level(axes[0], levels, truth, span, step)
    for number, lane in enumerate(lanes):
        _draw_lane(axes[number + 1], lane, truth, colour(number), step, threshold)
    axes[0].set_xlim(*span)
    axes[-1].set_xlabel("seconds")
    return png(figure)


def _draw_level(
    axes: Axes, levels: Values, truth: Sequence[tuple[float, float, str | None]], span: tuple[float, float], step: float
) -> None:
    times = np.arange(len(levels)) * step
    shown = levels[(times >= span[0]) & (times <= span[1])]
    top = float(shown.max(initial=-60.0))
    floor = max(float(shown.min(initial=top)), top - 70) - 3
    axes.fill_between(times, floor, np.maximum(levels, floor), color="0.55", linewidth=0)
    for onset, offset, text in truth:
        axes.axvspan(onset, offset, color=SPEECH, alpha=0.25, linewidth=0)
        middle = (onset + offset) / 2
        if text and span[0] <= middle <= span[1]:
            axes.text(middle, top + 2, literal(text), ha="center", va="bottom", fontsize=8, color=SPEECH)
    axes.set_ylim(floor, top + 12)
    axes.set_ylabel("true words\nlevel, dB", fontsize=8)
    axes.tick_params(labelsize=8)


def _draw_lane(
    axes: Axes,
    lane: WordLane,
    truth: Sequence[tuple[float, float, str | None]],
    shade: str,
    step: float,
    threshold: float,
) -> None:
    for onset, offset, _ in truth:
        axes.axvspan(onset, offset, color=SPEECH, alpha=0.13, linewidth=0)
    axes.plot(np.arange(len(lane.scores)) * step, lane.scores, color=shade, linewidth=1)
    axes.axhline(threshold, color=BACKGROUND, linewidth=0.7, linestyle=":")
    for onset, duration, right in lane.words:
        axes.broken_barh([(onset, duration)], (1.1, 0.22), color=RIGHT if right else WRONG)
    axes.set_ylim(-0.04, 1.4)
    axes.set_yticks([0, 0.5, 1])
    axes.tick_params(labelsize=8)
    axes.set_ylabel(literal(lane.note), fontsize=8)


def _deviate(rates: ArrayLike) -> Values:
    return np.asarray(ndtri(np.clip(rates, LEAST / 10, 1 - LEAST / 10)))


def _draw_matrix(axes: Axes, matrix: NDArray[np.int64]) -> None:
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, place), share in np.ndenumerate(shares):
        text = f"{100 * share:.1f} %\n{matrix[row, place]:,}"
        axes.text(place, row, text, ha="center", va="center", fontsize=9, color=contrast(share))
    axes.set_xticks([0, 1], ["speech", "background"])
    axes.set_yticks([0, 1], ["speech", "background"], rotation=90, va="center")
    axes.set(xlabel="scored as", ylabel="true")
    axes.tick_params(labelsize=8, length=0)


def _panels(count: int, width: float) -> tuple[Figure, list[Axes]]:
    across = min(count, ACROSS)
    down = -(-count // across)
    figure = Figure(figsize=(width * across, 2.7 * down), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for spare in panels[count:]:
        spare.remove()
    return figure, panels[:count]


def _square(threshold: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"Frames by score; the dots are at {threshold:g}", fontsize=10, loc="left")
    axes.grid(alpha=0.3)
    return figure, axes
