"""JSON, CSV, Audacity labels, TextGrid and RTTM: exact files, round trips, and independent parsers."""

import csv
import io
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.errors import EarmarkError
from earmark.events.timeline import Event, Timeline
from earmark.formats import FORMATS, Reader, for_name, read
from earmark.formats.json_files import Jams
from earmark.formats.plain_text import events_table
from earmark.util.text import one_line

YARD = Timeline(
    "videos/my yard.mp4",
    63.2,
    "sounds",
    (Event(1.24, 3.9, "dog", 0.93), Event(3.0, 5.00049, 'the "old" dog', 0.87654), Event(4.5, 6.0, "dog", 1.0)),
)

labels = (
    st.sampled_from(["dog", "rain"])
    | st.text(max_size=20)
    | st.sampled_from(
        [
            'say "hi"',
            "a,b;c\td",
            "two\nlines\r",
            "<&>-->",
            "κουδούνι",
            "a\x85b\u2028c",
            '"',
            '""',
            "1 2.5 <exists>",
            "\\",
        ]
    )
)


def ms(low, high):
    return st.integers(round(low * 1000), round(high * 1000)).map(lambda n: n / 1000)


@st.composite
def timelines(draw, label=labels):
    duration = draw(ms(0, 100))
    events = []
    for _ in range(draw(st.integers(0, 8))):
        onset = draw(ms(0, duration))
        score = draw(st.integers(0, 10_000)) / 10_000
        events.append(Event(onset, draw(ms(onset, duration)), draw(label), score))
    return Timeline(draw(st.text(max_size=20)), duration, draw(st.text(max_size=9))).with_events(events)


def written(name, *them):
    file = io.StringIO(newline="")
    FORMATS[name].write(*them, file) if len(them) == 1 else FORMATS[name].write_many(them, file)
    file.getvalue().encode("utf-8")
    return file.getvalue()


def read_back(name, text):
    return FORMATS[name].read(io.StringIO(text, newline=""))


def test_json_as_written():
    assert written("json", YARD) == (
        '{"recording": "videos/my yard.mp4", "duration": 63.2, "model": "sounds", "events": [\n'
        '  {"onset": 1.24, "offset": 3.9, "label": "dog", "score": 0.93},\n'
        '  {"onset": 3.0, "offset": 5.0, "label": "the \\"old\\" dog", "score": 0.8765},\n'
        '  {"onset": 4.5, "offset": 6.0, "label": "dog", "score": 1.0}\n'
        "]}\n"
    )
    assert (
        written("json", Timeline("a", 1.0, "m")) == '{"recording": "a", "duration": 1.0, "model": "m", "events": []}\n'
    )


def test_json_of_several_recordings_is_a_list():
    assert [t["recording"] for t in json.loads(written("json", YARD, YARD))] == ["videos/my yard.mp4"] * 2
    assert json.loads(written("json")) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(timelines(), max_size=3))
def test_json_round_trip(several):
    file = io.StringIO(newline="")
    FORMATS["json"].write_many(several, file)
    assert FORMATS["json"].read_many(io.StringIO(file.getvalue())) == several
    for timeline in several:
        assert read_back("json", written("json", timeline)) == timeline


def test_csv_as_written():
    assert written("csv", YARD) == (
        "recording,onset,offset,label,score\r\n"
        "videos/my yard.mp4,1.24,3.9,dog,0.93\r\n"
        'videos/my yard.mp4,3,5,"the ""old"" dog",0.8765\r\n'
        "videos/my yard.mp4,4.5,6,dog,1\r\n"
    )
    assert written("csv", YARD, YARD).count("recording,onset") == 1


@settings(max_examples=25, deadline=None)
@given(timelines())
def test_csv_round_trip(timeline):
    text = written("csv", timeline)
    assert read_back("csv", text).events == timeline.events
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == len(timeline.events) + 1


def test_csv_of_several_recordings():
    other = Timeline("b.wav", 2.0, "m", (Event(0, 1, "cat", 0.5),))
    several = FORMATS["csv"].read_many(io.StringIO(written("csv", YARD, other), newline=""))
    assert [(t.recording, len(t.events)) for t in several] == [("videos/my yard.mp4", 3), ("b.wav", 1)]
    with pytest.raises(EarmarkError, match="2 recordings"):
        read_back("csv", written("csv", YARD, other))


def test_a_persons_csv_needs_only_times_and_labels():
    assert read_back("csv", "label,onset,offset\ndog,1,2.5\n").events == (Event(1.0, 2.5, "dog", 1.0),)


def test_audacity_as_written():
    assert written("audacity", YARD) == (
        '1.240000\t3.900000\tdog\n3.000000\t5.000490\tthe "old" dog\n4.500000\t6.000000\tdog\n'
    )


@settings(max_examples=25, deadline=None)
@given(timelines())
def test_audacity_round_trip(timeline):
    events = read_back("audacity", written("audacity", timeline)).events
    expected = timeline.with_events(Event(e.onset, e.offset, one_line(e.label), 1.0) for e in timeline.events).events
    assert events == expected


