import csv
import io
import json

import pytest

from earmark.errors import EarmarkError
from earmark.events.seconds import seconds
from earmark.events.timeline import Event, Timeline
from earmark.formats import SECONDS_FORMATS
from earmark.formats.json_files import SecondsJson
from earmark.formats.plain_text import clock, seconds_table

EVENTS = Event(0.0, 2.4, "rain", 0.61234), Event(0.2, 0.9, "Hund; gross", 0.9)
VIEW = seconds(Timeline("Straße, nass.wav", 3.4, "sounds").with_events(EVENTS))
EMPTY = seconds(Timeline("b.wav", 0.0, "sounds"))


def written(form, *views):
    text = io.StringIO(newline="")
    SECONDS_FORMATS[form].write_many(views, text) if len(views) > 1 else SECONDS_FORMATS[form].write(views[0], text)
    return text.getvalue()


def test_csv_has_a_row_for_each_second():
    rows = list(csv.DictReader(io.StringIO(written("csv", VIEW, EMPTY))))
    assert {row["recording"] for row in rows} == {"Straße, nass.wav"}
    assert [(row["start"], row["end"]) for row in rows] == [("0", "1"), ("1", "2"), ("2", "3"), ("3", "3.4")]
    assert [row["labels"] for row in rows] == ["Hund, gross;rain", "rain", "", ""]
    assert [row["scores"] for row in rows] == ["0.9;0.6123", "0.6123", "", ""]


def test_json_is_as_documented():
    document = json.loads(written("json", VIEW))
    assert list(document) == ["recording", "duration", "model", "every", "seconds"]
    assert (document["duration"], document["every"], document["model"]) == (3.4, 1.0, "sounds")
    first = {
        "start": 0.0,
        "end": 1.0,
        "labels": [{"label": "Hund; gross", "score": 0.9}, {"label": "rain", "score": 0.6123}],
    }
    assert document["seconds"][0] == first
    assert document["seconds"][3] == {"start": 3.0, "end": 3.4, "labels": []}
    assert [one["recording"] for one in json.loads(written("json", VIEW, EMPTY))] == ["Straße, nass.wav", "b.wav"]


def test_json_is_read_back():
    again = SecondsJson().read_many(io.StringIO(written("json", VIEW, EMPTY)))
    assert written("json", *again) == written("json", VIEW, EMPTY)
    assert again[1] == EMPTY
    for wrong in (
        '{"recording": "a"}',
        '{"duration": 1, "every": 1, "seconds": [{"start": "x"}]}',
        "3",
        '{"seconds": 4}',
    ):
        with pytest.raises(EarmarkError, match="no Seconds JSON"):
            SecondsJson().read(io.StringIO(wrong))


def test_a_table_for_reading():
    lines = seconds_table(VIEW).splitlines()
    assert lines == ["time  sounds", "0:00  Hund; gross 0.90, rain 0.61", "0:01  rain 0.61", "0:02  -", "0:03  -"]
    assert seconds_table(EMPTY) == "time  sounds\n"


@pytest.mark.parametrize(("every", "last"), [(0.5, "0:03.0"), (0.25, "0:03.25"), (1 / 3, "0:03.333"), (2.0, "0:02")])
def test_times_show_as_many_digits_as_tell_windows_apart(every, last):
    assert seconds_table(seconds(Timeline("a", 3.4, ""), every)).splitlines()[-1].split()[0] == last


@pytest.mark.parametrize(
    ("time", "digits", "text"), [(59.96, 1, "1:00.0"), (3661, 0, "1:01:01"), (0.125, 3, "0:00.125")]
)
def test_clock(time, digits, text):
    assert clock(time, digits) == text
