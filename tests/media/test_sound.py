"""What a recording may be given as: samples, addresses, and all the rest."""

import io
import pickle
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from model_making import RATE, tones, write_wav

import earmark
from earmark import media
from earmark.errors import ArgumentError, EarmarkWarning, MediaError
from earmark.media import Sound, sound, web


def read(sound, rate=RATE):
    with sound.open() as recording:
        return np.concatenate(list(recording.blocks(rate)))


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    return write_wav(tmp_path_factory.mktemp("sound") / "tones.wav", tones(2.0, (0.5, 1.5, 440.0)))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f4", np.int16, np.int32, np.uint8])
def test_samples_are_read_as_they_are(kind):
    wanted = tones(1.0, (0.2, 0.8, 500.0))
    scale = {"f": 1.0, "i": 2.0 ** (8 * np.dtype(kind).itemsize - 1), "u": 128.0}[np.dtype(kind).kind]
    offset = 128 if np.dtype(kind).kind == "u" else 0
    given = np.round(wanted * scale + offset) if scale > 1 else wanted
    found = read(Sound(given.astype(kind), RATE))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=0.01 if np.dtype(kind).itemsize == 1 else 2e-4)


def test_float_samples_lose_nothing():
    wanted = tones(1.0, (0.2, 0.8, 500.0))
    np.testing.assert_array_equal(read(Sound(wanted, RATE)), wanted)
    np.testing.assert_array_equal(read(Sound(wanted[::-1], RATE)), wanted[::-1])


def test_channels_are_the_shorter_axis_and_mixed():
    left, right = tones(1.0, (0.2, 0.8, 500.0)), tones(1.0, (0.1, 0.3, 900.0))
    both = np.stack([left, right])
    np.testing.assert_allclose(read(Sound(both, RATE)), (left + right) / 2, atol=1e-6)
    np.testing.assert_array_equal(read(Sound(both.T, RATE)), read(Sound(both, RATE)))


def test_samples_are_resampled_as_a_file_is(tmp_path):
    content = np.round(tones(1.0, (0.2, 0.8, 500.0)) * 32767).astype(np.int16)
    path = write_wav(tmp_path / "a.wav", content / 32768.0, 44_100)
    np.testing.assert_allclose(read(Sound(content, 44_100), 16_000), media.read(path, 16_000), atol=1e-4)


def test_samples_beyond_four_gigabytes_have_another_header(monkeypatch):
    monkeypatch.setattr(sound, "LONGEST_RIFF", 1000)
    wanted = tones(1.0, (0.2, 0.8, 500.0))
    assert sound.WavOfSamples(sound.checked(wanted), RATE).read(4) == b"RF64"
    np.testing.assert_array_equal(read(Sound(wanted, RATE)), wanted)


def test_a_list_of_numbers_is_samples():
    np.testing.assert_allclose(read(Sound([0.0, 0.5, -0.5] * 1000, RATE), RATE)[:3], [0, 0.5, -0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros(0), "are none"),
        (np.zeros((3, 4, 5)), r"shape \(3, 4, 5\)"),
        (np.zeros((70, 80)), "70 channels"),
        (np.zeros(9, np.int64), "type int64"),
        (np.zeros(9, bool), "type bool"),
        (np.array([0.0, np.nan]), "not all finite"),
        (np.array([0.0, -np.inf]), "not all finite"),
        (["a", "b"], "type <U1"),
    ],
)
def test_samples_that_are_none(given, words):
    with pytest.raises(MediaError, match=words):
        Sound(given, RATE)


def test_samples_of_another_scale_are_told():
    with pytest.warns(EarmarkWarning, match="full scale is 1"):
        Sound(np.array([0.0, 20_000.0]), RATE)


@pytest.mark.parametrize("rate", [None, 0, -1, 44.5, 10_000_000, float("nan")])
def test_samples_need_a_rate(rate):
    with pytest.raises(ArgumentError, match="sample_rate") as caught:
        Sound(np.zeros(9), rate)
    assert caught.value.argument == "sample_rate"
    assert isinstance(caught.value, ValueError)


def test_only_samples_have_one(wav):
    with pytest.raises(ArgumentError, match="leave it out"):
        Sound(wav, 48_000)


def test_what_is_no_sound(wav):
    with pytest.raises(TypeError, match="int"), Sound(3).open():
        pass
    assert Sound(wav.read_bytes()).name == "<bytes>"
    assert Sound(bytearray(wav.read_bytes())).rereadable
    assert Sound(memoryview(wav.read_bytes())).rereadable