def test_audacity_as_audacity_writes_it():
    text = "1.500000\t2.000000\tdog\n\\\t200.000000\t4000.000000\n3,000000\t4,000000\tcat\tx\n5.0\t5.0\t\n"
    assert [(e.onset, e.label) for e in read_back("audacity", text).events] == [
        (1.5, "dog"),
        (3.0, "cat\tx"),
        (5.0, ""),
    ]


def test_rttm_as_written():
    assert written("rttm", YARD) == (
        "SPEAKER my_yard 1 1.240 2.660 <NA> <NA> dog 0.9300 <NA>\n"
        'SPEAKER my_yard 1 3.000 2.000 <NA> <NA> the_"old"_dog 0.8765 <NA>\n'
        "SPEAKER my_yard 1 4.500 1.500 <NA> <NA> dog 1.0000 <NA>\n"
    )


@settings(max_examples=20, deadline=None)
@given(timelines())
def test_rttm_has_ten_fields(timeline):
    lines = written("rttm", timeline).splitlines()
    assert len(lines) == len(timeline.events)
    assert all(len(line.split()) == 10 and line.startswith("SPEAKER ") for line in lines)


def test_rttm_of_recordings_that_share_a_name():
    with pytest.raises(EarmarkError, match=r"b/yard.wav: and a/yard.wav are both called yard"):
        written("rttm", Timeline("a/yard.wav", 1, ""), Timeline("b/yard.wav", 1, ""))
    assert written("rttm", YARD, Timeline("b.wav", 1, "", (Event(0, 1, "cat", 0.5),))).count("\n") == 4


def test_textgrid_as_written():
    short = Timeline("a.wav", 4.0, "m", (Event(1.0, 2.0, "dog", 0.9), Event(1.5, 2.5, "dog", 0.9)))
    assert written("textgrid", short) == (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
        "xmin = 0 \nxmax = 4 \ntiers? <exists> \nsize = 1 \nitem []: \n"
        '    item [1]:\n        class = "IntervalTier" \n        name = "dog" \n'
        "        xmin = 0 \n        xmax = 4 \n        intervals: size = 3 \n"
        '        intervals [1]:\n            xmin = 0 \n            xmax = 1 \n            text = "" \n'
        '        intervals [2]:\n            xmin = 1 \n            xmax = 2.5 \n            text = "dog" \n'
        '        intervals [3]:\n            xmin = 2.5 \n            xmax = 4 \n            text = "" \n'
    )


def merged(timeline):
    """Events as tiers hold them: none empty, and of one label none that overlap."""
    spans = {}
    for e in timeline.events:
        last = spans.setdefault(one_line(e.label), [])
        if last and e.onset < last[-1][1]:
            last[-1] = (last[-1][0], max(last[-1][1], e.offset))
        elif e.onset < e.offset:
            last.append((e.onset, e.offset))
    return {label: found for label, found in spans.items() if label}


@settings(max_examples=25, deadline=None)
@given(timelines())
def test_textgrid_is_read_back(timeline):
    text = written("textgrid", timeline)
    events = read_back("textgrid", text).events
    assert {(e.label, e.onset, e.offset) for e in events} == {(k, *s) for k, v in merged(timeline).items() for s in v}


names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12) | st.sampled_from(
    ['say "hi" to', "κουδούνι πόρτας", '"quoted"', "<b> & c"]
)


@settings(max_examples=20, deadline=None)
@given(timelines(names))
def test_textgrid_is_read_by_an_independent_parser(tmp_path_factory, timeline):
    textgrid = pytest.importorskip("praatio.textgrid")
    path = tmp_path_factory.getbasetemp() / "a.TextGrid"
    path.write_text(written("textgrid", timeline), encoding="utf-8", newline="")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    found = {tier.name: [(e.start, e.end) for e in tier.entries if e.label] for tier in grid.tiers}
    assert {name: spans for name, spans in found.items() if spans} == {n: s for n, s in merged(timeline).items() if s}
    for tier in grid.tiers:
        assert tier.entries[0].start == 0
        assert tier.entries[-1].end == grid.maxTimestamp
        assert all(a.end == b.start for a, b in itertools.pairwise(tier.entries))


