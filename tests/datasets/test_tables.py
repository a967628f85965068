"""The dataset table and the table of events, read and written."""

from pathlib import Path

import pytest
from dataset_making import touch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earmark.datasets import Clip, Dataset, load, tables
from earmark.datasets.tables import read_events, write_events
from earmark.errors import DatasetError, EarmarkWarning
from earmark.events.timeline import Event


@pytest.fixture
def make(tmp_path):
    touch(tmp_path / "a.wav")
    touch(tmp_path / "b c.wav")

    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "clips.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_only_path_and_labels_are_required(make, tmp_path):
    dataset = load("table", make("path,labels\na.wav,dog\nb c.wav,dog;rain\n"))
    assert dataset.clips[0] == Clip(tmp_path / "a.wav", labels=("dog",), source="a.wav")
    assert dataset.clips[1].labels == ("dog", "rain")
    assert not dataset.exclusive
    assert dataset.name == "clips"


def test_all_columns(make, tmp_path):
    text = "path,start,end,labels,fold,source,split\na.wav,0.5,1.25,dog,2.0,rex,test\n\na.wav,,,,,,\n"
    dataset = load(None, make(text))
    assert dataset.clips[0] == Clip(tmp_path / "a.wav", 0.5, 1.25, ("dog",), 2, "rex", "test")
    assert dataset.clips[1] == Clip(tmp_path / "a.wav", labels=(), source="a.wav")


@pytest.mark.parametrize(("split", "found"), [("test", ["b c.wav"]), (["test", "train"], ["a.wav", "b c.wav"])])
def test_only_some_splits(make, split, found):
    text = "path,labels,split\na.wav,dog,train\nb c.wav,dog,test\na.wav,cat,validation\n"
    assert [clip.path.name for clip in load("table", make(text), split=split).clips] == found


def test_a_split_that_is_not_there(make):
    with pytest.raises(DatasetError, match="has no split tset; choose among test, train"):
        load("table", make("path,labels,split\na.wav,dog,train\nb c.wav,dog,test\n"), split="tset")
    with pytest.raises(DatasetError, match="has no split test; it names none"):
        load("table", make("path,labels\na.wav,dog\n"), split="test")


def test_as_spreadsheets_write_it(make):
    assert load("table", make("\ufeffpath,labels\r\na.wav,dog\r\n")).labels == ("dog",)


def test_absolute_paths(make, tmp_path):
    assert load("table", make(f"path,labels\n{tmp_path / 'a.wav'},dog\n")).clips[0].path == tmp_path / "a.wav"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path,labels,start\na.wav,dog,0\na.wav,dog,soon\n", "line 3, column start: 'soon' is not a number"),
        ("path,labels,start\na.wav,dog,-1\n", "line 2, column start"),
        ("path,labels,start\na.wav,dog,nan\n", "line 2, column start"),
        ("path,labels,start,end\na.wav,dog,2,1\n", "line 2, column end: 1 is not after start, 2"),
        ("path,labels,fold\na.wav,dog,1.5\n", "line 2, column fold: '1.5' is not a whole number"),
        ("path,labels,fold\na.wav,dog,inf\n", "line 2, column fold"),
        ("path,labels\n,dog\n", "line 2, column path: is empty"),
        ('path,labels\n"a\nb.wav",dog\n,dog\n', "line 4, column path"),
        ("path,labels\na.wav,dog,rain\n", "line 2 has 3 values for 2 columns"),
        ("path,label\na.wav,dog\n", r"lacks the column labels \(it has path, label\)"),
        ("path;labels\na.wav;dog\n", "not separated by commas"),
        ("path,labels,labels\n", "labels twice"),
        ("path,labels\n", "lists no clips"),
        ("", "it is empty"),
        ('path,labels\n"a.wav,dog\n', "is not CSV"),
        ("path,labels\nzzz.wav,dog\n", "none of the 1 recordings"),
    ],
)
def test_errors_name_line_and_column(make, text, reason):
    with pytest.raises(DatasetError, match=reason):
        load("table", make(text))


def test_other_encodings_are_refused(make):
    with pytest.raises(DatasetError, match="not UTF-8"):
        load("table", make("path,labels\na.wav,Hundegebell är\n", "latin-1"))


def test_unknown_columns_are_pointed_out(make):
    with pytest.warns(EarmarkWarning, match="sources mean nothing here"):
        load("table", make("path,labels,sources\na.wav,dog,rex\n"))


