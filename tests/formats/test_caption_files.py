"""WebVTT and SubRip: exact files, and what independent parsers read back."""

import html
import io

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.captions import Caption, captions
from earmark.errors import EarmarkError
from earmark.events.timeline import Event, Timeline
from earmark.formats import FORMATS, for_name
from earmark.formats.subtitles import Srt, Vtt

STORM = Timeline(
    "storm.mp4",
    20.0,
    "sounds",
    (Event(1.24, 1.6, "dog", 0.93), Event(5.0, 9.0, "rain", 0.9), Event(5.1, 9.0, "a <b>&\nc --> d", 0.5)),
)

labels = (
    st.sampled_from(["dog", "rain", "siren"])
    | st.text(max_size=60)
    | st.sampled_from(
        ["<i>tag</i>", "a & b &amp;", "x --> y", r"{\an8}up", 'a "quoted" b', "1\n2\n\n00:00:01,000 --> 00:00:02,000"]
    )
)


@st.composite
def timelines(draw):
    duration = draw(st.floats(1, 8000))
    events = []
    for _ in range(draw(st.integers(0, 8))):
        onset = draw(st.floats(0, duration))
        events.append(Event(onset, min(duration, onset + draw(st.floats(0, 40))), draw(labels), draw(st.floats(0, 1))))
    return Timeline("a.wav", duration, draw(labels)).with_events(events)


def written(file_format, timeline):
    file = io.StringIO(newline="")
    file_format.write(timeline, file)
    file.getvalue().encode("utf-8")
    return file.getvalue()


def harmless(text):
    return text.replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")


def clock(text):
    hours, minutes, seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 + float(seconds)


def same(cues, parsed):
    assert [text for _, _, text in parsed] == [c.text for c in cues]
    for cue, (onset, offset, _) in zip(cues, parsed, strict=True):
        assert onset == pytest.approx(cue.onset, abs=0.001)
        assert offset == pytest.approx(cue.offset, abs=0.001)


def test_webvtt_as_written():
    assert written(FORMATS["vtt"], STORM) == (
        "WEBVTT\n\n"
        "NOTE Sounds marked by Earmark, model sounds, language en\n\n"
        "00:00:01.240 --> 00:00:02.840\n[dog barks]\n\n"
        "00:00:05.100 --> 00:00:09.000\n[rain falling]\n[a &lt;b&gt;&amp; c --&gt; d]\n"
    )


def test_subrip_as_written():
    assert written(FORMATS["srt"], STORM) == (
        "1\r\n00:00:01,240 --> 00:00:02,840\r\n[dog barks]\r\n\r\n"
        "2\r\n00:00:05,100 --> 00:00:09,000\r\n[rain falling]\r\n[a ‹b›& c --› d]\r\n\r\n"
    )


def test_nothing_to_caption():
    silent = Timeline("a.wav", 3.0, "")
    assert written(FORMATS["vtt"], silent) == "WEBVTT\n\nNOTE Sounds marked by Earmark, language en\n"
    assert written(FORMATS["srt"], silent) == ""


def test_captions_as_they_are():
    file = io.StringIO(newline="")
    Srt().write_captions([Caption(359999.9996, 400000.0, ("χαίρε", "κόσμε"))], file)
    assert file.getvalue() == "1\r\n100:00:00,000 --> 111:06:40,000\r\nχαίρε\r\nκόσμε\r\n\r\n"
    file = io.StringIO(newline="")
    Vtt("el").write_captions([Caption(0.0004, 1, ("a\n\nb",))], file, "m\n--> n")
    assert file.getvalue() == (
        "WEBVTT\n\nNOTE Sounds marked by Earmark, model m --&gt; n, language el\n\n00:00:00.000 --> 00:00:01.000\na b\n"
    )


@settings(max_examples=25, deadline=None)
@given(timelines())
def test_webvtt_is_read_back(timeline):
    parsed = webvtt.from_string(written(FORMATS["vtt"], timeline))
    same(captions(timeline), [(clock(c.start), clock(c.end), html.unescape(c.raw_text)) for c in parsed])
    assert written(FORMATS["vtt"], timeline).count("-->") == len(captions(timeline))


def quiet(timeline):
    """Without labels such as "0:00:01 0:00:02": pysubs2 takes any line with two times in it for a new caption."""
    return timeline.with_events(e for e in timeline.events if ":" not in e.label)


@settings(max_examples=25, deadline=None)
@given(timelines().map(quiet))
def test_subrip_is_read_back(timeline):
    text = written(FORMATS["srt"], timeline)
    cues = captions(timeline)
    parsed = pysubs2.SSAFile.from_file(io.StringIO(text, newline=None), format_="srt")  # as a text file is opened
    assert [(e.start, e.end) for e in parsed] == [(round(c.onset * 1000), round(c.offset * 1000)) for c in cues]
    assert [e.text for e in parsed] == [harmless(r"\N".join(c.lines)) for c in cues]
    assert [block.split("\r\n")[0] for block in text.split("\r\n\r\n")[:-1]] == [str(n + 1) for n in range(len(cues))]


@settings(max_examples=25, deadline=None)
@given(timelines().map(quiet))
def test_a_second_parser_reads_the_same_webvtt_times(timeline):
    parsed = pysubs2.SSAFile.from_string(written(FORMATS["vtt"], timeline), format_="vtt")
    cues = captions(timeline)
    assert [(e.start, e.end) for e in parsed] == [(round(c.onset * 1000), round(c.offset * 1000)) for c in cues]


def test_a_language_and_speech_can_be_chosen():
    talk = Timeline("a.wav", 9.0, "m", (Event(1, 5, "speech", 0.9),))
    assert "[" not in written(for_name("vtt"), talk)
    assert "[someone speaking]" in written(for_name("vtt", include_speech=True), talk)
    with pytest.raises(EarmarkError, match="language tlh"):
        written(for_name("srt", language="tlh"), talk)


@pytest.mark.parametrize("name", ["vtt", "srt", "textgrid", "audacity"])
def test_several_recordings_want_a_file_each(name):
    with pytest.raises(EarmarkError, match="--out DIR"):
        FORMATS[name].write_many(iter([STORM, STORM]), io.StringIO())
    one = io.StringIO(newline="")
    FORMATS[name].write_many([STORM], one)
    assert one.getvalue() == written(FORMATS[name], STORM)
