"""Scores of held-out clips kept and found again, and the table that is made of them."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest
from suspect_making import NAMES, scores_of, write_clips

from earmark.datasets import Clip, Dataset
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation import suspect_scores, suspect_table
from earmark.evaluation.suspect_scores import HeldOut


@pytest.fixture
def dataset(tmp_path):
    return write_clips(tmp_path)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_scores_come_back_as_they_were(dataset, tmp_path):
    spans = (Clip(tmp_path / "long.wav", 1.25, 2.5), Clip(tmp_path / "long.wav", 2.5))
    kept = HeldOut.of(spans, ["a/long.wav"] * 2, ("x", "ž"), np.array([[0.25, 0.5], [1, 0]], np.float32))
    kept.save(tmp_path)
    back = suspect_scores.load(tmp_path)
    assert (back.places, back.labels) == (kept.places, kept.labels)
    assert (back.scores == kept.scores).all()
    assert [path.name for path in tmp_path.glob("scores*")] == ["scores.npz"]


def test_clips_are_found_where_their_dataset_has_been_moved(dataset, tmp_path):
    held_out = scores_of(dataset, tmp_path)
    (tmp_path / "new").mkdir()
    moved = dataset.map(lambda clip: replace(clip, path=tmp_path / "new" / clip.path.relative_to(tmp_path)))
    assert held_out.find(moved.clips, tmp_path / "new").tolist() == [0, 1, 2, 3, 4]
    other = [Clip(tmp_path / "low" / "3.wav"), Clip(tmp_path / "low" / "1.wav", 0.1)]
    assert held_out.find(other, tmp_path).tolist() == [-1, -1]


def test_a_bare_file_name_stands_for_one_file_only(tmp_path):
    one, two = Clip(tmp_path / "a" / "x.wav", labels=("a",)), Clip(tmp_path / "b" / "x.wav", labels=("b",))
    held_out = HeldOut.of([one], ["x.wav"], ("a", "b"), np.zeros((1, 2), np.float32))
    assert held_out.find([one, two], tmp_path / "elsewhere").tolist() == [0, -1]


@pytest.mark.parametrize("content", [None, b"", b"PK no archive", b"\x93NUMPY"])
def test_scores_that_are_not_there_or_damaged(tmp_path, content):
    if content is not None:
        (tmp_path / "scores.npz").write_bytes(content)
    with pytest.raises(EarmarkError, match="holds no scores" if content is None else "is damaged"):
        suspect_scores.load(tmp_path)


def test_the_table(dataset, tmp_path):
    found = suspect_table.find(dataset, tmp_path, scores_of(dataset, tmp_path))
    suspect_table.write(found.ranked, {}, tmp_path / "t.csv", tmp_path)
    rows = read(tmp_path / "t.csv")
    assert rows[0] == {
        "path": NAMES[2],
        "start": "",
        "end": "",
        "label": "low",
        "guess": "high",
        "score": "0.0300",
        "rank": "1",
        "decision": "",
        "relabel": "",
    }
    assert [row["rank"] for row in rows] == list("12345")
    assert [float(row["score"]) for row in rows] == sorted(float(row["score"]) for row in rows)
    assert found.doubted == 1
    assert found.ranked[0].heard == (("high", pytest.approx(0.97)), ("low", pytest.approx(0.03)))


def test_decisions_are_kept_and_the_newest_table_counts(dataset, tmp_path):
    old, new = tmp_path / "suspects.csv", tmp_path / "marks.csv"
    old.write_text(f'path,decision,relabel\n"{NAMES[2]}",keep,\nlow/1.wav,drop,\ngone/9.wav,relabel,high\n')
    new.write_text(f'path,decision,relabel\n"{NAMES[2]}",relabel,high\n')
    os.utime(old, (1, 1))
    decided = suspect_table.decisions([old, new, tmp_path / "none.csv"], tmp_path)
    found = suspect_table.find(dataset, tmp_path, scores_of(dataset, tmp_path), decided)
    suspect_table.write(found.ranked, decided, old, tmp_path)
    rows = {row["path"]: row for row in read(old)}
    assert (rows[NAMES[2]]["decision"], rows[NAMES[2]]["relabel"]) == ("relabel", "high")
    assert (rows["low/1.wav"]["decision"], rows["low/1.wav"]["rank"]) == ("drop", "4")
    assert (rows["gone/9.wav"]["decision"], rows["gone/9.wav"]["rank"]) == ("relabel", "")
    assert rows["high/1.wav"]["decision"] == ""
    assert suspect_table.decisions([old], tmp_path).keys() == decided.keys()


def test_a_table_that_was_spoilt_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "suspects.csv").write_text("path,decision\na.wav,perhaps\n")
    with pytest.raises(DatasetError, match="'perhaps' is none of"):
        suspect_table.decisions([tmp_path / "suspects.csv"], tmp_path)


def test_clips_that_were_not_tested_are_counted(dataset, tmp_path):
    held_out = scores_of(dataset.with_clips(dataset.clips), tmp_path)
    fewer = HeldOut(held_out.places[1:], held_out.labels, held_out.scores[1:])
    renamed = dataset.map(lambda clip: replace(clip, labels=("other",)) if clip.path.name == "2.wav" else clip)
    found = suspect_table.find(renamed, tmp_path, fewer)
    assert (len(found.ranked), found.untested, found.unknown) == (2, 1, 2)


@pytest.mark.parametrize(("labels", "says"), [(("other",), "other labels"), (None, "no clip of it was tested")])
def test_a_run_of_something_else_is_refused(dataset, tmp_path, labels, says):
    held_out = scores_of(dataset, tmp_path)
    if labels:
        dataset = dataset.map(lambda clip: replace(clip, labels=labels))
    else:
        held_out = replace(held_out, places=tuple(("x", start, end) for _, start, end in held_out.places))
    with pytest.raises(EarmarkError, match=says):
        suspect_table.find(dataset, tmp_path, held_out)


def test_clips_with_several_labels(tmp_path):
    names = ("a", "b", "a;b", "", "a")
    paths = [tmp_path / f"{i}.wav" for i in range(5)]
    clips = tuple(Clip(p, labels=tuple(filter(None, n.split(";")))) for p, n in zip(paths, names, strict=True))
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.8], [0.1, 0.1], [0.9, 0.95]], np.float32)
    held_out = HeldOut.of(clips, [p.name for p in paths], ("a", "b"), scores)
    found = suspect_table.find(Dataset("many", clips, exclusive=False), tmp_path, held_out)
    assert not found.exclusive
    assert found.ranked[0].row[:5] == ("4.wav", "", "", "a", "a;b")
