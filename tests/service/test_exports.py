"""Captions in every look and format, checked by parsers of others; merged; burned into a video."""

import io
import xml.etree.ElementTree as ET

import av
import numpy as np
import pysubs2
import pytest
import webvtt

from earmark.captions import Caption
from earmark.captions.video_burn_in import burn_in, suffix_of
from earmark.errors import EarmarkError, MediaError
from earmark.events.timeline import Event, Timeline
from earmark.service.exports import CAPTION_FORMATS, Captioner, Look, read_dialogue

EVENTS = (
    Event(1.0, 3.0, "dog", 0.9),
    Event(6.0, 9.0, "music", 0.9),
    Event(12.0, 15.0, "wind", 0.9),
    Event(18.0, 19.0, "siren", 0.9),
)
TIMELINE = Timeline("a.wav", 30.0, "sounds").with_events(EVENTS)
DIALOGUE = "1\n00:00:01,000 --> 00:00:04,000\nLook, <i>Rex</i>!\n\n2\n00:00:20,000 --> 00:00:22,000\nAt last.\n"


def captioner(**look):
    return Captioner(TIMELINE, "en", False, Look(**look))


def texts(**look):
    return [[line.text for line in cue.lines] for cue in captioner(**look).cues()]


def test_looks():
    assert texts() == [["[dog barking]"], ["[music playing]"], ["[wind blowing]"], ["[siren wails]"]]
    assert texts(preset="youtube")[0] == ["[Dog barking]"]
    assert texts(preset="french")[0] == ["Dog barking"]
    assert texts(music="notes")[1] == ["♪ music playing ♪"]
    assert [one for one in texts() if one not in texts(density="few")] == [["[wind blowing]"]]


def seconds(clock):
    return sum(float(part) * 60**place for place, part in enumerate(reversed(clock.split(":"))))


@pytest.mark.parametrize("look", [{}, {"preset": "french", "position": "top"}, {"preset": "youtube", "music": "notes"}])
@pytest.mark.parametrize("to", CAPTION_FORMATS)
def test_other_parsers_read_the_same_times_and_words(to, look):
    made = captioner(**look)
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
    else:
        cues = pysubs2.SSAFile.from_string(text)
        found = [(cue.start / 1000, cue.end / 1000, " ".join(cue.plaintext.split())) for cue in cues]
    assert [words for _, _, words in found] == [words for _, _, words in wanted]
    times = np.array([(a, b) for a, b, _ in found])
    assert times == pytest.approx(np.array([(a, b) for a, b, _ in wanted]), abs=0.011)


def test_colours_and_places_are_those_of_the_formats():
    look = {"preset": "french", "position": "top"}
    assert "#ff0000" in captioner(**look).text("srt")
    assert "{\\an8}" in captioner(**look).text("srt")
    vtt = captioner(**look).text("vtt")
    assert "::cue(.music) { color: #ff00ff; }" in vtt
    assert "line:0" in vtt
    styles = pysubs2.SSAFile.from_string(captioner(**look).text("ass")).styles
    assert styles["sound"].primarycolor == pysubs2.Color(255, 0, 0)
    assert styles["music"].primarycolor == pysubs2.Color(255, 0, 255)
    assert styles["sound"].alignment == pysubs2.Alignment.TOP_CENTER


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass"])
@pytest.mark.parametrize("to", ["srt", "ass"])
def test_sounds_go_among_a_dialogue_of_any_kind(kind, to):
    data = pysubs2.SSAFile.from_string(DIALOGUE).to_string(kind).encode() if kind != "srt" else DIALOGUE.encode()
    text = captioner().text(to, read_dialogue(data, f"film.{kind}"))
    cues = pysubs2.SSAFile.from_string(text.replace("\r\n", "\n"))
    said = [cue.plaintext for cue in cues]
    assert sum("Look, Rex!" in one for one in said) == 1
    assert "[dog barking]" in next(one for one in said if "Rex" in one)
    assert "[music playing]" in said
    assert "At last." in said[-1]


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


def test_a_burned_in_video_shows_captions_and_keeps_its_sound(tmp_path, street):
    cut = tmp_path / "cut.mp4"
    with av.open(str(street)) as source, av.open(str(cut), "w") as output:
        kept = {
            one.index: output.add_stream_from_template(one) for one in (*source.streams.video, *source.streams.audio)
        }
        for packet in source.demux(list(source.streams)):
            if packet.dts is not None and packet.dts * packet.time_base < 4 and packet.stream.index in kept:
                packet.stream = kept[packet.stream.index]
                output.mux(packet)
    out, told = tmp_path / f"out{suffix_of(cut)}", []
    assert out.suffix == ".mp4"
    burn_in(cut, [Caption(1.0, 2.0, ("[dog barking]",))], out, lambda *done: told.append(done))
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


def test_sound_alone_has_nothing_to_burn_into(tmp_path, five_words):
    with pytest.raises(MediaError, match="has no pictures"):
        burn_in(five_words, [], tmp_path / "out.mp4", lambda *_: None)
