"""All the sound of a file is read where its header, or a change of its rate, says otherwise, or the loss is told."""

import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import Track, sine, write

from earmark.errors import EarmarkWarning, MediaError
from earmark.media import open_recording, read
from earmark.media.probe import ogg_duration
from earmark.media.wav import corrected, extent_of

RATE = 16_000
LIST = b"LIST" + struct.pack("<I", 4) + b"INFO"


def noise(seconds, rate=RATE, channels=1):
    return np.random.default_rng(0).normal(0, 0.1, (channels, round(seconds * rate)))


def wav(data, length=None, rate=RATE, channels=1, tail=b""):
    length = len(data) if length is None else length
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate, 2 * channels * rate, 2 * channels, 16)
    head = b"RIFF" + struct.pack("<I", (36 + length) % 2**32) + b"WAVEfmt " + form + b"data"
    return head + struct.pack("<I", length % 2**32) + data + tail


def samples_of(seconds, channels=1):
    return (noise(seconds, channels=channels).T * 32_767).astype("<i2").tobytes()


def silently(source, rate=RATE, **span):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read(source, rate, **span)


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize(("before", "after"), [(48_000, 32_000), (48_000, 24_000), (24_000, 48_000), (44_100, 22_050)])
@pytest.mark.parametrize("container", ["mpegts", "adts"])
def test_a_change_of_the_rate_midstream(container, before, after):
    options = {"output_ts_offset": "1"} if container == "mpegts" else None
    first = write(None, container, Track(sine(1.0, before, 440.0), before, "aac"))
    second = write(None, container, Track(sine(1.5, after, 1000.0), after, "aac"), options=options)
    heard = silently(first + second)
    assert len(heard) / RATE == pytest.approx(2.5, abs=0.15)  # bare AAC tells of no delay of its encoder
    for begin, end, frequency in ((0.2, 0.8, 440), (1.3, 2.3, 1000)):
        part = heard[round(begin * RATE) : round(end * RATE)]
        levels = np.std(part[: part.size // 800 * 800].reshape(-1, 800), axis=1)
        assert levels.min() > 0.8 * levels.max(), "no silence is put in"
        assert np.argmax(np.abs(np.fft.rfft(part))) * RATE / part.size == pytest.approx(frequency, abs=2)


def long_wav(kind, claimed, held):
    """WAV with a length of 64 bits: seconds that it claims, and holds."""
    size = round(claimed * RATE) * 2
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    long = b"ds64" + struct.pack("<IQQQI", 28, 72 + size, size, size // 2, 0)
    return kind + b"\xff" * 4 + b"WAVE" + long + b"fmt " + form + b"data" + b"\xff" * 4 + samples_of(held)


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
@pytest.mark.parametrize("claimed", [0.0, 0.5, 2.0, 3.0, 9.0])
def test_a_wrong_length_of_64_bits(kind, claimed):
    content = long_wav(kind, claimed, 3.0)
    if claimed == 3.0:
        heard = silently(content)
    else:
        more = f"claims {claimed:.1f} s, but 3.0 s of sound are there"
        with pytest.warns(EarmarkWarning, match="ends early: 3.0 s of the 9.0 s" if claimed == 9.0 else more):
            heard = read(content, RATE)
    np.testing.assert_array_equal(heard, silently(wav(samples_of(3.0))))


def test_bare_flac_that_goes_on_at_another_rate():
    """Whose timestamps count samples: taken for times, each frame would begin before the end of the last."""
    first, second = (write(None, "flac", Track(noise(4.0, rate), rate, "flac")) for rate in (48_000, 32_000))
    heard = read(first + second, RATE)
    assert len(heard) / RATE == pytest.approx(8, abs=0.3)
    assert np.std(heard[round(4.5 * RATE) :]) > 0.8 * np.std(heard[: 4 * RATE])


@pytest.mark.usefixtures("untried")
def test_many_changes_of_the_rate_keep_all_that_was_encoded():
    """As `ffmpeg -i in.ts out.wav` does, though each part is longer than its time by what its encoder padded."""
    rates = (48_000, 16_000, 44_100, 24_000, 32_000)
    parts = [
        write(None, "mpegts", Track(sine(1.0, rate), rate, "aac"), options={"output_ts_offset": str(i)})
        for i, rate in enumerate(rates)
    ]
    alone = sum(len(silently(part)) for part in parts)
    assert alone / RATE > 5.1
    assert len(silently(b"".join(parts))) / RATE == pytest.approx(alone / RATE, abs=0.05)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_header_that_claims_less_than_the_file_holds(channels, tmp_path):
    data = samples_of(5.0, channels)
    short = wav(data, 2 * channels * RATE, channels=channels)
    path = tmp_path / "short.wav"
    path.write_bytes(short)
    whole = silently(wav(data, channels=channels))
    for source in (short, path, io.BytesIO(short)):
        with pytest.warns(EarmarkWarning, match=r"header claims 1\.0 s, but 5\.0 s of sound are there and read"):
            assert np.array_equal(read(source, RATE), whole)
    with open_recording(path) as recording:
        assert recording.duration == pytest.approx(5, abs=0.01)
        with pytest.warns(EarmarkWarning):
            part = recording.span(8_000, 3.6, 4.4)
    assert np.array_equal(part, silently(wav(data, channels=channels), 8_000)[28_800:35_200])
    with pytest.warns(EarmarkWarning, match=r"5\.0 s"):
        assert np.array_equal(read(wav(data + b"\x01", RATE * 2 * channels, channels=channels), RATE), whole)


def patched(file, chunk, at, form, change):
    """A file with a number in a chunk changed."""
    place = file.index(chunk) + at
    (number,) = struct.unpack_from(form, file, place)
    return file[:place] + struct.pack(form, change(number)) + file[place + struct.calcsize(form) :]


@pytest.mark.parametrize("codec", ["mp3", "adpcm_ms", "adpcm_ima_wav", "pcm_alaw"])
def test_a_short_header_before_compressed_sound(codec):
    """Both the length in bytes and that in samples are short; the bytes of a second may be none."""
    file = write(None, "wav", Track(sine(5.0, RATE, 440.0), RATE, codec))
    short = patched(file, b"data", 4, "<I", lambda size: size // 5)
    short = patched(short, b"fact", 8, "<I", lambda samples: samples // 5)
    for rate in (0, 2_000):
        one = patched(short, b"fmt ", 16, "<I", lambda _, rate=rate: rate)
        with pytest.warns(EarmarkWarning, match=r"header claims .* of sound are there and read"):
            np.testing.assert_array_equal(read(one, RATE), silently(file))


@pytest.mark.parametrize("codec", ["pcm_s16be", "pcm_s24be", "pcm_s16le", "pcm_f32be"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("fields", [("SSND",), ("SSND", "COMM")])
def test_a_short_header_of_aiff(codec, channels, fields, tmp_path):
    sound = np.tile(sine(5.0, RATE, 440.0), (channels, 1))
    file = short = write(None, "aiff", Track(sound, RATE, codec))
    short = patched(short, b"SSND", 4, ">I", lambda size: 8 + size // 5 // 24 * 24)
    if "COMM" in fields:
        short = patched(short, b"COMM", 10, ">I", lambda frames: frames // 5)
    (tmp_path / "short.aiff").write_bytes(short)
    whole = silently(file)
    assert len(whole) == 5 * RATE
    for source in (short, tmp_path / "short.aiff"):
        with pytest.warns(EarmarkWarning, match=r"header claims 1\.0 s, but 5\.0 s of sound are there and read"):
            np.testing.assert_array_equal(read(source, RATE), whole)


def rifx(bits):
    """A WAV file of a second with the highest byte first."""
    data = (sine(1.0, RATE, 440.0) * (1 << (bits - 1)) * 0.9).round()
    data = (data + 128).astype("u1") if bits == 8 else data.astype(">i2")
    width = bits // 8
    form = struct.pack(">IHHIIHH", 16, 1, 1, RATE, width * RATE, width, bits)
    return (
        b"RIFX"
        + struct.pack(">I", 36 + width * RATE)
        + b"WAVEfmt "
        + form
        + struct.pack(">4sI", b"data", width * RATE)
        + data.tobytes()
    )


def test_wav_with_the_highest_byte_first_is_refused_and_not_noise(tmp_path):
    (tmp_path / "big.wav").write_bytes(rifx(16))
    for source in (rifx(16), tmp_path / "big.wav", io.BytesIO(rifx(16)), Pipe(rifx(16))):
        with pytest.raises(MediaError, match=r"highest byte first \(RIFX\).*convert it"):
            read(source, RATE)
    heard = silently(rifx(8))  # a byte has no order
    assert np.argmax(np.abs(np.fft.rfft(heard))) == 440


class Pipe(io.RawIOBase):
    """What is read once."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def read(self, size=-1):
        return self.content.read(size)


@pytest.mark.parametrize(
    "tail",
    [
        LIST,
        LIST + b"id3 " + struct.pack("<I", 3) + b"abc\0",
        b"TAG" + b"x" * 125,  # of an MP3 tagger
        bytes(510),  # to the end of a sector
        LIST + bytes(2_000),
    ],
)
def test_what_follows_the_samples_by_right_is_passed_over(tail):
    data = samples_of(1.0)
    assert np.array_equal(silently(wav(data, tail=tail)), silently(wav(data)))
    assert extent_of(wav(data, tail=tail)) is None


@pytest.mark.parametrize("joined", [wav(samples_of(2.0)), b"data" + struct.pack("<I", 4 * RATE) + samples_of(2.0)])
def test_files_that_were_joined_tell_what_is_not_read(joined, tmp_path):
    (tmp_path / "joined.wav").write_bytes(wav(samples_of(3.0), tail=LIST + joined))
    with pytest.warns(EarmarkWarning, match=r"a further 2\.0 s of sound behind its end, as of files joined, are not"):
        assert read(tmp_path / "joined.wav", RATE).size == 3 * RATE


def test_zeros_behind_the_end_are_told_and_not_read():
    data = samples_of(1.0)
    for tail in (bytes(5_000_000), LIST + bytes(5_000_000)):
        with pytest.warns(EarmarkWarning, match=r"5\.0 MB of zeros after its end are not read"):
            assert np.array_equal(read(wav(data, tail=tail), RATE), silently(wav(data)))


def test_a_silence_where_the_length_ends_is_no_end():
    data = samples_of(1.0) + bytes(100_000) + samples_of(1.0)
    with pytest.warns(EarmarkWarning, match=r"header claims 1\.0 s"):
        assert np.array_equal(read(wav(data, 2 * RATE), RATE), silently(wav(data)))


class Sparse(io.RawIOBase):
    """A file of many zeros."""

    def __init__(self, size, **pieces):
        self.size, self.pieces, self.at = size, {int(k[1:]): v for k, v in pieces.items()}, 0

    def seek(self, offset, whence=0):
        self.at = (0, self.at, self.size)[whence] + offset
        return self.at

    def tell(self):
        return self.at

    def read(self, size=-1):
        size = min(size, self.size - self.at)
        data = bytearray(b"\x01" * size)
        for place, piece in self.pieces.items():
            low, high = max(place, self.at), min(place + len(piece), self.at + size)
            if low < high:
                data[low - self.at : high - self.at] = piece[low - place : high - place]
        self.at += size
        return bytes(data)


@pytest.mark.parametrize("tail", [b"", LIST])
def test_a_length_that_wrapped_beyond_4_gib(tail):
    length = 2**32 + 1_000_000
    head = wav(b"", length)
    file = Sparse(44 + length + len(tail), _0=head, **{f"_{44 + length}": tail})
    extent = extent_of(file)
    assert (extent.begin, extent.claimed, extent.end) == (44, 1_000_000, 44 + length)
    assert extent.note() == "its header claims 31.2 s, but 134249.0 s of sound are there and read"
    view = corrected(file)
    assert view.seek(0, 2) == 44 + length
    view.seek(38)
    assert view.read(8) == b"ta" + b"\xff" * 4 + b"\x01\x01"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_any_header_is_looked_at(noise_, length):
    aiff = b"FORM1234AIFFCOMM" + struct.pack(">IHIHHQ", 18, 1, 9, 16, 16_383 + 13, 1 << 63)
    aiff += b"SSND" + struct.pack(">I", length)
    for data in (b"RIFF1234WAVE" + noise_, wav(noise_, length), b"FORM1234AIFF" + noise_, aiff + noise_, noise_):
        extent = extent_of(data)
        assert extent is None or 0 < extent.begin <= extent.end <= extent.total == len(data)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 96_000])
def test_one_or_two_samples_are_a_recording(count, rate):
    data = np.full(count, 12_000, "<i2").tobytes()
    heard = silently(wav(data), rate)
    assert abs(len(heard) - max(1, round(count * rate / RATE))) <= 1
    assert 0 < np.abs(heard).max() < 0.6


def test_no_sample_at_all():
    with pytest.raises(MediaError, match="holds no sound"):
        read(write(None, "mp4", Track(noise(0.0002), codec="aac")), RATE)


def test_a_chained_ogg_that_changes_its_rate_says_how_much_is_lost():
    first = write(None, "ogg", Track(noise(2.0, 48_000, 2), 48_000, "vorbis"))
    second = write(None, "ogg", Track(noise(3.0, 32_000, 2), 32_000, "vorbis"))
    with pytest.warns(EarmarkWarning, match=r"ends early: (2\.\d|1\.9) s of the (5\.0|4\.9|5\.1) s"):
        assert len(read(first + second, RATE)) == pytest.approx(2 * RATE, abs=0.1 * RATE)


@pytest.mark.parametrize(("codec", "rate"), [("vorbis", 44_100), ("libopus", 48_000), ("flac", 32_000)])
def test_the_length_of_an_ogg_file(codec, rate):
    data = write(None, "ogg", Track(noise(3.0, rate, 2), rate, codec))
    assert ogg_duration(data) == pytest.approx(3.0, abs=0.05)
    assert ogg_duration(data + data) == pytest.approx(6.0, abs=0.1)
    assert ogg_duration(io.BytesIO(data[:200] + b"damage" + data[200:])) == pytest.approx(3.0, abs=0.05)
    assert ogg_duration(b"") is None
