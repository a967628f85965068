"""Real subtitle files are read, and go out again with nothing in them changed but what is added."""

import html
import io
import re

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.captions import Caption, Merged, Phrases, captions, languages, merge
from earmark.captions.reading import width
from earmark.errors import EarmarkError, EarmarkWarning
from earmark.events.timeline import Event, Timeline
from earmark.formats.styled_captions import read_dialogue_file
from earmark.formats.subtitle_reader import parse, read_subtitles
from earmark.formats.subtitles import Srt, Vtt, converted, merged_text, shown
from earmark.media.muxing import read_cues

NOTHING = Merged([], {})
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
    again = merged_text(parse(text), NOTHING, form)
    assert cues(again) == cues(text)
    lost = set(re.split(r"\r\n|\n|\r", text)) - set(re.split(r"\r\n|\n|\r", again))
    assert all(line in ("2", "  ", "") or re.match(r"0.*>", line) for line in lost)
    assert ("\r\n" in text) == ("\r\n" in again)
    assert parse(text).faults == ()


def test_overlapping_earlier_and_empty_cues_stay():
    odd = "7\n00:00:05,000 --> 00:00:09,000\na\n\n3\n00:00:06,000 --> 00:00:08,000\nb\n\n"
    odd += "3\n00:00:01,000 --> 00:00:02,000\n\n"
    assert cues(merged_text(parse(odd), NOTHING, Srt())) == [(5, 9, ("a",)), (6, 8, ("b",)), (1, 2, ())]


def test_nothing_but_numbers_changes_in_srt():
    placed = Merged([Caption(3.2, 3.9, ("[dog barks]",)), Caption(8, 9, ("[rain <falling>]",))], {1: ("[siren]",)})
    assert merged_text(parse(SRT), placed, Srt()) == (
        "1\n00:00:01,000 --> 00:00:03,000\nHello\n\n"
        "2\n00:00:03,200 --> 00:00:03,900\n[dog barks]\n\n"
        "3\n00:00:04,000 --> 00:00:06,500\n[siren]\n<i>How are you?</i>\nFine.\n\n"
        "4\n00:00:08,000 --> 00:00:09,000\n[rain ‹falling›]\n\n"
    )


def test_notes_styles_and_settings_stay_in_vtt():
    placed = Merged([Caption(0, 0.9, ("[dog <barks>]",)), Caption(3.1, 3.95, ("[cat]",))], {0: ("[siren]",)})
    text = merged_text(parse(VTT), placed, Vtt("pl"), "sounds")
    assert text == (
        "WEBVTT - a film\nKind: captions\n\nNOTE Sounds marked by Earmark, model sounds, language pl\n\n"
        "STYLE\n::cue { color: lime }\n\nREGION\nid:fred\n\nNOTE\nby hand\n\n"
        "00:00:00.000 --> 00:00:00.900\n[dog &lt;barks&gt;]\n\n"
        "intro\n00:01.000 --> 00:03.000 line:0 align:start\n[siren]\n<v Fred>Hello &amp; welcome\n\n"
        "NOTE between\n\n00:00:03.100 --> 00:00:03.950\n[cat]\n\n"
        "00:00:04.000 --> 00:00:06.500 region:fred\nHow are you?\n<c.loud>Fine.</c>\n"
    )


def test_an_override_stays_first():
    text = merged_text(parse("1\n00:00:01,000 --> 00:00:03,000\n{\\an8}Up\n"), Merged([], {0: ("[dog]",)}), Srt())
    assert "{\\an8}Up\n[dog]" in text


