"""RTTM, the time marks of NIST's Rich Transcription evaluations, which diarization tools read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline


class Rttm(Format["Timeline"]):
    """A SPEAKER line an event: type file chnl tbeg tdur ortho stype name conf slat.

    The label stands as name, the score as confidence, and the recording's name without folder and suffix as
    file. Fields have no spaces. (RT-09 evaluation plan, appendix A; times in seconds.)
    """

    name = "rttm"
    suffix = ".rttm"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        """Write one recording's events."""
        recording = _field(Path(timeline.recording).stem)
        for e in timeline.events:
            span = f"{e.onset:.3f} {round(e.offset, 3) - round(e.onset, 3):.3f}"
            file.write(f"SPEAKER {recording} 1 {span} <NA> <NA> {_field(e.label)} {e.score:.4f} <NA>\n")

    def write_many(self, timelines: Iterable[Timeline], file: TextIO) -> None:
        """Write the events of all recordings.

        Raises:
            EarmarkError: two recordings could not be told apart.
        """
        seen: dict[str, str] = {}
        for timeline in timelines:
            recording = _field(Path(timeline.recording).stem)
            if recording in seen:
                reason = f"and {seen[recording]} are both called {recording} in RTTM"
                raise EarmarkError(timeline.recording, reason, "write to a folder with --out DIR")
            seen[recording] = timeline.recording
            self.write(timeline, file)


def _field(text: str) -> str:
    return one_line(text).replace(" ", "_") or "<NA>"
