"""Label issues found, ranked and written as a table."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_issue_making import NAMES, scores_of, write_clips

from earmark.datasets import Clip, Dataset
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation import held_out_scores, label_issues
from earmark.evaluation.held_out_scores import HeldOut
from earmark.evaluation.label_issues import NOBODY, rank


def one_hot(labels, classes):
    return np.eye(classes, dtype=bool)[np.asarray(labels)]


# Thresholds by hand: class 0 has 0.9, 0.8, 0.1, mean 0.6; class 1 has 0.7, 0.5, mean 0.6.
BY_HAND = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.5, 0.5]])
LABELS = np.array([0, 0, 0, 1, 1])


def test_thresholds_are_the_mean_self_confidence():
    assert label_issues.thresholds(BY_HAND, LABELS) == pytest.approx([0.6, 0.6])
    assert label_issues.thresholds(np.array([[0.2, 0.5, 0.3]]), np.array([1])) == pytest.approx([np.inf, 0.5, np.inf])


def test_the_confident_joint_counts_those_that_reach_a_threshold():
    believed = label_issues.confident_class(BY_HAND, LABELS)
    assert believed.tolist() == [0, 0, 1, 1, NOBODY]
    assert label_issues.confident_counts(LABELS, believed, 2).tolist() == [[2, 1], [0, 1]]


def test_of_two_that_reach_theirs_the_more_probable_is_believed():
    probabilities = np.array([[0.1, 0.9, 0.0], [0.3, 0.3, 0.4], [0.45, 0.15, 0.4], [0.6, 0.4, 0.0]])
    labels = np.array([0, 1, 2, 2])  # thresholds 0.1, 0.3, 0.2
    assert label_issues.confident_class(probabilities, labels).tolist() == [1, 2, 0, 0]


def test_the_joint_of_figure_1_of_the_paper():
    """Northcutt et al. (2021), figure 1: dog, fox and cow; labels down, true classes across."""
    counts = np.array([[100, 40, 20], [56, 60, 0], [32, 12, 80]])
    expected = [[0.25, 0.10, 0.05], [0.14, 0.15, 0.00], [0.08, 0.03, 0.20]]
    joint = label_issues.joint(counts, counts.sum(1))
    assert joint == pytest.approx(np.array(expected), abs=1e-9)
    assert joint.sum() == pytest.approx(1)


def test_the_joint_has_the_labels_own_shares():
    joint = label_issues.joint(np.array([[3, 1], [0, 0]]), np.array([60, 40]))
    assert joint == pytest.approx(np.array([[0.45, 0.15], [0, 0.4]]))  # a label that is never told is taken as right


def test_scores_of_labels_by_hand():
    assert label_issues.self_confidence(BY_HAND, LABELS) == pytest.approx([0.9, 0.8, 0.1, 0.7, 0.5])


def test_a_ranking_by_hand():
    ranking = rank(BY_HAND, one_hot(LABELS, 2), exclusive=True)
    assert ranking.order.tolist() == [2, 4, 3, 1, 0]
    assert ranking.is_issue.tolist() == [False, False, True, False, False]
    assert ranking.suggested.argmax(1).tolist() == [0, 0, 1, 1, 0]
    assert ranking.wrong == pytest.approx(0.2)  # a third of the three with label 0


def test_scores_that_do_not_sum_to_one_are_scaled():
    ranking = rank(BY_HAND * [[0.1], [0.5], [1.0], [0.7], [2.0]], one_hot(LABELS, 2), exclusive=True)
    assert ranking.quality == pytest.approx(rank(BY_HAND, one_hot(LABELS, 2), exclusive=True).quality)
    silent = rank(np.zeros((2, 3)), one_hot([0, 1], 3), exclusive=True)
    assert silent.quality == pytest.approx([1 / 3, 1 / 3])


def noisy(share, rng, clips=600, classes=6):
    """Scores that are mostly right about the truth, and labels of which a share is not."""
    truth = rng.integers(classes, size=clips)
    logits = rng.normal(size=(clips, classes)) + 3 * np.eye(classes)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wrong = rng.random(clips) < share
    label = np.where(wrong, (truth + rng.integers(1, classes, size=clips)) % classes, truth)
    return scores, label, truth, wrong


def test_wrong_labels_come_first():
    scores, label, truth, wrong = noisy(0.08, np.random.default_rng(0))
    ranking = rank(scores, one_hot(label, 6), exclusive=True)
    first = ranking.order[: round(0.15 * len(label))]
    assert wrong[first].sum() >= 0.95 * wrong.sum()
    assert ranking.is_issue[wrong].mean() > 0.7
    assert ranking.is_issue[~wrong].mean() < 0.15
    assert (ranking.suggested.argmax(1) == truth)[wrong].mean() > 0.8


@pytest.mark.parametrize("seed", range(4))
def test_parity_with_cleanlab(seed):
    """The library of confident learning's authors, which only this test needs."""
    reason = "cleanlab is not installed"
    count, ranks = (pytest.importorskip(f"cleanlab.{name}", reason=reason) for name in ("count", "rank"))
    scores, label, _, _ = noisy(0.15, np.random.default_rng(seed))
    believed = label_issues.confident_class(scores, label)
    counts = label_issues.confident_counts(label, believed, 6)
    assert label_issues.thresholds(scores, label) == pytest.approx(count.get_confident_thresholds(label, scores))
    assert counts.tolist() == count.compute_confident_joint(label, scores, calibrate=False).tolist()
    clips = np.bincount(label, minlength=6)
    calibrated = count.compute_confident_joint(label, scores, calibrate=True)
    assert label_issues.joint(counts, clips) == pytest.approx(
        calibrated / len(label), abs=0.01
    )  # which it rounds to clips
    quality = ranks.get_label_quality_scores(label, scores, method="self_confidence")
    ranking = rank(scores, one_hot(label, 6), exclusive=True)
    assert ranking.quality == pytest.approx(quality)
    assert ranking.order.tolist() == np.argsort(quality, kind="stable").tolist()


