"""Audacity's label tracks: File > Import > Labels, and File > Export > Export Labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, event, stream_name
from earmark.formats.base import timeline as make_timeline
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline


class Audacity(Format["Timeline"]):
    """A line a label: onset, offset and text, with tabs between; times in seconds to the microsecond.

    Scores, recording and duration are not in the file.
    """

    name = "audacity"
    suffix = ".txt"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        """Write one label track."""
        for e in timeline.events:
            file.write(f"{e.onset:.6f}\t{e.offset:.6f}\t{one_line(e.label)}\n")

    def read(self, file: TextIO) -> Timeline:
        r"""The labels of one track; lines of a label's frequencies, which begin with `\`, are passed over.

        Raises:
            EarmarkError: a line holds no label.
        """
        events = []
        for line_number, line in enumerate(file, start=1):
            where = f"{stream_name(file)}, line {line_number}"
            fields = line.rstrip("\r\n").split("\t", 2)
            if fields[0] == "\\" or not line.strip():
                continue
            if len(fields) < 2:
                raise EarmarkError(where, "is no Audacity label", "write onset, offset and text with tabs between")
            events.append(event(fields[0], fields[1], fields[2] if len(fields) > 2 else "", 1.0, where))
        return make_timeline("", 0.0, "", events)
