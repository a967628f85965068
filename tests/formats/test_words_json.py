import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.errors import EarmarkError
from earmark.formats.json_files import WordsJson
from earmark.speech.f0 import SpeakerF0
from earmark.speech.segmentation import Word, Words

HELLO = Words(
    "a.wav",
    2.1,
    "rnn",
    (Word(0.12, 0.48, 118.3), Word(0.7, 1.25, None, "wörld")),
    SpeakerF0(117.9, 116.0, 14.2, 0.41),
)

times = st.integers(0, 100_000).map(lambda ms: ms / 1000)
texts = st.text(max_size=8)  # without surrogates: hypothesis draws none
hertz = st.integers(0, 9999).map(lambda tenths: tenths / 10)


@st.composite
def some_words(draw):
    spans = draw(st.lists(st.tuples(times, times).map(sorted), max_size=8))
    words = [Word(a, b, draw(st.none() | hertz), draw(st.none() | texts)) for a, b in spans]
    figures = st.builds(SpeakerF0, hertz, hertz, hertz, times.map(lambda s: round(s, 2)))
    end = max([0.0, *(word.offset for word in words)])
    head = Words(draw(texts), end + draw(times), draw(st.none() | texts), (), draw(st.none() | figures))
    return Words(head.recording, round(head.duration, 3), head.classifier, (), head.speaker_f0).with_words(words)


def written(words):
    file = io.StringIO()
    WordsJson().write(words, file)
    return file.getvalue()


def read(text):
    return WordsJson().read(io.StringIO(text))


def test_the_documented_form():
    assert json.loads(written(HELLO)) == {
        "recording": "a.wav",
        "duration": 2.1,
        "classifier": "rnn",
        "words": [{"onset": 0.12, "offset": 0.48, "f0": 118.3}, {"onset": 0.7, "offset": 1.25, "text": "wörld"}],
        "speaker_f0": {"mean": 117.9, "median": 116.0, "std": 14.2, "voiced_seconds": 0.41},
    }


def test_what_nobody_knows_is_left_out():
    assert written(Words("a.wav", 1.0)) == '{"recording": "a.wav", "duration": 1.0, "words": []}\n'


@given(some_words())
def test_words_are_read_back(words):
    assert read(written(words)) == words


@settings(max_examples=20)
@given(st.lists(some_words(), max_size=3))
def test_several_recordings_are_read_back(recordings):
    file = io.StringIO()
    WordsJson().write_many(recordings, file)
    file.seek(0)
    assert WordsJson().read_many(file) == recordings


def test_the_order_and_the_end_of_words_are_mended():
    words = read('{"words": [{"onset": 2, "offset": 3}, {"onset": 0.5, "offset": 1}]}')
    assert [word.onset for word in words.words] == [0.5, 2.0]
    assert (words.recording, words.duration, words.classifier) == ("", 3.0, None)


def test_names_that_are_no_text_can_be_written():
    assert "bad" in written(Words("bad\udcff.wav", 1.0, None, (Word(0, 1, None, "a\ud800"),)))


WORD = '{"words": [{"onset": 0, "offset": 1, %s}]}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "holds 0 recordings"),
        ("[1]", "is no Words JSON"),
        ("{}", 'is no Words JSON; it needs {"recording", "duration", "words"'),
        ('{"words": {}}', "is no Words JSON"),
        ('{"events": []}', "is no Words JSON"),
        ('{"words": [3]}', "word 1: is no word"),
        ('{"words": [{"onset": 0, "offset": 1}, {"onset": 1}]}', "word 2: has no offset"),
        ('{"words": [{"onset": 2, "offset": 1}]}', "word 1: cannot last from 2 to 1"),
        ('{"words": [{"onset": -1, "offset": 1}]}', "onset is -1"),
        ('{"words": [{"onset": true, "offset": 1}]}', "onset is True"),
        ('{"words": [{"onset": "1", "offset": 1}]}', "onset is '1'"),
        ('{"words": [{"onset": 0, "offset": NaN}]}', "offset is nan"),
        ('{"words": [{"onset": 0, "offset": 1' + "0" * 400 + "}]}", "offset is 10"),
        ('{"words": [{"onset": [], "offset": 1}]}', "onset is \\[\\]"),
        (WORD % '"f0": "high"', "f0 is 'high'"),
        (WORD % '"text": 5', "text is 5"),
        ('{"words": [], "duration": Infinity}', "duration is inf"),
        ('{"words": [], "recording": 1}', "recording is 1"),
        ('{"words": [], "classifier": {}}', "classifier is {}"),
        ('{"words": [], "speaker_f0": 118}', "speaker_f0: is no set of figures"),
        ('{"words": [], "speaker_f0": {"mean": 118}}', "speaker_f0: has no median"),
    ],
)
def test_what_cannot_be_read_says_why(text, reason):
    with pytest.raises(EarmarkError, match=reason):
        read(text)


def test_errors_name_the_file(tmp_path):
    (tmp_path / "a.words.json").write_text("{}")
    with (tmp_path / "a.words.json").open() as file, pytest.raises(EarmarkError, match=r"a\.words\.json: is no Words"):
        WordsJson().read(file)