def test_missing_files(make):
    path = make("path,labels\na.wav,dog\nzzz.wav,dog\n")
    with pytest.raises(DatasetError, match=r"1 row lacks its file of 2, such as zzz\.wav"):
        load("table", path)
    with pytest.warns(EarmarkWarning, match="left out"):
        assert len(load("table", path, missing="skip").clips) == 1


names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)
words = names.filter(lambda text: ";" not in text and text == text.strip())
seconds = st.floats(0, 1e6, allow_nan=False)


@st.composite
def clips(draw):
    start = draw(seconds)
    return {
        "start": start,
        "end": draw(st.none() | st.floats(start, 2e6, exclude_min=True)),
        "labels": tuple(draw(st.lists(words, max_size=3))),
        "fold": draw(st.none() | st.integers(0, 99)),
        "source": draw(words),
        "split": draw(st.none() | words),
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a.wav", "in/b, c.wav", 'in/"d".wav']), clips()), min_size=1, max_size=5))
def test_what_is_written_is_read_again(tmp_path, drawn):
    rows = tuple(Clip(path=touch(tmp_path / name), **values) for name, values in drawn)
    dataset = Dataset("clips", rows)
    tables.write_clips(dataset, tmp_path / "clips.csv")
    assert load("table", tmp_path / "clips.csv").clips == rows


def test_paths_below_the_table_become_relative(tmp_path):
    inside, outside = touch(tmp_path / "set" / "a.wav"), touch(tmp_path / "b.wav")
    dataset = Dataset("x", (Clip(inside, labels=("dog",)), Clip(outside, labels=("cat",))))
    tables.write_clips(dataset, tmp_path / "set" / "clips.csv")
    lines = (tmp_path / "set" / "clips.csv").read_text().splitlines()
    assert lines[1].startswith("a.wav,")
    assert lines[2].startswith(outside.as_posix())


@pytest.mark.parametrize("label", ["a;b", "", " a"])
def test_labels_that_would_not_survive_are_refused(tmp_path, label):
    with pytest.raises(DatasetError, match="cannot stand in a table"):
        tables.write_clips(Dataset("x", (Clip(tmp_path / "a.wav", labels=(label,)),)), tmp_path / "clips.csv")
    assert not list(tmp_path.glob("clips*"))


def test_a_table_that_cannot_be_written(tmp_path):
    with pytest.raises(DatasetError, match="cannot be written"):
        tables.write_clips(Dataset("x", ()), tmp_path / "nowhere" / "clips.csv")


event_words = st.text("abc ,;\"'é_0", min_size=1, max_size=8).filter(lambda text: text == text.strip())
times = st.floats(0, 1e4, allow_nan=False)
events = st.builds(
    lambda on, length, label: Event(on, on + length, label, 1.0), times, st.floats(1e-3, 100), event_words
)


@given(st.dictionaries(event_words, st.lists(events, min_size=1, max_size=4), max_size=4))
def test_what_is_written_is_read_back_exactly(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("events") / "events.csv"
    write_events(table, path)
    assert read_events(path) == {name: tuple(listed) for name, listed in table.items()}
    assert [file.name for file in path.parent.iterdir()] == ["events.csv"]


def test_a_recording_without_events_is_missing(tmp_path):
    write_events({"a.flac": [], "b.flac": [Event(0.0, 1.0, "dog", 1.0)]}, tmp_path / "events.csv")
    assert list(read_events(tmp_path / "events.csv")) == ["b.flac"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.flac,1,1,dog", "line 2, column offset: 1 is not after onset, 1"),
        ("a.flac,,1,dog", "line 2, column onset: is empty"),
        ("a.flac,0,x,dog", "'x' is not a number"),
        ("a.flac,-1,1,dog", "not a number of seconds"),
        ("a.flac,0,1,", "line 2, column label: is empty"),
        (",0,1,dog", "line 2, column path: is empty"),
    ],
)
def test_bad_rows_are_refused(tmp_path, line, said):
    path = tmp_path / "events.csv"
    path.write_text(f"path,onset,offset,label\n{line}\n")
    with pytest.raises(DatasetError, match=said):
        read_events(path)


@pytest.mark.parametrize("event", [Event(1.0, 1.0, "dog", 1.0), Event(0.0, 1.0, "", 1.0), Event(-1.0, 1.0, "dog", 1.0)])
def test_what_could_not_be_read_back_is_not_written(tmp_path, event):
    with pytest.raises(DatasetError):
        write_events({"a.flac": [event]}, tmp_path / "events.csv")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="cannot be written"):
        write_events({}, tmp_path / "none" / "events.csv")
