"""JSON: timelines, the labels of each second, and JAMS. Of several recordings a list, and of one an object.

The labels of each second:

    {"recording": "a.wav", "duration": 2.5, "model": "sounds", "every": 1, "seconds": [
      {"start": 0, "end": 1, "labels": []},
      {"start": 1, "end": 2.5, "labels": [{"label": "dog", "score": 0.93}]}
    ]}

JAMS is the JSON of music informatics (Humphrey et al., JAMS: a JSON annotated music specification, ISMIR 2014), here
with one annotation of segments, as scaper and others write for sound events: schema 0.3 of the package jams
(https://jams.readthedocs.io), namespace `segment_open`.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, R, event, make_timeline, stream_name
from earmark.util.text import encodable, in_json, one_line

if TYPE_CHECKING:
    from earmark.events.seconds import Second, Seconds
    from earmark.events.timeline import Timeline

SECONDS_FORM = (
    '{"recording", "duration", "model", "every", "seconds": [{"start", "end", "labels": [{"label", "score"}]}]}'
)
JAMS_VERSION = "0.3.4"  # of the schema
JAMS_NAMESPACE = "segment_open"
JAMS_DIGITS = 6  # of seconds


class JsonFormat(Format[R]):
    """A format whose recordings are JSON objects."""

    name = "json"

    @abstractmethod
    def dump(self, found: R) -> str:
        """One recording as the text of an object."""

    @abstractmethod
    def parse(self, item: Any, where: str) -> R:
        """One recording from decoded JSON; `where` names the file in the EarmarkError for anything else."""

    def write(self, found: R, file: TextIO, /) -> None:
        """Write one object."""
        file.write(self.dump(found) + "\n")

    def write_many(self, several: Iterable[R], file: TextIO, /) -> None:
        """Write a list, also when it holds one recording or none; each is written as soon as it is there."""
        separator = "[\n"
        for found in several:
            file.write(separator + self.dump(found))
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")

    def read(self, file: TextIO) -> R:
        """The one recording in a stream, whether or not in a list.

        Raises:
            EarmarkError: the stream holds something else.
        """
        found = self.read_many(file)
        if len(found) != 1:
            raise EarmarkError(stream_name(file), f"holds {len(found)} recordings", "give a file with one")
        return found[0]

    def read_many(self, file: TextIO) -> list[R]:
        """Every recording in a stream; errors as for `read`."""
        where = stream_name(file)
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise EarmarkError(where, f"is not JSON ({error})") from error
        return [self.parse(item, where) for item in (content if isinstance(content, list) else [content])]


def one_line_json(value: dict[str, Any]) -> str:
    """An object on one line, non-ASCII letters as they are."""
    return in_json(value, allow_nan=False)


def encodable_values(values: dict[str, Any]) -> dict[str, Any]:
    """An object whose texts can be encoded as UTF-8."""
    return {key: encodable(value) if isinstance(value, str) else value for key, value in values.items()}


class Json(JsonFormat["Timeline"]):
    """An object for one recording, a list of them for several; one event a line.

    Times are rounded to milliseconds, scores to four digits.
    """

    suffix = ".json"

    def dump(self, timeline: Timeline) -> str:
        """One object."""
        head = timeline.to_dict()
        events = head.pop("events")
        lines = ",\n".join("  " + one_line_json(encodable_values(e)) for e in events)
        return one_line_json(encodable_values(head))[:-1] + ', "events": [' + (f"\n{lines}\n" if lines else "") + "]}"

    def parse(self, item: Any, where: str) -> Timeline:
        """One timeline from decoded JSON."""
        try:
            events = [
                event(e["onset"], e["offset"], str(e["label"]), e.get("score", 1.0), f"{where}, event {number}")
                for number, e in enumerate(item["events"], start=1)
            ]
            recording, duration, model = item.get("recording", ""), item.get("duration", 0.0), item.get("model", "")
            return make_timeline(str(recording), float(duration), str(model), events)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            remedy = 'it needs {"recording", "duration", "model", "events": [{"onset", "offset", "label", "score"}]}'
            raise EarmarkError(where, f"is no Timeline JSON ({error!r})", remedy) from error


class SecondsJson(JsonFormat["Seconds"]):
    """An object for one recording, a list of them for several; one window a line.

    Times are rounded to milliseconds, scores to four digits.
    """

    suffix = ".seconds.json"

    def dump(self, seconds: Seconds) -> str:
        """One object."""
        head = {
            "recording": encodable(seconds.recording),
            "duration": round(seconds.duration, 3),
            "model": encodable(seconds.model),
            "every": seconds.every,
        }
        lines = ",\n".join("  " + one_line_json(_window(window)) for window in seconds.windows)
        return one_line_json(head)[:-1] + ', "seconds": [' + (f"\n{lines}\n" if lines else "") + "]}"

    def parse(self, item: Any, where: str) -> Seconds:
        """One recording from decoded JSON."""
        from earmark.events.seconds import Second, Seconds

        try:
            windows = tuple(
                Second(
                    float(w["start"]), float(w["end"]), tuple((str(s["label"]), float(s["score"])) for s in w["labels"])
                )
                for w in item["seconds"]
            )
            head = str(item.get("recording", "")), float(item["duration"]), str(item.get("model", ""))
            return Seconds(*head, float(item["every"]), windows)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EarmarkError(where, f"is no Seconds JSON ({error!r})", f"it needs {SECONDS_FORM}") from error


def _window(window: Second) -> dict[str, Any]:
    labels = [{"label": encodable(label), "score": round(score, 4)} for label, score in window.labels]
    return {"start": round(window.start, 3), "end": round(window.end, 3), "labels": labels}


class Jams(Format["Timeline"]):
    """One recording a file, its events as observations with their scores as confidence."""

    name = "jams"
    suffix = ".jams"

    def write(self, timeline: Timeline, file: TextIO) -> None:
        """Write one recording's events."""
        json.dump(_jams(timeline), file, ensure_ascii=False, indent=1)
        file.write("\n")


def _jams(timeline: Timeline) -> dict[str, object]:
    seconds = round(timeline.duration, JAMS_DIGITS)
    return {
        "annotations": [
            {
                "annotation_metadata": _metadata(timeline.model),
                "namespace": JAMS_NAMESPACE,
                "data": [
                    {
                        "time": round(event.onset, JAMS_DIGITS),
                        "duration": round(event.duration, JAMS_DIGITS),
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
            "jams_version": JAMS_VERSION,
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
