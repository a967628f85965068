"""What a user decided about doubtful labels: a table (CSV) of clips to keep, relabel or drop, read and applied.

| column | meaning | |
|---|---|---|
| path | the recording, relative to the dataset's folder or absolute | required |
| start, end | the clip's span, seconds; empty: from its beginning, to its end | |
| decision | `keep`, `relabel` or `drop`; empty: not decided, which keeps | required |
| relabel | with `relabel`: the clip's labels instead, separated by `;` | |

Other columns are for the reader: `earmark data label-issues` writes such a table, and its page does.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.datasets import tables
from earmark.datasets.clips import Clip, Dataset
from earmark.datasets.media_files import absolute
from earmark.errors import DatasetError, EarmarkWarning

DECISIONS = ("keep", "relabel", "drop")

ClipKey = tuple[str, float, float | None]  # a clip by its path, start and end, seconds; see `clip_key`


@dataclass(frozen=True)
class Decision:
    """A decision about one clip; `labels` are its new ones, of a `relabel`. `line` is where it stands in the table."""

    decision: str
    labels: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Decisions:
    """All decisions of a table, by clip."""

    table: Path
    decided: dict[ClipKey, Decision]


def read_decisions(table: Path, root: Path) -> Decisions:
    """Read a table of decisions about the dataset that lies at `root`: a folder, or a dataset table.

    Raises DatasetError: it cannot be read, a decision is none of `DECISIONS`, or two rows decide differently.
    """
    decided: dict[ClipKey, Decision] = {}
    for row in tables.read_rows(table, ("path", "decision")):
        decision = _decision(row)
        if decision is None:
            continue
        clip = Clip(_home(root) / row.values["path"], row.number("start") or 0.0, row.number("end"))
        place = clip_key(clip)
        other = decided.setdefault(place, decision)
        if (other.decision, other.labels) != (decision.decision, decision.labels):
            row.fail("decision", f"{decision.decision} differs from line {other.line}, which is about the same clip")
    return Decisions(table, decided)


def apply_decisions(dataset: Dataset, decisions: Decisions) -> Dataset:
    """The dataset without the clips to drop, and with new labels of those to relabel.

    Rows that match no clip, and labels that no other clip has, are warned of.

    Raises DatasetError: labels exclude each other, and a clip would get several or none; or no clip is left.
    """
    keys = [clip_key(clip) for clip in dataset.clips]
    _warn_of_strangers(decisions, keys)
    _check_labels(dataset, decisions)
    changed = (_decided(clip, decisions.decided.get(place)) for clip, place in zip(dataset.clips, keys, strict=True))
    clips = tuple(clip for clip in changed if clip is not None)
    if not clips:
        raise DatasetError(decisions.table, "drops every clip", "keep some")
    return dataset.with_clips(clips)


def clip_key(clip: Clip) -> ClipKey:
    """What tells a clip from all others, however its path is written."""
    return absolute(clip.path).as_posix(), clip.start, clip.end


def shown_path(path: Path, root: Path) -> str:
    """A clip's path as tables name it: relative to the dataset's folder where it lies below."""
    full, home = absolute(path), absolute(_home(root))
    return (full.relative_to(home) if full.is_relative_to(home) else full).as_posix()


def _home(root: Path) -> Path:
    return root if root.is_dir() else root.parent


def _decision(row: tables.Row) -> Decision | None:
    if not row.values["path"].strip():
        row.fail("path", "is empty")
    decision = row.text("decision").lower()
    if not decision:
        return None
    if decision not in DECISIONS:
        row.fail("decision", f"{decision!r} is none of {', '.join(DECISIONS)}")
    if decision != "relabel":
        return Decision(decision, line=row.line)
    labels = tuple(dict.fromkeys(label.strip() for label in row.text("relabel").split(";") if label.strip()))
    return Decision(decision, labels, row.line)


def _decided(clip: Clip, decision: Decision | None) -> Clip | None:
    if decision is None or decision.decision == "keep":
        return clip
    return replace(clip, labels=decision.labels) if decision.decision == "relabel" else None


def _warn_of_strangers(decisions: Decisions, keys: Iterable[ClipKey]) -> None:
    strangers = decisions.decided.keys() - set(keys)
    if strangers:
        first = min(strangers, key=lambda place: decisions.decided[place].line)
        count = "1 row matches" if len(strangers) == 1 else f"{len(strangers)} rows match"
        where = f"line {decisions.decided[first].line}, {Path(first[0]).name}"
        warnings.warn(
            f"{decisions.table}: {count} no clip of the dataset, such as {where}", EarmarkWarning, stacklevel=3
        )


def _check_labels(dataset: Dataset, decisions: Decisions) -> None:
    for decision in decisions.decided.values():
        if decision.decision == "relabel" and dataset.exclusive and len(decision.labels) != 1:
            what = "gives several labels, where labels exclude each other" if decision.labels else "gives no label"
            raise DatasetError(
                decisions.table, f"line {decision.line}, column relabel: {what}", "write one label there"
            )
    new = {label for decision in decisions.decided.values() for label in decision.labels} - set(dataset.labels)
    if new:
        message = f"{decisions.table}: relabel gives labels that no clip had: {', '.join(sorted(new))}"
        warnings.warn(message, EarmarkWarning, stacklevel=3)
