"""The table of suspects: clips from the most doubtful label down, and what the user decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.datasets import Clip, Dataset, label_issues
from earmark.datasets.label_issues import ClipKey, Decision
from earmark.errors import EarmarkError
from earmark.evaluation.suspect_scores import HeldOut
from earmark.evaluation.suspects import rank
from earmark.util.atomic import atomic_write
from earmark.util.text import SheetWriter

COLUMNS = ("path", "start", "end", "label", "guess", "score", "rank", "decision", "relabel")


@dataclass(frozen=True)
class Suspect:
    """A clip whose label may be wrong.

    Attributes:
        clip: the clip.
        path: as the table names it.
        guess: labels that the networks would give it.
        score: how well its label fits, 0 to 1; see `earmark.evaluation.suspects.Ranking.quality`.
        rank: from 1, the most doubtful.
        doubted: whether confident learning takes the label for wrong.
        heard: scores of the labels that it has or should have, best first.
        mark: what the user decided, if anything.
    """

    clip: Clip
    path: str
    guess: tuple[str, ...]
    score: float
    rank: int
    doubted: bool
    heard: tuple[tuple[str, float], ...]
    mark: Decision | None = None

    @property
    def row(self) -> tuple[str, ...]:
        """Its line of the table."""
        start, end = _span(self.clip.start, self.clip.end)
        label, guess = ";".join(self.clip.labels), ";".join(self.guess)
        return (self.path, start, end, label, guess, f"{self.score:.4f}", str(self.rank), *_decision(self.mark))


@dataclass(frozen=True)
class Suspects:
    """All clips that networks have been tested on, ranked.

    Attributes:
        ranked: the most doubtful first.
        labels: those that a clip can be given.
        exclusive: whether each clip has exactly one.
        wrong: estimated share of wrong labels; see `earmark.evaluation.suspects.Ranking.wrong`.
        untested: clips of the dataset that no network was tested on.
        unknown: clips whose labels the networks do not know.
    """

    ranked: tuple[Suspect, ...]
    labels: tuple[str, ...]
    exclusive: bool
    wrong: float
    untested: int = 0
    unknown: int = 0

    @property
    def doubted(self) -> int:
        """How many labels confident learning takes for wrong."""
        return sum(suspect.doubted for suspect in self.ranked)


def find(
    dataset: Dataset, root: Path, held_out: HeldOut, decided: Mapping[ClipKey, Decision] | None = None
) -> Suspects:
    """Rank the clips of the dataset at `root` by what networks said of them.

    Raises:
        EarmarkError: none of the clips was tested, or none has labels that the networks know.
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

    def suspect(number: int, i: int) -> Suspect:
        clip, concerned = clips[i], np.flatnonzero(given[i] | ranking.guess[i])
        return Suspect(
            clip=clip,
            path=label_issues.shown_path(clip.path, root),
            guess=tuple(held_out.labels[c] for c in np.flatnonzero(ranking.guess[i])),
            score=float(ranking.quality[i]),
            rank=number,
            doubted=bool(ranking.doubted[i]),
            heard=tuple(
                (held_out.labels[c], float(scores[i, c])) for c in concerned[np.argsort(-scores[i, concerned])]
            ),
            mark=(decided or {}).get(label_issues.clip_key(clip)),
        )

    ranked = tuple(suspect(number, int(i)) for number, i in enumerate(ranking.order, 1))
    untested, unknown = len(rows) - len(tested), len(tested) - len(known)
    return Suspects(ranked, held_out.labels, exclusive, ranking.wrong, untested, unknown)


def decisions(tables: Iterable[Path], root: Path) -> dict[ClipKey, Decision]:
    """What earlier tables of the dataset at `root` decide; where two differ, the file that was changed last.

    Raises:
        DatasetError: one of them cannot be read.
    """
    there = sorted((table for table in tables if table.exists()), key=lambda table: table.stat().st_mtime)
    return {place: mark for table in there for place, mark in label_issues.read_decisions(table, root).decided.items()}


def write(suspects: Sequence[Suspect], decided: Mapping[ClipKey, Decision], path: Path, root: Path) -> None:
    """Write the table (CSV). Decisions about clips that are not ranked now follow at its end.

    Raises:
        EarmarkError: it cannot be written.
    """
    try:
        with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = SheetWriter(file)
            writer.writerow(COLUMNS)
            writer.writerows(suspect.row for suspect in suspects)
            writer.writerows(others(suspects, decided, root))
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})", "choose another --out") from error


def others(suspects: Iterable[Suspect], decided: Mapping[ClipKey, Decision], root: Path) -> list[tuple[str, ...]]:
    """Lines of decisions about other clips than these."""
    these = {label_issues.clip_key(one.clip) for one in suspects}
    return [
        (label_issues.shown_path(Path(path), root), *_span(start, end), "", "", "", "", *_decision(mark))
        for (path, start, end), mark in decided.items()
        if (path, start, end) not in these
    ]


def _span(start: float, end: float | None) -> tuple[str, str]:
    return repr(start) if start else "", "" if end is None else repr(end)


def _decision(mark: Decision | None) -> tuple[str, str]:
    return ("", "") if mark is None else (mark.decision, ";".join(mark.labels))
