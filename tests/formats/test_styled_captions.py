"""Captions in every look and format, checked by parsers of others; merged; burned into a video."""

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import av
import numpy as np
import pysubs2
import pytest
import srt
import webvtt

from earmark.captions import Phrases
from earmark.captions.captioning import captioned
from earmark.captions.looks import Cue, Line, Look
from earmark.captions.video_burn_in import burn_in, suffix_of
from earmark.errors import EarmarkError, MediaError
from earmark.events.timeline import Event, Timeline
from earmark.formats.styled_captions import CAPTION_FORMATS, StyledCaptions, read_dialogue

EXAMPLES = Path(__file__).parents[2] / "examples"

EVENTS = (
    Event(1.0, 3.0, "dog", 0.9),
    Event(6.0, 9.0, "music", 0.9),
    Event(12.0, 15.0, "wind", 0.9),
    Event(18.0, 19.0, "siren", 0.9),
)
TIMELINE = Timeline("a.wav", 30.0, "sounds").with_events(EVENTS)
DIALOGUE = "1\n00:00:01,000 --> 00:00:04,000\nLook, <i>Rex</i>!\n\n2\n00:00:20,000 --> 00:00:22,000\nAt last.\n"


def styled(dialogue=None, **look):
    look = Look(**look)
    return StyledCaptions(captioned(TIMELINE, Phrases.load("en"), dialogue, density=look.density), look)


def texts(**look):
    return [[line.text for line in cue.lines] for cue in styled(**look).cues()]


def test_looks():
    assert texts() == [["[dog barking]"], ["[music playing]"], ["[wind blowing]"], ["[siren wails]"]]
    assert texts(preset="youtube")[0] == ["[Dog barking]"]
    assert texts(preset="french")[0] == ["Dog barking"]
    assert texts(music="notes")[1] == ["♪ music playing ♪"]
    assert [one for one in texts() if one not in texts(density="few")] == [["[wind blowing]"]]
    assert texts(density="all") == texts()


def seconds(clock):
    return sum(float(part) * 60**place for place, part in enumerate(reversed(clock.split(":"))))


@pytest.mark.parametrize("density", ["few", "normal", "all"])
@pytest.mark.parametrize("look", [{}, {"preset": "french", "position": "top"}, {"preset": "youtube", "music": "notes"}])
@pytest.mark.parametrize("to", CAPTION_FORMATS)
def test_other_parsers_read_the_same_times_and_words(to, look, density):
    made = styled(**look, density=density)
    text = made.text(to)
    wanted = [(one.onset, one.offset, " ".join(line.text for line in one.lines)) for one in made.cues()]
    if to == "ttml":
        space = "{http://www.w3.org/ns/ttml}"
        rows = ET.fromstring(text).iter(f"{space}p")
        found = [(row.get("begin"), row.get("end"), " ".join("".join(row.itertext()).split())) for row in rows]
        found = [(seconds(a), seconds(b), words) for a, b, words in found]
    elif to == "vtt":
        cues = webvtt.from_buffer(io.StringIO(text))
        found = [(seconds(cue.start), seconds(cue.end), " ".join(cue.text.split())) for cue in cues]
    elif to == "srt":
        found = [
            (
                one.start.total_seconds(),
                one.end.total_seconds(),
                " ".join(re.sub(r"<[^>]*>|{.*?}", "", one.content).split()),
            )
            for one in srt.parse(text)
        ]
    else:
        cues = pysubs2.SSAFile.from_string(text)
        found = [(cue.start / 1000, cue.end / 1000, " ".join(cue.plaintext.split())) for cue in cues]
    assert [words for _, _, words in found] == [words for _, _, words in wanted]
    times = np.array([(a, b) for a, b, _ in found])
    assert times == pytest.approx(np.array([(a, b) for a, b, _ in wanted]), abs=0.011)


