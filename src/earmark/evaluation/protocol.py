"""Which clips train and which test, so that no source, and no copy of a clip, stands on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earmark.datasets import Clip
from earmark.errors import DatasetError

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """One way to divide clips: positions of those that train and of those that test.

    `name` is "fold-3", "held-out", ...
    """

    name: str
    train: Positions
    test: Positions


@dataclass(frozen=True)
class CopyDivision:
    """One way to divide clips and their augmented copies, each of which is a pair (position of its clip, number).

    Number 0 is the clip itself, copies are counted from 1. `train` and `test` are [pairs, 2].
    """

    name: str
    train: Positions
    test: Positions


def by_fold(clips: Sequence[Clip], folds: Sequence[int] | None = None) -> list[Division]:
    """One division for each of the dataset's own folds, which tests while all others train.

    Clips without a fold train. So that no source stands on both sides, clips of a tested source that lie in other
    folds do not train then: ESC-50 has a few. With `folds`, only these are tested: `folds=[5]` is the single split that
    many who publish on ESC-50 use, training on folds 1 to 4 and testing on fold 5.

    Raises
    ------
    DatasetError
        No clip has a fold, or one asked for does not exist.
    """
    fold = np.array([-1 if clip.fold is None else clip.fold for clip in clips])
    known = sorted(set(fold[fold >= 0].tolist()))
    if len(known) < 2:
        raise DatasetError("split", "the dataset has no folds", "use split.protocol=grouped")
    unknown = set(folds or []) - set(known)
    if unknown:
        raise DatasetError("split", f"there is no fold {min(unknown)}", f"choose among {known}")
    chosen = [f for f in known if folds is None or f in folds]
    return [_fold(clips, fold, number) for number in chosen]


def _fold(clips: Sequence[Clip], fold: Positions, number: int) -> Division:
    tested = {clip.source for clip in clips if clip.fold == number}
    known = np.array([clip.source in tested for clip in clips])
    division = Division(f"fold-{number}", np.flatnonzero((fold != number) & ~known), np.flatnonzero(fold == number))
    guard(clips, division)
    return division


def by_source(clips: Sequence[Clip], held_out: float, rng: np.random.Generator) -> Division:
    """One division in which about `held_out` of each label's sources test.

    A source goes to one side whole. Every label keeps at least one source for training; one with a single
    source is not tested.

    Raises
    ------
    DatasetError
        No label has two sources.
    """
    sources: dict[tuple[str, ...], list[str]] = defaultdict(list)
    first: dict[str, tuple[str, ...]] = {}
    for clip in clips:
        if clip.source not in first:
            first[clip.source] = clip.labels
            sources[clip.labels].append(clip.source)
    testing: set[str] = set()
    for group in sources.values():
        count = min(len(group) - 1, max(1, round(held_out * len(group))))
        testing.update(rng.permutation(np.array(group, object))[:count].tolist())
    testing -= _needed(clips, testing)
    if not testing:
        raise DatasetError("split", "no class has two recordings, so nothing can be held out", "add recordings")
    tests = np.array([clip.source in testing for clip in clips])
    division = Division("held-out", np.flatnonzero(~tests), np.flatnonzero(tests))
    guard(clips, division)
    return division


def _needed(clips: Sequence[Clip], testing: set[str]) -> set[str]:
    """One source of each label that would otherwise not train, because its sources were drawn with other labels."""
    sources: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        for label in clip.labels:
            sources[label].append(clip.source)
    needed: set[str] = set()
    for own in sources.values():
        if testing - needed >= set(own):
            needed.add(own[0])
    return needed


def grouped_folds(clips: Sequence[Clip], k: int, rng: np.random.Generator) -> list[Division]:
    """`k` divisions, each of which tests other clips: every clip once.

    A source goes to one fold whole, and each label is spread over the folds as evenly as the sources allow. Where
    every clip has a source of its own this is plain stratified cross-validation.

    Raises
    ------
    DatasetError
        There are fewer than `k` sources, or `k` is below 2.
    """
    of_source: dict[str, list[int]] = defaultdict(list)
    for position, clip in enumerate(clips):
        of_source[clip.source].append(position)
    _check_folds(k, len(of_source), "sources")
    fold = np.empty(len(clips), np.int64)
    for positions, number in zip(of_source.values(), _spread(_counts(clips, of_source), k, rng), strict=True):
        fold[positions] = number
    divisions = [Division(f"fold-{n + 1}", np.flatnonzero(fold != n), np.flatnonzero(fold == n)) for n in range(k)]
    for division in divisions:
        guard(clips, division)
    return divisions


def _check_folds(k: int, there: int, what: str) -> None:
    if k < 2:
        raise DatasetError("split", f"{k} folds are too few", "make at least 2")
    if there < k:
        raise DatasetError("split", f"{there} {what} cannot be cut into {k} folds", "make fewer folds")


def _counts(clips: Sequence[Clip], of_source: Mapping[str, Sequence[int]]) -> NDArray[np.float64]:
    """How many clips each source has of each label, [sources, labels]; to have none counts as one more label."""
    label = {name: i for i, name in enumerate(sorted({name for clip in clips for name in clip.labels or ("",)}))}
    counts = np.zeros((len(of_source), len(label)))
    for row, positions in enumerate(of_source.values()):
        for position in positions:
            for name in clips[position].labels or ("",):
                counts[row, label[name]] += 1
    return counts


def _spread(counts: NDArray[np.float64], k: int, rng: np.random.Generator) -> Positions:
    """A fold for each source [sources], large sources first, each where it adds least to the spread of its labels.

    A label's spread is the variance over folds of the share of its clips. What a source adds to the sum of these, up to
    what is the same for all folds, is the product of its counts and the fold's, each as a share of the label.
    """
    weights = 1 / counts.sum(0) ** 2
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    filled = np.zeros((k, counts.shape[1]))
    fold = np.empty(len(counts), np.int64)
    for source in order:
        cost = filled @ (weights * counts[source])
        ties = np.flatnonzero(cost <= cost.min() * (1 + 1e-9))
        fold[source] = ties[filled[ties].sum(1).argmin()]  # an empty fold costs nothing, and is the smallest
        filled[fold[source]] += counts[source]
    return fold


def validation(
    clips: Sequence[Clip], positions: Positions, share: float, rng: np.random.Generator
) -> tuple[Positions, Positions]:
    """Those that train, divided again: about `share` of each label's sources validate, to say when to stop.

    `positions` are those of a division's training side, so that what tests has no say. Both parts are positions in
    `clips`, and sources and labels are treated as by `by_source`.

    Raises
    ------
    DatasetError
        No label has two sources.
    """
    inner = by_source([clips[i] for i in positions], share, rng)
    return positions[inner.train], positions[inner.test]


def with_copies(division: Division, copies: int) -> CopyDivision:
    """A division of clips with `copies` augmented copies of each, which train where their clip trains.

    Only clips themselves are tested, so that figures with copies and without are of the same test.
    """
    return CopyDivision(division.name, _pairs(division.train, copies), _pairs(division.test, 0))


def _pairs(clips: Positions, copies: int) -> Positions:
    """(clip, number) of clips and their copies [pairs, 2], all clips themselves first."""
    numbers = np.arange(copies + 1)
    return np.stack([np.tile(clips, copies + 1), np.repeat(numbers, len(clips))], 1)


def random_after_augmentation(
    labels: Sequence[str], copies: int, k: int, rng: np.random.Generator
) -> list[CopyDivision]:
    """A common mistake, so that its figures can stand beside honest ones: never use it to judge a network.

    Clips, each of one label, and their copies are pooled, shuffled and cut into `k` folds in which each label is spread
    evenly. A network is then tested on copies of what it was trained on, and on other cuts of the same sources;
    `guard_copies` refuses such divisions. Kapoor and Narayanan (2023, Patterns 4:100804) found leaks of this kind in 17
    fields.

    Raises
    ------
    DatasetError
        There are fewer than `k` clips and copies, or `k` is below 2.
    """
    pairs = _pairs(np.arange(len(labels)), copies)
    _check_folds(k, len(pairs), "clips and copies")
    shuffled = rng.permutation(len(pairs))
    names = np.asarray(labels)[pairs[shuffled, 0]]
    fold = np.empty(len(pairs), np.int64)
    fold[shuffled[np.argsort(names, kind="stable")]] = np.arange(len(pairs)) % k  # dealt out label by label
    return [CopyDivision(f"fold-{n + 1}", pairs[fold != n], pairs[fold == n]) for n in range(k)]


def guard_copies(clips: Sequence[Clip], division: CopyDivision) -> None:
    """Refuse a division in which a clip and its copy, or two clips of a source, stand on both sides.

    Raises
    ------
    DatasetError
        Names one such clip or source.
    """
    train, test = np.unique(division.train[:, 0]), np.unique(division.test[:, 0])
    crossing = np.intersect1d(train, test)
    if len(crossing):
        raise DatasetError(
            f"split {division.name}",
            f"{len(crossing)} clips have copies on both sides, such as {clips[crossing[0]].path.name}",
            "divide clips first, then make copies of those that train",
        )
    guard(clips, Division(division.name, train, test))


def guard(clips: Sequence[Clip], division: Division) -> None:
    """Refuse a division in which a source stands on both sides.

    Raises
    ------
    DatasetError
        Names one such source.
    """
    training = {clips[i].source for i in division.train}
    crossing = sorted(training & {clips[i].source for i in division.test})
    if crossing:
        raise DatasetError(
            f"split {division.name}",
            f"{len(crossing)} sources stand on both sides, such as {crossing[0]}",
            "see `earmark data check`",
        )
