"""A copy of a video with captions: what was in it is in the copy, packet by packet, and one more track."""

import io
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import given
from hypothesis import strategies as st
from media_files import Track, sine, write

from earmark.errors import EarmarkError, EarmarkWarning, MediaError
from earmark.media.muxing import TITLE, Cue, iso639_2, mux, one_at_a_time, read_cues

pytestmark = pytest.mark.usefixtures("untried")

CUES = [(1.0, 2.5, "[dog barks]\n[rain & wind]"), (2.5, 3.0, "[ουρλιάζει σκύλος]"), (4.2, 5.0, "[비가 내린다]")]
DIALOGUE = [(500, 1500, "Hello"), (3000, 4000, "<i>Bye</i>")]
CODECS = {"mkv": "srt", "mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}


def clock(seconds):
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def srt(cues):
    return "".join(f"{i}\r\n{clock(a)} --> {clock(b)}\r\n{text}\r\n\r\n" for i, (a, b, text) in enumerate(cues, 1))


def rich(path, container, captions=True):
    """Six seconds: B-frames turned by 90 degrees, two audio tracks, subtitles, chapters, a font, names."""
    video, audio = ("libvpx", "libopus") if container == "webm" else ("mpeg4", "aac")
    with av.open(str(path), "w", format=container) as output:
        output.metadata["title"] = "A film"
        pictures = output.add_stream(
            video, rate=10, options={"deadline": "realtime", "cpu-used": "8"} if video == "libvpx" else {}
        )
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        if video == "mpeg4":
            pictures.codec_context.max_b_frames = 2
            pictures.set_display_rotation(90)
        sounds = [output.add_stream(audio, rate=48_000, layout="mono") for _ in range(2)]
        sounds[0].metadata["language"] = "eng"
        sounds[1].metadata.update(language="fra", title="Commentaire")
        sounds[1].disposition = Disposition.comment.value
        text = subtitles(output, CODECS[container.replace("matroska", "mkv")]) if captions else None
        if container == "matroska":
            output.add_attachment("font.ttf", "font/ttf", b"a font")
        output.set_chapters(
            [
                {
                    "id": i,
                    "start": 3000 * i,
                    "end": 3000 * (i + 1),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": t},
                }
                for i, t in enumerate(("One", "Two"))
            ]
        )
        output.start_encoding()
        packets = [p for i, sound in enumerate(sounds) for p in sounding(sound, 440.0 * (i + 1))]
        packets += showing(pictures)
        if text is not None:
            packets += dialogue(text)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            output.mux(packet)
    return path


def subtitles(output, codec):
    decoder = av.CodecContext.create("subrip", "r")
    decoder.open()
    stream = output.add_stream({"srt": "subrip"}.get(codec, codec))
    stream.codec_context.subtitle_header = decoder.subtitle_header
    stream.metadata["language"] = "eng"
    stream.disposition = Disposition.default.value
    return SimpleNamespace(stream=stream, decoder=decoder)


def dialogue(text):
    for start, end, line in DIALOGUE:
        plain = av.Packet(line.encode())
        plain.duration = end - start
        packet = av.Packet(bytes(text.stream.codec_context.encode_subtitle(text.decoder.decode2(plain))))
        packet.pts = packet.dts = start
        packet.duration, packet.time_base, packet.stream = end - start, Fraction(1, 1000), text.stream
        yield packet


def sounding(stream, frequency):
    samples = sine(6.0, 48_000, frequency).astype(np.float32)
    for begin in range(0, samples.shape[1], 960):
        frame = av.AudioFrame.from_ndarray(samples[:, begin : begin + 960], "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def showing(stream):
    for number in range(60):
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number, np.uint8), "rgb24")
        picture.pts, picture.time_base = number, Fraction(1, 10)
        yield from stream.encode(picture)
    yield from stream.encode(None)


def packets(path):
    """For each stream, in order, its kind and its packets: times in seconds, whether it is a key, and the payload."""
    with av.open(str(path)) as container:
        found = {i: (s.type, []) for i, s in enumerate(container.streams) if s.type not in ("attachment", "data")}
        for packet in container.demux():
            if packet.stream_index in found and packet.pts is not None:
                dts = None if packet.dts is None else packet.dts * packet.time_base
                found[packet.stream_index][1].append(
                    (packet.pts * packet.time_base, dts, packet.is_keyframe, bytes(packet))
                )
        return list(found.values())


