import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.tables import read_events, write_events
from earmark.errors import DatasetError
from earmark.events.timeline import Event

words = st.text("abc ,;\"'é_0", min_size=1, max_size=8).filter(lambda text: text == text.strip())
times = st.floats(0, 1e4, allow_nan=False)
events = st.builds(lambda on, length, label: Event(on, on + length, label, 1.0), times, st.floats(1e-3, 100), words)


@given(st.dictionaries(words, st.lists(events, min_size=1, max_size=4), max_size=4))
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
