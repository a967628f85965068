"""A user's own recordings: a folder per class, and files by a pattern."""

import os

import pytest
from dataset_making import noise, touch, write_sound

from earmark.archive.recordings import SUFFIXES
from earmark.datasets import load
from earmark.errors import DatasetError, EarmarkWarning


@pytest.fixture
def sounds(tmp_path):
    for name in ("Door Bell/a.wav", "Door Bell/b.MP3", "dog/rex/1.flac", "dog/rex/2.mp4", "dog/c.ogg"):
        touch(tmp_path / "sounds" / name)
    touch(tmp_path / "sounds" / "dog" / "notes.txt")
    touch(tmp_path / "sounds" / "dog" / ".hidden.wav")
    touch(tmp_path / "sounds" / ".cache" / "x.wav")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "sounds" / "dog" / "pipe.wav")  # to read it would never end
    return tmp_path / "sounds"


def test_folder(sounds):
    dataset = load("folder", sounds)
    assert dataset.labels == ("dog", "door_bell")
    sources = {clip.path.relative_to(sounds).as_posix(): clip.source for clip in dataset.clips}
    assert sources == {
        "Door Bell/a.wav": "a",
        "Door Bell/b.MP3": "b",
        "dog/rex/1.flac": "rex",
        "dog/rex/2.mp4": "rex",
        "dog/c.ogg": "c",
    }


def test_links_to_folders_are_followed_once_and_out_of_circles(sounds, tmp_path):
    touch(tmp_path / "more" / "far.wav")
    (sounds / "dog" / "again").symlink_to(sounds / "dog")
    (sounds / "dog" / "all").symlink_to(tmp_path)
    (sounds / "dog" / "more").symlink_to(tmp_path / "more")
    with pytest.warns(EarmarkWarning, match="dog/all: leads to a folder that holds the one searched"):
        dataset = load("folder", sounds)
    dogs = {clip.path.relative_to(sounds).as_posix() for clip in dataset.clips if clip.labels == ("dog",)}
    assert dogs == {"dog/c.ogg", "dog/more/far.wav", "dog/rex/1.flac", "dog/rex/2.mp4"}


def test_recordings_are_known_by_the_names_that_an_index_knows(sounds):
    for suffix in SUFFIXES:
        touch(sounds / "dog" / f"all.{suffix}")
    dataset = load("folder", sounds)
    assert {clip.path.suffix.removeprefix(".") for clip in dataset.clips} >= SUFFIXES


def test_folder_sources_by_rule(sounds):
    touch(sounds / "dog" / "barky_take1.wav")
    touch(sounds / "dog" / "barky_take2.wav")
    dataset = load("folder", sounds, source=r"([^/]+?)(?:_take\d+)?\.\w+$")
    assert sum(clip.source == "barky" for clip in dataset.clips) == 2


@pytest.mark.parametrize(
    ("rule", "reason"), [("(", "not a regular expression"), ("abc", "no group"), ("(zzz)", "does not fit")]
)
def test_folder_refuses_a_rule_that_does_not_work(sounds, rule, reason):
    with pytest.raises(DatasetError, match=reason):
        load("folder", sounds, source=rule)


def test_folder_wonders_at_parts_of_a_dataset_in_place_of_classes(tmp_path):
    for name in ("train/dog/1.wav", "train/siren/2.wav", "test/dog/3.wav"):
        touch(tmp_path / name)
    with pytest.warns(
        EarmarkWarning, match=f"its classes are test, train; .*give one of them, such as {tmp_path}/train"
    ):
        load("folder", tmp_path)


def test_folders_whose_names_are_one_label_are_told(sounds):
    touch(sounds / "door-bell" / "d.wav")
    with pytest.warns(EarmarkWarning, match="Door Bell and door-bell are one class, door_bell"):
        dataset = load("folder", sounds)
    assert dataset.labels == ("dog", "door_bell")


@pytest.mark.parametrize("name", ["-", "_ _", "--"])
def test_folder_refuses_a_class_without_a_name(sounds, name):
    touch(sounds / name / "a.wav")
    with pytest.raises(DatasetError, match="is a class without a name; rename"):
        load("folder", sounds)


