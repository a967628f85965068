"""What AudioSet's answers say for and against the labels of clips, without any training on them.

A backbone's answers cannot be compared between labels: some classes have 0.9 where they sound, others hardly 0.1. So
the answer for a label is ranked among those of clips that do not carry it. Where the label is wrong, its rank is as
good as drawn: all are as likely. How far the ranks of the clips that carry it lean to the top tells how well the
class knows the label, and how much a low one means. That is a mixture of a beta and a uniform distribution for each
label, as Pounds and Morris fit it to p-values ("Estimating the occurrence of false positives and false negatives in
microarray studies by approximating and partitioning the empirical distribution of p-values", Bioinformatics 19,
2003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.datasets import Clip, Dataset
from earmark.datasets.label_issues import shown_path
from earmark.errors import EarmarkError, MediaError
from earmark.evaluation.held_out_scores import HeldOut
from earmark.events.scores import log_odds, probabilities
from earmark.labels import audioset
from earmark.media import read
from earmark.models.labelling import clip_scores
from earmark.models.model import Model

Scores = NDArray[np.float32]
Flags = NDArray[np.bool_]
Map = Mapping[str, Sequence[str]]
"""Identifiers of AudioSet's classes by label."""

ROUNDS = 100  # of expectation and maximisation
PRIOR_WRONG = (1.0, 10.0)  # as if of ten clips one had been wrong
PRIOR_KNOWN = (1.0, 3.0)  # as if one clip had stood at a rank of exp(-3), 5 % from the top


def mapped(labels: Iterable[str], own: Iterable[tuple[str, str]] = ()) -> dict[str, tuple[str, ...]]:
    """The classes that stand for each label; labels without one are left out.

    In pairs of a user's own, a label comes with what stands for it instead: an identifier, a class's name or another
    label. Several for one label are taken together.

    Raises
    ------
    EarmarkError
        There is no such class.
    """
    given: dict[str, tuple[str, ...]] = {}
    for label, name in own:
        given[label] = given.get(label, ()) + audioset.find(name)
    found = {label: given.get(label) or audioset.standing_for(label) for label in labels}
    return {label: ids for label, ids in found.items() if ids}


def answers(
    model: Model, clips: Sequence[Clip], progress: Callable[[Iterable[Clip]], Iterable[Clip]] = iter
) -> tuple[Scores, list[MediaError]]:
    """Answers [clips, classes] of a model that has AudioSet's classes for each clip as a whole.

    Those of clips that cannot be read are NaN; why they cannot comes beside.
    """
    found = np.full((len(clips), len(model.labels)), np.nan, np.float32)
    errors = []
    for row, clip in enumerate(progress(clips)):
        try:
            samples = read(clip.path, model.description.front_end.rate, start=clip.start, end=clip.end)
        except MediaError as error:
            errors.append(error)
            continue
        if len(samples):
            found[row] = model.description.pooled(clip_scores(model, [samples]))
    return found, errors


def evidence(found: Scores, given: Flags, labels: Sequence[str], classes: Map) -> NDArray[np.float64]:
    """Logarithms of how much likelier the answers are where a label holds than where it does not [clips, labels].

    The answers [clips, 527] hold no NaN; the labels are those given [clips, labels]. Of a label without classes the
    evidence is 0.
    """
    ratios = np.zeros(given.shape)
    columns = audioset.answering({label: classes[label] for label in labels if label in classes})
    for label, indices in columns.items():
        i = list(labels).index(label)
        rank = ranks(found[:, indices].max(1), given[:, i])
        lean = leaning(rank[given[:, i]])
        ratios[:, i] = np.log(lean) + (lean - 1) * np.log(rank)
    return ratios


def ranks(scores: NDArray[np.floating], given: Flags) -> NDArray[np.float64]:
    """Where each clip stands among those that do not carry the label, from 0 (above all) to 1 [clips].

    A clip that does not carry it counts itself, one that does is counted with them: so none is 0, and where a label is
    wrong all are as likely (a conformal p-value).
    """
    others = np.sort(scores[~given])
    at_least = len(others) - np.searchsorted(others, scores, "left")
    counted = at_least + given
    return np.asarray(counted / (len(others) + given), np.float64)


def leaning(rank: NDArray[np.float64]) -> float:
    """The exponent a of the density a * rank ** (a - 1) of right labels, 0 to 1: 1 where the class tells nothing.

    Some of the labels are wrong, and their ranks uniform; how many is found together with it.
    """
    lean, wrong = 0.3, PRIOR_WRONG[0] / PRIOR_WRONG[1]
    logs = np.log(rank)
    for _ in range(ROUNDS):
        density = lean * np.exp((lean - 1) * logs)
        right = (1 - wrong) * density / (wrong + (1 - wrong) * density)
        wrong = ((1 - right).sum() + PRIOR_WRONG[0]) / (len(rank) + PRIOR_WRONG[1])
        lean = min(1.0, (right.sum() + PRIOR_KNOWN[0]) / (PRIOR_KNOWN[1] - (right * logs).sum()))
    return float(lean)


def posterior(prior: NDArray[np.floating], ratios: NDArray[np.float64], exclusive: bool) -> Scores:
    """Probabilities [clips, labels] once the evidence is known, of those before it.

    Where labels exclude each other each clip's sum to 1.
    """
    before = log_odds(np.asarray(prior, np.float32), exclusive)
    return probabilities((before + ratios).astype(np.float32), exclusive)


def judged(dataset: Dataset, root: Path, found: Scores, classes: Map, networks: HeldOut | None = None) -> HeldOut:
    """Scores of a dataset's clips by what AudioSet's answers say of them, alone or together with networks.

    Networks' scores are what is believed before the answers are known; alone, it is how often each label is given. Left
    out are clips whose answers [clips, 527] hold NaN, or which the networks did not test; and, without networks, labels
    that no class stands for (see `mapped`).

    Raises
    ------
    EarmarkError
        No clip can be judged.
    """
    labels = networks.labels if networks else tuple(label for label in dataset.labels if label in classes)
    there = ~np.isnan(found).any(1)
    rows = networks.find(dataset.clips, root) if networks else np.arange(len(found))
    chosen = np.flatnonzero(there & (rows >= 0))
    if not len(chosen) or not labels:
        raise EarmarkError(dataset.name, "has no clip that AudioSet's answers can judge", "name classes with --map")
    clips = [dataset.clips[i] for i in chosen]
    given = np.array([[label in clip.labels for label in labels] for clip in clips])
    ratios = evidence(found[chosen], given, labels, classes)
    prior = networks.scores[rows[chosen]] if networks else np.broadcast_to(given.mean(0), given.shape)
    names = [shown_path(clip.path, root) for clip in clips]
    return HeldOut.of(clips, names, labels, posterior(prior, ratios, dataset.exclusive))
