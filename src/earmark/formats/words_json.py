"""Words JSON: the words of a recording, as `earmark words` finds them or a ground truth tells them.

    {"recording": "a.wav", "duration": 2.1, "classifier": "rnn", "speaker_f0": {...}, "words": [
      {"onset": 0.12, "offset": 0.48, "f0": 118.3, "text": "hello"}
    ]}

Times are seconds, frequencies Hz. `classifier`, `speaker_f0`, `f0` and `text` are left out where nobody knows them;
a file without `classifier` is a ground truth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from earmark.errors import EarmarkError
from earmark.formats.json_files import JsonFormat, encodable_values, one_line_json

if TYPE_CHECKING:
    from earmark.speech.f0 import SpeakerF0
    from earmark.speech.segmentation import Word, Words

STATISTICS = ("mean", "median", "std", "voiced_seconds")
FORM = '{"recording", "duration", "words": [{"onset", "offset"}]}'


class WordsJson(JsonFormat["Words"]):
    """An object for one recording, a list of them for several; one word a line.

    Times are rounded to milliseconds, frequencies to a tenth of a hertz.
    """

    suffix = ".words.json"

    def dump(self, words: Words) -> str:
        """One object."""
        head = encodable_values(words.to_dict())
        entries = head.pop("words")
        lines = ",\n".join("  " + one_line_json(encodable_values(entry)) for entry in entries)
        return one_line_json(head)[:-1] + ', "words": [' + (f"\n{lines}\n" if lines else "") + "]}"

    def parse(self, item: Any, where: str) -> Words:
        """The words of one recording from decoded JSON."""
        return parse(item, where)


def parse(item: Any, where: str) -> Words:
    """Words from decoded JSON; `where` names the file. A recording lasts at least until its last word ends.

    Raises:
        EarmarkError: it is not of this form, or a word ends before it begins.
    """
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
    return Word(onset, offset, f0, _text(entry, "text", where))


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
        raise EarmarkError(where, reason, f"it needs {FORM}")
