"""The table of what to keep, relabel and drop, read and applied."""

import warnings
from pathlib import Path

import pytest
from dataset_making import touch

from earmark.datasets import Clip, Dataset, label_issues, load
from earmark.errors import DatasetError, EarmarkWarning

HEADER = "path,start,end,label,guess,score,rank,decision,relabel\n"


@pytest.fixture
def place(tmp_path):
    for name in ("dog/a.wav", "dog/b.wav", "cat/c.wav", "cat/d.wav"):
        touch(tmp_path / name)
    return tmp_path


@pytest.fixture
def marked(place):
    """Applies a table to the folder per class, or to another dataset; labels by file name."""

    def run(text, dataset=None, root=place):
        table = place / "marks.csv"
        table.write_text(text, encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            changed = label_issues.apply_decisions(
                dataset or load("folder", place), label_issues.read_decisions(table, root)
            )
        return {clip.path.name: clip.labels for clip in changed.clips}

    return run


def test_keep_relabel_and_drop(marked):
    rows = "dog/a.wav,,,dog,cat,0.1,1,drop,\ndog/b.wav,,,dog,cat,0.2,2,relabel,cat\ncat/c.wav,,,cat,dog,0.3,3,keep,\n"
    assert marked(HEADER + rows) == {"b.wav": ("cat",), "c.wav": ("cat",), "d.wav": ("cat",)}


def test_what_is_not_decided_is_kept(marked):
    assert marked(HEADER + "dog/a.wav,,,dog,cat,0.1,1,,\n")["a.wav"] == ("dog",)


def test_two_columns_are_enough_and_case_is_no_matter(marked, place):
    assert "a.wav" not in marked("decision,path\nDrop,dog/a.wav\n")
    assert "a.wav" not in marked(f"decision,path\n drop ,{place / 'dog' / 'a.wav'}\n")
    assert "a.wav" not in marked("decision,path\ndrop,dog/../dog/a.wav\n")


def test_a_span_is_one_clip_and_no_other(marked, place):
    path = place / "dog" / "a.wav"
    clips = tuple(Clip(path, start, end, ("dog",)) for start, end in ((0.0, 1.5), (1.5, 3.0), (3.0, None)))
    dataset = Dataset("long", (*clips, Clip(place / "cat" / "c.wav", labels=("cat",))))
    table = place / "marks.csv"
    table.write_text("path,start,end,decision\ndog/a.wav,1.5,3,drop\n")
    left = label_issues.apply_decisions(dataset, label_issues.read_decisions(table, place))
    assert left.clips == (clips[0], clips[2], dataset.clips[3])


def test_a_dataset_that_is_seen_from_here(place, monkeypatch):
    (place / "marks.csv").write_text("path,decision\ndog/a.wav,drop\n")
    monkeypatch.chdir(place.parent)
    root = Path(place.name)
    left = label_issues.apply_decisions(load("folder", root), label_issues.read_decisions(root / "marks.csv", root))
    assert [clip.path.name for clip in left.clips] == ["c.wav", "d.wav", "b.wav"]


def test_paths_are_seen_from_a_tables_folder(place):
    listed = place / "clips.csv"
    listed.write_text("path,labels\ndog/a.wav,dog\ncat/c.wav,cat\n")
    table = place / "elsewhere.csv"
    table.write_text("path,decision,relabel\ndog/a.wav,relabel,cat\n")
    changed = label_issues.apply_decisions(load(None, listed), label_issues.read_decisions(table, listed))
    assert [clip.labels for clip in changed.clips] == [("cat",), ("cat",)]


def test_several_labels_or_none_where_that_is_possible(marked, place):
    clips = (Clip(place / "dog" / "a.wav", labels=("dog",)), Clip(place / "cat" / "c.wav", labels=("cat", "dog")))
    many = Dataset("many", clips, exclusive=False)
    rows = "path,decision,relabel\ndog/a.wav,relabel,dog; cat;dog\ncat/c.wav,relabel,\n"
    assert marked(rows, many) == {"a.wav": ("dog", "cat"), "c.wav": ()}


def test_a_row_that_matches_no_clip_is_told(marked):
    with pytest.raises(EarmarkWarning, match=r"marks.csv: 2 rows match no clip .* as line 3, gone.wav"):
        marked("path,start,decision\ndog/a.wav,,keep\ndog/gone.wav,,drop\ndog/b.wav,0.5,drop\n")


def test_a_label_that_no_clip_had_is_told(marked):
    with pytest.raises(EarmarkWarning, match="labels that no clip had: cta"):
        marked("path,decision,relabel\ndog/a.wav,relabel,cta\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,relabel\ndog/a.wav,cat\n", "lacks the column decision"),
        ("path,decision\ndog/a.wav,delete\n", "line 2, column decision: 'delete' is none of keep, relabel, drop"),
        ("path,decision\n ,drop\n", "line 2, column path: is empty"),
        ("path,start,decision\ndog/a.wav,soon,drop\n", "line 2, column start: 'soon' is not a number"),
        ("path,decision\ndog/a.wav,drop\ndog/a.wav,keep\n", "line 3, column decision: keep differs from line 2"),
        ("path,decision,relabel\ndog/a.wav,relabel,\n", "line 2, column relabel: gives no label"),
        ("path,decision,relabel\ndog/a.wav,relabel,cat;dog\n", "line 2, column relabel: gives several labels"),
        (
            "path,decision\n" + "".join(f"{n},drop\n" for n in ("dog/a.wav", "dog/b.wav", "cat/c.wav", "cat/d.wav")),
            "ever",
        ),
    ],
)
def test_mistakes_are_told(marked, text, says):
    with pytest.raises(DatasetError) as error:
        marked(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_is_not_there(place):
    with pytest.raises(DatasetError, match="cannot be read"):
        label_issues.read_decisions(place / "gone.csv", place)


def test_how_paths_are_shown(place):
    assert label_issues.shown_path(place / "dog" / ".." / "cat" / "c.wav", place) == "cat/c.wav"
    assert (
        label_issues.shown_path(place / "dog" / "a.wav", touch(place / "cat" / "t.csv"))
        == (place / "dog" / "a.wav").as_posix()
    )
    assert label_issues.shown_path(Path("/elsewhere/x.wav"), place) == "/elsewhere/x.wav"
