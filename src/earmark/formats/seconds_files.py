"""The second-by-second view as files, chosen by name from a table.

    SECONDS_FORMATS["csv"].write(seconds, file)          # a text stream, opened with newline="" and encoding="utf-8"
    SECONDS_FORMATS["csv"].write_many(several, file)     # several recordings in one file

All suffixes begin with `.seconds`, so that they never take the place of the same recording's events. JSON, stable:

    {"recording": "a.wav", "duration": 2.5, "model": "sounds", "every": 1, "seconds": [
      {"start": 0, "end": 1, "labels": []},
      {"start": 1, "end": 2.5, "labels": [{"label": "dog", "score": 0.93}]}
    ]}
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, number
from earmark.formats.json_format import JsonFormat, one_line_json
from earmark.util.text import SheetWriter, encodable

if TYPE_CHECKING:
    from earmark.events.seconds import Second, Seconds

COLUMNS = ("recording", "start", "end", "labels", "scores")
SEPARATOR = ";"  # between labels, as in the dataset table
FORM = '{"recording", "duration", "model", "every", "seconds": [{"start", "end", "labels": [{"label", "score"}]}]}'


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
        writer.writerow(COLUMNS)
        for seconds in recordings:
            recording = encodable(seconds.recording)
            for window in seconds.windows:
                labels = SEPARATOR.join(encodable(label).replace(SEPARATOR, ",") for label, _ in window.labels)
                scores = SEPARATOR.join(number(score, 4) for _, score in window.labels)
                writer.writerow((recording, number(window.start), number(window.end), labels, scores))


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
        lines = ",\n".join("  " + one_line_json(_entry(window)) for window in seconds.windows)
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
            raise EarmarkError(where, f"is no Seconds JSON ({error!r})", f"it needs {FORM}") from error


SECONDS_FORMATS: dict[str, Format[Seconds]] = {"json": SecondsJson(), "csv": SecondsCsv()}
"""Every format of the second-by-second view, by the name that `--to` takes."""


def _entry(window: Second) -> dict[str, Any]:
    labels = [{"label": encodable(label), "score": round(score, 4)} for label, score in window.labels]
    return {"start": round(window.start, 3), "end": round(window.end, 3), "labels": labels}
