"""Real subtitle files are read, and go out again with nothing in them changed but what is added."""

import html
import io
import re

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.captions import Caption, Phrases, Woven, captions, languages, weave
from earmark.captions.lines import width
from earmark.errors import EarmarkError
from earmark.formats.merged import converted, merged, shown
from earmark.formats.subrip import Srt
from earmark.formats.subtitles import parse, read_subtitles
from earmark.formats.webvtt import Vtt
from earmark.timeline import Event, Timeline

NOTHING = Woven([], {})
LABELS = ("dog", "rain", "siren", "gun_shot", "music", "clock_alarm", "my_door_bell")

SRT = "1\n00:00:01,000 --> 00:00:03,000\nHello\n\n2\n00:00:04,000 --> 00:00:06,500\n<i>How are you?</i>\nFine.\n\n"
VTT = (
    "WEBVTT - a film\nKind: captions\n\nSTYLE\n::cue { color: lime }\n\nREGION\nid:fred\n\nNOTE\nby hand\n\n"
    "intro\n00:01.000 --> 00:03.000 line:0 align:start\n<v Fred>Hello &amp; welcome\n\n"
    "NOTE between\n\n00:00:04.000 --> 00:00:06.500 region:fred\nHow are you?\n<c.loud>Fine.</c>\n"
)


def cues(text, suffix="srt"):
    return [(e.onset, e.offset, e.text) for e in parse(text, suffix).entries]


def test_srt_is_read():
    assert cues(SRT) == [(1.0, 3.0, ("Hello",)), (4.0, 6.5, ("<i>How are you?</i>", "Fine."))]
    assert [e.shown() for e in parse(SRT).entries] == [("Hello",), ("How are you?", "Fine.")]


def test_vtt_is_read_with_its_notes_and_settings():
    first, second = parse(VTT).entries
    assert (first.name, first.times) == ("intro", "00:01.000 --> 00:03.000 line:0 align:start")
    assert first.shown() == ("Hello & welcome",)
    assert second.before == ("", "NOTE between", "")
    assert (second.name, second.onset, second.text[1]) == (None, 4.0, "<c.loud>Fine.</c>")


@pytest.mark.parametrize(
    "text",
    [
        SRT,
        SRT.replace("\n", "\r\n"),
        SRT.replace("\n", "\r"),
        SRT.rstrip("\n"),
        "\n\n" + SRT,
        SRT.replace("1\n00", "00").replace("2\n00", "00"),  # no numbers
        SRT.replace("\n\n2", "\n2"),  # no blank line
        SRT.replace(",", "."),
        SRT.replace("00:00:01,000", "0:0:1,0"),
        SRT.replace("-->", "->"),
        SRT.replace("03,000", "03,000  X1:100 X2:200 Y1:1 Y2:2"),
        SRT.replace("\n\n2", "\n\n\n  \n2"),
        VTT,
        VTT.replace("\n", "\r\n"),
    ],
)
def test_real_files_of_every_shape(text):
    kind = "vtt" if text is VTT or text.startswith("WEBVTT") else "srt"
    read = [(onset, offset) for onset, offset, _ in cues(text)]
    assert read == [(1.0, 3.0), (4.0, 6.5)]
    form = Srt() if kind == "srt" else Vtt()
    again = merged(parse(text), NOTHING, form)
    assert cues(again) == cues(text)
    assert set(re.split(r"\r\n|\n|\r", text)) - set(re.split(r"\r\n|\n|\r", again)) <= {"2", ""}
    assert ("\r\n" in text) == ("\r\n" in again)


def test_overlapping_backward_and_empty_cues_stay():
    odd = "7\n00:00:05,000 --> 00:00:09,000\na\n\n3\n00:00:06,000 --> 00:00:04,000\nb\n\n"
    odd += "3\n00:00:01,000 --> 00:00:02,000\n\n"
    assert cues(merged(parse(odd), NOTHING, Srt())) == [(5, 9, ("a",)), (6, 4, ("b",)), (1, 2, ())]


def test_nothing_but_numbers_changes_in_srt():
    woven = Woven([Caption(3.2, 3.9, ("[dog barks]",)), Caption(8, 9, ("[rain <falling>]",))], {1: ("[siren]",)})
    assert merged(parse(SRT), woven, Srt()) == (
        "1\n00:00:01,000 --> 00:00:03,000\nHello\n\n"
        "2\n00:00:03,200 --> 00:00:03,900\n[dog barks]\n\n"
        "3\n00:00:04,000 --> 00:00:06,500\n[siren]\n<i>How are you?</i>\nFine.\n\n"
        "4\n00:00:08,000 --> 00:00:09,000\n[rain ‹falling›]\n\n"
    )