def shown(path, number=-1):
    """What a subtitle track shows, decoded: (start, end, text)."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[number]
        cues = []
        for packet in container.demux(stream):
            if packet.pts is not None and (decoded := stream.codec_context.decode2(packet)) and len(decoded):
                text = decoded[0].ass.decode().split(",", 8)[8].replace("\\N", "\n").replace("{\\r}", "{\\i0}")
                start = packet.pts * packet.time_base
                cues.append((float(start), float(start + packet.duration * packet.time_base), text))
        return cues


def facts(path):
    """What a viewer sees of a file besides its packets."""
    with av.open(str(path)) as container:
        streams = [
            (s.type, s.name, s.language, s.metadata.get("title") or s.metadata.get("name"), int(s.disposition))
            for s in container.streams
            if s.type not in ("data", "attachment")
        ]
        frame = next(container.decode(video=0))
        chapters = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
            for c in container.chapters()
        ]
        attached = [(s.name, s.mimetype, s.data) for s in container.streams if s.type == "attachment"]
        rate = container.streams.video[0].average_rate
        return streams, frame.rotation, rate, chapters, attached, container.metadata.get("title")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    kinds = {"mkv": "matroska", "mp4": "mp4", "mov": "mov", "webm": "webm"}
    return {suffix: rich(folder / f"film.{suffix}", kind) for suffix, kind in kinds.items()}


@pytest.fixture(scope="module")
def copies(films, tmp_path_factory):
    """Of each film, with captions."""
    folder = tmp_path_factory.mktemp("copies")
    return {suffix: mux(film, srt(CUES), folder / f"out.{suffix}", language="el") for suffix, film in films.items()}


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "webm"])
def test_all_packets_are_as_they_were(films, copies, suffix):
    before, after = packets(films[suffix]), packets(copies[suffix])
    assert [kind for kind, _ in before] == ["video", "audio", "audio", "subtitle"]
    assert after[:-1] == before
    assert after[-1][0] == "subtitle"


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "webm"])
def test_everything_else_is_kept_and_the_new_track_is_named(films, copies, suffix):
    streams, *rest = facts(films[suffix])
    copied, *copied_rest = facts(copies[suffix])
    assert copied[:-1] == streams
    assert copied_rest == rest
    kind, name, language, title, disposition = copied[-1]
    assert (kind, name, title) == ("subtitle", CODECS[suffix], TITLE)
    assert language == ("ell" if suffix == "mp4" else "gre")
    if suffix in ("mkv", "mp4"):  # the others have no place for it
        assert disposition & Disposition.hearing_impaired
    assert not disposition & Disposition.default


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "webm"])
def test_captions_are_read_back(copies, suffix):
    out = copies[suffix]
    assert shown(out) == [(a, b, text) for a, b, text in CUES]
    assert [cue[:2] for cue in shown(out, 0)] == [(a / 1000, b / 1000) for a, b, _ in DIALOGUE]


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_the_copy_decodes_like_the_video(films, copies, suffix):
    def pictures(path):
        with av.open(str(path)) as container:
            return [(frame.time, frame.to_ndarray(format="gray").tobytes()) for frame in container.decode(video=0)]

    assert pictures(copies[suffix]) == pictures(films[suffix])


def test_an_mp4_begins_with_its_index(copies):
    data = copies["mp4"].read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("source", "suffix"), [("mp4", "mkv"), ("mov", "mp4"), ("mov", "mkv")])
def test_a_copy_of_another_kind(films, tmp_path, source, suffix):
    out = mux(films[source], srt(CUES), tmp_path / f"out.{suffix}")
    before, after = packets(films[source]), packets(out)
    for (kind, old), (_, new) in zip(before[:3], after[:3], strict=True):
        assert [p[3] for p in new] == [p[3] for p in old], kind
        late = new[0][0] - old[0][0]  # Matroska has no times below 0: everything is moved
        assert 0 <= late < 0.05
        assert all(abs(n[0] - o[0] - late) < 0.001 for o, n in zip(old, new, strict=True))
    first = [(a + float(late), b + float(late), text) for a, b, text in CUES]
    assert [text for *_, text in shown(out)] == [text for *_, text in CUES]
    np.testing.assert_allclose([c[:2] for c in shown(out)], [c[:2] for c in first], atol=0.0011)
    assert [text.removesuffix("{\\i0}") for *_, text in shown(out, 0)] == ["Hello", "{\\i1}Bye"]


@pytest.mark.parametrize("code", ["ger", "deu"])
@pytest.mark.parametrize(("suffix", "kept"), [("mp4", "deu"), ("mov", "ger")])
def test_languages_of_tracks_are_spelt_as_the_copy_knows_them(tmp_path, code, suffix, kept):
    with av.open(str(tmp_path / "film.mkv"), "w") as output:
        sound = output.add_stream("aac", rate=48_000, layout="mono")
        sound.metadata["language"] = code
        output.mux(list(sounding(sound, 440.0)))
    with av.open(str(mux(tmp_path / "film.mkv", srt(CUES), tmp_path / f"out.{suffix}"))) as container:
        assert container.streams.audio[0].language == kept


def test_text_of_matroska_goes_into_mp4(tmp_path):
    film = tmp_path / "film.mkv"
    rich(film, "matroska")
    with pytest.raises(EarmarkError, match=r"cannot hold .*; let the copy end in \.mkv"):
        mux(film, srt(CUES), tmp_path / "out.mp4")  # the font
    assert list(tmp_path.iterdir()) == [film]


def test_a_broadcast_begins_at_any_time_and_its_copy_at_0(tmp_path):
    write(
        tmp_path / "film.ts", "mpegts", Track(sine(4.0), codec="aac"), video=4.0, options={"output_ts_offset": "5000"}
    )
    for suffix in ("mkv", "mp4"):
        out = mux(tmp_path / "film.ts", srt(CUES[:2]), tmp_path / f"out.{suffix}")
        with av.open(str(out)) as container:
            assert container.start_time == 0
        np.testing.assert_allclose([c[:2] for c in shown(out)], [c[:2] for c in CUES[:2]], atol=0.002)


def test_a_film_that_begins_late_keeps_its_times(tmp_path):
    write(
        tmp_path / "late.mkv", "matroska", Track(sine(4.0), codec="flac"), video=4.0, options={"output_ts_offset": "7"}
    )
    out = mux(tmp_path / "late.mkv", srt(CUES[:2]), tmp_path / "out.mkv")
    assert packets(out)[:-1] == packets(tmp_path / "late.mkv")
    assert [c[0] for c in shown(out)] == [8.0, 9.5]


def test_covers_are_kept(tmp_path):
    png = io.BytesIO()
    with av.open(png, "w", format="image2pipe") as output:
        stream = output.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 90, np.uint8), "rgb24")
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w", format="matroska") as output:
        sound = output.add_stream("flac", rate=48_000, layout="mono")
        output.add_attachment("cover.png", "image/png", png.getvalue())
        for packet in sounding(sound, 440.0):
            output.mux(packet)
    again = mux(film, srt(CUES), tmp_path / "out.mkv")
    for path in (again, mux(again, srt(CUES), tmp_path / "out.mp4")):
        with av.open(str(path)) as container:
            (cover,) = container.streams.video
            assert cover.disposition & Disposition.attached_pic
            assert bytes(next(container.demux(cover))) == png.getvalue()


def test_data_that_a_copy_cannot_hold_is_left_out_with_a_warning(tmp_path):
    film = tmp_path / "film.ts"
    with av.open(str(film), "w", format="mpegts") as output:
        sound = output.add_stream("aac", rate=48_000, layout="mono")
        flight = output.add_data_stream("klv")
        packet = av.Packet(b"\x06\x0e\x2b\x34" + bytes(12))
        packet.pts = packet.dts = 0
        packet.time_base, packet.stream = Fraction(1, 90_000), flight
        output.mux(packet)
        for packet in sounding(sound, 440.0):
            output.mux(packet)
    with pytest.warns(EarmarkWarning, match="1 track.* of data"):
        out = mux(film, srt(CUES), tmp_path / "out.mkv")
    assert [kind for kind, _ in packets(out)] == ["audio", "subtitle"]


def test_no_captions_at_all(films, tmp_path):
    for text in ("", "WEBVTT\n"):
        for suffix in ("mkv", "mp4"):
            out = mux(films[suffix], text, tmp_path / f"out.{suffix}", overwrite=True)
            assert packets(out)[:-1] == packets(films[suffix])
            assert shown(out) == []


def test_vtt_text_with_its_tags_and_escapes(films, tmp_path):
    vtt = "WEBVTT\n\n00:01.000 --> 00:03.000\n[rain &amp; wind]\n\n00:04.000 --> 00:05.000 line:0\n<i>so</i> &lt;3\n"
    for suffix in ("mkv", "mp4", "webm"):
        out = mux(films[suffix], vtt, tmp_path / f"out.{suffix}")
        assert [cue[:2] for cue in shown(out)] == [(1, 3), (4, 5)]
        assert [cue[2] for cue in shown(out)] == ["[rain & wind]", "{\\i1}so{\\i0} <3"]


def test_captions_at_once_share_samples_of_mp4_only(films, tmp_path):
    text = srt([(1.0, 4.0, "one"), (2.0, 3.0, "two")])
    assert shown(mux(films["mkv"], text, tmp_path / "out.mkv")) == [(1, 4, "one"), (2, 3, "two")]
    assert shown(mux(films["mp4"], text, tmp_path / "out.mp4")) == [(1, 2, "one"), (2, 3, "one\ntwo"), (3, 4, "one")]


def test_nothing_is_overwritten(films, tmp_path):
    film = tmp_path / "film.mkv"
    film.write_bytes(films["mkv"].read_bytes())
    with pytest.raises(EarmarkError, match="is the video itself"):
        mux(film, srt(CUES), film, overwrite=True)
    (tmp_path / "link.mkv").symlink_to(film)
    with pytest.raises(EarmarkError, match="is the video itself"):
        mux(film, srt(CUES), tmp_path / "link.mkv", overwrite=True)
    (tmp_path / "out.mkv").write_text("mine")
    with pytest.raises(EarmarkError, match=r"out\.mkv: is there already; .*--overwrite"):
        mux(film, srt(CUES), tmp_path / "out.mkv")
    assert (tmp_path / "out.mkv").read_text() == "mine"
    mux(film, srt(CUES), tmp_path / "out.mkv", overwrite=True)
    assert shown(tmp_path / "out.mkv")


def test_what_cannot_be_copied_leaves_nothing_behind(films, tmp_path):
    whole = films["mkv"].read_bytes()
    (tmp_path / "noise.mkv").write_bytes(b"no film" * 100)
    (tmp_path / "folder").mkdir()
    there = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(MediaError, match="gone"):
        mux(tmp_path / "gone.mkv", srt(CUES), tmp_path / "out.mkv")
    with pytest.raises(MediaError, match="noise"):
        mux(tmp_path / "noise.mkv", srt(CUES), tmp_path / "out.mkv")
    with pytest.raises(EarmarkError, match=r"out\.avi: is no kind of file"):
        mux(films["mkv"], srt(CUES), tmp_path / "out.avi")
    with pytest.raises(EarmarkError, match="cannot hold"):
        mux(films["mp4"], srt(CUES), tmp_path / "out.webm")
    with pytest.raises(EarmarkError, match="cannot be written"):
        mux(films["mp4"], srt(CUES), tmp_path / "noise.mkv" / "out.mp4")
    with pytest.raises(EarmarkError, match="no SRT or VTT"):
        mux(films["mp4"], "--> this is nothing", tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == there
    assert films["mkv"].read_bytes() == whole


def test_progress_is_told_in_seconds(films, tmp_path):
    told = []
    mux(films["mkv"], srt(CUES), tmp_path / "out.mkv", progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == [1, 2, 3, 4, 5]
    assert {round(total) for _, total in told} == {6}


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 20), st.sampled_from("abcdef")).map(
            lambda t: Cue(t[0], t[0] + t[1], t[2])
        ),
        max_size=8,
    )
)
def test_one_at_a_time_shows_the_same_at_every_moment(cues):
    apart = one_at_a_time(cues)
    assert all(a.end <= b.start for a, b in pairwise(apart))
    for moment in range(75):
        before = sorted(cue.text for cue in cues if cue.start <= moment < cue.end)
        after = [cue.text for cue in apart if cue.start <= moment < cue.end]
        assert sorted("\n".join(after).split("\n")) == (before or [""])


def test_cues_of_an_odd_file():
    text = "\ufeff7\n00:00:05,000 --> 00:00:06,000\nlater\n\n\n2\n00:00:01,000 --> 00:00:02,000\nsooner\n"
    assert read_cues(text) == [Cue(1000, 2000, "sooner"), Cue(5000, 6000, "later")]


def test_every_language_of_captions_is_known(tmp_path, films):
    for language in ("cs", "de", "en", "fr", "ko", "pl", "ru"):
        for suffix in ("mkv", "mp4", "mov"):
            out = mux(films["mov"], "", tmp_path / f"{language}.{suffix}", language=language)
            with av.open(str(out)) as container:
                assert len(container.streams.subtitles[-1].language or "eng") == 3
                assert container.streams.subtitles[-1].language or (suffix, language) == ("mkv", "en")


@pytest.mark.parametrize(
    ("code", "three"),
    [
        ("en", "eng"),
        ("el", "ell"),
        ("cs", "ces"),
        ("pl", "pol"),
        ("ko", "kor"),
        ("ru", "rus"),
        ("pt-BR", "por"),
        ("fre", "fra"),
        ("x", "und"),
    ],
)
def test_languages(code, three):
    assert iso639_2(code) == three