def test_where_nothing_is_wrong_little_is_doubted():
    sure = np.full((40, 4), 0.02) + 0.92 * np.eye(4)[np.arange(40) % 4]
    ranking = rank(sure, one_hot(np.arange(40) % 4, 4), exclusive=True)
    assert not ranking.is_issue.any()
    assert ranking.wrong == pytest.approx(0)
    assert (ranking.suggested == one_hot(np.arange(40) % 4, 4)).all()


def test_several_labels_at_once_are_questions_of_their_own():
    rng = np.random.default_rng(1)
    truth = rng.random((300, 3)) < [0.5, 0.3, 0.2]
    scores = np.clip(np.where(truth, 0.85, 0.15) + 0.1 * rng.normal(size=truth.shape), 0, 1)
    given_labels = truth.copy()
    given_labels[:5, 1] ^= True
    given_labels[5:9, 2] ^= True
    ranking = rank(scores, given_labels, exclusive=False)
    assert set(ranking.order[:9]) == set(range(9))
    assert ranking.is_issue[:9].any()  # those that reach their threshold, as about half do
    assert not ranking.is_issue[9:].any()
    assert (ranking.suggested[:9] == truth[:9]).all()


def test_a_clip_with_none_of_the_labels_can_be_doubted():
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.1], [0.95, 0.1]])
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [0, 0]], bool)
    ranking = rank(scores, labels, exclusive=False)
    assert ranking.order[0] == 4
    assert ranking.suggested[4].tolist() == [True, False]
    assert ranking.suggested[3].tolist() == [False, False]


@pytest.mark.parametrize(
    ("scores", "labels", "exclusive"),
    [
        (np.ones((2, 2)), np.ones((2, 3), bool), False),
        (np.ones((0, 2)), np.ones((0, 2), bool), True),
        (np.ones((2, 2)), np.array([[True, True], [True, False]]), True),
        (np.ones((1, 2)), np.zeros((1, 2), bool), True),
    ],
)
def test_what_does_not_fit_is_refused(scores, labels, exclusive):
    with pytest.raises(ValueError, match=r"alike|each clip has one"):
        rank(scores, labels, exclusive)


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 30), st.booleans())
def test_every_clip_has_one_rank_and_a_quality_from_0_to_1(seed, classes, clips, exclusive):
    rng = np.random.default_rng(seed)
    scores = rng.random((clips, classes)).astype(np.float32)
    labels = one_hot(rng.integers(classes, size=clips), classes) if exclusive else rng.random((clips, classes)) < 0.4
    ranking = rank(scores, labels, exclusive)
    assert sorted(ranking.order) == list(range(clips))
    assert (np.diff(ranking.quality[ranking.order]) >= 0).all()
    assert ((ranking.quality >= 0) & (ranking.quality <= 1)).all()
    assert -1e-9 <= ranking.wrong <= 1
    same = (ranking.suggested == labels).all(1)
    assert not (ranking.is_issue & same).any()  # a doubted label is not guessed again
    if exclusive:
        assert (ranking.suggested.sum(1) == 1).all()