def test_textgrid_in_praats_short_format_with_points():
    text = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n5\n<exists>\n2\n'
        '"TextTier"\n"clicks"\n0\n5\n1\n2.5\n"click"\n'
        '"IntervalTier"\n"sounds"\n0\n5\n2\n0\n1.5\n"the ""old"" dog"\n1.5\n5\n""\n'
    )
    timeline = read_back("textgrid", text)
    assert (timeline.duration, timeline.events) == (5.0, (Event(0.0, 1.5, 'the "old" dog', 1.0),))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("json", "{", "is not JSON"),
        ("json", '{"events": [{"onset": 1}]}', "is no Timeline JSON"),
        ("json", "[1]", "is no Timeline JSON"),
        ("json", "[]", "holds 0 recordings"),
        ("json", '{"events": [{"onset": 2, "offset": 1, "label": "a"}]}', "event 1: an event cannot last from 2 to 1"),
        ("csv", "", "has no column onset, offset, label"),
        ("csv", "onset,offset,label\n1,x,dog\n", "line 2: could not convert"),
        ("csv", "onset,offset,label,score\n1,2,dog,93\n", "93 is no score"),
        ("csv", "onset,offset,label\n1\n", "line 2"),
        ("audacity", "dog\n", "line 1: is no Audacity label"),
        ("audacity", "nan\tnan\tdog\n", "cannot last"),
        ("textgrid", "hello", "damaged"),
        ("textgrid", '"ooTextFile" "Pitch"', "is no TextGrid"),
        ("textgrid", written("textgrid", YARD)[:400], "damaged"),
    ],
)
def test_what_cannot_be_read_says_why(name, text, reason):
    with pytest.raises(EarmarkError, match=reason):
        read_back(name, text)


def test_files_are_read_by_their_suffix(tmp_path: Path):
    for name, file_format in FORMATS.items():
        path = tmp_path / f"labels{file_format.suffix}"
        with path.open("w", encoding="utf-8", newline="") as file:
            file_format.write(YARD, file)
        if isinstance(file_format, Reader):
            assert [e.label for e in read(path).events][:1] == ["dog"], name
        else:
            with pytest.raises(EarmarkError, match="is no file of labels"):
                read(path)


def test_files_as_other_programs_write_them(tmp_path: Path):
    (tmp_path / "praat.TextGrid").write_text(written("textgrid", YARD), encoding="utf-16")
    assert len(read(tmp_path / "praat.TextGrid").events) == 3
    (tmp_path / "excel.csv").write_text("onset,offset,label\n1,2,dog\n", encoding="utf-8-sig")
    assert len(read(tmp_path / "excel.csv").events) == 1
    (tmp_path / "old.csv").write_text("onset,offset,label\n1,2,größe\n", encoding="latin-1")
    with pytest.raises(EarmarkError, match="is not UTF-8"):
        read(tmp_path / "old.csv")
    with pytest.raises(EarmarkError, match="cannot be opened"):
        read(tmp_path / "none.csv")


def test_file_names_that_are_no_text_can_be_written():
    for name in FORMATS:
        written(name, Timeline("bad\udcff.wav", 1.0, "m", (Event(0, 1, "a\udcffb", 0.5),)))


def test_names_of_formats():
    assert list(FORMATS) == ["json", "csv", "vtt", "srt", "textgrid", "audacity", "rttm"]
    assert all(f.name == name and f.suffix.startswith(".") for name, f in FORMATS.items())
    assert for_name("csv") is FORMATS["csv"]
    with pytest.raises(EarmarkError, match="choose from: json, csv"):
        for_name("docx")


def test_the_table_for_people():
    assert events_table(YARD) == (
        " onset  offset  sound          score\n"
        "0:01.2  0:03.9  dog             0.93\n"
        '0:03.0  0:05.0  the "old" dog   0.88\n'
        "0:04.5  0:06.0  dog             1.00\n"
    )
    assert events_table(Timeline("a", 1.0, "m")) == "no sounds found\n"


def test_importing_formats_costs_little():
    check = "import sys, earmark.formats, earmark.captions; print(sorted({'numpy', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def as_jams(timeline):
    file = io.StringIO()
    Jams().write(timeline, file)
    return json.loads(file.getvalue())


def test_a_timeline_as_jams():
    """The fields that schema 0.3 of JAMS requires, with the types it requires."""
    events = (Event(0.5, 2.25, "dog", 1.0), Event(1.0, 1.5, "σειρήνα", 0.5))
    jams = as_jams(Timeline("street.flac", 10.0, "scenes", events))
    assert set(jams) == {"annotations", "file_metadata", "sandbox"}
    assert jams["file_metadata"].items() >= {"duration": 10.0, "title": "street.flac", "identifiers": {}}.items()
    (annotation,) = jams["annotations"]
    assert annotation["namespace"] == "segment_open"
    assert (annotation["time"], annotation["duration"]) == (0.0, 10.0)
    assert annotation["data"] == [
        {"time": 0.5, "duration": 1.75, "value": "dog", "confidence": 1.0},
        {"time": 1.0, "duration": 0.5, "value": "σειρήνα", "confidence": 0.5},
    ]
    metadata = annotation["annotation_metadata"]
    assert metadata["curator"] == {"name": "", "email": ""}
    assert metadata["annotator"] == {}
    assert metadata["data_source"] == "scenes"


def test_a_timeline_without_events_as_jams():
    assert as_jams(Timeline("quiet.flac", 1.0, ""))["annotations"][0]["data"] == []