def test_folder_warns_of_empty_classes_and_loose_files(sounds):
    (sounds / "cat").mkdir()
    touch(sounds / "loose.wav")
    with pytest.warns(EarmarkWarning) as caught:
        load("folder", sounds)
    messages = sorted(str(one.message) for one in caught)
    assert "1 recording lies in no class folder; it is left out" in messages[1] + messages[0]
    assert any("cat: holds no recordings" in message for message in messages)


def test_folder_without_classes(tmp_path):
    touch(tmp_path / "a.wav")
    with pytest.warns(EarmarkWarning), pytest.raises(DatasetError, match="no folders with recordings"):
        load("folder", tmp_path)


def test_folder_with_one_class(tmp_path):
    touch(tmp_path / "dog" / "a.wav")
    with pytest.raises(DatasetError, match="only one class, dog"):
        load("folder", tmp_path)


def test_files(sounds):
    dataset = load("files", sounds, labels=["animal"], pattern="dog/**/*")
    assert {clip.path.name for clip in dataset.clips} == {"1.flac", "2.mp4", "c.ogg"}
    assert dataset.labels == ("animal",)
    assert {clip.source for clip in dataset.clips} == {"1", "2", "c"}


def test_files_exclude_source_and_limit(tmp_path):
    for speaker in ("ann", "bob"):
        for take in range(6):
            touch(tmp_path / speaker / f"word_{take}.wav")
    dataset = load("files", tmp_path, labels="speech", source="^([^/]+)/", exclude=["*/word_0.*"], limit_per_source=2)
    assert sorted((clip.source, clip.path.stem) for clip in dataset.clips) == [
        ("ann", "word_1"),
        ("ann", "word_3"),
        ("bob", "word_1"),
        ("bob", "word_3"),
    ]


def test_files_source_may_have_several_groups(tmp_path):
    touch(tmp_path / "3_ann_7.wav")
    dataset = load("files", tmp_path, labels=["speech"], source=r"(\d+)_([a-z]+)_")
    assert dataset.clips[0].source == "3-ann"


def test_files_cut_long_recordings(tmp_path):
    write_sound(tmp_path / "long.wav", noise(1, seconds=11.0))
    write_sound(tmp_path / "short.wav", noise(2, seconds=1.0))
    dataset = load("files", tmp_path, labels=["music"], pattern="*.wav", cut=[2, 4])
    spans = [(clip.source, clip.start, clip.end) for clip in dataset.clips]
    assert spans == [("long", 0, 2), ("long", 4, 6), ("long", 8, 10), ("short", 0, None)]


def test_files_for_none_of_the_labels(tmp_path):
    touch(tmp_path / "a.wav")
    dataset = load("files", tmp_path, labels=[])
    assert dataset.clips[0].labels == ()
    assert not dataset.exclusive


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"labels": ["x"], "pattern": "*.nothing"}, "no recording fits"),
        ({"labels": ["x"], "pattern": "/absolute/*"}, "is no pattern"),
        ({"labels": ["x"], "pattern": ""}, "is no pattern"),
        ({"labels": ["x"], "pattern": "."}, "is no pattern"),
        ({"labels": ["x"], "pattern": "./"}, "is no pattern"),
        ({"labels": ["x"], "limit_per_source": 0}, "leaves nothing"),
        ({}, "needs the option labels"),
    ],
)
def test_files_refuses(tmp_path, options, reason):
    touch(tmp_path / "a.wav")
    with pytest.raises(DatasetError, match=reason):
        load("files", tmp_path, **options)


@pytest.mark.shared
def test_real_instruments(shared):
    dataset = load(None, shared / "instruments")
    assert len(dataset.clips) == 200
    assert "violin_or_fiddle" in dataset.labels


def test_the_same_recording_in_two_classes_is_one_clip_with_both_labels(tmp_path):
    root = tmp_path / "sounds"
    for number, name in enumerate(("dog/park.wav", "siren/street.wav", "siren/a.wav", "dog/a.wav")):
        write_sound(root / name, noise(number))
    (root / "siren" / "park.wav").write_bytes((root / "dog" / "park.wav").read_bytes())
    dataset = load("folder", root)
    labels = {clip.path.relative_to(root).as_posix(): clip.labels for clip in dataset.clips}
    assert labels == {
        "dog/park.wav": ("dog", "siren"),
        "dog/a.wav": ("dog",),
        "siren/a.wav": ("siren",),
        "siren/street.wav": ("siren",),
    }
    assert not dataset.exclusive
    (root / "siren" / "park.wav").unlink()
    assert load("folder", root).exclusive
