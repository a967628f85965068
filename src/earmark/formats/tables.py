"""CSV after RFC 4180: a row an event, a word, or for each second."""

from __future__ import annotations

import csv
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, R, event, make_timeline, number, stream_name
from earmark.speech import STEP
from earmark.util.text import SheetWriter, encodable, unguarded

if TYPE_CHECKING:
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Event, Timeline
    from earmark.speech.segmentation import Words

NEEDED = ("onset", "offset", "label")
Row = tuple[object, ...]
SEPARATOR = ";"  # between labels, as in the dataset table


class Table(Format[R]):
    """A format with one header, and rows that begin with the recording's name."""

    name = "csv"
    columns: tuple[str, ...]
    """What follows the recording."""

    @abstractmethod
    def rows(self, found: R, /) -> Iterator[Row]:
        """The rows of one recording, without its name."""

    def write(self, found: R, file: TextIO, /) -> None:
        self.write_many([found], file)

    def write_many(self, several: Iterable[R], file: TextIO, /) -> None:
        """Write the header once and the rows of all recordings."""
        writer = SheetWriter(file, "\r\n")
        writer.writerow(("recording", *self.columns))
        for found in several:
            recording = encodable(found.recording)
            writer.writerows((recording, *row) for row in self.rows(found))


class Csv(Table["Timeline"]):
    """One header, then a row an event: times in seconds to the millisecond, scores to four digits.

    Durations and models are not in the table: a timeline read from one lasts until its last event.
    """

    suffix = ".csv"
    columns = ("onset", "offset", "label", "score")

    def rows(self, timeline: Timeline) -> Iterator[Row]:
        for e in timeline.events:
            yield number(e.onset), number(e.offset), encodable(e.label), number(e.score, 4)

    def read(self, file: TextIO) -> Timeline:
        """The events of the one recording in a stream."""
        timelines = self.read_many(file)
        if len(timelines) > 1:
            raise EarmarkError(stream_name(file), f"holds {len(timelines)} recordings", "give a file with one")
        return timelines[0] if timelines else make_timeline("", 0.0, "", [])

    def read_many(self, file: TextIO) -> list[Timeline]:
        """A timeline for each recording in a stream, in the order of their first rows.

        Only onset, offset and label are needed; without a score an event is certain.
        """
        where = stream_name(file)
        try:
            return self._parse(csv.DictReader(file), where)
        except csv.Error as error:
            raise EarmarkError(where, f"is no CSV table ({error})") from error

    def _parse(self, rows: csv.DictReader[str], where: str) -> list[Timeline]:
        missing = [c for c in NEEDED if c not in (rows.fieldnames or ())]
        if missing:
            raise EarmarkError(where, "has no column " + ", ".join(missing), "name the columns in the first line")
        events: dict[str, list[Event]] = {}
        for row in rows:
            place = f"{where}, line {rows.line_num}"
            found = event(row["onset"], row["offset"], unguarded(row["label"] or ""), row.get("score") or 1.0, place)
            events.setdefault(unguarded(row.get("recording") or ""), []).append(found)
        return [make_timeline(recording, 0.0, "", listed) for recording, listed in events.items()]


class SecondsCsv(Table["Seconds"]):
    """One header, then a row for each window, also where nothing sounds.

    Times in seconds to the millisecond; labels with `;` between, best score first, and as many scores, to four digits.
    """

    suffix = ".seconds.csv"
    columns = ("start", "end", "labels", "scores")

    def rows(self, seconds: Seconds) -> Iterator[Row]:
        for window in seconds.windows:
            labels = SEPARATOR.join(encodable(label).replace(SEPARATOR, ",") for label, _ in window.labels)
            scores = SEPARATOR.join(number(score, 4) for _, score in window.labels)
            yield number(window.start), number(window.end), labels, scores


class WordsCsv(Table["Words"]):
    """One header, then a row a word: its number from 1, times in seconds, mean F0 in Hz, text if it is known."""

    suffix = ".words.csv"
    columns = ("word", "onset", "offset", "f0", "text")

    def rows(self, words: Words) -> Iterator[Row]:
        for place, word in enumerate(words.words, start=1):
            f0 = "" if word.f0 is None else number(word.f0, 1)
            yield place, number(word.onset), number(word.offset), f0, encodable(word.text or "")


class F0Csv(Table["Words"]):
    """One header, then a row for each 10 ms: time in seconds, F0 in Hz, nothing where it is unvoiced."""

    suffix = ".f0.csv"
    columns = ("time", "f0")

    def rows(self, words: Words) -> Iterator[Row]:
        for place, f0 in enumerate(words.f0.tolist()):
            yield number(place * STEP), number(f0, 1) if f0 > 0 else ""
