"""Datasets as such: found, told apart, combined."""

from pathlib import Path

import pytest
from dataset_making import touch, write_csv

from earmark.datasets import Clip, Dataset, data_folder, find, guess_layout, load
from earmark.datasets.catalogue import PUBLISHED
from earmark.datasets.clips import combine
from earmark.errors import DatasetError


def dataset(name="a", source="1", labels=("dog",), **more):
    return Dataset(name, (Clip(Path(f"{name}.wav"), labels=labels, source=source),), **more)


def test_labels_and_where():
    both = Dataset("x", (Clip(Path("a"), labels=("b", "a")), Clip(Path("b"), labels=("c",))))
    assert both.labels == ("a", "b", "c")
    assert both.where(lambda clip: "c" in clip.labels).labels == ("c",)


def test_combined_sources_do_not_collide():
    joined = combine([dataset("a"), dataset("b"), dataset("a")])
    assert [clip.source for clip in joined.clips] == ["a:1", "b:1", "a-2:1"]
    assert joined.name == "a+b+a"


def test_recordings_of_one_publisher_stay_one_source():
    joined = combine([dataset("esc50", sources="freesound"), dataset("urbansound8k", sources="freesound")])
    assert {clip.source for clip in joined.clips} == {"freesound:1"}


def test_combined_labels_exclude_each_other_only_if_all_do():
    assert combine([dataset(), dataset()]).exclusive
    assert not combine([dataset(), dataset(exclusive=False)]).exclusive
    assert not combine([dataset(), dataset(labels=("dog", "rain"))]).exclusive


def test_combined_licences_are_named_once():
    joined = combine([dataset(licence="CC0"), dataset(licence="CC0"), dataset(licence="MIT"), dataset()])
    assert joined.licence == "CC0; MIT"


def test_guess_layout(esc, us8k, tmp_path):
    assert guess_layout(esc()) == "esc"
    assert guess_layout(us8k()) == "urbansound8k"
    assert guess_layout(write_csv(tmp_path / "clips.csv", ("path", "labels"))) == "table"
    touch(tmp_path / "own" / "dog" / "a.wav")
    assert guess_layout(tmp_path / "own") == "folder"
    with pytest.raises(DatasetError, match="in no way that is known"):
        guess_layout(tmp_path / "own" / "dog")
    with pytest.raises(DatasetError, match="is no dataset"):
        guess_layout(tmp_path / "own" / "dog" / "a.wav")


def test_find_by_name(esc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EARMARK_DATA", raising=False)
    assert data_folder() == Path("data")
    with pytest.raises(DatasetError, match="esc50: is not in data; fetch it: earmark data get esc50"):
        find("esc50")
    root = esc(root=tmp_path / "archive" / "ESC-50-master")
    assert find("esc50", tmp_path / "archive") == root
    monkeypatch.setenv("EARMARK_DATA", str(tmp_path / "archive"))
    assert find("ESC50") == root
    assert len(load(None, "esc50").clips) == 4
    assert find(root) == root


def test_find_says_how_to_get_what_is_missing(tmp_path):
    with pytest.raises(DatasetError, match="earmark data get urbansound8k"):
        find(tmp_path / "UrbanSound8K")
    with pytest.raises(DatasetError, match="give the path of a folder"):
        find(tmp_path / "mine")


def test_load_refuses_unknown_layouts_and_kinds(tmp_path, esc):
    with pytest.raises(DatasetError, match="kaldi: is no layout; choose esc"):
        load("kaldi", tmp_path)
    with pytest.raises(DatasetError, match="is no table"):
        load("table", tmp_path)
    with pytest.raises(DatasetError, match="is a file"):
        load("folder", touch(tmp_path / "a.csv"))
    with pytest.raises(DatasetError, match=r"esc50\.csv.*cannot be read"):
        load("esc", tmp_path)


@pytest.mark.parametrize("known", PUBLISHED.values(), ids=str)
def test_known_datasets_are_consistent(known):
    assert known.url.startswith("https://")
    assert known.archive.endswith((".zip", ".tar.gz"))
    assert known.licence
    assert known.cite
