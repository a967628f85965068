import io
import threading

import media_files
import numpy as np
import pytest
from media_files import Track
from model_making import RATE, tones, write_wav

import earmark
from earmark.errors import MediaError, ModelError
from earmark.events.hysteresis import EventRules
from earmark.models import labelling
from earmark.models.labelling import classify, label

MARKS = ((1.0, 2.5, 440.0), (4.0, 5.0, 3000.0), (6.5, 8.0, 300.0), (7.0, 8.5, 5000.0))
EXPECTED = [("low", 1.0, 2.5), ("high", 4.0, 5.0), ("low", 6.5, 8.0), ("high", 7.0, 8.5)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return write_wav(tmp_path_factory.mktemp("wav") / "tones.wav", tones(10.0, *MARKS))


def assert_events(timeline, expected, within=0.1):
    assert [event.label for event in timeline.events] == [name for name, _, _ in expected]
    for event, (_, onset, offset) in zip(timeline.events, expected, strict=True):
        assert event.onset == pytest.approx(onset, abs=within)
        assert event.offset == pytest.approx(offset, abs=within)
        assert event.score > 0.9


def test_tones_are_marked_where_they_sound(recording, low_high):
    timeline = label(recording, low_high)
    assert_events(timeline, EXPECTED)
    assert timeline.duration == 10.0
    assert timeline.model == "low_high"
    assert timeline.recording == str(recording)


def test_path_bytes_and_file_object_agree(recording, low_high, low_high_file):
    events = label(recording, low_high).events
    data = recording.read_bytes()
    assert label(str(recording), low_high_file).events == events
    assert label(data, low_high).events == events
    assert label(io.BytesIO(data), low_high).events == events
    with recording.open("rb") as file:
        assert label(file, low_high).events == events


def test_the_package_offers_the_same(recording, low_high):
    assert earmark.label is label
    assert earmark.classify is classify
    assert earmark.label(recording, low_high).events


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_any_rate(tmp_path, low_high, rate):
    time = np.arange(4 * rate) / rate
    samples = 0.3 * np.sin(2 * np.pi * 500 * time) * ((time >= 1) & (time < 2))
    path = write_wav(tmp_path / "rate.wav", samples, rate)
    lows = [e for e in label(path, low_high).events if e.label == "low"]
    assert [(e.onset, e.offset) for e in lows] == [pytest.approx((1.0, 2.0), abs=0.1)]


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("matroska", "pcm_s16le"), ("matroska", "libopus")])
def test_times_are_those_of_the_picture(tmp_path, low_high, container, codec):
    path = tmp_path / "late"
    rate = 48_000
    time = np.arange(5 * rate) / rate
    beep = 0.3 * np.sin(2 * np.pi * 600 * time) * ((time >= 1) & (time < 2))
    media_files.write(path, container, Track(beep[None], rate, codec, at=((0, 2.5),)), video=8.0)
    lows = [e for e in label(path, low_high).events if e.label == "low"]
    assert [(e.onset, e.offset) for e in lows] == [pytest.approx((3.5, 4.5), abs=0.1)]


def test_tracks(tmp_path, low_high):
    path = tmp_path / "two.mkv"
    low, high = (Track(tones(3.0, (1, 2, frequency))[None], RATE) for frequency in (400.0, 4000.0))
    media_files.write(path, "matroska", low, high)
    assert_events(label(path, low_high, track=0), [("low", 1, 2)])
    assert_events(label(path, low_high, track=1), [("high", 1, 2)])
    assert classify(path, low_high, track=1)[0][0] == "high"
    with pytest.raises(MediaError):
        label(path, low_high, track=2)


def test_classify_is_best_first(tmp_path, low_high):
    path = write_wav(tmp_path / "high.wav", tones(2.0, (0.0, 2.0, 4000.0)))
    (best, score), (other, less) = classify(path, low_high)
    assert (best, other) == ("high", "low")
    assert score > 0.9
    assert less < 0.1


def test_silence_has_no_events(tmp_path, low_high):
    timeline = label(write_wav(tmp_path / "silence.wav", np.zeros(RATE)), low_high)
    assert timeline.events == ()
    assert timeline.duration == 1.0


def test_a_sound_to_the_very_end_ends_there(tmp_path, low_high):
    timeline = label(write_wav(tmp_path / "end.wav", tones(3.01, (1.0, 3.01, 400.0))), low_high)
    assert timeline.events[-1].offset <= timeline.duration
    assert timeline.events[-1].offset == pytest.approx(3.01, abs=0.1)


def test_rules(recording, low_high):
    long = label(recording, low_high, rules=EventRules(shortest=1.2))
    assert_events(long, [EXPECTED[0], *EXPECTED[2:]])
    joined = label(recording, low_high, rules=EventRules(longest_gap=5.0))
    assert_events(joined, [("low", 1, 8), ("high", 4, 8.5)])


def test_progress_is_told(recording, low_high):
    told = []
    label(recording, low_high, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (10.0, 10.0)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


class Reader(io.RawIOBase):
    """A WAV of any length that is made as it is read, and knows how far that went."""

    def __init__(self, seconds, rate=RATE):
        data = 2 * rate * seconds
        head = b"RIFF" + (36 + data).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        head += b"\x01\x00\x01\x00" + rate.to_bytes(4, "little") + (2 * rate).to_bytes(4, "little")
        self.head = head + b"\x02\x00\x10\x00data" + data.to_bytes(4, "little")
        self.length, self.place = len(self.head) + data, 0

    def readable(self):
        return True

    def read(self, size=-1):
        size = self.length - self.place if size < 0 else min(size, self.length - self.place)
        content = self.head[self.place : self.place + size]
        self.place += size
        return content + bytes(size - len(content))


def test_blocks_are_decoded_only_a_little_ahead(low_high, monkeypatch):
    decoded, waiting, parts = [], [], []
    plain = low_high.score_features

    def watched(features):
        scored = 0.0  # seconds
        for part in features:
            waiting.append(decoded[-1] - scored)
            parts.append(len(part) * low_high.description.front_end.seconds)
            scored += parts[-1]
            yield from plain([part])

    monkeypatch.setattr(low_high, "score_features", watched, raising=False)
    label(Reader(600), low_high, progress=lambda done, total: decoded.append(done))
    assert decoded[-1] == 600
    in_features = (labelling.PARTS_AHEAD + 2) * max(parts)
    assert max(waiting) <= (labelling.BLOCKS_AHEAD + 3) * labelling.BLOCK_SECONDS + in_features


def test_errors_leave_no_thread(tmp_path, low_high):
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(MediaError, match="text"):
        label(tmp_path / "text.wav", low_high)
    with pytest.raises(MediaError, match="nowhere"):
        classify(tmp_path / "nowhere.wav", low_high)
    with pytest.raises(ModelError, match="nowhere"):
        label(tmp_path / "text.wav", tmp_path / "nowhere.onnx")
    assert not [thread for thread in threading.enumerate() if thread.name == "earmark-ahead"]