def test_colours_and_places_are_those_of_the_formats():
    look = {"preset": "french", "position": "top"}
    assert "#ff0000" in styled(**look).text("srt")
    assert "{\\an8}" in styled(**look).text("srt")
    vtt = styled(**look).text("vtt")
    assert "::cue(.music) { color: #ff00ff; }" in vtt
    assert "line:0" in vtt
    styles = pysubs2.SSAFile.from_string(styled(**look).text("ass")).styles
    assert styles["sound"].primarycolor == pysubs2.Color(255, 0, 0)
    assert styles["music"].primarycolor == pysubs2.Color(255, 0, 255)
    assert styles["sound"].alignment == pysubs2.Alignment.TOP_CENTER


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass"])
@pytest.mark.parametrize("to", ["srt", "ass"])
def test_sounds_go_among_a_dialogue_of_any_kind(kind, to):
    data = pysubs2.SSAFile.from_string(DIALOGUE).to_string(kind).encode() if kind != "srt" else DIALOGUE.encode()
    text = styled(read_dialogue(data, f"film.{kind}")).text(to)
    cues = pysubs2.SSAFile.from_string(text.replace("\r\n", "\n"))
    said = [cue.plaintext for cue in cues]
    assert sum("Look, Rex!" in one for one in said) == 1
    assert "[dog barking]" in " ".join(cue.plaintext for cue in cues if cue.start == 1000)
    assert "[music playing]" in said
    assert sum("At last." in one for one in said) == 1


@pytest.mark.parametrize("look", [{"preset": "youtube"}, {"preset": "french", "position": "top", "music": "notes"}])
def test_a_dialogue_keeps_what_it_has_besides_its_words_in_every_look(look):
    tagged = DIALOGUE.replace("At last.", "{\\an8}At last.")
    text = styled(read_dialogue(tagged.encode(), "film.srt"), **look).text("srt")
    assert "<i>Rex</i>" in text
    assert text.count("{\\an8}At last.") == 1
    web = (
        "WEBVTT\n\nSTYLE\n::cue(v) { color: lime }\n\nNOTE by hand\n\n"
        "first\n00:01.000 --> 00:04.000 line:10% align:start\n"
        "<v Anna>Look, <c.loud>Rex</c>!\n\n00:20.000 --> 00:22.000\n<i>At last.</i>\n"
    )
    text = styled(read_dialogue(web.encode(), "film.vtt"), **look).text("vtt")
    rest = iter(text.split("\n"))
    assert all(line in rest for line in web.split("\n")), "every line, in its order"
    sounds = [line for line in text.split("\n") if "og barking" in line]
    assert sounds == ["<c.sound>Dog barking</c>" if look["preset"] == "french" else "[Dog barking]"]
    assert ("::cue(.sound)" in text) == (look["preset"] == "french")


ASS = """[Script Info]
; By hand
Title: Film
PlayResX: 640
X-Mine: kept

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Gentium,31.5,&H00AAFFAA,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1
Style: Sound,Comic,20,&H000000FF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,8,10,10,10,1

[Fonts]
fontname: gentium_0.ttf
!!!!1234

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:05.00,Default,,0,0,0,,to do
Dialogue: 3,0:00:01.00,0:00:04.00,Default,Ann,0,0,0,,{\\i1\\pos(10,20)}Look, {\\k20}Rex!
Dialogue: 3,0:00:20.00,0:00:22.00,Default,,0,0,0,,At last.
""".replace("\\\n", "").replace("\n", "\r\n")


@pytest.mark.parametrize("look", [{}, {"preset": "french", "position": "top", "music": "notes"}])
def test_a_script_with_styles_of_its_own_is_kept_to_the_letter(look):
    merged = styled(read_dialogue(ASS.encode(), "film.ass"), **look).text("ass")
    rest = iter(merged.split("\r\n"))
    assert all(line in rest for line in ASS.split("\r\n")), "every line, in its order"
    before, after = pysubs2.SSAFile.from_string(ASS), pysubs2.SSAFile.from_string(merged)
    assert after.info == before.info
    assert after.fonts_opaque == before.fonts_opaque
    assert {name: after.styles[name] for name in before.styles} == before.styles
    added = after.styles.keys() - before.styles.keys()
    assert added == {"sound 2", "music"}, "not the name of a style that is there"
    sounds = [one for one in after if one.style in added]
    assert [one.as_dict() for one in after if one.style not in added] == [one.as_dict() for one in before]
    assert len(sounds) == 4
    assert {one.layer for one in sounds} == {3}, "they make room for the dialogue"
    style = after.styles["sound 2"]
    assert (style.fontname, style.fontsize) == ("Gentium", 31.5)
    french = look.get("preset") == "french"
    assert style.primarycolor == (pysubs2.Color(255, 0, 0) if french else before.styles["Default"].primarycolor)
    assert style.alignment == (pysubs2.Alignment.TOP_CENTER if french else pysubs2.Alignment.BOTTOM_CENTER)


