"""Plain text of annotation tools: Audacity's label tracks, and RTTM."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, event, make_timeline, stream_name
from earmark.util.text import one_field, one_line

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline
    from earmark.speech.segmentation import Words


class Audacity(Format["Timeline"]):
    """Audacity's label track (File > Import > Labels): a line a label, onset, offset and text with tabs between.

    Times are in seconds to the microsecond.
    Scores, recording and duration are not in the file.
    """

    name = "audacity"
    suffix = ".txt"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        for e in timeline.events:
            file.write(f"{e.onset:.6f}\t{e.offset:.6f}\t{one_line(e.label)}\n")

    def read(self, file: TextIO) -> Timeline:
        r"""The labels of one track; lines of a label's frequencies, which begin with `\`, are passed over."""
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


class WordsAudacity(Format["Words"]):
    """Audacity's label track: a line a word, with its text or its number from 1."""

    name = "audacity"
    suffix = ".words.txt"

    def write(self, words: Words, file: TextIO) -> None:
        Audacity().write(words.as_timeline(), file)


class Rttm(Format["Timeline"]):
    """The time marks of NIST's Rich Transcription evaluations, which diarization tools read.

    A SPEAKER line an event: type file chnl tbeg tdur ortho stype name conf slat.
    The label stands as name, the score as confidence, and the recording's name without folder and suffix as
    file. Fields have no spaces. (RT-09 evaluation plan, appendix A; times in seconds.)
    """

    name = "rttm"
    suffix = ".rttm"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        recording = one_field(Path(timeline.recording).stem)
        for e in timeline.events:
            span = f"{e.onset:.3f} {round(e.offset, 3) - round(e.onset, 3):.3f}"
            file.write(f"SPEAKER {recording} 1 {span} <NA> <NA> {one_field(e.label)} {e.score:.4f} <NA>\n")

    def write_many(self, timelines: Iterable[Timeline], file: TextIO) -> None:
        """Write the events of all recordings; refuse two that could not be told apart."""
        seen: dict[str, str] = {}
        for timeline in timelines:
            recording = one_field(Path(timeline.recording).stem)
            if recording in seen:
                reason = f"and {seen[recording]} are both called {recording} in RTTM"
                raise EarmarkError(timeline.recording, reason, "write to a folder with --out DIR")
            seen[recording] = timeline.recording
            self.write(timeline, file)
