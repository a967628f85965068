"""A sound learned in an archive by yes and no: agile modelling (Hamer et al., arXiv:2505.03071).

A person who is shown candidates says what is the sound and what is not. After each round a linear head on embeddings is
fitted: logistic regression that starts from the direction of the examples and is held near it while answers are few
(a normal prior). The next candidates are in part the best, which make an archive's finds sure, and in part those that
the head is least sure of, from different recordings and none much like another. How many of what the head marks are
the sound is estimated by a random sample of these. Answers are on the disk as soon as they are given.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from earmark.archive.classifier import Head, fitted
from earmark.archive.embeddings import Store
from earmark.archive.recordings import Archive
from earmark.archive.similarity import best, scores
from earmark.archive.vectors import Vectors, directions, unit
from earmark.datasets import Clip, Dataset, tables
from earmark.errors import EarmarkError, MediaError
from earmark.evaluation.clip_metrics import wilson
from earmark.util.types import Array

BEST = 0.5  # of a round's candidates are those that score best, the others those that are least sure
AUDIO, CLIPS = "audio", "clips.csv"
MARGIN = 1.0  # seconds before and after the one that was answered, in the files of a dataset
ALIKE = 0.9  # cosine: of two candidates that are nearer, one is enough
NEARBY = 3  # seconds: what is as near to one that was asked about is not asked about
OTHERS = 200  # seconds beside those that were answered, from which a dataset tells what else occurs
POOL = 200_000  # seconds that are in memory: of a larger archive a random sample, and the best of all
_AT_ONCE = 4096

Numbers = NDArray[np.int64]
Kind = Literal["yes", "no", "skip"]
KINDS: tuple[Kind, ...] = ("yes", "no", "skip")


@dataclass(frozen=True, slots=True, order=True)
class Second:
    """A second of a recording, from 0."""

    recording: str
    second: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said of a second of a recording."""

    recording: str
    second: int
    answer: Kind
    sample: int | None = None
    """Of one drawn at random among what the head marks: how many answers that head was fitted to."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How many of what a head marks are the sound, by a random sample: the share, its 95 % interval, its size."""

    value: float
    low: float
    high: float
    sample: int


class Pool:
    """Seconds that can be asked about, with their vectors: all of an archive, or of a large one a random sample.

    Row i is a `second` of the recording of whose name `recording[i]` is the place in `names`.
    """

    def __init__(self, store: Store, rng: np.random.Generator, most: int = POOL) -> None:
        self.centre = store.centre
        total = sum(map(store.size, store.batches))
        chosen = np.arange(total) if total <= most else np.sort(rng.choice(total, most, replace=False))
        self.exhaustive = total <= most
        places = store.all_places()
        self.names, self.recording, self.second = places.names, places.recording[chosen], places.second[chosen]
        self.rows: Vectors = store.taken(chosen)

    def log_odds(self, head: Head) -> Array:
        """Of all rows."""
        parts = [
            scores(self.rows[first : first + _AT_ONCE], head.weights, self.centre)
            for first in range(0, len(self.rows), _AT_ONCE)
        ]
        return np.concatenate([np.empty(0, np.float32), *parts]) + np.float32(head.bias)

    def at(self, row: int) -> Second:
        """Which second a row is."""
        return Second(self.names[self.recording[row]], int(self.second[row]))


class Answers:
    """The answers of a review, a line of JSON each, on the disk before the next is taken."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._by_second: dict[Second, Answer] = {}
        text = file.read_text("utf-8") if file.exists() else ""
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):  # a kill came while it was written
                with file.open("r+b") as opened:
                    opened.truncate(len(text.encode()) - len(line.encode()))
                break
            try:
                self._keep(Answer(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise EarmarkError(file, "holds something else than answers", "move it away") from error

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._by_second.values())

    def __len__(self) -> int:
        return len(self._by_second)

    def __contains__(self, second: Second) -> bool:
        return second in self._by_second

    def add(self, answers: Sequence[Answer]) -> None:
        """Write them; of two of the same second the later one stands."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as opened:
            opened.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in answers)
            opened.flush()
            os.fsync(opened.fileno())
        for one in answers:
            self._keep(one)

    def _keep(self, answer: Answer) -> None:
        self._by_second[Second(answer.recording, answer.second)] = answer

    def count(self, kind: Kind) -> int:
        """How many are so."""
        return sum(one.answer == kind for one in self)

    @property
    def precision(self) -> Precision | None:
        """By the latest sample; None without one."""
        latest = max((one.sample for one in self if one.sample is not None), default=None)
        of_it = [one.answer == "yes" for one in self if one.sample == latest and one.answer != "skip"]
        if latest is None or not of_it:
            return None
        low, high = wilson(sum(of_it), len(of_it))
        return Precision(round(sum(of_it) / len(of_it), 4), round(low, 4), round(high, 4), len(of_it))

    @property
    def summary(self) -> dict[str, Any]:
        """For the card of a model: how many there are, and the precision."""
        precision = self.precision
        counts = {"yes": self.count("yes"), "no": self.count("no")}
        return counts | {"precision": None if precision is None else asdict(precision)}


