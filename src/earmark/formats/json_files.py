"""JSON: timelines, the labels of each second, words, and JAMS. Of several recordings a list, and of one an object.

The labels of each second:

    {"recording": "a.wav", "duration": 2.5, "model": "sounds", "every": 1, "seconds": [
      {"start": 0, "end": 1, "labels": []},
      {"start": 1, "end": 2.5, "labels": [{"label": "dog", "score": 0.93}]}
    ]}

Words, as `earmark words` finds them or a ground truth tells them; what nobody knows is left out, and a file without
`classifier` is a ground truth:

    {"recording": "a.wav", "duration": 2.1, "classifier": "rnn", "speaker_f0": {...}, "words": [
      {"onset": 0.12, "offset": 0.48, "f0": 118.3, "text": "hello"}
    ]}

JAMS is the JSON of music informatics (Humphrey et al., JAMS: a JSON annotated music specification, ISMIR 2014), here
with one annotation of segments, as scaper and others write for sound events: schema 0.3 of the package jams
(https://jams.readthedocs.io), namespace `segment_open`.
"""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, R, event, make_timeline, stream_name
from earmark.speech import STEP
from earmark.util.text import encodable, in_json, one_line

if TYPE_CHECKING:
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Timeline
    from earmark.speech.f0 import SpeakerF0
    from earmark.speech.segmentation import Word, Words

SECONDS_FORM = (
    '{"recording", "duration", "model", "every", "seconds": [{"start", "end", "labels": [{"label", "score"}]}]}'
)
STATISTICS = ("mean", "median", "std", "voiced_seconds")
WORDS_FORM = '{"recording", "duration", "words": [{"onset", "offset"}]}'
JAMS_VERSION = "0.3.4"  # of the schema
JAMS_NAMESPACE = "segment_open"
JAMS_DIGITS = 6  # of seconds


class JsonFormat(Format[R]):
    """A format whose recordings are JSON objects."""

    name = "json"

    rows: str
    """The key of the list whose entries stand a line each."""

    def dump(self, found: R) -> str:
        """One recording as the text of an object."""
        values = encodable_values(found.to_dict())
        lines = ",\n".join("  " + one_line_json(row) for row in values.pop(self.rows))
        return one_line_json(values)[:-1] + f', "{self.rows}": [' + (f"\n{lines}\n" if lines else "") + "]}"

    @abstractmethod
    def parse(self, item: Any, where: str) -> R:
        """One recording from decoded JSON; `where` names the file in the EarmarkError for anything else."""

    def write(self, found: R, file: TextIO, /) -> None:
        file.write(self.dump(found) + "\n")

    def write_many(self, several: Iterable[R], file: TextIO, /) -> None:
        """Write a list, also when it holds one recording or none; each is written as soon as it is there."""
        separator = "[\n"
        for found in several:
            file.write(separator + self.dump(found))
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")

    def read(self, file: TextIO) -> R:
        """The one recording in a stream, whether or not in a list."""
        found = self.read_many(file)
        if len(found) != 1:
            raise EarmarkError(stream_name(file), f"holds {len(found)} recordings", "give a file with one")
        return found[0]

    def read_many(self, file: TextIO) -> list[R]:
        """Every recording in a stream."""
        where = stream_name(file)
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise EarmarkError(where, f"is not JSON ({error})") from error
        return [self.parse(item, where) for item in (content if isinstance(content, list) else [content])]


def one_line_json(value: dict[str, Any]) -> str:
    """An object on one line, non-ASCII letters as they are."""
    return in_json(value, allow_nan=False)


def encodable_values(value: Any) -> Any:
    """A value of JSON whose texts can be encoded as UTF-8."""
    if isinstance(value, dict):
        return {key: encodable_values(one) for key, one in value.items()}
    if isinstance(value, list):
        return [encodable_values(one) for one in value]
    return encodable(value) if isinstance(value, str) else value


class Json(JsonFormat["Timeline"]):
    """An object for one recording, a list of them for several; one event a line.

    Times are rounded to milliseconds, scores to four digits.
    """

    suffix = ".json"
    rows = "events"

    def parse(self, item: Any, where: str) -> Timeline:
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
    rows = "seconds"

    def parse(self, item: Any, where: str) -> Seconds:
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


class WordsJson(JsonFormat["Words"]):
    """An object for one recording, a list of them for several; one word a line.

    Times are rounded to milliseconds, frequencies to a tenth of a hertz.
    """

    suffix = ".words.json"
    rows = "words"

    def parse(self, item: Any, where: str) -> Words:
        return parse_words(item, where)


class F0Json(WordsJson):
    """Words with `f0`: Hz every `f0_step` seconds from 0 on, null where it is unvoiced."""

    suffix = ".f0.json"

    def dump(self, words: Words) -> str:
        values = [round(f0, 1) if f0 > 0 else None for f0 in words.f0.tolist()]
        return super().dump(words)[:-1] + f', "f0_step": {STEP:g}, "f0": {json.dumps(values)}}}'


def parse_words(item: Any, where: str) -> Words:
    """Words from decoded JSON; `where` names the file. A recording lasts at least until its last word ends."""
    from earmark.speech.segmentation import Words

    _check(isinstance(item, dict) and isinstance(item.get("words"), list), where, "is no Words JSON")
    words = [_word(entry, f"{where}, word {number}") for number, entry in enumerate(item["words"], start=1)]
    duration = max([_number(item, "duration", where, 0.0), *(word.offset for word in words)])
    head = Words(_text(item, "recording", where) or "", duration, _text(item, "classifier", where))
    f0 = item.get("speaker_f0")
    speaker = None if f0 is None else _statistics(f0, f"{where}, speaker_f0")
    return Words(head.recording, head.duration, head.classifier, speaker_f0=speaker).with_words(words)


def _word(entry: Any, where: str) -> Word:
    from earmark.speech.segmentation import Word

    _check(isinstance(entry, dict), where, "is no word")
    onset, offset = _number(entry, "onset", where), _number(entry, "offset", where)
    if onset > offset:
        raise EarmarkError(where, f"cannot last from {onset:g} to {offset:g}", "give seconds, onset first")
    f0 = None if entry.get("f0") is None else _number(entry, "f0", where)
    score = None if entry.get("score") is None else _number(entry, "score", where)
    return Word(onset, offset, f0, _text(entry, "text", where), score)


def _statistics(f0: Any, where: str) -> SpeakerF0:
    from earmark.speech.f0 import SpeakerF0

    _check(isinstance(f0, dict), where, "is no set of figures")
    return SpeakerF0(*(_number(f0, key, where) for key in STATISTICS))


def _number(values: dict[str, Any], key: str, where: str, default: float | None = None) -> float:
    """A finite number from 0 up."""
    value = values.get(key, default)
    _check(value is not None, where, f"has no {key}")
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise EarmarkError(where, f"{key} is {value!r}", "give a plain number from 0 up")
    return number


def _text(values: dict[str, Any], key: str, where: str) -> str | None:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise EarmarkError(where, f"{key} is {value!r}", "give text")
    return value


def _check(holds: bool, where: str, reason: str) -> None:
    if not holds:
        raise EarmarkError(where, reason, f"it needs {WORDS_FORM}")


class Jams(Format["Timeline"]):
    """One recording a file, its events as observations with their scores as confidence."""

    name = "jams"
    suffix = ".jams"

    def write(self, timeline: Timeline, file: TextIO) -> None:
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
