"""How a network's training went, a line for each epoch, written as it goes."""

from __future__ import annotations

import json
from pathlib import Path

from earmark.training.fit import EpochReport

NAME = "history.jsonl"
MEMBER = "member-"  # begins the folder, inside a part's, of a network that the part's own learns from


def append_history(home: Path, report: EpochReport) -> None:
    """Add an epoch."""
    line = [report.epoch, report.epochs, round(report.loss, 4), round(report.seconds, 2)]
    if report.validation is not None:
        line.append(round(report.validation, 4))
    with (home / NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read_history(home: Path) -> list[EpochReport]:
    """The epochs in order; of one that a killed run began to do again, the latest."""
    path = home / NAME
    epochs: dict[int, EpochReport] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            number, of, loss, seconds, *validation = json.loads(line)
        except ValueError:  # the line that a killed run was writing
            continue
        epochs[number] = EpochReport(number, of, loss, seconds, *validation)
    return [epochs[number] for number in sorted(epochs)]


def read_histories(folder: Path, part: str) -> dict[str, list[EpochReport]]:
    """Those of a part's network and of the members of the ensemble that it learns from, by name."""
    homes = [*sorted((folder / part).glob(MEMBER + "*")), folder / part]
    return {home.relative_to(folder).as_posix(): read_history(home) for home in homes}