def test_what_can_be_read_again(wav):
    assert Sound(wav).rereadable
    assert Sound(np.zeros(9), RATE).rereadable
    assert not Sound(wav.with_name("gone.wav")).rereadable
    with wav.open("rb") as file:
        assert Sound(file).rereadable
    assert not Sound(file).rereadable


def test_a_file_object_stays_behind_when_pickled(wav):
    assert pickle.loads(pickle.dumps(Sound(wav, track=1))).source == wav
    with wav.open("rb") as file:
        copy = pickle.loads(pickle.dumps(Sound(file)))
    assert copy.source is None
    assert not copy.rereadable


class Site(BaseHTTPRequestHandler):
    """Answers by path: (status, headers, body); notes what was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        status, headers, body = self.server.pages.get(self.path, (404, {}, b"gone"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = HTTPServer(("127.0.0.1", 0), Site)
    server.pages, server.asked = {}, []
    server.at = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_is_fetched_and_labelled(site, wav, low_high):
    site.pages["/tones.wav"] = (200, {"Content-Type": "audio/wav"}, wav.read_bytes())
    site.pages["/there"] = (302, {"Location": "/tones.wav"}, b"")
    timeline = earmark.label(f"{site.at}/there", low_high)
    assert timeline.events == earmark.label(wav, low_high).events
    assert timeline.recording == f"{site.at}/there"
    assert site.asked == ["/there", "/tones.wav"]
    assert timeline._repr_html_().count(f'preload="none" src="{site.at}/there"') == 1
    assert site.asked == ["/there", "/tones.wav"]


def test_an_address_that_is_none(site, wav):
    whole = wav.read_bytes()
    site.pages |= {
        "/page": (200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>"),
        "/short": (200, {"Content-Length": str(len(whole) + 1)}, whole),
        "/empty": (200, {}, b""),
        "/text": (200, {}, b"no sound at all"),
        "/file": (302, {"Location": wav.as_uri()}, b""),
        "/ftp": (302, {"Location": "ftp://127.0.0.1/tones.wav"}, b""),
        "/round": (302, {"Location": "/round"}, b""),
    }
    for path, words in {
        "/gone": "404",
        "/page": "is a web page",
        "/short": f"broke off after {len(whole)} of {len(whole) + 1} bytes",
        "/empty": "is empty",
        "/text": "is not a recording",
        "/file": "302|file",
        "/ftp": "ftp",
        "/round": "redirect|infinite",
    }.items():
        with pytest.raises(MediaError, match=words) as caught, Sound(site.at + path).open():
            pass
        assert caught.value.subject == site.at + path
        assert "\n" not in str(caught.value)


def test_what_an_address_may_hold_is_bounded(site, wav, monkeypatch):
    whole = wav.read_bytes()
    site.pages["/told"] = (200, {"Content-Length": str(len(whole))}, whole)
    site.pages["/untold"] = (200, {}, whole)
    for path in ("/told", "/untold"):
        monkeypatch.setattr(web, "MOST_BYTES", len(whole) - 1)
        with pytest.raises(MediaError, match="has more than"):
            web.fetched(site.at + path)
        monkeypatch.setattr(web, "MOST_BYTES", len(whole))
        with web.fetched(site.at + path) as file:
            assert file.read() == whole


def test_nobody_there():
    with pytest.raises(MediaError, match=r"cannot be fetched \(.*refused"), Sound("http://127.0.0.1:9/a.wav").open():
        pass


def test_what_is_fetched_opens_nothing_further(site, wav):
    site.pages["/a.wav"] = (200, {}, wav.read_bytes())
    listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{site.at}/a.wav\n#EXT-X-ENDLIST\n".encode()
    site.pages["/list.m3u8"] = (200, {"Content-Type": "application/vnd.apple.mpegurl"}, listed)
    with pytest.raises(MediaError), Sound(f"{site.at}/list.m3u8").open():
        pass
    assert site.asked == ["/list.m3u8"]


def test_other_kinds_of_address_are_refused(low_high):
    with pytest.raises(MediaError, match="is a web address"):
        earmark.label("ftp://127.0.0.1/a.wav", low_high)


def test_every_way_gives_the_same(wav, low_high):
    samples_ = media.read(wav, RATE)
    wanted = earmark.label(wav, low_high).events
    assert wanted
    assert earmark.label(samples_, low_high, sample_rate=RATE).events == wanted
    assert earmark.label(io.BytesIO(wav.read_bytes()), low_high).events == wanted
    assert earmark.classify(samples_, low_high, sample_rate=RATE) == earmark.classify(wav, low_high)
