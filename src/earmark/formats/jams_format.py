"""JAMS, the JSON of music informatics: one annotation of segments, as scaper and others write for sound events.

The format: Humphrey et al., JAMS: a JSON annotated music specification, ISMIR 2014; schema 0.3 of the package jams
(https://jams.readthedocs.io), namespace `segment_open`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from earmark.formats.base import Format
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline

VERSION = "0.3.4"  # of the schema
NAMESPACE = "segment_open"
DIGITS = 6  # of seconds


class Jams(Format["Timeline"]):
    """One recording a file, its events as observations with their scores as confidence."""

    name = "jams"
    suffix = ".jams"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        """Write one recording's events."""
        json.dump(_jams(timeline), file, ensure_ascii=False, indent=1)
        file.write("\n")


def _jams(timeline: Timeline) -> dict[str, object]:
    seconds = round(timeline.duration, DIGITS)
    return {
        "annotations": [
            {
                "annotation_metadata": _metadata(timeline.model),
                "namespace": NAMESPACE,
                "data": [
                    {
                        "time": round(event.onset, DIGITS),
                        "duration": round(event.duration, DIGITS),
                        "value": one_line(event.label),
                        "confidence": event.score,
                    }
                    for event in timeline.events
                ],
                "sandbox": {},
                "time": 0.0,
                "duration": seconds,
            }
        ],
        "file_metadata": {
            "title": one_line(timeline.recording),
            "artist": "",
            "release": "",
            "duration": seconds,
            "identifiers": {},
            "jams_version": VERSION,
        },
        "sandbox": {},
    }


def _metadata(model: str) -> dict[str, object]:
    return {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": "",
        "corpus": "",
        "annotation_tools": "earmark",
        "annotation_rules": "",
        "validation": "",
        "data_source": one_line(model),
    }
