"""Label issues: which labels are doubtful, by confident learning from scores of clips that did not train, as a table.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of Artificial
Intelligence Research 70 (2021), arXiv:1911.00068. For multi-label data each label is a question of its own, yes or no,
as in Thyagarajan et al., "Identifying Incorrect Annotations in Multi-Label Classification Data", arXiv:2211.13895.

The confident joint says how many labels are wrong, and which it takes for wrong. Clips are ranked by self-confidence,
the probability of the label that they have, which needs no threshold: with some dozen clips a class thresholds are
rough, and half of the wrong labels do not reach them. Kuan and Mueller, "Model-agnostic label quality scoring to detect
real-world label errors" (ICML DataPerf workshop, 2022), compare such scores.

Probabilities must be of clips that did not train the network which gave them: what a network has learnt by heart,
it does not doubt. The table lists clips from the most doubtful label down, and what the user decided about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.datasets import Clip, Dataset
from earmark.datasets.label_issues import ClipKey, Decision, clip_key, read_decisions, shown_path
from earmark.errors import EarmarkError
from earmark.evaluation.held_out_scores import HeldOut
from earmark.util.atomic import atomic_write
from earmark.util.text import SheetWriter

COLUMNS = ("path", "start", "end", "label", "guess", "score", "rank", "decision", "relabel")
Probabilities = NDArray[np.floating]
Classes = NDArray[np.int64]
NOBODY = -1  # no class is confidently told for the clip
EVEN = 0.5  # a score from here up says yes


@dataclass(frozen=True)
class Ranking:
    """Clips, the most doubtful label first."""

    order: Classes  # positions of the clips [clips]
    quality: NDArray[np.float64]  # how well each clip's label fits, 0 to 1 [clips]; by position, not by rank
    suggested: NDArray[np.bool_]  # what holds instead, or again [clips, labels]; by position
    is_issue: NDArray[np.bool_]  # whether the confident joint takes the label for wrong [clips]; by position
    wrong: float  # estimated share of wrong labels: of clips, or for multi-label data of answers to "does it hold?"


def rank(scores: Probabilities, given: NDArray[np.bool_], exclusive: bool) -> Ranking:
    """Rank clips by how doubtful the labels are that they were given.

    Scores are 0 to 1, out of fold; where labels exclude each other, so that each clip has exactly one, they are scaled
    to a sum of 1. Both are [clips, labels].

    Raises
    ------
    ValueError
        Shapes differ, there are no clips, or labels are to exclude each other and a clip has not one.
    """
    if scores.shape != given.shape or scores.ndim != 2 or not scores.size:
        raise ValueError(f"scores {scores.shape} and labels {given.shape} must be alike, and not empty")
    return _rank_exclusive(scores, given) if exclusive else _rank_each(scores, given)


def _rank_exclusive(scores: Probabilities, given: NDArray[np.bool_]) -> Ranking:
    if (given.sum(1) != 1).any():
        raise ValueError("where labels exclude each other, each clip has one")
    floor = np.maximum(scores.astype(float), 1e-12)
    probabilities = floor / floor.sum(1, keepdims=True)
    label = given.argmax(1)
    believed = confident_class(probabilities, label)
    is_issue = (believed != NOBODY) & (believed != label)
    quality = self_confidence(probabilities, label)
    suggested = np.where(is_issue, believed, probabilities.argmax(1))
    counts = joint(confident_counts(label, believed, scores.shape[1]), np.bincount(label, minlength=scores.shape[1]))
    return Ranking(
        order=np.argsort(quality, kind="stable"),
        quality=quality,
        suggested=np.eye(scores.shape[1], dtype=bool)[suggested],
        is_issue=is_issue,
        wrong=float(1 - np.trace(counts)),
    )


def _rank_each(scores: Probabilities, given: NDArray[np.bool_]) -> Ranking:
    """Each label by itself; a clip is as doubtful as the most doubtful answer about it."""
    believed, wrong = np.empty(given.shape, np.int64), []
    quality = np.where(given, scores, 1 - scores).astype(float)
    for i in range(given.shape[1]):
        probabilities = np.stack([1 - scores[:, i], scores[:, i]], 1).astype(float)
        label = given[:, i].astype(np.int64)
        believed[:, i] = confident_class(probabilities, label)
        counts = joint(confident_counts(label, believed[:, i], 2), np.bincount(label, minlength=2))
        wrong.append(1 - np.trace(counts))
    is_issue = (believed != NOBODY) & (believed != given)
    worst = quality.min(1)
    order = np.argsort(worst, kind="stable")
    suggested = np.where(believed == NOBODY, scores >= EVEN, believed == 1)
    return Ranking(order, worst, suggested, is_issue.any(1), float(np.mean(wrong)))


def thresholds(probabilities: Probabilities, label: Classes) -> NDArray[np.float64]:
    """Mean self-confidence of each class [classes]: its probability over the clips that have its label.

    Infinite for a class without clips, which then is never believed.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(label, minlength=classes)
    own = self_confidence(probabilities, label)
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, np.bincount(label, own, classes) / np.maximum(counts, 1), np.inf)


