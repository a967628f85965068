import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark import media
from earmark.datasets.ground_truth import find_truths, truth_beside
from earmark.errors import EarmarkError
from earmark.speech.segmentation import Word

WORDS = {"recording": "old name.wav", "duration": 2.0, "words": [{"onset": 0.5, "offset": 1.0, "text": "hi"}]}

MFA = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 3
        points: size = 1
        points [1]:
            number = 0.1
            mark = "click"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 3
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "HH"
        intervals [2]:
            xmin = 1
            xmax = 3
            text = "AY"
    item [3]:
        class = "IntervalTier"
        name = "%s"
        xmin = 0
        xmax = 3
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.4
            text = "sil"
        intervals [2]:
            xmin = 0.4
            xmax = 1.2
            text = "say ""hi"""
        intervals [3]:
            xmin = 1.2
            xmax = 2
            text = ""
        intervals [4]:
            xmin = 2
            xmax = 2.5
            text = "IntervalTier"
'''
SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n5\n<exists>\n2\n'
    '"IntervalTier"\n"empty"\n0\n5\n1\n0\n5\n""\n'
    '"IntervalTier"\n"speech"\n0\n5\n2\n0\n1.5\n"hello"\n1.5\n5\n""\n'
)


@pytest.fixture
def talk(tmp_path):
    """A recording; all that counts here is its name."""
    path = tmp_path / "talk.one.flac"
    path.write_bytes(b"")
    return path


def beside(talk, suffix, content):
    path = talk.with_name("talk.one" + suffix)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def spans(words):
    return [(word.onset, word.offset, word.text) for word in words.words]


def test_no_truth(talk):
    assert truth_beside(talk) is None


@pytest.mark.parametrize("suffix", [".words.json", ".json"])
def test_words_json(talk, suffix):
    beside(talk, suffix, WORDS)
    words = truth_beside(talk)
    assert (words.recording, words.duration, words.words) == ("talk.one.flac", 2.0, (Word(0.5, 1.0, text="hi"),))


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"events": []}', '{"audio_base64": ""}', WORDS | {"classifier": "rnn"}]
)
def test_json_that_is_no_truth_is_passed_over(talk, content):
    beside(talk, ".json", content)
    assert truth_beside(talk) is None
    beside(talk, ".lab", "0 1 V")
    assert spans(truth_beside(talk)) == [(0.0, 1.0, None)]


def test_the_first_that_is_there_counts(talk):
    beside(talk, ".lab", "0 1 V")
    beside(talk, ".TextGrid", MFA % "words")
    assert len(truth_beside(talk).words) == 2
    beside(talk, ".json", WORDS)
    assert truth_beside(talk).words[0].text == "hi"
    beside(talk, ".words.json", WORDS | {"words": []})
    assert truth_beside(talk).words == ()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("words", [(0.4, 1.2, 'say "hi"'), (2.0, 2.5, "IntervalTier")]),
        ("Words", [(0.4, 1.2, 'say "hi"'), (2.0, 2.5, "IntervalTier")]),
        ("notes", [(0.0, 1.0, "HH"), (1.0, 3.0, "AY")]),
    ],
)
def test_textgrid_with_several_tiers(talk, name, found):
    beside(talk, ".TextGrid", MFA % name)
    words = truth_beside(talk)
    assert (spans(words), words.duration) == (found, 3.0)


def test_textgrid_in_the_short_format_whose_first_tier_is_empty(talk):
    beside(talk, ".TextGrid", SHORT)
    assert spans(truth_beside(talk)) == [(0.0, 1.5, "hello")]


def test_textgrid_in_utf_16(talk):
    talk.with_name("talk.one.TextGrid").write_text(SHORT.replace("hello", "γεια"), encoding="utf-16")
    assert spans(truth_beside(talk)) == [(0.0, 1.5, "γεια")]


@pytest.mark.parametrize("header", ["<exists>\n0\n", "<absent>\n"])
def test_textgrid_in_which_nothing_is_marked(talk, header):
    beside(talk, ".TextGrid", f'"ooTextFile"\n"TextGrid"\n0\n4\n{header}')
    words = truth_beside(talk)
    assert (words.words, words.duration) == ((), 4.0)


def test_textgrid_as_another_library_writes_it(talk):
    textgrid = pytest.importorskip("praatio.textgrid")
    grid = textgrid.Textgrid()
    entries = [(0.25, 0.75, "one"), (1.0, 1.5, "two")]
    grid.addTier(textgrid.IntervalTier("phones", [(0.25, 0.75, "w")], 0, 2))
    grid.addTier(textgrid.IntervalTier("words", entries, 0, 2))
    for form in ("short_textgrid", "long_textgrid"):
        grid.save(str(talk.with_name("talk.one.TextGrid")), form, includeBlankSpaces=True)
        assert spans(truth_beside(talk)) == entries


def test_lab(talk):
    beside(talk, ".lab", "0.00000 0.20981 S\n0.20981\t0.77443 V\n\n0.77443 1.29358 S\n1.29358 1.73178 V\n1.8 2.5 S\n")
    words = truth_beside(talk)
    assert spans(words) == [(0.20981, 0.77443, None), (1.29358, 1.73178, None)]
    assert words.duration == 2.5


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=20), st.booleans())
def test_lab_of_any_lengths(tmp_path_factory, lengths, begins_with_voice):
    talk = tmp_path_factory.getbasetemp() / "any.wav"
    ends = np.cumsum(lengths).tolist()
    starts = [0.0, *ends[:-1]]
    labels = ["VS"[(number + (not begins_with_voice)) % 2] for number in range(len(ends))]
    rows = list(zip(starts, ends, labels, strict=True))
    talk.with_suffix(".lab").write_text("".join(f"{start!r} {end!r} {label}\n" for start, end, label in rows))
    words = truth_beside(talk)
    assert spans(words) == [(start, end, None) for start, end, label in rows if label == "V"]
    assert words.duration == ends[-1]


@pytest.mark.parametrize(
    ("suffix", "content", "reason"),
    [
        (".words.json", "{", r"talk\.one\.words\.json: is not JSON"),
        (".words.json", "{}", "is no Words JSON"),
        (".words.json", '{"words": [{"onset": 2, "offset": 1}]}', "word 1: cannot last"),
        (".json", '{"words": [{"onset": 2, "offset": 1}]}', "word 1: cannot last"),
        (".TextGrid", "hello", "damaged"),
        (".TextGrid", (MFA % "words")[:700], r"talk\.one\.TextGrid: is a TextGrid that is cut short"),
        (".lab", "0 1", "line 1: is no label"),
        (".lab", "0 1 V\na b V", "line 2: is no label"),
        (".lab", "1 0 V", "cannot last from 1 to 0"),
        (".lab", "0 nan V", "cannot last"),
        (".lab", "0 1 hello", "the label hello is not known; V is voice, S is silence"),
    ],
)
def test_a_truth_that_is_broken_says_why(talk, suffix, content, reason):
    beside(talk, suffix, content)
    with pytest.raises(EarmarkError, match=reason):
        truth_beside(talk)


def test_a_truth_that_is_no_text(talk):
    talk.with_name("talk.one.lab").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(EarmarkError, match="is not UTF-8"):
        truth_beside(talk)


def test_truths_of_a_folder(tmp_path):
    for name in ("b.wav", "a/c.mp3", "a/none.flac", ".hidden/d.wav", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    for name in ("b.lab", "a/c.lab", ".hidden/d.lab", "notes.lab"):
        (tmp_path / name).write_text("0 1 V")
    assert [str(path.relative_to(tmp_path)) for path, _ in find_truths(tmp_path)] == ["b.wav", "a/c.mp3"]
    assert [words.recording for _, words in find_truths(tmp_path)] == ["b.wav", "c.mp3"]
    with pytest.raises(EarmarkError, match="is no folder"):
        find_truths(tmp_path / "nowhere")


@pytest.mark.shared
def test_pauses_that_people_marked(shared):
    truths = find_truths(shared / "speech_pauses")
    assert len(truths) == 46
    assert sum(len(words.words) for _, words in truths) == 170
    for path, words in truths:
        with media.open_recording(path) as recording:
            assert abs(words.duration - recording.duration) < 0.1, path  # times are seconds indeed