def test_ssa_is_kept_in_its_own_version():
    data = pysubs2.SSAFile.from_string(ASS).to_string("ssa")
    merged = styled(read_dialogue(data.encode(), "film.ssa"), preset="french", position="top").text("ass")
    assert "[V4 Styles]" in merged
    after = pysubs2.SSAFile.from_string(merged)
    assert after.styles["sound 2"].primarycolor == pysubs2.Color(255, 0, 0)
    assert after.styles["sound 2"].alignment == pysubs2.Alignment.TOP_CENTER
    assert len(after) == len(pysubs2.SSAFile.from_string(data)) + 4


def test_what_is_no_dialogue_is_told():
    with pytest.raises(EarmarkError, match=r"film\.srt"):
        read_dialogue(b"no subtitles at all", "film.srt")
    with pytest.raises(EarmarkError, match="another encoding"):
        read_dialogue("ř".encode("cp1250"), "film.ass")
    czech = "1\n00:00:01,000 --> 00:00:02,000\nPřišel\n".encode("cp1250")
    assert read_dialogue(czech, "film.srt", "cp1250").entries[0].text == ("Přišel",)


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def frame(path, seconds):
    with av.open(str(path)) as container:
        return next(f.to_ndarray(format="rgb24").astype(int) for f in container.decode(video=0) if f.time >= seconds)


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """The first four seconds of the example."""
    cut = tmp_path_factory.mktemp("cut") / "cut.mp4"
    with av.open(str(EXAMPLES / "street.mp4")) as source, av.open(str(cut), "w") as output:
        kept = {
            one.index: output.add_stream_from_template(one) for one in (*source.streams.video, *source.streams.audio)
        }
        for packet in source.demux(list(source.streams)):
            if packet.dts is not None and packet.dts * packet.time_base < 4 and packet.stream.index in kept:
                packet.stream = kept[packet.stream.index]
                output.mux(packet)
    return cut


def test_a_burned_in_video_shows_captions_and_keeps_its_sound(tmp_path, cut):
    out, told = tmp_path / f"out{suffix_of(cut)}", []
    assert out.suffix == ".mp4"
    burn_in(cut, [Cue(1.0, 2.0, (Line("[dog barking]", "sound"),))], out, lambda *done: told.append(done))
    assert packets(out) == packets(cut)
    assert len(told) >= 3
    plain, drawn = (np.abs(frame(out, at) - frame(cut, at)) for at in (0.5, 1.5))
    height = plain.shape[0]
    below, above = slice(int(height * 0.85), int(height * 0.96)), slice(0, height // 2)
    assert plain[below].mean() < 6
    assert drawn[below].mean() > 3 * plain[below].mean()
    assert drawn[above].mean() < 6
    text = frame(out, 1.5)[below]
    assert (text.min(axis=2) > 220).sum() > 100  # white letters


def reds(picture):
    """How many pixels are red."""
    return (picture[..., 0] - picture[..., 1:].max(axis=2) > 70).sum()


def test_a_burned_in_video_has_the_colours_and_the_place_of_its_look(tmp_path, cut):
    cues = styled(preset="french", position="top").cues()[:1]
    cues = [Cue(1.0, 2.0, cues[0].lines), Cue(2.5, 3.5, (Line("Dog barking", "sound"), Line("Look, Rex!")))]
    out = tmp_path / "out.mp4"
    burn_in(cut, cues, out, lambda *_: None, Look(preset="french", position="top"))
    assert packets(out) == packets(cut)
    height = frame(cut, 0.5).shape[0]
    above, below = slice(0, height // 5), slice(height * 4 // 5, height)
    alone, beside = frame(out, 1.5), frame(out, 3.0)
    assert reds(alone[above]) > 100
    assert reds(alone[below]) == 0
    assert reds(beside[above]) < reds(frame(cut, 3.0)[above]) + 20, "sounds on a cue of dialogue stand with it"
    assert reds(beside[below]) > 100
    assert (beside[below].min(axis=2) > 220).sum() > 100, "the dialogue is white"


def test_sound_alone_has_nothing_to_burn_into(tmp_path):
    with pytest.raises(MediaError, match="has no pictures"):
        burn_in(EXAMPLES / "five_words.flac", [], tmp_path / "out.mp4", lambda *_: None)
