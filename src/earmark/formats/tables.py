"""CSV after RFC 4180: a row an event, or a row for each second."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, event, make_timeline, number, stream_name
from earmark.util.text import SheetWriter, encodable, unguarded

if TYPE_CHECKING:
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Event, Timeline

COLUMNS = ("recording", "onset", "offset", "label", "score")
NEEDED = ("onset", "offset", "label")
SECONDS_COLUMNS = ("recording", "start", "end", "labels", "scores")
SEPARATOR = ";"  # between labels, as in the dataset table


class Csv(Format["Timeline"]):
    """One header, then a row an event: times in seconds to the millisecond, scores to four digits.

    Durations and models are not in the table: a timeline read from one lasts until its last event.
    """

    name = "csv"
    suffix = ".csv"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        """Write the header and one recording's events."""
        self.write_many([timeline], file)

    def write_many(self, timelines: Iterable[Timeline], file: TextIO) -> None:
        """Write the header once and the events of all recordings."""
        writer = SheetWriter(file, "\r\n")
        writer.writerow(COLUMNS)
        for timeline in timelines:
            recording = encodable(timeline.recording)
            for e in timeline.events:
                row = (number(e.onset), number(e.offset), encodable(e.label), number(e.score, 4))
                writer.writerow((recording, *row))

    def read(self, file: TextIO) -> Timeline:
        """The events of the one recording in a stream."""
        timelines = self.read_many(file)
        if len(timelines) > 1:
            raise EarmarkError(stream_name(file), f"holds {len(timelines)} recordings", "give a file with one")
        return timelines[0] if timelines else make_timeline("", 0.0, "", [])

    def read_many(self, file: TextIO) -> list[Timeline]:
        """A timeline for each recording in a stream, in the order of their first rows.

        Only onset, offset and label are needed; without a score an event is certain.

        Raises:
            EarmarkError: a column is missing, or a row holds no event.
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


class SecondsCsv(Format["Seconds"]):
    """One header, then a row for each window, also where nothing sounds.

    Times in seconds to the millisecond; labels with `;` between, best score first, and as many scores, to four digits.
    """

    name = "csv"
    suffix = ".seconds.csv"

    def write(self, seconds: Seconds, file: TextIO) -> None:
        """Write the header and one recording's windows."""
        self.write_many([seconds], file)

    def write_many(self, recordings: Iterable[Seconds], file: TextIO) -> None:
        """Write the header once and the windows of all recordings."""
        writer = SheetWriter(file, "\r\n")
        writer.writerow(SECONDS_COLUMNS)
        for seconds in recordings:
            recording = encodable(seconds.recording)
            for window in seconds.windows:
                labels = SEPARATOR.join(encodable(label).replace(SEPARATOR, ",") for label, _ in window.labels)
                scores = SEPARATOR.join(number(score, 4) for _, score in window.labels)
                writer.writerow((recording, number(window.start), number(window.end), labels, scores))
