"""No control character of a label or a file name gets out, in any kind of output, and what can be read back is."""

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from earmark.datasets import tables
from earmark.events.seconds import Second, Seconds
from earmark.events.timeline import Event, Timeline
from earmark.formats import FORMATS, SECONDS_FORMATS, WORD_FORMATS
from earmark.formats.plain_text import events_table, seconds_table
from earmark.formats.plain_text import words_table as words_table
from earmark.speech.segmentation import Word, Words
from earmark.util.text import SheetWriter, encodable, guarded, in_json, one_line, unguarded, visible, visible_lines

ESCAPES = ["\x1b[2J\x1b]0;owned\x07", "a\x9bb", "a\x00\x7f", "a\nb\r\nc\rd", "\u202etxt.wav", "\u2028", "a\x85\x1cb"]
FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-x", "'-5", "-x", "=", "-", "'"]
NUMBERS = ["-5.2", "+3", "-.5", "-1e-3"]
ORDINARY = [
    "dog",
    "Türklingel",
    "καμπάνα",
    "犬の声",
    "🐕\u200d🦺",
    "rock'n'roll",
    "'tis",
    "C:\\x1b\\a.wav",
    "a-b=c",
    "5",
    "",
]
hostile = st.text(st.sampled_from("\x1b\x9b\x07\n\r\t\x00\x7f\x85\u2028\u202e'=+-@;,\"ab1. []"), max_size=12)
texts = hostile | st.text(max_size=12) | st.sampled_from([*ESCAPES, *FORMULAS, *NUMBERS, *ORDINARY])


def control(text, but=""):
    """What a terminal might obey, and what ends lines or turns them around."""
    return [c for c in text if c not in but and (unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or c in "\u202e")]


def formula(cell):
    """Whether a spreadsheet takes a cell for more than text."""
    try:
        return bool(cell) and cell[0] in "=+-@\t\r" and len(cell) > 1 and float(cell) is None
    except ValueError:
        return True


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == visible_lines(text) == encodable(text) == one_line(text) == guarded(text) == text
    assert in_json(text) == json.dumps(text, ensure_ascii=False)


def test_escapes_are_seen():
    assert visible("\x1b[2Ja\nb\x9b\u202ec\udcff") == r"\x1b[2Ja\nb\x9b\u202ec\udcff"
    assert visible_lines("a\x1b\n\r\nb\r\n\rc") == "a\\x1b\n\r\nb\r\n\\rc"
    assert one_line(" a\x1b[2J\n\tb\x9b ") == "a [2J b"


@given(texts)
def test_a_terminal_obeys_nothing(text):
    assert not control(visible(text))
    assert not control(visible_lines(text).replace("\r\n", "\n"), but="\n")
    assert not control(one_line(text))


@given(texts)
@example("\udcff\x9b")
def test_json_escapes_and_is_read_back(text):
    assert not control(in_json([text]))
    assert json.loads(in_json([text])) == [text]


@given(texts)
def test_a_cell_is_no_formula_and_comes_back(text):
    assert not formula(guarded(text))
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("value", [*NUMBERS, -5.2, 3, None, "-", "+", "="])
def test_numbers_and_lone_signs_are_no_formulas(value):
    assert guarded(value) == value


def test_the_wellknown_formulas_get_an_apostrophe():
    assert [guarded(text)[:2] for text in ("=1+1", "+1+1", "-1+1", "@A1", "\t=1")] == ["'=", "'+", "'-", "'@", "'\t"]


@given(st.lists(st.lists(texts, min_size=2, max_size=3), max_size=4))
def test_rows_of_a_sheet(table):
    file = io.StringIO(newline="")
    SheetWriter(file).writerows(table)
    cells = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert not any(formula(cell) for row in cells for cell in row)
    assert [[unguarded(cell) for cell in row] for row in cells] == table


def written(form, found):
    file = io.StringIO(newline="")
    form.write(found, file)
    return file.getvalue()


def timeline(recording, label):
    return Timeline(recording, 3.0, label, (Event(0.5, 2.0, label, 0.75),))


@given(texts, texts)
def test_files_of_lines_hold_no_control_character(recording, label):
    found = timeline(recording, label)
    for name in ("audacity", "rttm", "textgrid", "vtt", "srt"):
        assert not control(
            written(FORMATS[name], found).replace("\r\n", "\n"), but="\t\n" if name == "audacity" else "\n"
        )
    assert written(FORMATS["audacity"], found).count("\t") == 2
    assert written(FORMATS["audacity"], found).count("\n") == 1
    (line,) = written(FORMATS["rttm"], found).splitlines()
    assert len(line.split()) == 10
    assert not control(events_table(found), but="\n")


@given(texts, texts)
def test_labels_come_back(recording, label):
    found = timeline(recording, label)
    for name, same in (("json", encodable), ("csv", encodable), ("audacity", one_line), ("textgrid", one_line)):
        again = FORMATS[name].read(io.StringIO(written(FORMATS[name], found), newline=""))
        labels = [event.label for event in again.events]
        assert labels == [same(label)] or (name == "textgrid" and not same(label) and not labels)
        if name in ("json", "csv"):
            assert again.recording == encodable(recording)
    assert not control(written(FORMATS["json"], found), but="\n")


@given(texts, texts)
def test_words_and_seconds(recording, label):
    words = Words(recording, 3.0, label, (Word(0.5, 1.0, text=label),))
    seconds = Seconds(recording, 1.0, "m", 1.0, (Second(0.0, 1.0, ((label, 0.5),)),))
    for name in ("textgrid", "audacity", "json"):
        assert not control(written(WORD_FORMATS[name], words), but="\t\n" if name == "audacity" else "\n")
    assert not control(written(SECONDS_FORMATS["json"], seconds), but="\n")
    assert not control(words_table(words) + seconds_table(seconds), but="\n")
    for form, found in ((WORD_FORMATS["csv"], words), (SECONDS_FORMATS["csv"], seconds)):
        _, cells = csv.reader(io.StringIO(written(form, found), newline=""))
        assert not any(map(formula, cells))
        assert unguarded(cells[0]) == encodable(recording)


@given(st.lists(st.tuples(texts, texts), max_size=3))
def test_a_table_of_ours_is_read_back(tmp_path_factory, lines):
    table = tmp_path_factory.mktemp("tables") / "a.csv"
    lines = [("x" + encodable(path), encodable(label)) for path, label in lines]
    tables.write_rows(table, ("path", "label"), lines)
    assert [(row.values["path"], row.values["label"]) for row in tables.read_rows(table, ("path",))] == lines