def test_kinds_are_converted():
    srt = merged_text(parse(VTT), NOTHING, Srt())
    assert srt == (
        "1\r\n00:00:01,000 --> 00:00:03,000\r\n{\\an8}Hello & welcome\r\n\r\n"
        "2\r\n00:00:04,000 --> 00:00:06,500\r\nHow are you?\r\nFine.\r\n"
    )
    odd = '1\n00:00:01,000 --> 00:00:03,000\n{\\an8}<font color="red">R&D</font> <I>a < b</I>\n'
    (entry,) = converted(parse(odd), Vtt()).entries
    assert entry.times == "00:00:01.000 --> 00:00:03.000 line:0"
    assert entry.text == ("R&amp;D <i>a &lt; b</i>",)
    assert merged_text(parse(SRT), NOTHING, Vtt()).startswith(
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
    assert merged_text(read, NOTHING, Srt()).startswith("\ufeff") == (encoding in ("utf-8-sig", "utf-16"))


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("cp1251", "привет"), ("cp1253", "χαίρε"), ("cp1250", "příliš žluťoučký"), ("cp949", "안녕"), ("latin-1", "café")],
)
def test_other_encodings_are_named(tmp_path, encoding, words):
    path = tmp_path / "a.srt"
    path.write_bytes(SRT.replace("Hello", words).encode(encoding))
    assert read_subtitles(path, encoding).entries[0].text == (words,)
    with pytest.raises(EarmarkError, match="is not UTF-8 text; name its encoding with encoding=, such as cp1250"):
        read_subtitles(path)


def test_what_is_no_subtitle_file_is_told(tmp_path):
    with pytest.raises(EarmarkError, match="cannot be opened"):
        read_subtitles(tmp_path / "none.srt")
    path = tmp_path / "a.srt"
    for content in (b"", b"shopping list", b"WEBVTT\n"):
        path.write_bytes(content)
        with pytest.raises(EarmarkError, match="holds no subtitles"):
            read_subtitles(path)
    path.write_text("1\n00:00:1x --> ??\nWords\n")
    with pytest.raises(EarmarkError, match=r"a\.srt: line 2: '00:00:1x --> \?\?' is no time"):
        read_subtitles(path)
    path.write_text(SRT)
    with pytest.raises(EarmarkError, match="encoding='klingon': is no encoding; name one, such as"):
        read_subtitles(path, "klingon")
    path.write_bytes(b"\x81\x00")
    with pytest.raises(EarmarkError, match="is not cp1250 text"):
        read_subtitles(path, "cp1250")


@pytest.mark.parametrize("suffix", ["srt", "ass"])
def test_what_is_too_large_for_subtitles_is_not_read(tmp_path, suffix):
    path = tmp_path / f"film.{suffix}"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(EarmarkError, match=r"film\..*: has more than 32 MB, too many for subtitles"):
        read_dialogue_file(path)


def test_what_a_viewer_sees_of_both():
    placed = Merged([Caption(3.2, 3.9, ("[dog]",))], {1: ("[siren]",)})
    assert [c.text for c in shown(parse(SRT), placed)] == ["Hello", "[dog]", "[siren]\nHow are you?\nFine."]


BETWEEN = "1\n00:00:01,000 --> 00:00:03,000\nAlpha\n\n2\n{}\nBravo\n\n3\n00:00:26,000 --> 00:00:29,000\nCharlie\n"


def as_ffmpeg_reads(text):
    return [(cue.start / 1000, cue.end / 1000, cue.text) for cue in read_cues(text)]


