"""What browsers play of a recording: as it is, or a copy on the same clock."""

import av
import numpy as np
import pytest
from media_files import Track, sine, write

from earmark import media
from earmark.service.playback import Playback, prepare

RATE = 48_000
SECONDS = 8


def made(path, container, codec):
    burst = np.concatenate([np.zeros((1, RATE)), sine(1.0, RATE)], axis=1)
    write(path, container, Track(burst, RATE, codec))
    return path


@pytest.mark.parametrize(
    ("container", "codec", "kind"),
    [
        ("wav", "pcm_s16le", "audio/wav"),
        ("flac", "flac", "audio/flac"),
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("ogg", "libopus", "audio/ogg"),
        ("ipod", "aac", "audio/mp4"),
    ],
)
def test_what_browsers_know_is_played_as_it_is(tmp_path, container, codec, kind):
    found = prepare(made(tmp_path / "upload", container, codec), tmp_path / "copy.mp4", lambda: None)
    assert found == Playback(kind, copy=False)
    assert not (tmp_path / "copy.mp4").exists()


@pytest.mark.parametrize(
    ("container", "codec"), [("aiff", "pcm_s16be"), ("ac3", "ac3"), ("wav", "adpcm_ms"), ("caf", "alac")]
)
def test_of_what_they_do_not_know_a_copy_is_made_on_the_same_clock(tmp_path, container, codec):
    upload = made(tmp_path / "upload", container, codec)
    assert prepare(upload, tmp_path / "copy.mp4", lambda: None) == Playback("audio/mp4", copy=True)
    with av.open(str(tmp_path / "copy.mp4")) as copy:
        (sound,) = copy.streams.audio
        assert (sound.codec_context.name, sound.codec_context.sample_rate) == ("aac", RATE)
    original, copied = (media.read(path, RATE) for path in (upload, tmp_path / "copy.mp4"))
    assert len(copied) == pytest.approx(len(original), abs=2048)
    begins = [np.flatnonzero(np.abs(samples) > 0.1)[0] / RATE for samples in (original, copied)]
    assert begins[1] == pytest.approx(begins[0], abs=0.01)


def test_pictures_are_copied_where_browsers_know_them(tmp_path, street):
    """The first packets in a container that browsers do not know."""
    upload = tmp_path / "upload"
    with av.open(str(street)) as source, av.open(str(upload), "w", format="mpegts") as output:
        kept = {
            stream.index: output.add_stream_from_template(stream)
            for stream in source.streams
            if stream.type in ("audio", "video")
        }
        for packet in source.demux(list(source.streams.video) + list(source.streams.audio)):
            if packet.dts is not None and packet.dts * packet.time_base < SECONDS:
                packet.stream = kept[packet.stream.index]
                output.mux(packet)
    assert prepare(upload, tmp_path / "copy.mp4", lambda: None) == Playback("video/mp4", copy=True, pictures=True)
    with av.open(str(street)) as original, av.open(str(tmp_path / "copy.mp4")) as copy:
        for number in range(5):
            seen = [next(one.decode(video=0)).to_ndarray(format="gray") for one in (original, copy)]
            assert np.array_equal(*seen), number
        assert copy.duration == pytest.approx(SECONDS * 1_000_000, abs=200_000)


def test_a_copy_that_cannot_be_made_costs_nothing_else(tmp_path, monkeypatch):
    def fails(*_):
        raise av.FFmpegError(1, "no")

    monkeypatch.setattr("earmark.service.playback._write_copy", fails)
    upload = made(tmp_path / "upload", "aiff", "pcm_s16be")
    assert prepare(upload, tmp_path / "copy.mp4", lambda: None) == Playback("", copy=False)