class Review:
    """One sound in the making: the answers so far, and the head as all of them have it.

    It begins in the direction of the examples, `wanted`; `rng` draws samples.
    """

    def __init__(self, store: Store, pool: Pool, wanted: Array, answers: Answers, rng: np.random.Generator) -> None:
        self._store, self.pool, self._wanted, self.answers, self._rng = store, pool, wanted, answers, rng
        self._known: dict[Second, Array] = {}
        self.head = self._fitted()

    def candidates(self, count: int) -> list[Second]:
        """The next seconds to ask about, at most so many: the best and the least sure, by turns."""
        odds = self.pool.log_odds(self.head)
        wanted = self._best(odds, count)
        chosen = self._diverse(wanted, round(BEST * count), [])
        chosen += self._diverse(self._rows(np.argsort(np.abs(odds), kind="stable")), count - len(chosen), chosen)
        return chosen

    def sample(self, count: int) -> list[Second]:
        """Seconds drawn at random among those that the head marks and that were not asked about."""
        marked = np.flatnonzero(self.pool.log_odds(self.head) >= 0)
        free = [at for at in map(self.pool.at, marked.tolist()) if at not in self.answers]
        return sorted(free[at] for at in self._rng.permutation(len(free))[:count])

    def unmarked(self, count: int, rng: np.random.Generator) -> list[Second]:
        """Seconds drawn at random that the head leaves unmarked and near which nothing was asked."""
        odds, asked = self.pool.log_odds(self.head), self._asked()
        rows = rng.permutation(len(odds))
        free = (one for one, _ in self._rows(rows[odds[rows] < 0]) if not _is_near(one, asked))
        return list(islice(free, count))

    def add(self, answers: Sequence[Answer]) -> None:
        """Take answers, and fit the head anew."""
        self.answers.add(answers)
        self.head = self._fitted()

    @property
    def fitted_to(self) -> int:
        """How many answers speak in the head."""
        return self.answers.count("yes") + self.answers.count("no")

    def _rows(self, rows: Numbers) -> Iterator[tuple[Second, int | None]]:
        return ((self.pool.at(row), row) for row in rows.tolist())

    def _best(self, odds: Array, count: int) -> Iterator[tuple[Second, int | None]]:
        """Seconds, the best first, with their rows in the pool if they are in it."""
        if self.pool.exhaustive:
            return self._rows(np.argsort(-odds, kind="stable"))
        length = float(np.linalg.norm(self.head.weights)) or 1.0
        found = best(self._store, self.head.weights / np.float32(length), 8 * count + 2 * len(self.answers))
        return ((Second(one.recording, (one.first + one.last - 1) // 2), None) for one in found)

    def _diverse(
        self, seconds: Iterator[tuple[Second, int | None]], count: int, beside: Collection[Second]
    ) -> list[Second]:
        """The first of these that are new: one of a recording, none much like another."""
        asked = self._asked()
        taken = {one.recording for one in beside}
        vectors = [self._vector(one) for one in beside]
        chosen: list[Second] = []
        for one, row in seconds:
            if len(chosen) == count:
                break
            if _is_near(one, asked) or one.recording in taken:
                continue
            vector = self._vector(one, row)
            if not vectors or float(np.max(np.stack(vectors) @ vector)) < ALIKE:
                chosen.append(one)
                taken.add(one.recording)
                vectors.append(vector)
        return chosen

    def _asked(self) -> dict[str, list[int]]:
        """The seconds that were asked about, by recording."""
        asked: dict[str, list[int]] = {}
        for answer in self.answers:
            asked.setdefault(answer.recording, []).append(answer.second)
        return asked

    def _vector(self, one: Second, row: int | None = None) -> Array:
        """Its vector, of length 1 from the centre; of none if the recording is no longer in the index."""
        if one not in self._known:
            found = self._store.of(one.recording)[one.second : one.second + 1] if row is None else self.pool.rows[[row]]
            self._known[one] = unit(directions(found) - self.pool.centre).reshape(-1)
        return self._known[one]

    def _fitted(self) -> Head:
        said = [one for one in self.answers if one.answer != "skip"]
        there = [(one, vector) for one in said if len(vector := self._vector(Second(one.recording, one.second)))]
        vectors = np.stack([vector for _, vector in there]) if there else np.empty((0, len(self._wanted)), np.float32)
        return fitted(self._wanted, vectors, np.array([one.answer == "yes" for one, _ in there], bool))


def _is_near(one: Second, asked: dict[str, list[int]]) -> bool:
    return any(abs(one.second - other) <= NEARBY for other in asked.get(one.recording, ()))


def write_dataset(
    folder: Path, label: str, answers: Iterable[Answer], archive: Archive, failed: Callable[[MediaError], object]
) -> int:
    """Write what was answered as clips, for `earmark train`: a second each, with the label or with none.

    They are `audio/` and `clips.csv` in the folder, without skipped ones; how many there are is given back. `failed` is
    told of each recording that cannot be read.
    """
    by_recording = defaultdict(list)
    for one in answers:
        if one.answer != "skip":
            by_recording[one.recording].append(one)
    clips = []
    for recording, some in sorted(by_recording.items()):
        stem = hashlib.blake2b(recording.encode(), digest_size=6).hexdigest()
        spans = {
            one: (max(0.0, one.second - MARGIN), one.second + 1 + MARGIN, folder / AUDIO / f"{stem}-{one.second}.flac")
            for one in some
        }
        try:
            archive.cut(recording, spans.values())
        except MediaError as error:
            failed(error)
            continue
        for one, (begin, _, path) in spans.items():
            labels = (label,) if one.answer == "yes" else ()
            clips.append(Clip(path, one.second - begin, one.second + 1 - begin, labels, source=recording))
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_clips(Dataset(label, tuple(clips), exclusive=False), folder / CLIPS)
    return len(clips)