@pytest.mark.parametrize("form", [Srt(), Vtt()])
@pytest.mark.parametrize(
    "times",
    [
        "00:00:15 --> 00:00:17",  # no milliseconds
        "00:15,000 --> 00:17,000",  # no hours
        "15.000 --> 17.000",  # seconds
        "0:0:15,0 --> 0:0:17",
        "00:00:15,000 -> 00:00:17,000",
        "00:00:15,000 ---> 00:00:17,000",
        "00:00:15,000 -- > 00:00:17,000",
        "00:00:15,000 \u2013> 00:00:17,000",
        "00:00:15,000 \u2192 00:00:17,000",
        "00:00:15,000 => 00:00:17,000",
        "00:00:15,000 - 00:00:17,000",
        "00:00:15,000 00:00:17,000",
        "0:00:15.000,0:00:17.000",  # as YouTube's SBV
        "00:00:15:00 --> 00:00:17:00",  # frames
        "00:00:15:000 --> 00:00:17:000",
        "00: 00: 15,000 --> 00:00:17,000",
        "00:00:15, 000 --> 00:00:17 ,000",
        "00;00;15;000 --> 00.00.17.000",
        "00:00:15'000 --> 00:00:17\u2019000",
        "00:00:15000 --> 00:00:17000",
        "00:00:15,0OO --> oo:00:l7,000",
        "\u200b00:00:15,000 --> 00:00:17,000",
        "00:00:15,\ufeff000\u200e --> 00:00:17,000\u200b",
        "\u00a000:00:15,000\u00a0-->\u00a000:00:17,000",
        "\uff10\uff10\uff1a00\uff1a15\uff0c000 \uff0d\uff0d\uff1e 00\uff1a00\uff1a17\uff0c000",
        "\u0660\u0660:00:\u0661\u0665,000 --> 00:00:17,000",
        "00:00:15,000-->00:00:17,000",
        "00\u223600\u223615\u066b000 --> 00\ufe5500\ua78917\u00b7000",
        "00:00:15\u060c000 \u27a1\ufe0f 00:00:17\u3002000",
        "00:00:15,000 \u2500\u2500> 00:00:17,000",
        "00:00:15,000 --&gt; 00:00:17,000",
        "[00:00:15,000 --> 00:00:17,000",
        "> 00:00:15,000 --> 00:00:17,000",
        "00:00:15,0000001 --> 00:00:17,000999",
    ],
)
def test_times_of_any_form_are_read_and_written_as_players_read_them(times, form):
    text = merged_text(parse(BETWEEN.format(times)), NOTHING, form)
    assert as_ffmpeg_reads(text) == [(1, 3, "Alpha"), (15, 17, "Bravo"), (26, 29, "Charlie")]
    assert sum(form.standard_times.match(line) is not None for line in text.splitlines()) == 3
    assert [line for line in text.splitlines() if "00:" in line and not form.standard_times.match(line)] == []


@pytest.mark.parametrize("line", ["200:00:15,000", "2 00:00:15,000", "2. 00:00:15,000", "#2) 00:00:15,000"])
def test_a_number_in_the_line_with_the_times(line):
    text = BETWEEN.replace("2\n{}", f"{line} --> 00:00:17,000")
    assert [e[:2] for e in cues(text)] == [(1, 3), (15, 17), (26, 29)]
    assert cues(text)[1][2] == ("Bravo",)


def test_frames_are_parts_of_a_second_of_as_many_as_there_seem_to_be():
    text = BETWEEN.format("00:00:15:12 --> 00:00:17:24")
    assert cues(text)[1][:2] == (15.48, 17.96)
    assert parse(text).faults == ("its times count frames, taken for 25 a second",)
    assert cues(text.replace(":24", ":27"))[1][:2] == (15.4, 17.9)
    assert cues(text.replace(":24", ":75"))[1][:2] == (15.12, 17.75)  # no film has 75: hundredths


@pytest.mark.parametrize("times", ["-00:00:00,500 --> 00:00:03,000", "00:00:-1,500 --> 00:00:03,000"])
def test_a_cue_that_begins_before_the_beginning_begins_there(times):
    text = f"1\n{times}\nAlpha\n"
    for form in (Srt(), Vtt()):
        assert as_ffmpeg_reads(merged_text(parse(text), NOTHING, form)) == [(0, 3, "Alpha")]


def test_a_cue_before_the_beginning_is_told_of():
    assert parse(BETWEEN.format("-00:00:03,000 --> -00:00:01,000")).faults == (
        "line 6: '-00:00:03,000 --> -00:00:01,000' is before the beginning; its words are left out",
    )


