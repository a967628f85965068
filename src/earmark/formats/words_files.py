"""Words in the formats of other programs, and as a table: one small class each, chosen by name from a table.

    WORD_FORMATS["csv"].write(words, file)          # a text stream, opened with newline="" and encoding="utf-8"
    WORD_FORMATS["csv"].write_many(several, file)   # several recordings in one file, where the format has a way

All suffixes begin with `.words`: a file that a classifier made thus never takes the name, nor the place, of the
ground truth that a person drew beside the same recording.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from earmark.formats.annotations import Audacity
from earmark.formats.base import Format, number
from earmark.formats.textgrid import DIGITS, Interval, write_tiers
from earmark.formats.words_json import WordsJson
from earmark.util.text import SheetWriter, encodable, one_line

if TYPE_CHECKING:
    from earmark.speech.segmentation import Word, Words

TIER = "words"
COLUMNS = ("recording", "word", "onset", "offset", "f0", "text")


class WordsTextGrid(Format["Words"]):
    """Praat's TextGrid with one tier, `words`: in each interval the word's text, or its number from 1.

    To correct it in Praat into a ground truth, save it beside `talk.flac` as `talk.TextGrid`. Where two words overlap,
    the second begins where the first ends, as a tier cannot hold both.
    """

    name = "textgrid"
    suffix = ".words.TextGrid"

    def write(self, words: Words, file: TextIO) -> None:
        """Write one recording's tier."""
        end = max([round(words.duration, DIGITS), 1e-3, *(round(word.offset, DIGITS) for word in words.words)])
        write_tiers({TIER: _intervals(words.words)}, end, file)


class WordsCsv(Format["Words"]):
    """One header, then a row a word: its number from 1, times in seconds, mean F0 in Hz, text if it is known."""

    name = "csv"
    suffix = ".words.csv"

    def write(self, words: Words, file: TextIO) -> None:
        """Write the header and one recording's words."""
        self.write_many([words], file)

    def write_many(self, recordings: Iterable[Words], file: TextIO) -> None:
        """Write the header once and the words of all recordings."""
        writer = SheetWriter(file, "\r\n")
        writer.writerow(COLUMNS)
        for words in recordings:
            recording = encodable(words.recording)
            for place, word in enumerate(words.words, start=1):
                f0 = "" if word.f0 is None else number(word.f0, 1)
                row = (place, number(word.onset), number(word.offset), f0, encodable(word.text or ""))
                writer.writerow((recording, *row))


class WordsAudacity(Format["Words"]):
    """Audacity's label track: a line a word, with its text or its number from 1."""

    name = "audacity"
    suffix = ".words.txt"

    def write(self, words: Words, file: TextIO) -> None:
        """Write one label track."""
        Audacity().write(words.as_timeline(), file)


WORD_FORMATS: dict[str, Format[Words]] = {
    "json": WordsJson(),
    "csv": WordsCsv(),
    "textgrid": WordsTextGrid(),
    "audacity": WordsAudacity(),
}
"""Every format of words, by the name that `--to` takes."""


def _intervals(words: Iterable[Word]) -> list[Interval]:
    intervals: list[Interval] = []
    for place, word in enumerate(words, start=1):
        onset = round(max(word.onset, intervals[-1][1] if intervals else 0.0), DIGITS)
        offset = round(word.offset, DIGITS)
        if onset < offset:
            intervals.append((onset, offset, one_line(word.text or "") or str(place)))
    return intervals
