"""Timelines and words as sequences, tables, files, pictures and what a notebook shows."""

import base64
import io
import json
import pickle
import re
import sys
from html.parser import HTMLParser

import av
import numpy as np
import pytest
from model_making import RATE, tones, write_wav
from word_models import level_classifier, spoken

import earmark
from earmark import formats
from earmark.errors import ArgumentError, EarmarkError, MissingExtraError
from earmark.events.scores import Scores
from earmark.events.timeline import Event, Timeline
from earmark.formats.json_files import WordsJson
from earmark.media import Sound
from earmark.plots import notebook
from earmark.speech.f0 import SpeakerF0
from earmark.speech.segmentation import Word, Words

EVENTS = (Event(0.5, 1.25, "dog", 0.9), Event(1.0, 2.0, "car_horn", 0.7), Event(3.0, 3.5, "dog", 0.6))
LINE = Timeline("street.mp4", 4.0, "sounds", EVENTS)
WORDS = Words("talk.wav", 2.0, "gru", (Word(0.1, 0.5, 118.3), Word(0.7, 1.2, None, "no")), SpeakerF0(120, 118, 9, 0.3))


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    return write_wav(tmp_path_factory.mktemp("wav") / "tones.wav", tones(4.0, (1.0, 2.0, 440.0), (2.5, 3.5, 3000.0)))


@pytest.fixture(scope="module")
def heard(wav, low_high):
    return earmark.label(wav, low_high)


def test_a_timeline_is_a_sequence():
    assert len(LINE) == 3
    assert tuple(LINE) == EVENTS
    assert LINE[0] is EVENTS[0]
    assert LINE[-1] is EVENTS[2]
    assert EVENTS[1] in LINE
    assert LINE.index(EVENTS[2]) == 2
    assert list(reversed(LINE)) == list(reversed(EVENTS))
    with pytest.raises(IndexError):
        LINE[3]


def test_a_slice_is_a_timeline_of_the_same_recording():
    part = LINE[1:]
    assert isinstance(part, Timeline)
    assert (part.recording, part.duration, part.model, part.events) == ("street.mp4", 4.0, "sounds", EVENTS[1:])
    assert isinstance(WORDS[:1], Words)
    assert WORDS[:1].speaker_f0 is WORDS.speaker_f0
    assert [word.onset for word in WORDS] == [0.1, 0.7]


def test_scores_and_sound_make_no_timeline_another(wav):
    scores = Scores(("dog",), 0.5, np.zeros((3, 1), np.float32))
    other = Timeline("street.mp4", 4.0, "sounds", EVENTS, scores, Sound(wav))
    assert other == LINE
    assert hash(other) == hash(LINE)
    assert "array" not in repr(other)
    assert pickle.loads(pickle.dumps(other)) == LINE


def test_scores_are_kept_with_their_times(heard, low_high):
    scores = heard.scores
    assert scores.labels == low_high.labels
    assert scores.values.shape == (len(scores.times), 2)
    assert scores.values.dtype == np.float32
    np.testing.assert_allclose(np.diff(scores.times), low_high.description.step)
    loud = scores.times[scores.values[:, 0] > 0.5]
    assert loud.min() == pytest.approx(1.0, abs=0.1)
    assert loud.max() == pytest.approx(2.0, abs=0.1)


def test_scores_may_be_left_out_or_told(wav, low_high, heard):
    assert earmark.label(wav, low_high, scores=False).scores is None
    told = []
    assert earmark.label(wav, low_high, on_scores=told.append).scores is None
    np.testing.assert_array_equal(np.concatenate(told), heard.scores.values)


def test_only_some_labels(wav, low_high, heard):
    some = earmark.label(wav, low_high, labels=["high"])
    assert some.events == tuple(e for e in heard if e.label == "high")
    assert some.scores.labels == ("high",)
    np.testing.assert_array_equal(some.scores.values[:, 0], heard.scores.values[:, 1])
    assert [label for label, _ in earmark.classify(wav, low_high, labels=["low"])] == ["low"]
    with pytest.raises(ArgumentError, match=r"labels='hihg'.*did you mean high") as caught:
        earmark.label(wav, low_high, labels=["low", "hihg"])
    assert (caught.value.argument, caught.value.value) == ("labels", "hihg")


def test_a_parent_that_is_wanted_alone_has_the_events_of_its_children(wav, low_high):
    family = low_high.described(low_high.description.__class__.from_json(_with_parent(low_high)))
    assert {e.label for e in earmark.label(wav, family)} == {"low", "high"}
    wide = write_wav(wav.with_name("both.wav"), tones(4.0, (1.0, 3.0, 440.0), (1.0, 3.0, 3000.0)))
    assert {e.label for e in earmark.label(wide, family)} == {"low"}
    assert {e.label for e in earmark.label(wide, family, labels=["high"])} == {"high"}