def test_notes_styles_and_settings_stay_in_vtt():
    woven = Woven([Caption(0, 0.9, ("[dog <barks>]",)), Caption(3.1, 3.95, ("[cat]",))], {0: ("[siren]",)})
    text = merged(parse(VTT), woven, Vtt("pl"), "sounds")
    assert text == (
        "WEBVTT - a film\nKind: captions\n\nNOTE Sounds marked by Earmark, model sounds, language pl\n\n"
        "STYLE\n::cue { color: lime }\n\nREGION\nid:fred\n\nNOTE\nby hand\n\n"
        "00:00:00.000 --> 00:00:00.900\n[dog &lt;barks&gt;]\n\n"
        "intro\n00:01.000 --> 00:03.000 line:0 align:start\n[siren]\n<v Fred>Hello &amp; welcome\n\n"
        "NOTE between\n\n00:00:03.100 --> 00:00:03.950\n[cat]\n\n"
        "00:00:04.000 --> 00:00:06.500 region:fred\nHow are you?\n<c.loud>Fine.</c>\n"
    )


def test_an_override_stays_first():
    text = merged(parse("1\n00:00:01,000 --> 00:00:03,000\n{\\an8}Up\n"), Woven([], {0: ("[dog]",)}), Srt())
    assert "{\\an8}Up\n[dog]" in text


def test_kinds_are_converted():
    srt = merged(parse(VTT), NOTHING, Srt())
    assert srt == (
        "1\r\n00:00:01,000 --> 00:00:03,000\r\n{\\an8}Hello & welcome\r\n\r\n"
        "2\r\n00:00:04,000 --> 00:00:06,500\r\nHow are you?\r\nFine.\r\n"
    )
    odd = '1\n00:00:01,000 --> 00:00:03,000\n{\\an8}<font color="red">R&D</font> <I>a < b</I>\n'
    (entry,) = converted(parse(odd), Vtt()).entries
    assert entry.times == "00:00:01.000 --> 00:00:03.000 line:0"
    assert entry.text == ("R&amp;D <i>a &lt; b</i>",)
    assert merged(parse(SRT), NOTHING, Vtt()).startswith(
        "WEBVTT\n\nNOTE Sounds marked by Earmark, language en\n\n00:00:01"
    )


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", "χαίρε κόσμε"),
        ("utf-8-sig", "개 짖는 소리"),
        ("utf-16", "привет"),
        ("utf-16-le", "hello there"),
        ("utf-16-be", "hello there"),
    ],
)
def test_unicode_is_recognised(tmp_path, encoding, words):
    path = tmp_path / "a.srt"
    path.write_bytes(SRT.replace("Hello", words).encode(encoding))
    read = read_subtitles(path)
    assert read.entries[0].text == (words,)
    assert merged(read, NOTHING, Srt()).startswith("\ufeff") == (encoding in ("utf-8-sig", "utf-16"))


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("cp1251", "привет"), ("cp1253", "χαίρε"), ("cp1250", "příliš žluťoučký"), ("cp949", "안녕"), ("latin-1", "café")],
)
def test_other_encodings_are_named(tmp_path, encoding, words):
    path = tmp_path / "a.srt"
    path.write_bytes(SRT.replace("Hello", words).encode(encoding))
    assert read_subtitles(path, encoding).entries[0].text == (words,)
    with pytest.raises(EarmarkError, match="is not UTF-8 text; name its encoding with --encoding, such as cp1250"):
        read_subtitles(path)


def test_what_is_no_subtitle_file_is_told(tmp_path):
    with pytest.raises(EarmarkError, match="cannot be opened"):
        read_subtitles(tmp_path / "none.srt")
    path = tmp_path / "a.srt"
    for content in (b"", b"shopping list", b"WEBVTT\n"):
        path.write_bytes(content)
        with pytest.raises(EarmarkError, match="holds no subtitles"):
            read_subtitles(path)
    path.write_text(SRT)
    with pytest.raises(EarmarkError, match="--encoding klingon: is no encoding; name one, such as"):
        read_subtitles(path, "klingon")
    path.write_bytes(b"\x81\x00")
    with pytest.raises(EarmarkError, match="is not cp1250 text"):
        read_subtitles(path, "cp1250")


def test_what_a_viewer_sees_of_both():
    woven = Woven([Caption(3.2, 3.9, ("[dog]",))], {1: ("[siren]",)})
    assert [c.text for c in shown(parse(SRT), woven)] == ["Hello", "[dog]", "[siren]\nHow are you?\nFine."]