def confident_class(probabilities: Probabilities, label: Classes) -> Classes:
    """Of the classes that reach their threshold, the most probable, int64 [clips]; `NOBODY` where none does."""
    confident = probabilities >= thresholds(probabilities, label) - 1e-9  # a mean of equal numbers is rounded
    best = np.where(confident, probabilities, -1.0).argmax(1)
    return np.where(confident.any(1), best, NOBODY)


def confident_counts(label: Classes, believed: Classes, classes: int) -> NDArray[np.int64]:
    """The confident joint: how many clips of each label are believed to be of each class, int64 [label, class]."""
    counts = np.zeros((classes, classes), np.int64)
    judged = believed != NOBODY
    np.add.at(counts, (label[judged], believed[judged]), 1)
    return counts


def joint(counts: NDArray[np.int64], clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """The joint distribution of label and true class, float64 [label, class], from the confident joint.

    Each row is scaled to the share that the label has of all `clips` [label]; a label none of whose clips was
    confidently told is taken to be right.
    """
    rows = counts + np.diag(np.where(counts.sum(1) == 0, 1, 0))
    return np.asarray(rows / rows.sum(1, keepdims=True) * (clips / clips.sum())[:, None], np.float64)


def self_confidence(probabilities: Probabilities, label: Classes) -> NDArray[np.float64]:
    """The probability of the label itself [clips]."""
    return np.asarray(probabilities[np.arange(len(label)), label], np.float64)


@dataclass(frozen=True)
class LabelIssue:
    """A clip whose label may be wrong."""

    clip: Clip
    path: str  # as the table names it
    suggested: tuple[str, ...]  # labels that the networks would give it
    score: float  # how well its label fits, 0 to 1; see `Ranking.quality`
    rank: int  # from 1, the most doubtful
    is_issue: bool  # whether confident learning takes the label for wrong
    scores: tuple[tuple[str, float], ...]  # scores of the labels that it has or should have, best first
    decision: Decision | None = None  # what the user decided, if anything

    @property
    def row(self) -> tuple[str, ...]:
        """Its line of the table."""
        start, end = _span(self.clip.start, self.clip.end)
        label, suggested = ";".join(self.clip.labels), ";".join(self.suggested)
        return (self.path, start, end, label, suggested, f"{self.score:.4f}", str(self.rank), *_decision(self.decision))


@dataclass(frozen=True)
class LabelIssues:
    """All clips that networks have been tested on, ranked."""

    ranked: tuple[LabelIssue, ...]  # the most doubtful first
    labels: tuple[str, ...]  # those that a clip can be given
    exclusive: bool  # whether each clip has exactly one
    wrong: float  # estimated share of wrong labels; see `Ranking.wrong`
    untested: int = 0  # clips of the dataset that no network was tested on
    unknown: int = 0  # clips whose labels the networks do not know

    @property
    def count(self) -> int:
        """How many labels confident learning takes for wrong."""
        return sum(issue.is_issue for issue in self.ranked)


def find(
    dataset: Dataset, root: Path, held_out: HeldOut, decided: Mapping[ClipKey, Decision] | None = None
) -> LabelIssues:
    """Rank the clips of the dataset at `root` by what networks said of them.

    Raises
    ------
    EarmarkError
        None of the clips was tested, or none has labels that the networks know.
    """
    rows = held_out.find(dataset.clips, root)
    tested = np.flatnonzero(rows >= 0)
    known = [i for i in tested if set(dataset.clips[i].labels) <= set(held_out.labels)]
    if not known:
        reason = "no clip of it was tested in that run" if not len(tested) else "that run knows other labels"
        raise EarmarkError(dataset.name, reason, "give the run that was trained on it, or leave --run out")
    clips, scores = [dataset.clips[i] for i in known], held_out.scores[rows[known]]
    given = np.array([[label in clip.labels for label in held_out.labels] for clip in clips])
    exclusive = dataset.exclusive and bool((given.sum(1) == 1).all())
    ranking = rank(scores, given, exclusive)

    def issue(number: int, i: int) -> LabelIssue:
        clip, concerned = clips[i], np.flatnonzero(given[i] | ranking.suggested[i])
        return LabelIssue(
            clip=clip,
            path=shown_path(clip.path, root),
            suggested=tuple(held_out.labels[c] for c in np.flatnonzero(ranking.suggested[i])),
            score=float(ranking.quality[i]),
            rank=number,
            is_issue=bool(ranking.is_issue[i]),
            scores=tuple(
                (held_out.labels[c], float(scores[i, c])) for c in concerned[np.argsort(-scores[i, concerned])]
            ),
            decision=(decided or {}).get(clip_key(clip)),
        )

    ranked = tuple(issue(number, int(i)) for number, i in enumerate(ranking.order, 1))
    untested, unknown = len(rows) - len(tested), len(tested) - len(known)
    return LabelIssues(ranked, held_out.labels, exclusive, ranking.wrong, untested, unknown)


def decisions(tables: Iterable[Path], root: Path) -> dict[ClipKey, Decision]:
    """What earlier tables of the dataset at `root` decide; where two differ, the file that was changed last.

    Raises
    ------
    DatasetError
        One of them cannot be read.
    """
    there = sorted((table for table in tables if table.exists()), key=lambda table: table.stat().st_mtime)
    return {place: mark for table in there for place, mark in read_decisions(table, root).decided.items()}


def write_table(issues: Sequence[LabelIssue], decided: Mapping[ClipKey, Decision], path: Path, root: Path) -> None:
    """Write the table (CSV). Decisions about clips that are not ranked now follow at its end.

    Raises
    ------
    EarmarkError
        It cannot be written.
    """
    try:
        with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = SheetWriter(file)
            writer.writerow(COLUMNS)
            writer.writerows(issue.row for issue in issues)
            writer.writerows(others(issues, decided, root))
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})", "choose another --out") from error


def others(issues: Iterable[LabelIssue], decided: Mapping[ClipKey, Decision], root: Path) -> list[tuple[str, ...]]:
    """Lines of decisions about other clips than these."""
    these = {clip_key(one.clip) for one in issues}
    return [
        (shown_path(Path(path), root), *_span(start, end), "", "", "", "", *_decision(mark))
        for (path, start, end), mark in decided.items()
        if (path, start, end) not in these
    ]


def _span(start: float, end: float | None) -> tuple[str, str]:
    return repr(start) if start else "", "" if end is None else repr(end)


def _decision(mark: Decision | None) -> tuple[str, str]:
    return ("", "") if mark is None else (mark.decision, ";".join(mark.labels))