@pytest.mark.parametrize(
    ("times", "expected", "fault"),
    [
        ("00:00:1x,000 --> 00:00:17,000", [(15.7, 17, "Bravo")], "no beginning that can be read, taken for 15.700 s"),
        ("00:00:15,000 --> 00:00:1x,000", [(15, 16.3, "Bravo")], "no end that can be read, taken for 16.300 s"),
        ("00:00:15,000 -->", [(15, 16.3, "Bravo")], "no end"),
        ("00:00:15,000", [(15, 16.3, "Bravo")], "no end"),
        ("00:00:1 5,000 --> 00:00:17,000", [(15.7, 17, "Bravo")], "no beginning that can be read"),
        ("-00:00:15,000 --> 00:00:17,000", [(15.7, 17, "Bravo")], "no beginning that can be read"),
        ("00:00:15,000 --> 00:00:12,000", [(15, 16.3, "Bravo")], "no end that can be read, taken for 16.300 s"),
        ("00:00:45,000 --> 00:00:17,000", [(15.7, 17, "Bravo")], "no beginning that can be read"),
        ("00:00:1x --> 00:00:1y", [], "is no time; its words are left out"),
        ("--> ", [], "is no time"),
        ("later", [], "is no time"),
    ],
)
@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_what_cannot_be_read_is_told_and_never_shown(times, expected, fault, kind, tmp_path):
    text = BETWEEN.format(times)
    if kind == "vtt":
        if "-->" not in times:
            return  # there it is a block of no cue
        text = "WEBVTT\n\n" + text.replace(",", ".")
    path = tmp_path / f"a.{kind}"
    path.write_text(text)
    line = 8 if kind == "vtt" else 6
    with pytest.warns(EarmarkWarning, match=rf"a\.{kind}: line {line}: '.*{fault}"):
        subtitles = read_subtitles(path)
    rain = Timeline("a.wav", 60.0, "sounds").with_events([Event(5, 25, "rain", 0.9), Event(16, 17, "siren", 0.9)])
    placed = merge(rain, subtitles.dialogue())
    for form in (Srt(), Vtt()):
        assert as_ffmpeg_reads(merged_text(subtitles, NOTHING, form)) == [
            (1, 3, "Alpha"),
            *expected,
            (26, 29, "Charlie"),
        ]
        both = merged_text(subtitles, placed, form)
        assert [x for x in both.splitlines() if "00:" in x and not form.standard_times.match(x)] == []
    if not expected:
        assert [c for c in placed.captions if c.onset < 26 and c.offset > 3] == [], "no sound where it may have been"


def test_a_cue_without_any_times_is_missed_by_its_number():
    text = BETWEEN.replace("{}\n", "")
    assert [e[2] for e in cues(text)] == [("Alpha",), ("Charlie",)]
    assert "line 6: 'Bravo' is no time" in parse(text).faults[0]
    assert merged_text(parse(text), NOTHING, Srt()) == BETWEEN.replace("2\n{}\nBravo\n\n3", "2")


@pytest.mark.parametrize(
    "line", ["open 12:30 -> 14:00", "12:30 -> 14:00", "12:30 - 14:00", ">> What?", "10", "a --> b", "2", "7 -> 8"]
)
def test_words_are_not_taken_for_times(line):
    text = f"1\n00:00:01,000 --> 00:00:03,000\nAlpha\n{line}\n>> so\n\n2\n00:00:04,000 --> 00:00:06,000\nb\n"
    assert cues(text) == [(1, 3, ("Alpha", line, ">> so")), (4, 6, ("b",))]
    assert parse(text).faults == ()


