"""The recordings in which a classifier does worst, drawn: what is heard, what is true, and what each one says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from earmark import media
from earmark.evaluation.comparison.figures import OPERATING, Comparison
from earmark.evaluation.comparison.pictures import BACKGROUND, RIGHT, SPEECH, WRONG, colour, literal, png
from earmark.evaluation.comparison.runs import Answer, Recording
from earmark.evaluation.words import TOKEN_TOLERANCE, count
from earmark.speech.energy import STEP, Contour, Levels
from earmark.speech.segmentation import Word

EACH = 1  # recordings for each classifier and condition
EACH_ALONE = 4  # where nobody tells conditions
SHOWN = 12.0  # seconds
RATE = 16_000
CONDITION = "condition"


@dataclass(frozen=True)
class Worst:
    """One of the worst recordings.

    Attributes:
        recording: which.
        of: the classifiers that do worst there.
        number: its place in each classifier's answers.
    """

    recording: Recording
    of: tuple[str, ...]
    number: int


def find(comparison: Comparison) -> list[Worst]:
    """The recordings of each condition, if there are any, in which each classifier finds the words worst."""
    recordings = comparison.recordings
    conditions: dict[str, list[int]] = {}
    for number, recording in enumerate(recordings):
        conditions.setdefault(recording.tags.get(CONDITION, ""), []).append(number)
    each = EACH if len(conditions) > 1 else EACH_ALONE
    worst: dict[int, list[str]] = {}
    for numbers in conditions.values():
        for name, answers in comparison.answers.items():
            for number in sorted(numbers, key=lambda n: _quality(answers[n]))[:each]:
                worst.setdefault(number, []).append(name)
    return [Worst(recordings[number], tuple(names), number) for number, names in worst.items()]


def _quality(answer: Answer) -> tuple[float, float]:
    """How well words are found, and then frames."""
    counts = count(answer.found.words, answer.recording.truth.words)
    return counts.boundary_f1 + counts.token_f1, float((answer.marked == answer.truth).mean())


def draw(worst: Worst, answers: Mapping[str, Answer]) -> bytes:
    """Level and true words above, each classifier's scores and words below; of a long recording, the worst part.

    Raises:
        MediaError: the recording cannot be read any more.
    """
    begin, end = part([answers[name] for name in worst.of])
    rows = len(answers)
    figure = Figure(figsize=(13, 1.9 + 1.05 * rows), layout="constrained")
    axes = figure.subplots(rows + 1, 1, sharex=True, squeeze=False, height_ratios=[1.4, *[1] * rows])[:, 0]
    _draw_level(axes[0], _levels(worst.recording), worst.recording.truth.words, (begin, end))
    for number, (name, answer) in enumerate(answers.items()):
        _draw_answer(axes[number + 1], name, answer, colour(number))
    axes[0].set_xlim(begin, end)
    axes[-1].set_xlabel("seconds")
    return png(figure)


def part(answers: Sequence[Answer]) -> tuple[float, float]:
    """From when to when to draw, seconds: the stretch with the most wrong frames."""
    wrong = sum((answer.marked != answer.truth).astype(np.int64) for answer in answers)
    shown = round(SHOWN / STEP)
    if np.size(wrong) <= shown:
        return 0.0, max(STEP, np.size(wrong) * STEP)
    summed = np.concatenate([[0], np.cumsum(wrong)])
    first = int(np.argmax(summed[shown:] - summed[:-shown]))
    return first * STEP, (first + shown) * STEP


def _levels(recording: Recording) -> Levels:
    contour = Contour(RATE)
    with media.open_recording(recording.path) as opened:
        for block in opened.blocks(RATE):
            contour.add(block)
    return contour.finish()


def _draw_level(axes: Axes, levels: Levels, truth: Sequence[Word], part: tuple[float, float]) -> None:
    times = np.arange(len(levels)) * STEP
    shown = levels[(times >= part[0]) & (times <= part[1])]
    top = float(shown.max(initial=-60.0))
    floor = max(float(shown.min(initial=top)), top - 70) - 3
    axes.fill_between(times, floor, np.maximum(levels, floor), color="0.55", linewidth=0)
    for word in truth:
        axes.axvspan(word.onset, word.offset, color=SPEECH, alpha=0.25, linewidth=0)
        if word.text and part[0] <= (word.onset + word.offset) / 2 <= part[1]:
            middle = (word.onset + word.offset) / 2
            axes.text(middle, top + 2, literal(word.text), ha="center", va="bottom", fontsize=8, color=SPEECH)
    axes.set_ylim(floor, top + 12)
    axes.set_ylabel("true words\nlevel, dB", fontsize=8)
    axes.tick_params(labelsize=8)


def _draw_answer(axes: Axes, name: str, answer: Answer, shade: str) -> None:
    for word in answer.recording.truth.words:
        axes.axvspan(word.onset, word.offset, color=SPEECH, alpha=0.13, linewidth=0)
    axes.plot(np.arange(len(answer.scores)) * STEP, answer.scores, color=shade, linewidth=1)
    axes.axhline(OPERATING, color=BACKGROUND, linewidth=0.7, linestyle=":")
    for word, right in _judged(answer):
        axes.broken_barh([(word.onset, word.duration)], (1.1, 0.22), color=RIGHT if right else WRONG)
    axes.set_ylim(-0.04, 1.4)
    axes.set_yticks([0, 0.5, 1])
    axes.tick_params(labelsize=8)
    counts = count(answer.found.words, answer.recording.truth.words)
    axes.set_ylabel(f"{literal(name)}\n{counts.found}/{counts.true} words\nF1 {counts.token_f1:.2f}", fontsize=8)


def _judged(answer: Answer) -> Iterator[tuple[Word, bool]]:
    """Each word found, and whether a true word has its edges."""
    truth = answer.recording.truth.words
    for word in answer.found.words:
        yield word, any(count([word], [true], TOKEN_TOLERANCE).tokens for true in truth)