def _with_parent(model):
    content = json.loads(model.description.to_json())
    return json.dumps({**content, "parents": {"low": "high"}})


@pytest.mark.parametrize("sensitivity", [-0.1, 1.1, float("nan")])
def test_a_sensitivity_that_is_none(wav, low_high, sensitivity):
    with pytest.raises(ArgumentError, match="sensitivity"):
        earmark.label(wav, low_high, sensitivity=sensitivity)


def test_sensitivity_marks_more(tmp_path, low_high):
    faint = write_wav(tmp_path / "faint.wav", tones(3.0, (1.0, 2.0, 440.0), level=0.008))
    counts = [sum(e.duration for e in earmark.label(faint, low_high, sensitivity=s)) for s in (0.0, 0.5, 1.0)]
    assert counts[0] <= counts[1] <= counts[2]
    assert counts[0] < counts[2]


def test_a_dictionary_is_what_json_holds(tmp_path):
    assert LINE.to_dict() == json.loads(LINE.save(tmp_path / "a.json").read_text())
    assert WORDS.to_dict() == json.loads(WORDS.save(tmp_path / "w.json").read_text())
    assert LINE.to_dict()["events"][0] == {"onset": 0.5, "offset": 1.25, "label": "dog", "score": 0.9}


@pytest.mark.parametrize("suffix", [".json", ".csv", ".vtt", ".srt", ".TextGrid", ".txt", ".rttm", ".jams", ".JSON"])
def test_a_timeline_is_saved_by_suffix(tmp_path, suffix):
    path = LINE.save(str(tmp_path / f"street{suffix}"))
    assert path == tmp_path / f"street{suffix}"
    assert path.stat().st_size
    if suffix in (".json", ".csv", ".TextGrid", ".txt"):
        assert [e.label for e in formats.read(path)] == ["dog", "car_horn", "dog"]
    if suffix == ".jams":
        assert json.loads(path.read_text())["annotations"][0]["data"][0]["value"] == "dog"


def test_words_are_saved_by_suffix(tmp_path):
    for suffix in (".json", ".csv", ".TextGrid", ".txt"):
        assert WORDS.save(tmp_path / f"talk{suffix}").stat().st_size
    with (tmp_path / "talk.json").open() as file:
        assert WordsJson().read(file) == WORDS
    with pytest.raises(ArgumentError, match=r"end it in \.json"):
        WORDS.save(tmp_path / "talk.jams")
    with pytest.raises(EarmarkError, match="writes what is said"):
        WORDS.save(tmp_path / "talk.vtt")


def test_captions_are_saved_in_a_language(tmp_path):
    plain = LINE.save(tmp_path / "a.vtt").read_text()
    czech = LINE.save(tmp_path / "b.vtt", language="cs").read_text()
    assert "language cs" in czech
    assert plain != czech
    with pytest.raises(ArgumentError, match="is for captions"):
        LINE.save(tmp_path / "a.csv", language="cs")
    with pytest.raises(EarmarkError):
        LINE.save(tmp_path / "a.vtt", language="xx")


def test_what_cannot_be_saved(tmp_path):
    for name in ("street", "street.docx"):
        with pytest.raises(ArgumentError, match="ends as no format does"):
            LINE.save(tmp_path / name)
    (tmp_path / "file").touch()
    with pytest.raises(EarmarkError, match="cannot be written"):
        LINE.save(tmp_path / "file" / "a.json")


def test_a_table():
    pandas = pytest.importorskip("pandas")
    table = LINE.to_dataframe()
    assert list(table.columns) == ["onset", "offset", "label", "score"]
    assert table["label"].tolist() == ["dog", "car_horn", "dog"]
    assert table["score"].sum() == pytest.approx(2.2)
    words = WORDS.to_dataframe()
    assert list(words.columns) == ["onset", "offset", "f0", "text", "score"]
    assert pandas.isna(words["f0"][1])
    empty = LINE[:0].to_dataframe()
    assert len(empty) == 0
    assert empty["onset"].dtype == float


