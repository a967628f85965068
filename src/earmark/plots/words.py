"""The words of a recording as a picture: waveform, spectrogram and fundamental frequency, in rows like a score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.patches import Patch
from numpy.typing import NDArray

from earmark import media
from earmark.plots import spectrogram as spectrograms
from earmark.plots.style import Picture, literal, save, time_axis
from earmark.speech.f0 import STEP, Pitch, PitchTracker
from earmark.speech.segmentation import Word, Words
from earmark.util.streams import tee
from earmark.util.types import Features, Samples

FRONT_END = replace(spectrograms.FRONT_END, hop=220)  # words are shorter than most sounds
ROW_SECONDS = 30.0  # at least this fits into a row, where there are several
MOST_ROWS = 20  # longer recordings get longer rows
WIDTH, LEFT, RIGHT, TOP, BOTTOM, BETWEEN = 14.0, 0.65, 0.25, 0.5, 0.35, 0.35  # inches
HEIGHTS = {"wave": 1.3, "truth": 0.22, "spectrogram": 2.0, "f0": 1.3}  # inches, in a picture of one row
SMALLER = 0.6  # heights where there are several rows
FEWER_TICKS = (500, 2000, 8000)  # Hz, there
FOUND, TRUE, VOICE = "tab:blue", "tab:green", "tab:red"
CHARACTER = 0.075  # inches that a character of a number takes
USUAL_F0 = (60.0, 400.0)  # Hz: the axis where nothing is voiced

Envelope = NDArray[np.float32]


@dataclass(frozen=True)
class _Seen:
    """What of a recording is drawn, in a bounded number of columns: all else was let go."""

    envelope: Envelope  # [columns, 2]: least and greatest sample
    image: Features  # [columns, bands], dB
    pitch: Pitch


@dataclass(frozen=True)
class _Row:
    """A stretch of time, seconds; the last one's axes are as long as the others', what it holds may be shorter."""

    onset: float
    offset: float

    def holds(self, words: Iterable[Word]) -> list[tuple[int, Word]]:
        """The words that lie in it, with their numbers from 1."""
        return [(n, w) for n, w in enumerate(words, start=1) if w.onset < self.offset and w.offset > self.onset]


def draw_words(source: media.Source, words: Words, path: Path, truth: Words | None = None, track: int = 0) -> None:
    """Write a PNG of a recording with its words, the truth if there is one, and the fundamental frequency in Hz.

    A recording of more than half a minute is drawn in up to 20 rows. The recording is read once more, in blocks; what
    is kept of it has a bounded number of columns, but for the pitch, some ten bytes for each 10 ms.

    Raises
    ------
    EarmarkError
        The file cannot be written.
    MediaError
        The recording cannot be read.
    """
    save(words_figure(media.Sound(source, track=track), words, truth), path)


def words_figure(sound: media.Sound, words: Words, truth: Words | None = None) -> Figure:
    """The same as a figure.

    Raises
    ------
    MediaError
        The recording cannot be read.
    """
    rows = _rows(words.duration)
    seen = _see(sound, words.duration, len(rows))
    names = [name for name in HEIGHTS if name != "truth" or truth is not None]
    heights = [HEIGHTS[name] * (1 if len(rows) == 1 else SMALLER) for name in names]
    figure, grid = _sheet(len(rows), heights)
    for row, place in zip(rows, grid, strict=True):
        axes = dict(zip(names, place, strict=True))
        _draw_wave(axes["wave"], seen.envelope, words, row)
        _draw_spectrogram(axes["spectrogram"], seen.image, words, row)
        _draw_f0(axes["f0"], seen.pitch, words, row)
        if truth is not None:
            _draw_truth(axes["truth"], truth, row)
        for name, each in axes.items():
            time_axis(each, row.onset, row.offset)
            each.tick_params(bottom=name == "f0", labelbottom=name == "f0", labelsize=8)
    _head(figure, words, truth)
    return figure


def _rows(duration: float) -> list[_Row]:
    count = min(MOST_ROWS, max(1, math.ceil(duration / ROW_SECONDS)))
    length = max(duration, 1e-3) if count == 1 else max(ROW_SECONDS, duration / count)
    return [_Row(number * length, (number + 1) * length) for number in range(count)]


def _see(sound: media.Sound, duration: float, rows: int) -> _Seen:
    """One pass over the recording."""
    rate, columns = FRONT_END.rate, spectrograms.COLUMNS * rows
    tracker, parts = PitchTracker(rate), list[Envelope]()
    with sound.open() as recording:
        blocks = _enveloped(recording.blocks(rate), math.ceil(duration * rate / columns), parts)
        image = spectrograms.spectrogram(tee(blocks, tracker.add), duration, columns, FRONT_END)
    return _Seen(np.concatenate([np.empty((0, 2), np.float32), *parts]), image, tracker.finish())


def _enveloped(blocks: Iterable[Samples], pooled: int, parts: list[Envelope]) -> Iterator[Samples]:
    """Pass blocks on, and add to `parts` the least and the greatest of each `pooled` samples."""
    pooled = max(1, pooled)
    rest = np.empty(0, np.float32)
    for block in blocks:
        joined = np.concatenate([rest, block])
        pooled_length = len(joined) // pooled * pooled
        parts.append(_extremes(joined[:pooled_length].reshape(-1, pooled)))
        rest = joined[pooled_length:]
        yield block
    if len(rest):
        parts.append(_extremes(rest[None]))


def _extremes(samples: Samples) -> Envelope:
    return np.stack([samples.min(axis=1), samples.max(axis=1)], axis=1)


def _sheet(rows: int, heights: Sequence[float]) -> tuple[Figure, list[list[Axes]]]:
    """A figure, and the axes of each row, one below the other with as little as possible between."""
    height = TOP + BOTTOM + rows * sum(heights) + (rows - 1) * BETWEEN
    figure = Picture(figsize=(WIDTH, height))
    grid = figure.add_gridspec(
        rows,
        1,
        left=LEFT / WIDTH,
        right=1 - RIGHT / WIDTH,
        top=1 - TOP / height,
        bottom=BOTTOM / height,
        hspace=BETWEEN / sum(heights),
    )
    lanes = range(len(heights))
    inner = [GridSpecFromSubplotSpec(len(heights), 1, grid[r], height_ratios=heights, hspace=0.06) for r in range(rows)]
    return figure, [[figure.add_subplot(each[lane]) for lane in lanes] for each in inner]


def _draw_wave(axes: Axes, envelope: Envelope, words: Words, row: _Row) -> None:
    first, last = _columns(len(envelope), words.duration, row)
    times = (np.arange(first, last) + 0.5) / max(1, len(envelope)) * words.duration
    axes.fill_between(times, envelope[first:last, 0], envelope[first:last, 1], color="0.35", linewidth=0.3)
    peak = max(float(np.abs(envelope).max(initial=0.0)), 1e-4)
    axes.set_ylim(-1.1 * peak, 1.6 * peak)
    axes.set_yticks([0], ["0"])
    held = row.holds(words.words)
    _shade(axes, [word for _, word in held], 0.25)
    _write(axes, [(word, str(number)) for number, word in held], row, 0.88)
    if not words.words and row.onset == 0:
        axes.text(0.5, 0.85, "no words found", transform=axes.transAxes, ha="center", va="center")


def _draw_truth(axes: Axes, truth: Words, row: _Row) -> None:
    words = [word for _, word in row.holds(truth.words)]
    axes.broken_barh([(w.onset, w.duration) for w in words], (0, 1), facecolors=TRUE, alpha=0.35)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], ["truth"])
    _write(axes, [(word, word.text) for word in words if word.text], row, 0.5)


def _draw_spectrogram(axes: Axes, image: Features, words: Words, row: _Row) -> None:
    first, last = _columns(len(image), words.duration, row)
    if last > first:
        scale = words.duration / len(image)
        ticks = spectrograms.TICKS if row.onset == 0 and row.offset >= words.duration else FEWER_TICKS
        spectrograms.show_spectrogram(axes, image[first:last], first * scale, last * scale, float(image.max()), ticks)
    for word in (word for _, word in row.holds(words.words)):
        axes.vlines([word.onset, word.offset], 0, FRONT_END.bands, colors="white", linewidth=0.5, alpha=0.7)


def _draw_f0(axes: Axes, pitch: Pitch, words: Words, row: _Row) -> None:
    inside = np.zeros(len(pitch.f0), np.bool_)
    for word in words.words:
        inside[max(0, round(word.onset / STEP)) : round(word.offset / STEP) + 1] = True
    voiced = pitch.f0[inside & (pitch.f0 > 0)]
    first, last = math.floor(row.onset / STEP), math.ceil(row.offset / STEP) + 1
    every = max(1, (last - first) // (2 * spectrograms.COLUMNS))
    shown = slice(first, last, every)
    times, f0 = np.arange(len(pitch.f0))[shown] * STEP, pitch.f0[shown]
    for mask, colour in ((~inside[shown], "0.7"), (inside[shown], VOICE)):
        axes.plot(times, np.where((f0 > 0) & mask, f0, np.nan), color=colour, linewidth=1.2, marker=".", markersize=2)
    if len(voiced):
        low, high = np.quantile(voiced, [0.005, 0.995])
        axes.axhline(float(voiced.mean()), color=VOICE, linewidth=0.7, linestyle="--", alpha=0.6)
    else:
        low, high = USUAL_F0
    axes.set_ylim(0.85 * low, 1.15 * high)
    axes.set_ylabel("F0, Hz")
    axes.grid(axis="y", alpha=0.3)
    _shade(axes, [word for _, word in row.holds(words.words)], 0.12)


def _columns(count: int, duration: float, row: _Row) -> tuple[int, int]:
    """Which of the columns of the whole recording lie in a row."""
    scale = count / max(duration, 1e-3)
    return min(count, math.floor(row.onset * scale)), min(count, math.ceil(row.offset * scale))


def _shade(axes: Axes, words: Sequence[Word], alpha: float) -> None:
    spans = [(word.onset, word.duration) for word in words]
    axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), facecolors=FOUND, alpha=alpha)


def _write(axes: Axes, texts: Iterable[tuple[Word, str]], row: _Row, height: float) -> None:
    """Texts over their words, those that find room in the row and beside the one before."""
    scale = (WIDTH - LEFT - RIGHT) / (row.offset - row.onset)  # inches a second
    free = row.onset
    for word, text in texts:
        middle = (max(word.onset, row.onset) + min(word.offset, row.offset)) / 2
        half = (len(text) + 0.5) * CHARACTER / 2 / scale
        if free <= middle - half and middle + half <= row.offset:
            plain = literal(text)
            axes.text(
                middle, height, plain, transform=axes.get_xaxis_transform(), ha="center", va="center", fontsize=8,
                clip_on=True,
            )  # fmt: skip
            free = middle + half


def _head(figure: Figure, words: Words, truth: Words | None) -> None:
    height = figure.get_size_inches()[1]
    name = literal(Path(words.recording).name)
    many = f"{len(words.words)} word{'' if len(words.words) == 1 else 's'}"
    text = f"{name}   {many} ({words.classifier or 'ground truth'})"
    if words.speaker_f0 is not None:
        f0 = words.speaker_f0
        text += f"   F0 {f0.mean:.0f} Hz, median {f0.median:.0f} Hz, standard deviation {f0.std:.0f} Hz"
    figure.text(LEFT / WIDTH, 1 - 0.25 / height, text, fontsize=10, va="center")
    shades = [Patch(color=FOUND, alpha=0.25, label="words found")]
    if truth is not None:
        shades.append(Patch(color=TRUE, alpha=0.35, label=f"truth: {len(truth.words)}"))
    shades.append(Patch(color=VOICE, label="F0 in words"))
    figure.legend(
        handles=shades, loc="center right", ncols=len(shades), fontsize=8, frameon=False,
        bbox_to_anchor=(1 - RIGHT / WIDTH, 1 - 0.25 / height),
    )  # fmt: skip
