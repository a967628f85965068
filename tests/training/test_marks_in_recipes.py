"""A recipe's key `marks`: what the user decided about doubtful labels, obeyed."""

import pytest
from sounds import SMALL, write_dataset

from earmark.errors import DatasetError, EarmarkWarning
from earmark.training import data, recipe


@pytest.fixture
def load(tmp_path):
    root = write_dataset(tmp_path / "data", each=3, seconds=0.3)

    def run(marks, relabel=None):
        part = {"path": str(root), "marks": marks, "relabel": relabel or {}}
        plan = recipe.check({"name": "x", "dataset": [part]}, "x", list(SMALL))
        read = data.load(plan, tmp_path / "cache")
        return dict(zip(read.names, (clip.labels for clip in read.clips), strict=True))

    return run


TABLE = "path,decision,relabel\nhiss/hiss_0.wav,drop,\ntone/tone_1.wav,relabel,rumble\nrumble/rumble_0.wav,keep,\n"


def test_dropped_and_relabelled_before_labels_are_replaced(load, tmp_path):
    (tmp_path / "m.csv").write_text(TABLE)
    labels = load(str(tmp_path / "m.csv"), {"rumble": ["low"]})
    assert len(labels) == 8
    assert "hiss/hiss_0.wav" not in labels
    assert labels["tone/tone_1.wav"] == labels["rumble/rumble_0.wav"] == ("low",)


def test_a_table_in_the_datasets_folder(load, tmp_path):
    (tmp_path / "data" / "marks.csv").write_text(TABLE)
    assert len(load("marks.csv")) == 8
    assert len(load(None)) == 9  # only where a recipe says so


def test_rows_without_a_clip_are_told(load, tmp_path):
    (tmp_path / "m.csv").write_text("path,decision\ntone/tone_9.wav,drop\n")
    with pytest.warns(EarmarkWarning, match="1 row matches no clip of the dataset, such as line 2, tone_9.wav"):
        assert len(load(str(tmp_path / "m.csv"))) == 9


def test_a_table_that_is_not_there_is_an_error(load):
    with pytest.raises(DatasetError, match=r"gone\.csv: cannot be read"):
        load("gone.csv")
