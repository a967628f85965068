import csv
import io

import parselmouth
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parselmouth.praat import call
from praatio import textgrid
from praatio.utilities import textgrid_io

from earmark.datasets.ground_truth import truth_beside
from earmark.errors import EarmarkError
from earmark.formats import WORD_FORMATS, plain_text
from earmark.formats.dialogue import dialogue
from earmark.speech.f0 import SpeakerF0
from earmark.speech.segmentation import Word, Words

TALK = Words("talk, 1.wav", 3.0, "gru", speaker_f0=SpeakerF0(117.94, 116.0, 14.25, 2.1)).with_words(
    [Word(0.12, 0.48, 118.32), Word(1.0, 1.505), Word(2.25, 3.0, 121.0, 'he said "hm"')]
)


def written(name, *recordings):
    text = io.StringIO(newline="")
    if len(recordings) == 1:
        WORD_FORMATS[name].write(recordings[0], text)
    else:
        WORD_FORMATS[name].write_many(recordings, text)
    return text.getvalue()


def test_names_and_suffixes():
    assert all(form.name == name for name, form in WORD_FORMATS.items())
    assert all(form.suffix.startswith(".words.") for form in WORD_FORMATS.values())


def test_praat_reads_the_textgrid(tmp_path):
    path = tmp_path / "talk.words.TextGrid"
    path.write_text(written("textgrid", TALK), encoding="utf-8")
    grid = parselmouth.read(str(path))
    assert call(grid, "Get number of tiers") == 1
    assert call(grid, "Get tier name", 1) == "words"
    count = call(grid, "Get number of intervals", 1)
    rows = [
        (
            call(grid, "Get start time of interval", 1, i),
            call(grid, "Get end time of interval", 1, i),
            call(grid, "Get label of interval", 1, i),
        )
        for i in range(1, count + 1)
    ]
    assert [row for row in rows if row[2]] == [(0.12, 0.48, "1"), (1.0, 1.505, "2"), (2.25, 3.0, 'he said "hm"')]
    assert (rows[0][0], rows[-1][1]) == (0.0, 3.0)
    assert call(grid, "Get interval at time", 1, 1.2) == 4
    tier = textgrid.openTextgrid(str(path), includeEmptyIntervals=False).getTier("words")
    assert [tuple(entry) for entry in tier.entries] == [row for row in rows if row[2]]


def test_a_corrected_textgrid_is_the_truth_beside_a_recording(tmp_path):
    (tmp_path / "talk.words.TextGrid").write_text(written("textgrid", TALK), encoding="utf-8")
    assert truth_beside(tmp_path / "talk.wav") is None
    (tmp_path / "talk.words.TextGrid").rename(tmp_path / "talk.TextGrid")
    truth = truth_beside(tmp_path / "talk.wav")
    assert [(w.onset, w.offset) for w in truth.words] == [(w.onset, w.offset) for w in TALK.words]
    assert truth.duration == 3.0


times = st.floats(0, 50, allow_nan=False)


@given(st.lists(st.tuples(times, times, st.none() | st.text(max_size=5)), max_size=8))
def test_any_words_make_a_textgrid_that_praat_would_take(spans):
    words = Words("a.wav", 10.0, "x").with_words(Word(min(a, b), max(a, b), text=text) for a, b, text in spans)
    tier = textgrid_io.parseTextgridStr(written("textgrid", words), includeEmptyIntervals=True)["tiers"][0]
    ends = [(float(e[0]), float(e[1])) for e in tier["entries"]]
    assert ends[0][0] == 0
    assert all(a < b for a, b in ends)
    assert [b for _, b in ends[:-1]] == [a for a, _ in ends[1:]]


def test_no_words(tmp_path):
    none = Words("a.wav", 0.0, "gru")
    (tmp_path / "a.TextGrid").write_text(written("textgrid", none))
    assert call(parselmouth.read(str(tmp_path / "a.TextGrid")), "Get number of intervals", 1) == 1
    assert written("audacity", none) == ""
    assert plain_text.words_table(none) == "no words found\n"


def test_csv():
    rows = list(csv.DictReader(io.StringIO(written("csv", TALK, Words("b.wav", 1.0).with_words([Word(0, 1)])))))
    assert rows[0] == {
        "recording": "talk, 1.wav",
        "word": "1",
        "onset": "0.12",
        "offset": "0.48",
        "f0": "118.3",
        "text": "",
    }
    assert [(row["recording"], row["word"], row["f0"]) for row in rows[1:]] == [
        ("talk, 1.wav", "2", ""),
        ("talk, 1.wav", "3", "121"),
        ("b.wav", "1", ""),
    ]


def test_audacity():
    assert written("audacity", TALK).splitlines()[0] == "0.120000\t0.480000\t1"


