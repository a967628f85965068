"""What people read in a terminal: aligned tables of events, of the labels of each second, and of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from earmark.util.text import number_of, one_line

if TYPE_CHECKING:
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Timeline
    from earmark.speech.segmentation import Word, Words

EVENT_HEADS = ("onset", "offset", "sound", "score")
SECONDS_HEADS = ("time", "sounds")
WORD_HEADS = ("word", "onset", "offset", "duration", "F0 (Hz)")
TOGETHER = 0.1  # seconds: words that begin within it stand side by side


def aligned(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Rows in columns as wide as they need to be, each to the left or to the right as its letter in `sides` says."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(w) if side == "r" else cell.ljust(w) for cell, w, side in zip(row, widths, sides, strict=True)
        )
        for row in rows
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def events_table(timeline: Timeline) -> str:
    """Aligned text with a head line, ending in a line break; one sentence if there are no events."""
    if not timeline.events:
        return "no sounds found\n"
    rows = [(clock(e.onset), clock(e.offset), one_line(e.label), f"{e.score:.2f}") for e in timeline.events]
    return aligned([EVENT_HEADS, *rows], "rrlr")


def seconds_table(seconds: Seconds) -> str:
    """Aligned text with a head line: where each window begins, as m:ss or h:mm:ss, and its labels with their scores."""
    digits = _digits(seconds.every)
    return aligned([SECONDS_HEADS, *((clock(w.start, digits), _labels(w.labels)) for w in seconds.windows)], "rl")


def clock(seconds: float, digits: int = 1) -> str:
    """A time as people read it, h:mm:ss or m:ss, with so many digits after the point.

    >>> clock(63.24), clock(63, 0), clock(3661.25, 2)
    ('1:03.2', '1:03', '1:01:01.25')
    """
    whole, parts = divmod(round(seconds * 10**digits), 10**digits)
    hours, minutes = whole // 3600, whole // 60 % 60
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{whole % 60:02}" + (f".{parts:0{digits}}" if digits else "")


def words_table(words: Words) -> str:
    """Number, onset, offset, duration in seconds, mean F0 in Hz; then how many, and the speaker's F0.

    Where the words' texts are known, they stand behind.
    """
    if not words.words:
        return "no words found\n"
    known = any(word.text for word in words.words)
    heads = (*WORD_HEADS, "text") if known else WORD_HEADS
    table = [heads, *(_row(place, word)[: len(heads)] for place, word in enumerate(words.words, start=1))]
    return "\n".join([aligned(table, "rrrrrl"[: len(heads)]), speaker(words), *_syllables(words)]) + "\n"


def side_by_side(several: Sequence[Words]) -> str:
    """The words of one recording as each classifier found them, or as the truth has them: a column each.

    In a cell stand a word's number, its onset and offset in seconds, or the text of a true word for its number.
    """
    heads = [words.classifier or "truth" for words in several]
    return aligned([heads, *_together(several)], "l" * len(heads))


def speaker(words: Words) -> str:
    """How many words, and the speaker's F0 over them."""
    many = number_of(len(words.words), "word")
    f0 = words.speaker_f0
    if f0 is None:
        return f"{many}; nothing voiced in them" if words.words else many
    return (
        f"{many}; speaker's F0: mean {f0.mean:.1f} Hz, median {f0.median:.1f} Hz, "
        f"standard deviation {f0.std:.1f} Hz over {f0.voiced_seconds:.2f} voiced seconds"
    )


def _syllables(words: Words) -> list[str]:
    """How many syllables, and how many in a second of speech, pauses left out; nothing where nobody looked."""
    if words.syllables is None:
        return []
    many, spoken = len(words.syllables), sum(word.duration for word in words.words)
    rate = f", {many / spoken:.1f} a second of speech" if spoken else ""  # a text's words may all have been skipped
    return [number_of(many, "syllable") + rate]


def _together(several: Sequence[Words]) -> list[list[str]]:
    """A row for each stretch of time in which a word begins, empty cells where one begins for others only."""
    rows, at = [], [0] * len(several)
    while any(place < len(words.words) for place, words in zip(at, several, strict=True)):
        waiting = [words.words[place : place + 1] for place, words in zip(at, several, strict=True)]
        latest = min(word.onset for (word,) in filter(None, waiting)) + TOGETHER
        begun = [bool(next_one) and next_one[0].onset <= latest for next_one in waiting]
        rows.append([_cell(at[i] + 1, waiting[i][0]) if begun[i] else "" for i in range(len(several))])
        at = [place + here for place, here in zip(at, begun, strict=True)]
    return rows


def _cell(place: int, word: Word) -> str:
    return f"{one_line(word.text or '') or place} {word.onset:.2f}-{word.offset:.2f}"


def _row(place: int, word: Word) -> tuple[str, ...]:
    f0 = "-" if word.f0 is None else f"{word.f0:.1f}"
    times = f"{word.onset:.3f}", f"{word.offset:.3f}", f"{word.duration:.3f}"
    return (str(place), *times, f0, one_line(word.text or ""))


def _digits(every: float) -> int:
    """How many digits after the point, three at most, tell windows of this length apart exactly."""
    return next((digits for digits in range(3) if abs(round(every, digits) - every) < 1e-9), 3)


def _labels(labels: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{one_line(label)} {score:.2f}" for label, score in labels) or "-"
