"""Which labels are doubtful, by confident learning from what networks say of clips that they never heard.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of Artificial
Intelligence Research 70 (2021), arXiv:1911.00068. For multi-label data each label is a question of its own, yes or no,
as in Thyagarajan et al., "Identifying Incorrect Annotations in Multi-Label Classification Data", arXiv:2211.13895.

The confident joint says how many labels are wrong, and which it takes for wrong. Clips are ranked by self-confidence,
the probability of the label that they have, which needs no threshold: with some dozen clips a class thresholds are
rough, and half of the wrong labels do not reach them. Kuan and Mueller, "Model-agnostic label quality scoring to detect
real-world label errors" (ICML DataPerf workshop, 2022), compare such scores.

Probabilities must be of clips that did not train the network which gave them: what a network has learnt by heart,
it does not doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating]
Classes = NDArray[np.int64]
NOBODY = -1  # no class is confidently told for the clip
EVEN = 0.5  # a score from here up says yes


@dataclass(frozen=True)
class Ranking:
    """Clips, the most doubtful label first.

    Attributes:
        order: positions of the clips, int64 [clips].
        quality: how well each clip's label fits, 0 to 1, float64 [clips]; by position, not by rank.
        guess: what holds instead, or again, bool [clips, labels]; by position.
        doubted: whether the confident joint takes the label for wrong, bool [clips]; by position.
        wrong: estimated share of wrong labels: of clips, or for multi-label data of answers to "does it hold?".
    """

    order: Classes
    quality: NDArray[np.float64]
    guess: NDArray[np.bool_]
    doubted: NDArray[np.bool_]
    wrong: float


def rank(scores: Probabilities, given: NDArray[np.bool_], exclusive: bool) -> Ranking:
    """Rank clips by how doubtful their labels are.

    Args:
        scores: 0 to 1 [clips, labels], out of fold. Where labels exclude each other they are scaled to a sum of 1.
        given: the labels as they are [clips, labels].
        exclusive: whether each clip has exactly one.

    Raises:
        ValueError: shapes differ, there are no clips, or labels are to exclude each other and a clip has not one.
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
    doubted = (believed != NOBODY) & (believed != label)
    quality = self_confidence(probabilities, label)
    guess = np.where(doubted, believed, probabilities.argmax(1))
    counts = joint(confident_counts(label, believed, scores.shape[1]), np.bincount(label, minlength=scores.shape[1]))
    return Ranking(
        order=np.argsort(quality, kind="stable"),
        quality=quality,
        guess=np.eye(scores.shape[1], dtype=bool)[guess],
        doubted=doubted,
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
    doubted = (believed != NOBODY) & (believed != given)
    worst = quality.min(1)
    order = np.argsort(worst, kind="stable")
    guess = np.where(believed == NOBODY, scores >= EVEN, believed == 1)
    return Ranking(order, worst, guess, doubted.any(1), float(np.mean(wrong)))


def thresholds(probabilities: Probabilities, label: Classes) -> NDArray[np.float64]:
    """Mean self-confidence of each class [classes]: its probability over the clips that have its label.

    Infinite for a class without clips, which then is never believed.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(label, minlength=classes)
    own = probabilities[np.arange(len(label)), label]
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
    told = believed != NOBODY
    np.add.at(counts, (label[told], believed[told]), 1)
    return counts


def joint(counts: NDArray[np.int64], clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """The joint distribution of label and true class, float64 [label, class], from the confident joint.

    Each row is scaled to the share that the label has of all `clips` [label]; a label none of whose clips was
    confidently told is taken to be right.
    """
    rows = counts + np.diag(np.where(counts.sum(1) == 0, 1, 0))
    return np.asarray(rows / rows.sum(1, keepdims=True) * (clips / clips.sum())[:, None], np.float64)


def normalised_margin(probabilities: Probabilities, label: Classes) -> NDArray[np.float64]:
    """How far a label's probability lies above the best other one's, from 0 (below by 1) to 1 (above by 1) [clips]."""
    rows = np.arange(len(label))
    others = probabilities.astype(float).copy()
    own = others[rows, label]
    others[rows, label] = -np.inf
    best = others.max(1) if others.shape[1] > 1 else np.zeros(len(label))
    return np.asarray((own - best + 1) / 2, np.float64)


def self_confidence(probabilities: Probabilities, label: Classes) -> NDArray[np.float64]:
    """The probability of the label itself [clips]."""
    return np.asarray(probabilities[np.arange(len(label)), label], np.float64)