@given(st.integers(0, 10_000))
def test_the_order_of_clips_and_of_classes_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    scores, label, _, _ = noisy(0.2, rng, clips=30, classes=4)
    clips, classes = rng.permutation(30), rng.permutation(4)
    labels = one_hot(label, 4)
    plain, mixed = rank(scores, labels, True), rank(scores[clips][:, classes], labels[clips][:, classes], True)
    assert mixed.quality == pytest.approx(plain.quality[clips])
    assert (mixed.is_issue == plain.is_issue[clips]).all()
    assert (mixed.suggested == plain.suggested[clips][:, classes]).all()


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
    back = held_out_scores.load(tmp_path)
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
        held_out_scores.load(tmp_path)


def test_the_table(dataset, tmp_path):
    found = label_issues.find(dataset, tmp_path, scores_of(dataset, tmp_path))
    label_issues.write_table(found.ranked, {}, tmp_path / "t.csv", tmp_path)
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
    assert found.count == 1
    assert found.ranked[0].scores == (("high", pytest.approx(0.97)), ("low", pytest.approx(0.03)))


def test_decisions_are_kept_and_the_newest_table_counts(dataset, tmp_path):
    old, new = tmp_path / "suspects.csv", tmp_path / "marks.csv"
    old.write_text(f'path,decision,relabel\n"{NAMES[2]}",keep,\nlow/1.wav,drop,\ngone/9.wav,relabel,high\n')
    new.write_text(f'path,decision,relabel\n"{NAMES[2]}",relabel,high\n')
    os.utime(old, (1, 1))
    decided = label_issues.decisions([old, new, tmp_path / "none.csv"], tmp_path)
    found = label_issues.find(dataset, tmp_path, scores_of(dataset, tmp_path), decided)
    label_issues.write_table(found.ranked, decided, old, tmp_path)
    rows = {row["path"]: row for row in read(old)}
    assert (rows[NAMES[2]]["decision"], rows[NAMES[2]]["relabel"]) == ("relabel", "high")
    assert (rows["low/1.wav"]["decision"], rows["low/1.wav"]["rank"]) == ("drop", "4")
    assert (rows["gone/9.wav"]["decision"], rows["gone/9.wav"]["rank"]) == ("relabel", "")
    assert rows["high/1.wav"]["decision"] == ""
    assert label_issues.decisions([old], tmp_path).keys() == decided.keys()


def test_a_table_that_was_spoilt_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "suspects.csv").write_text("path,decision\na.wav,perhaps\n")
    with pytest.raises(DatasetError, match="'perhaps' is none of"):
        label_issues.decisions([tmp_path / "suspects.csv"], tmp_path)


def test_clips_that_were_not_tested_are_counted(dataset, tmp_path):
    held_out = scores_of(dataset.with_clips(dataset.clips), tmp_path)
    fewer = HeldOut(held_out.places[1:], held_out.labels, held_out.scores[1:])
    renamed = dataset.map(lambda clip: replace(clip, labels=("other",)) if clip.path.name == "2.wav" else clip)
    found = label_issues.find(renamed, tmp_path, fewer)
    assert (len(found.ranked), found.untested, found.unknown) == (2, 1, 2)


@pytest.mark.parametrize(("labels", "says"), [(("other",), "other labels"), (None, "no clip of it was tested")])
def test_a_run_of_something_else_is_refused(dataset, tmp_path, labels, says):
    held_out = scores_of(dataset, tmp_path)
    if labels:
        dataset = dataset.map(lambda clip: replace(clip, labels=labels))
    else:
        held_out = replace(held_out, places=tuple(("x", start, end) for _, start, end in held_out.places))
    with pytest.raises(EarmarkError, match=says):
        label_issues.find(dataset, tmp_path, held_out)


def test_clips_with_several_labels(tmp_path):
    names = ("a", "b", "a;b", "", "a")
    paths = [tmp_path / f"{i}.wav" for i in range(5)]
    clips = tuple(Clip(p, labels=tuple(filter(None, n.split(";")))) for p, n in zip(paths, names, strict=True))
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.8], [0.1, 0.1], [0.9, 0.95]], np.float32)
    held_out = HeldOut.of(clips, [p.name for p in paths], ("a", "b"), scores)
    found = label_issues.find(Dataset("many", clips, exclusive=False), tmp_path, held_out)
    assert not found.exclusive
    assert found.ranked[0].row[:5] == ("4.wav", "", "", "a", "a;b")