@pytest.mark.parametrize("name", ["textgrid", "audacity"])
def test_formats_of_one_recording_refuse_two(name):
    with pytest.raises(EarmarkError, match="one recording a file"):
        written(name, TALK, TALK)


def test_the_table():
    head, first, second, third, empty, speaker = plain_text.words_table(TALK).splitlines()
    assert head.split() == ["word", "onset", "offset", "duration", "F0", "(Hz)", "text"]
    assert first.split() == ["1", "0.120", "0.480", "0.360", "118.3"]
    assert second.split() == ["2", "1.000", "1.505", "0.505", "-"]
    assert third.endswith('121.0  he said "hm"')
    assert empty == ""
    assert speaker == (
        "3 words; speaker's F0: mean 117.9 Hz, median 116.0 Hz, standard deviation 14.2 Hz over 2.10 voiced seconds"
    )
    unvoiced = Words("a", 1.0).with_words([Word(0, 1)])
    assert plain_text.words_table(unvoiced).splitlines()[-1] == "1 word; nothing voiced in them"


def test_words_that_begin_together_stand_side_by_side():
    def made(name, *words):
        return Words("a", 9.0, name).with_words(Word(*word) for word in words)

    ours = made("gru", (0.5, 0.9), (1.2, 1.5), (2.0, 2.6))
    others = made("svm", (0.45, 1.5), (2.08, 2.3), (2.4, 2.6), (4.0, 4.5))
    truth = Words("a", 9.0).with_words([Word(0.5, 0.9, text="hello there"), Word(4.05, 4.5)])
    assert plain_text.side_by_side([ours, others, truth]).splitlines() == [
        "gru          svm          truth",
        "1 0.50-0.90  1 0.45-1.50  hello there 0.50-0.90",
        "2 1.20-1.50",
        "3 2.00-2.60  2 2.08-2.30",
        "             3 2.40-2.60",
        "             4 4.00-4.50  2 4.05-4.50",
    ]
    assert plain_text.side_by_side([made("gru"), made("svm")]) == "gru  svm\n"


@given(st.lists(st.lists(st.tuples(times, times), max_size=6), min_size=1, max_size=4))
def test_side_by_side_every_word_stands_once_in_its_column(columns):
    several = [Words("a", 50.0, "x").with_words(Word(min(pair), max(pair)) for pair in column) for column in columns]
    cells = plain_text.side_by_side(several).split()
    names = [f"{word.onset:.2f}-{word.offset:.2f}" for words in several for word in words.words]
    assert sorted(cell for cell in cells if "-" in cell) == sorted(names)


SAID = Words("my talk.wav", 9.0, "gru").with_words(
    [
        Word(0.1, 0.5, text="Three", score=0.91),
        Word(0.5, 0.9, text="blue", score=0.8),
        Word(0.9, 1.4, text="birds.", score=0.75),
        Word(3.0, 3.5, text="<one>"),
        Word(3.6, 4.5, text="quiet"),
        Word(4.5, 5.0, text="river"),
    ]
)


def test_ctm():
    lines = written("ctm", SAID).splitlines()
    assert lines[0] == "my_talk.wav 1 0.100 0.400 Three 0.910"
    assert lines[3] == "my_talk.wav 1 3.000 0.500 <one>"
    odd = Words("a\x1b[2J\u2028b.wav", 2.0, "gru", (Word(0.1, 0.5, text="one\x07\ttwo"), Word(1.0, 1.5, text="\x9b")))
    assert written("ctm", odd) == "a_[2J_b.wav 1 0.100 0.400 one_two\na_[2J_b.wav 1 1.000 0.500 <NA>\n"


def test_subtitles_of_what_is_said():
    assert written("srt", SAID).split("\r\n\r\n")[0] == "1\r\n00:00:00,100 --> 00:00:01,400\r\nThree blue birds."
    assert written("vtt", SAID).endswith("00:00:03.000 --> 00:00:05.000\n&lt;one&gt; quiet river\n")
    with pytest.raises(EarmarkError, match="nobody knows"):
        written("srt", TALK)


@given(st.lists(st.tuples(st.text("abc.", min_size=1, max_size=30), st.floats(0, 1)), min_size=1, max_size=60))
def test_subtitles_hold_all_words_within_their_lines(words):
    at, said = 0.0, []
    for text, pause in words:
        said.append(Word(at + pause, at + pause + 0.3, text=text))
        at = said[-1].offset
    cues = dialogue(Words("a.wav", at, "gru").with_words(said))
    assert " ".join(" ".join(cue.lines) for cue in cues).split() == [text for text, _ in words]
    assert all(len(cue.lines) <= 2 and all(len(line) <= 42 for line in cue.lines) for cue in cues)
    assert all(cue.offset - cue.onset <= 7 for cue in cues)