words = (
    st.text(alphabet="abcČžλДй한 é&'-!?,.", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda t: t and not t.isdigit())
)


@st.composite
def files(draw, kind):
    """A subtitle file, and its cues as (onset ms, offset ms, lines)."""
    found, at, form = [], draw(st.integers(0, 4000)), Srt() if kind == "srt" else Vtt()
    text = "" if kind == "srt" else "WEBVTT\n\n"
    for i in range(draw(st.integers(1, 8))):
        length = draw(st.sampled_from([300, 1000, 2500, 6000]))
        lines = [form.line(line) for line in draw(st.lists(words, min_size=1, max_size=3))]
        found.append((at, at + length, lines))
        number = f"{i + 1}\n" if kind == "srt" or draw(st.booleans()) else ""
        text += number + "\n".join([form.times(at / 1000, (at + length) / 1000), *lines]) + "\n\n"
        at += length + draw(st.sampled_from([-200, 0, 100, 900, 1200, 4000, 20000]))
    return text, found


@st.composite
def timelines(draw):
    duration = draw(st.sampled_from([5.0, 30.0, 90.0]))
    events = []
    for _ in range(draw(st.integers(0, 10))):
        onset = draw(st.floats(0, duration))
        offset = min(duration, onset + draw(st.sampled_from([0.2, 1.5, 8.0, 60.0])))
        events.append(Event(onset, offset, draw(st.sampled_from(LABELS)), draw(st.floats(0, 1))))
    return Timeline("a.wav", duration, "sounds").with_events(events)


def read_srt(text):
    """(onset ms, offset ms, lines) as pysubs2 reads them."""
    parsed = pysubs2.SSAFile.from_file(io.StringIO(text), format_="srt", keep_unknown_html_tags=True)
    return [(e.start, e.end, e.text.split(r"\N")) for e in parsed]


def read_vtt(text):
    """(onset ms, offset ms, lines) as webvtt-py reads them."""

    def milliseconds(clock):
        hours, minutes, seconds = clock.split(":")
        return round(1000 * ((int(hours) * 60 + int(minutes)) * 60 + float(seconds)))

    return [(milliseconds(c.start), milliseconds(c.end), c.raw_text.split("\n")) for c in webvtt.from_string(text)]


READERS = {"srt": (Srt, read_srt), "vtt": (Vtt, read_vtt)}


def check_sounds(lines, rules):
    for line in lines:
        assert width(html.unescape(line), rules) <= rules.characters


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=200)
@given(data=st.data(), timeline=timelines(), language=st.sampled_from(languages()))
def test_the_dialogue_in_a_merged_file_is_the_dialogue(kind, data, timeline, language):
    form, read = READERS[kind]
    text, dialogue = data.draw(files(kind))
    subtitles = parse(text, kind)
    woven = weave(timeline, subtitles.dialogue(), language)
    found = read(merged(subtitles, woven, form(language), "sounds"))
    spoken = [(on, off, lines) for on, off, every in found if (lines := [x for x in every if not x.startswith("[")])]
    assert spoken == dialogue
    rules = Phrases.load(language).rules
    assert len(found) == len(dialogue) + len(woven.captions)
    for onset, offset, lines in found:
        sounds = [line for line in lines if line.startswith("[")]
        check_sounds(sounds, rules)
        if len(sounds) == len(lines):
            assert rules.shortest * 1000 - 1 <= offset - onset <= rules.longest * 1000 + 1
            assert len(lines) <= rules.lines
        elif sounds:
            assert len(lines) <= rules.lines + 1
    assert [onset for onset, _, _ in found] == sorted(onset for onset, _, _ in found)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=200)
@given(timeline=timelines(), language=st.sampled_from(languages()))
def test_every_caption_file_passes_an_independent_parser_and_the_reading_rules(kind, timeline, language):
    form, read = READERS[kind]
    file = io.StringIO(newline="")
    form(language).write(timeline, file)
    found = read(file.getvalue().replace("\r\n", "\n"))
    rules = Phrases.load(language).rules
    assert len(found) == len(captions(timeline, language))
    last = float("-inf")
    for onset, offset, lines in found:
        check_sounds(lines, rules)
        assert 1 <= len(lines) <= rules.lines
        assert rules.shortest * 1000 - 1 <= offset - onset <= rules.longest * 1000 + 1
        assert onset - last >= rules.gap * 1000 - 1
        assert offset <= timeline.duration * 1000 + 1
        last = offset