def test_many_faults_are_counted(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(SRT + "".join(f"\n{i}\n00:00:1x --> ?\nx\n" for i in range(3, 23)))
    with pytest.warns(EarmarkWarning) as told:
        read_subtitles(path)
    assert [str(w.message) for w in told][-1] == f"{path}: 15 more such lines"
    assert len(told) == 6


def test_any_number_of_blank_lines():
    text = BETWEEN.format("00:00:15,000 --> 00:00:17,000").replace("\n\n", "\n" * 50_000)
    assert [e[:2] for e in cues(text)] == [(1, 3), (15, 17), (26, 29)]
    assert (
        merged_text(parse("WEBVTT - of webvtt\n\n00:01.000 --> 00:02.000\na"), NOTHING, Vtt())[:18]
        == "WEBVTT - of webvtt"
    )


@pytest.mark.parametrize("rest", ["00:00:19,000", "-->", ",", "]", "5"])
def test_signs_and_numbers_behind_the_times_are_told_of_and_not_shown(rest):
    text = BETWEEN.format(f"00:00:15,000 --> 00:00:17,000 {rest}")
    assert parse(text).faults == (f"line 6: {rest!r} behind its times is left out",)
    for form in (Srt(), Vtt()):
        given = as_ffmpeg_reads(merged_text(parse(text), NOTHING, form))
        assert given == [(1, 3, "Alpha"), (15, 17, "Bravo"), (26, 29, "Charlie")]


def test_words_and_settings_behind_the_times():
    text = BETWEEN.format("00:00:15,000 --> 00:00:17,000 So it is")
    assert cues(text)[1][2] == ("So it is", "Bravo")
    text = BETWEEN.format("00:00:15 --> 00:00:17 X1:100 X2:200 Y1:1 Y2:2")
    assert "00:00:15,000 --> 00:00:17,000 X1:100 X2:200 Y1:1 Y2:2" in merged_text(parse(text), NOTHING, Srt())
    text = BETWEEN.format("00:00:15,000 --> 00:00:17,000 align:start line:0")
    assert "00:00:15,000 --> 00:00:17,000\n" in merged_text(parse(text), NOTHING, Srt())
    text = BETWEEN.format("00:00:15,000 --> 00:00:17,000Mary:So it is")
    assert cues(text)[1][2] == ("Mary:So it is", "Bravo")
    text = VTT.replace("00:03.000 line:0 align:start", "00:03.000line:0 align:start")
    assert "00:00:01.000 --> 00:00:03.000 line:0 align:start\n" in merged_text(parse(text), NOTHING, Vtt())
    text = VTT.replace("00:01.000 --> 00:03.000", "00:01 --> 00:03")
    assert "00:00:01.000 --> 00:00:03.000 line:0 align:start\n" in merged_text(parse(text), NOTHING, Vtt())


@pytest.mark.parametrize("form", [Srt(), Vtt()])
@pytest.mark.parametrize(
    "text",
    [
        BETWEEN.replace("\n", "\n\n"),
        BETWEEN.replace("\n", "\n\r"),
        BETWEEN.replace("\n", "\r\n\r"),
        BETWEEN.replace("\n", "\n \n"),
        BETWEEN.replace("2\n{}", "\u200b2\n{}"),
        BETWEEN.replace("\n", "\n\0"),
        BETWEEN.replace("Bravo", "Br\0avo"),
        BETWEEN.replace("\n\n2", "\ufeff2"),
        BETWEEN.replace("\n\n3", "\nWEBVTT\n\n3"),
    ],
)
def test_lines_doubled_and_files_joined_make_no_words(text, form):
    merged = merged_text(parse(text.format("00:00:15,000 --> 00:00:17,000")), NOTHING, form)
    assert as_ffmpeg_reads(merged) == [(1, 3, "Alpha"), (15, 17, "Bravo"), (26, 29, "Charlie")]


@pytest.mark.parametrize(("form", "head"), [(Srt(), ""), (Vtt(), "WEBVTT\n\n")])
def test_who_speaks_of_webvtt_is_heard(form, head):
    text = head + BETWEEN.format("00:00:15,000 --> 00:00:17,000").replace("Bravo", "WEBVTT is\nof use")
    given = as_ffmpeg_reads(merged_text(parse(text), NOTHING, form))
    assert given == [(1, 3, "Alpha"), (15, 17, "WEBVTT is\nof use"), (26, 29, "Charlie")]


@pytest.mark.parametrize(
    "head", ["webvtt\n\n", " WEBVTT\n\n", "", "1\n\n", "WEBVTT\n \n", "WEBVTT\n\nby nobody\n\n", "WEBVTT\n\nWEBVTT\n\n"]
)
@pytest.mark.parametrize("between", ["\n\n", "\n \n", "\n\nwords of no cue\n\n", "\n\nWEBVTT\n\n", "\n\nNOTE x\n\n"])
def test_players_find_every_cue_of_odd_vtt(head, between):
    text = head + between.join(f"00:0{i}.000 --> 00:0{i + 1}.000\nword {i}" for i in (1, 3, 5))
    again = as_ffmpeg_reads(merged_text(parse(text, "vtt"), NOTHING, Vtt()))
    assert [(onset, offset, words.strip()) for onset, offset, words in again] == [
        (i, i + 1, f"word {i}") for i in (1, 3, 5)
    ]


@pytest.mark.parametrize("ends", ["\r\r\n", "\r\r\r\n", "\r"])
def test_odd_line_ends(ends):
    text = SRT.replace("\n", ends)
    assert cues(text) == cues(SRT)
    again = merged_text(parse(text), NOTHING, Srt())
    assert again == SRT.replace("\n", "\n" if ends == "\r" else "\r\n")


def test_files_joined_end_to_end():
    for text in (SRT, VTT):
        once = cues(text)
        assert cues(text + "\ufeff" + text) == once + once
    other = SRT.replace("Hello", "Hi").replace("Fine", "Well")
    srt = merged_text(parse(SRT + "\ufeff" + other), NOTHING, Srt())
    assert as_ffmpeg_reads(srt) == sorted(as_ffmpeg_reads(SRT) + as_ffmpeg_reads(other))
    assert [line for line in srt.split("\n") if line.isdigit()] == ["1", "2", "3", "4"]
    assert cues(SRT + "\x1a") == cues(SRT)


def test_lines_of_a_space_in_vtt_are_text_and_go_where_they_would_end_a_cue():
    vtt = (
        "WEBVTT\nKind: captions\nLanguage: en\n\n00:00:15.000 --> 00:00:17.000 align:start position:0%\n \n"
        "Bravo<00:00:15.500><c> line</c>\n\n00:00:26.000 --> 00:00:29.000\n<c></c>\nCharlie\n \n"
    )
    first, second = parse(vtt).entries
    assert (first.shown(), second.shown()) == (("Bravo line",), ("Charlie",))
    assert merged_text(parse(vtt), NOTHING, Vtt()).count("\n \nBravo<00:00:15.500><c> line</c>\n") == 1
    expected = [(15, 17, "Bravo line"), (26, 29, "Charlie")]
    assert as_ffmpeg_reads(merged_text(parse(vtt), NOTHING, Srt())) == expected
    srt = "1\n00:00:15,000 --> 00:00:17,000\n{\\an8}\n \nBravo\n\n<b></b>line\n"
    assert as_ffmpeg_reads(merged_text(parse(srt), NOTHING, Vtt())) == [(15, 17, "Bravo\n<b></b>line")]
    assert as_ffmpeg_reads(merged_text(parse(srt), NOTHING, Srt())) == [(15, 17, "{\\an8}\nBravo\n<b></b>line")]


@settings(max_examples=60, deadline=None)
@given(st.text("0123456789:;.,-> \n\r\u200b\ufeff\tOolxX\u2192", max_size=120), st.sampled_from(["srt", "vtt"]))
def test_any_signs_can_be_read_and_give_standard_times(text, kind):
    for form in (Srt(), Vtt()):
        subtitles = parse(text, kind)
        again = parse(merged_text(subtitles, NOTHING, form), form.name)
        assert [(e.onset, e.offset) for e in again.entries] == [(e.onset, e.offset) for e in subtitles.entries]


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
@settings(max_examples=40)
@given(data=st.data(), timeline=timelines(), language=st.sampled_from(languages()))
def test_the_dialogue_in_a_merged_file_is_the_dialogue(kind, data, timeline, language):
    form, read = READERS[kind]
    text, dialogue = data.draw(files(kind))
    subtitles = parse(text, kind)
    placed = merge(timeline, subtitles.dialogue(), language)
    found = read(merged_text(subtitles, placed, form(language), "sounds"))
    spoken = [(on, off, lines) for on, off, every in found if (lines := [x for x in every if not x.startswith("[")])]
    assert spoken == dialogue
    rules = Phrases.load(language).rules
    assert len(found) == len(dialogue) + len(placed.captions)
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
@settings(max_examples=40)
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