def test_a_table_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pandas.*earmark\[notebook\]"):
        LINE.to_dataframe()


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.said, self.open = [], "", []
        self.feed(text)
        assert not self.open, f"{self.open} are not closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_a_strip_plays_and_marks(heard):
    page = Page(heard._repr_html_())
    buttons = page.all("button")
    assert [float(b["data-at"]) for b in buttons] == [e.onset for e in sorted(heard, key=lambda e: e.label != "low")]
    left = float(re.search(r"left:([\d.]+)%", buttons[0]["style"])[1])
    assert left == pytest.approx(100 * heard[0].onset / heard.duration, abs=0.01)
    assert "low" in page.said
    assert "high" in page.said
    (audio,) = page.all("audio")
    head, data = audio["src"].split(",")
    assert head == "data:audio/mpeg;base64"
    with av.open(io.BytesIO(base64.b64decode(data))) as container:
        played = np.concatenate([frame.to_ndarray().mean(0) for frame in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    assert len(played) / rate == pytest.approx(heard.duration, abs=0.2)
    spectrum = np.abs(np.fft.rfft(played[int(1.2 * rate) : int(1.8 * rate)]))
    assert spectrum.argmax() / 0.6 == pytest.approx(440, abs=5)


def test_two_strips_of_one_timeline_do_not_meet(heard):
    names = {Page(heard._repr_html_()).all("div")[0]["id"] for _ in range(2)}
    assert len(names) == 2


def test_whatever_a_label_holds_is_text():
    nasty = '"><script>alert(1)</script>\u202e\n'
    line = Timeline(nasty + ".wav", 2.0, nasty, (Event(0.0, 1.0, nasty, 0.5),))
    text = line._repr_html_()
    page = Page(text)
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert len(page.all("script")) == 1
    assert '"><script>alert(1)</script>' in page.said
    words = Words("a.wav", 2.0, None, (Word(0.0, 1.0, None, "<b>&amp;"),))
    assert "<b>&amp;" in Page(words._repr_html_()).said


def test_a_strip_without_a_recording_says_so(wav, low_high, monkeypatch):
    assert "cannot be read again" in Page(LINE._repr_html_()).said
    assert not Page(LINE._repr_html_()).all("audio")
    copy = wav.with_name("copy.wav")
    copy.write_bytes(wav.read_bytes())
    timeline = earmark.label(copy, low_high)
    copy.write_bytes(b"something else")
    assert "Not played here" in Page(timeline._repr_html_()).said
    monkeypatch.setattr(notebook, "PLAYED_SECONDS", 1.0)
    assert "more than" in Page(earmark.label(wav, low_high)._repr_html_()).said


def test_a_strip_is_bounded(monkeypatch):
    monkeypatch.setattr(notebook, "MOST_BARS", 10)
    many = [Event(i / 10, i / 10 + 0.1, f"label {i % 20}", 0.5) for i in range(1000)]
    page = Page(Timeline("long.wav", 100.0, "sounds", tuple(many))._repr_html_())
    assert len(page.all("button")) == 150
    assert "850 are not shown" in page.said


def test_nothing_found_is_shown_too():
    assert "0 events" in Page(LINE[:0]._repr_html_()).said


def test_a_picture(heard, rough_pictures):
    pytest.importorskip("matplotlib")
    figure = heard.plot()
    assert len(figure.axes) == 3
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert len(LINE.plot().axes) == 1  # neither recording nor scores are known
    assert [text.get_text() for text in LINE[1:].plot().axes[0].get_yticklabels()] == ["car horn", "dog"]


def test_a_picture_of_samples(low_high):
    pytest.importorskip("matplotlib")
    found = earmark.label(tones(2.0, (0.5, 1.5, 440.0)), low_high, sample_rate=RATE)
    assert len(found.plot().axes) == 3
    assert found.recording == "<samples>"


def test_a_picture_without_matplotlib(monkeypatch):
    monkeypatch.delitem(sys.modules, "earmark.plots.timeline", raising=False)
    monkeypatch.delattr("earmark.plots.timeline", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    with pytest.raises(MissingExtraError, match=r"matplotlib.*earmark\[notebook\]"):
        LINE.plot()


def test_words_of_samples_are_drawn_and_played(tmp_path):
    pytest.importorskip("matplotlib")
    model = earmark.load_model(level_classifier(tmp_path / "level.onnx"), threads=1)
    path = spoken(tmp_path / "talk.wav", (0.5, 0.9), (1.2, 1.6), truth=False)
    found = earmark.words(path, model)
    assert len(found) == 2
    with Sound(path).open() as recording:
        samples = np.concatenate(list(recording.blocks(16_000)))
    again = earmark.words(samples, model, sample_rate=16_000, sensitivity=0.5)
    assert [(w.onset, w.offset) for w in again] == [(w.onset, w.offset) for w in found]
    assert len(again.plot().axes) == 3
    page = Page(again._repr_html_())
    assert len(page.all("button")) == 2
    assert page.all("audio")
    with pytest.raises(EarmarkError, match="cannot be read again"):
        WORDS.plot()
    with pytest.raises(ArgumentError, match="sensitivity"):
        earmark.words(path, model, sensitivity=2)
